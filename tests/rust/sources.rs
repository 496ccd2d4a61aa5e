//! Files one by one: what each is known by, and where one ends and the next begins.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use webhook_stream::events::Reader;
use webhook_stream::events::Settings;

fn reader(path: &Path) -> Reader {
    Reader::open(&[path.display().to_string()], Settings::default()).unwrap()
}

/// The lines of the file that the reader has come to.
fn lines_of_file(reader: &mut Reader) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(block) = reader.next_block_of_file() {
        lines.extend(block.unwrap().lines().map(|line| line.unwrap().text().to_owned()));
    }
    lines
}

fn zip(path: &Path, members: &[(&str, &str)]) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, text) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn a_folder_is_read_file_by_file_and_an_archive_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), "{\"n\":1}\n{\"n\":2}\n").unwrap();
    zip(
        &folder.path().join("b.zip"),
        &[("x.json", "{\"n\":3}\n"), ("y.json", "{\"n\":4}\n{\"n\":5}\n")],
    );
    let mut reader = reader(folder.path());
    let first = reader.next_file().unwrap().unwrap();
    assert!(first.file.ends_with("a.ndjson"));
    assert_eq!(lines_of_file(&mut reader), ["{\"n\":1}", "{\"n\":2}"]);
    assert!(reader.next_file().unwrap().unwrap().file.ends_with("b.zip"));
    assert_eq!(lines_of_file(&mut reader), ["{\"n\":3}", "{\"n\":4}", "{\"n\":5}"]);
    assert!(reader.next_file().is_none());
}

#[test]
fn the_rest_of_a_file_is_passed_over_when_the_next_one_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    zip(&folder.path().join("a.zip"), &[("x", "{\"n\":1}\n"), ("y", "{\"n\":2}\n")]);
    fs::write(folder.path().join("b.ndjson"), "{\"n\":3}\n").unwrap();
    let mut reader = reader(folder.path());
    reader.next_file().unwrap().unwrap();
    reader.next_block_of_file().unwrap().unwrap();
    reader.next_file().unwrap().unwrap();
    assert_eq!(lines_of_file(&mut reader), ["{\"n\":3}"]);
}

#[test]
fn a_look_at_a_file_takes_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_zip) in [("a", false), ("b", true)] {
        let path = folder.path().join(name);
        if is_zip {
            zip(&path, &[("x", "{\"n\":1}\n")]);
        } else {
            fs::write(&path, "{\"n\":1}\n").unwrap();
        }
        let mut reader = reader(&path);
        assert!(reader.fingerprint().unwrap().is_none(), "before the first file there is none");
        reader.next_file().unwrap().unwrap();
        let whole = reader.fingerprint().unwrap().unwrap();
        assert_eq!(reader.fingerprint().unwrap().unwrap(), whole);
        let first = reader.fingerprint_of_first(3).unwrap().unwrap();
        assert_eq!(first.size, 3);
        assert_eq!(lines_of_file(&mut reader), ["{\"n\":1}"]);
        assert!(reader.fingerprint().unwrap().is_none(), "what was begun is not looked at again");
    }
}

#[test]
fn what_can_not_be_read_again_has_no_fingerprint() {
    let bytes = &b"{\"n\":1}\n"[..];
    let mut reader = Reader::from_bytes("pipe", bytes, Settings::default()).unwrap();
    assert_eq!(reader.next_file().unwrap().unwrap().file, "pipe");
    assert!(reader.fingerprint().unwrap().is_none());
    assert_eq!(lines_of_file(&mut reader), ["{\"n\":1}"]);
    assert!(reader.next_file().is_none());
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    let mut reader = self::reader(&empty);
    reader.next_file().unwrap().unwrap();
    assert!(reader.fingerprint().unwrap().is_none());
}

#[test]
fn the_beginning_of_a_file_that_has_grown_looks_like_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ndjson");
    fs::write(&path, "{\"n\":1}\n".repeat(20_000)).unwrap();
    let mut before = reader(&path);
    before.next_file().unwrap().unwrap();
    let before = before.fingerprint().unwrap().unwrap();
    fs::write(&path, "{\"n\":1}\n".repeat(20_001)).unwrap();
    let mut grown = reader(&path);
    grown.next_file().unwrap().unwrap();
    assert_ne!(grown.fingerprint().unwrap().unwrap(), before);
    assert_eq!(grown.fingerprint_of_first(before.size).unwrap().unwrap(), before);
}
