//! Power cuts: the writes of a worker are recorded, and a disk is made of them that lacks any of
//! those that were not yet synced. Whatever it lacks, the store opens and has all that was
//! acknowledged.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::books::Books;
use crate::folder;
use crate::has_strace;
use crate::patience;

/// A thing that happened to the disk, or was told.
enum Happened {
    Written { file: String, at: usize, bytes: Vec<u8> },
    Synced { file: String },
    Cut { file: String, bytes: usize },
    Removed { file: String },
    Told(String),
}

/// Tries so many images, spread over some runs.
pub(crate) fn cuts(images: usize) {
    if !has_strace() {
        return println!("power cuts: left out, there is no strace");
    }
    let mut dice = fastrand::Rng::with_seed(77);
    let (mut tried, mut dropped) = (0, 0);
    let mut run = 0;
    let is_over = patience();
    while tried < images && !is_over() {
        run += 1;
        let happened = record(run);
        let here = (images / 4).clamp(10, 500).min(images - tried);
        for _ in 0..here {
            let until = dice.usize(1..=happened.len());
            dropped += image(&happened[..until], &mut dice);
            tried += 1;
        }
    }
    if tried < images {
        println!("cut: the store's power cuts | {tried} of {images}");
    }
    println!("power cuts: {tried} images of {run} runs, {dropped} unsynced writes dropped, 0 lost");
}

/// Runs a worker under `strace` and reads what it did to its files.
fn record(seed: u64) -> Vec<Happened> {
    let (folder, path) = folder();
    let trace = folder.path().join("trace");
    let plain = crate::worker(&path, seed, 1, 60);
    let status = Command::new("strace")
        .args(["-f", "-qq", "-y", "-xx", "-s", "100000", "-o"])
        .arg(&trace)
        .args(["-e", "trace=pwrite64,write,fdatasync,fsync,ftruncate,unlink"])
        .arg(plain.get_program())
        .args(plain.get_args())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let text = fs::read_to_string(&trace).unwrap();
    let mut unfinished: HashMap<&str, String> = HashMap::new();
    let mut happened = Vec::new();
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        // A call that another thread's interrupts is in two lines.
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, start.to_owned());
            continue;
        }
        let whole = match call.split_once(" resumed>") {
            Some((_, end)) => match unfinished.remove(thread) {
                Some(start) => format!("{start}{end}"),
                None => continue,
            },
            None => call.to_owned(),
        };
        happened.extend(parse(&whole));
    }
    let writes = happened.iter().filter(|one| matches!(one, Happened::Written { .. })).count();
    assert!(writes > 100, "{writes}");
    happened
}

/// `pwrite64(5</path/crash.db-wal>, "\x37\x7f", 2, 32) = 2`
fn parse(call: &str) -> Option<Happened> {
    let (name, rest) = call.split_once('(')?;
    if name == "unlink" {
        let path = String::from_utf8(unescape(rest.split('"').nth(1)?)).ok()?;
        return Some(Happened::Removed { file: file_name(&path)? });
    }
    let (fd, rest) = rest.split_once('<')?;
    let (path, rest) = rest.split_once('>')?;
    if name == "write" {
        let told = String::from_utf8(unescape(rest.split('"').nth(1)?)).ok()?;
        return (fd == "1").then(|| Happened::Told(told.trim_end().to_owned()));
    }
    // Some versions write paths as they write texts.
    let path = match path.contains("\\x") {
        true => String::from_utf8(unescape(path)).ok()?,
        false => path.to_owned(),
    };
    let file = file_name(&path)?;
    let numbers = |text: &str| -> Vec<usize> {
        let text = text.split(')').next().unwrap_or_default();
        text.split(',').filter_map(|number| number.trim().parse().ok()).collect()
    };
    match name {
        "pwrite64" => {
            let mut quoted = rest.split('"');
            let bytes = unescape(quoted.nth(1)?);
            let numbers = numbers(quoted.next()?);
            assert_eq!(numbers[0], bytes.len(), "the record of a write is whole");
            Some(Happened::Written { file, at: numbers[1], bytes })
        }
        "fdatasync" | "fsync" => Some(Happened::Synced { file }),
        "ftruncate" => Some(Happened::Cut { file, bytes: *numbers(rest).first()? }),
        _ => None,
    }
}

/// The files a store consists of; what is shared memory is gone after a power cut.
fn file_name(path: &str) -> Option<String> {
    let name = Path::new(path).file_name()?.to_str()?;
    ["crash.db", "crash.db-wal", "crash.db-journal"].contains(&name).then(|| name.to_owned())
}

fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x")
        .filter(|digits| !digits.is_empty())
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

/// Makes a disk as a power cut after these happenings may leave it, and audits the store on it. How
/// many writes it lacks.
fn image(happened: &[Happened], dice: &mut fastrand::Rng) -> usize {
    let (folder, path) = folder();
    let mut safe: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut open: HashMap<&str, Vec<(usize, &[u8])>> = HashMap::new();
    let mut told = Vec::new();
    for happening in happened {
        match happening {
            Happened::Written { file, at, bytes } => {
                open.entry(file).or_default().push((*at, bytes));
            }
            Happened::Synced { file } => {
                let content = safe.entry(file).or_default();
                for (at, bytes) in open.remove(file.as_str()).unwrap_or_default() {
                    write(content, at, bytes);
                }
            }
            Happened::Cut { file, bytes } => {
                let content = safe.entry(file).or_default();
                for (at, bytes) in open.remove(file.as_str()).unwrap_or_default() {
                    write(content, at, bytes);
                }
                content.resize(*bytes, 0);
            }
            Happened::Removed { file } => {
                safe.remove(file.as_str());
                open.remove(file.as_str());
            }
            Happened::Told(line) => told.push(line.clone()),
        }
    }
    let mut dropped = 0;
    for (file, writes) in open {
        let content = safe.entry(file).or_default();
        let keep = dice.u8(..4);
        for (at, bytes) in writes {
            // Sometimes most are there, sometimes few; and one may be there in part.
            match dice.u8(..4) {
                lot if lot < keep => write(content, at, bytes),
                3 if bytes.len() > 512 => {
                    write(content, at, &bytes[..dice.usize(1..bytes.len() / 512) * 512]);
                    dropped += 1;
                }
                _ => dropped += 1,
            }
        }
    }
    for (file, content) in safe {
        fs::write(folder.path().join(file), content).unwrap();
    }
    let mut books = Books::default();
    books.enter(&told);
    if path.exists() && fs::metadata(&path).unwrap().len() > 0 {
        books.check_opens(&path);
        books.audit(&path);
    } else {
        books.check_integrity(&path);
    }
    dropped
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}
