//! Where a store may lie: the checks before a file is opened, and how a new one is made.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_file;
use crate::delivery::store::sqlite::network::network_file_system;

/// A file that may be opened.
#[derive(Debug)]
pub(crate) struct Place {
    /// The file's own path: no link, no `..`.
    pub(crate) path: PathBuf,
    /// What tells it from all other files of this machine, under whatever name.
    pub(crate) identity: Identity,
    /// Whether it holds nothing yet.
    pub(crate) is_new: bool,
}

/// A file's device and number, or its path where there are none.
#[cfg(unix)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity(u64, u64);
#[cfg(not(unix))]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity(PathBuf);

impl Place {
    /// Checks the place of a store, and makes folder and file if they are missing and may be made.
    pub(crate) fn prepare(path: &Path, may_make: bool) -> Result<Self, StoreError> {
        let Some(name) = path.file_name() else {
            let what = "expected the path of a file, found none";
            return Err(failure(
                StoreErrorKind::Place,
                path,
                what,
                "name a file, such as braze.db",
            ));
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if may_make {
            make_folder(folder).map_err(|error| {
                of_file(folder, "expected a folder for the store, found none, and", &error)
            })?;
        }
        let folder = folder
            .canonicalize()
            .map_err(|error| of_file(folder, "expected the store's folder", &error))?;
        let path = folder.join(name);
        refuse_network(&folder)?;
        let is_new = match fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_symlink() => {
                let what = "expected a file, found a symbolic link";
                let hint = "name the file that it points to";
                return Err(failure(StoreErrorKind::Place, &path, what, hint));
            }
            Ok(found) if !found.is_file() => {
                let what = "expected a file, found something else";
                return Err(failure(StoreErrorKind::Place, &path, what, "name a file"));
            }
            Ok(found) => found.len() == 0,
            Err(error) if error.kind() == io::ErrorKind::NotFound && recovered(&path).exists() => {
                let saved = recovered(&path);
                let saved = saved.display();
                let what = format!("expected a store, found only what a recovery saved, {saved}");
                let hint = "it was cut off: `webhook-stream recover` finishes it";
                return Err(failure(StoreErrorKind::Damaged, &path, what, hint));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
                make_file(&path)
                    .map_err(|error| of_file(&path, "expected to make the file", &error))?;
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = "expected a store, found no file";
                return Err(failure(StoreErrorKind::Place, &path, what, "a run makes it"));
            }
            Err(error) => return Err(of_file(&path, "expected to look at the file", &error)),
        };
        let found = fs::symlink_metadata(&path)
            .map_err(|error| of_file(&path, "expected to look at the file", &error))?;
        if may_make && found.permissions().readonly() {
            let what = "expected a file to write to, found it read-only";
            return Err(failure(StoreErrorKind::Io, &path, what, "make it writable"));
        }
        if may_make {
            keep_private(&path, &found)?;
        }
        Ok(Self { identity: identity(&path, &found), path, is_new })
    }
}

/// A file beside a store: named as it is, with this behind it.
pub(crate) fn with_ending(store: &Path, end: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Where a recovery keeps what it saved of a store, until that takes the store's place.
pub(crate) fn recovered(store: &Path) -> PathBuf {
    with_ending(store, ".recovered")
}

/// A store is its owner's: another user's is refused, because who owns a file can read and change
/// what is sent. What others than the owner may do with it is taken away, but that a group may read
/// it. A copy that was made with the usual mask is readable by all.
#[cfg(unix)]
fn keep_private(path: &Path, found: &fs::Metadata) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;

    refuse_others(path, found.uid(), rustix::process::geteuid().as_raw())?;
    for end in ["", "-wal", "-shm"] {
        let file = with_ending(path, end);
        make_private(&file)
            .map_err(|error| of_file(&file, "expected to keep others from the file", &error))?;
    }
    Ok(())
}

/// Root may deliver from anybody's.
#[cfg(unix)]
fn refuse_others(path: &Path, owner: u32, me: u32) -> Result<(), StoreError> {
    if me == 0 || owner == me {
        return Ok(());
    }
    let what = format!("expected a file of this user, found one of user {owner}");
    let hint = "name another file, or deliver from it as its owner";
    Err(failure(StoreErrorKind::Place, path, what, hint))
}

#[cfg(not(unix))]
fn keep_private(_path: &Path, _found: &fs::Metadata) -> Result<(), StoreError> {
    Ok(())
}

/// What a mode may not have: that the group writes, and anything of all others.
#[cfg(unix)]
const OPEN_TO_OTHERS: u32 = 0o027;

#[cfg(unix)]
fn make_private(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let found = match fs::symlink_metadata(file) {
        Ok(found) if found.is_file() => found,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // No file there; what is no file, SQLite refuses.
        _ => return Ok(()),
    };
    let mode = found.permissions().mode();
    if mode & OPEN_TO_OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(file, fs::Permissions::from_mode(mode & 0o777 & !OPEN_TO_OTHERS))
}

#[cfg(unix)]
pub(crate) fn identity(_path: &Path, found: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    Identity(found.dev(), found.ino())
}

#[cfg(not(unix))]
pub(crate) fn identity(path: &Path, _found: &fs::Metadata) -> Identity {
    Identity(path.to_owned())
}

/// Makes a folder and those above it, for this user only.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Makes an empty file, for this user only, and never through a link.
pub(crate) fn make_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).read(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The mask may have taken away what the owner needs.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Makes a new name in a folder as safe as the file itself.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn refuse_network(folder: &Path) -> Result<(), StoreError> {
    let found = network_file_system(folder)
        .map_err(|error| of_file(folder, "expected a file system", &error))?;
    let Some(name) = found else {
        return Ok(());
    };
    let what = format!("expected a disk of this machine, found a network file system, {name}");
    let hint = "name a file on a local disk, or a PostgreSQL store for several machines";
    Err(failure(StoreErrorKind::Place, folder, what, hint))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use crate::delivery::store::StoreErrorKind;
    use crate::delivery::store::sqlite::place::refuse_others;

    #[test]
    fn another_users_file_is_refused() {
        let path = Path::new("/tmp/braze.db");
        assert!(refuse_others(path, 1000, 1000).is_ok() && refuse_others(path, 1000, 0).is_ok());
        for owner in [0, 1001] {
            let error = refuse_others(path, owner, 1000).map_err(|error| error.kind);
            assert_eq!(error, Err(StoreErrorKind::Place));
        }
    }
}
