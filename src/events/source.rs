//! Which files a source means: a file, a folder, a pattern, the standard input. The only file of
//! this room that looks at the disk.

use std::cmp::Ordering;
use std::fs;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::Origin;
use crate::text::did_you_mean;

/// Folders inside folders beyond this are not a tree of events but a circle.
const MAX_FOLDER_DEPTH: usize = 64;

/// A file that was found, not opened yet.
#[derive(Debug)]
pub(in crate::events) struct Found {
    /// `None`: the standard input.
    path: Option<PathBuf>,
    pub(in crate::events) origin: Arc<Origin>,
}

/// An open file.
#[derive(Debug)]
pub(in crate::events) struct Opened {
    pub(in crate::events) bytes: Bytes,
    /// What comes may take its time: a pipe, a terminal.
    pub(in crate::events) live: bool,
}

/// Where the bytes come from.
#[derive(Debug)]
pub(in crate::events) enum Bytes {
    File(File),
    StandardInput,
}

impl Found {
    fn file(path: PathBuf) -> Self {
        let origin = origin(&path.to_string_lossy());
        Self { path: Some(path), origin }
    }

    pub(in crate::events) fn open(&self) -> Result<Opened, EventError> {
        let Some(path) = &self.path else {
            return Ok(Opened { bytes: Bytes::StandardInput, live: true });
        };
        let open = || {
            let file = File::open(path)?;
            let live = !file.metadata()?.is_file();
            Ok(Opened { bytes: Bytes::File(file), live })
        };
        open().map_err(|error| unreadable(path, &error))
    }
}

fn origin(file: &str) -> Arc<Origin> {
    Arc::new(Origin { file: file.to_owned(), member: None })
}

/// How many bytes the file of that path has; `None` when there is none.
pub fn file_size(path: &str) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
}

/// The files that `sources` mean, in order.
///
/// # Errors
/// When one means none, or names a file that can't be opened.
pub(in crate::events) fn find(sources: &[impl AsRef<str>]) -> Result<Vec<Found>, EventError> {
    let mut found = Vec::new();
    for source in sources {
        find_one(source.as_ref(), &mut found)?;
    }
    Ok(found)
}

fn find_one(source: &str, found: &mut Vec<Found>) -> Result<(), EventError> {
    if source == "-" {
        found.push(Found { path: None, origin: origin("-") });
        return Ok(());
    }
    let path = Path::new(source);
    let before = found.len();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            walk(path, MAX_FOLDER_DEPTH, found).map_err(|error| unreadable(path, &error))?;
            if found.len() == before {
                return Err(not_found(source, "the folder holds no files"));
            }
        }
        Ok(_) => {
            let file = Found::file(path.to_owned());
            // Said before anything is sent, not in the middle of a run.
            file.open()?;
            found.push(file);
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(unreadable(path, &error));
        }
        Err(_) if source.contains(['*', '?', '[']) => {
            find_matches(source, found)?;
            if found.len() == before {
                return Err(not_found(source, "no file fits this pattern"));
            }
        }
        Err(_) => return Err(missing(path)),
    }
    Ok(())
}

fn find_matches(pattern: &str, found: &mut Vec<Found>) -> Result<(), EventError> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let matches = glob::glob_with(pattern, options).map_err(|error| {
        EventError::new(EventErrorKind::NotFound, format!("the pattern is wrong: {}", error.msg))
            .within(&origin(pattern))
    })?;
    let mut paths: Vec<PathBuf> = matches.flatten().collect();
    paths.sort_by(|left, right| by_name(left, right));
    for path in paths {
        if path.is_dir() {
            walk(&path, MAX_FOLDER_DEPTH, found).map_err(|error| unreadable(&path, &error))?;
        } else {
            found.push(Found::file(path));
        }
    }
    Ok(())
}

/// The files of a folder and of the folders in it, by name; hidden ones are left out.
fn walk(folder: &Path, depth: usize, found: &mut Vec<Found>) -> io::Result<()> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort_by(|left, right| by_name(left, right));
    for path in paths {
        if !path.is_dir() {
            found.push(Found::file(path));
        } else if depth > 0 {
            walk(&path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Names in the order people expect: numbers in them count as numbers, so that Amplitude's
/// `…_2024-03-01_9#0.json.gz` comes before `…_2024-03-01_10#0.json.gz`.
fn by_name(left: &Path, right: &Path) -> Ordering {
    let (left_text, right_text) = (left.to_string_lossy(), right.to_string_lossy());
    let (mut one, mut other) = (&*left_text, &*right_text);
    while let (Some(a), Some(b)) = (one.chars().next(), other.chars().next()) {
        let order = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (number, rest) = split_number(one);
            let (other_number, other_rest) = split_number(other);
            (one, other) = (rest, other_rest);
            // Of numbers without leading zeros the longer is the larger.
            number.len().cmp(&other_number.len()).then_with(|| number.cmp(other_number))
        } else {
            (one, other) = (&one[a.len_utf8()..], &other[b.len_utf8()..]);
            a.cmp(&b)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    one.len().cmp(&other.len()).then_with(|| left.cmp(right))
}

/// The digits in front without leading zeros, and what follows.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

fn not_found(source: &str, message: &str) -> EventError {
    EventError::new(EventErrorKind::NotFound, message).within(&origin(source))
}

fn unreadable(path: &Path, error: &io::Error) -> EventError {
    if error.kind() == io::ErrorKind::NotFound {
        return missing(path);
    }
    let message = format!("the file can't be opened: {error}");
    let wrong = EventError::new(EventErrorKind::Unreadable, message)
        .within(&origin(&path.to_string_lossy()));
    if error.kind() == io::ErrorKind::PermissionDenied {
        return wrong.with_hint("the user that runs this needs the right to read it");
    }
    wrong
}

fn missing(path: &Path) -> EventError {
    let name = path.to_string_lossy();
    let error = not_found(&name, "there is no such file or folder");
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let Ok(entries) = fs::read_dir(folder) else {
        let hint = format!("there is no folder {} either", folder.display());
        return error.with_hint(hint);
    };
    let siblings: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    match did_you_mean(&wanted, siblings.iter().map(String::as_str)) {
        Some(sibling) => error.with_hint(format!("did you mean {sibling}?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::events::source::by_name;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["7/x_10#0", "7/x_9#10", "7/x_9#2", "7/x_09#2", "10/x", "7/x"];
        names.sort_by(|left, right| by_name(Path::new(left), &PathBuf::from(right)));
        assert_eq!(names, ["7/x", "7/x_09#2", "7/x_9#2", "7/x_9#10", "7/x_10#0", "10/x"]);
    }
}
