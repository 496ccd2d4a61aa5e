//! What is read from files of every kind, and what is said about damaged ones.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;
use webhook_stream::events::{EventError, EventErrorKind, Reader, Settings};
use webhook_stream::value::Buffers;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What was read, in order: an event as its text, or an error.
#[derive(Debug)]
enum Read1 {
    Event { text: String, member: Option<String>, line: u64, offset: u64 },
    Error(EventError),
}

impl Read1 {
    /// The event's text, or the error's kind and line.
    fn short(&self) -> String {
        match self {
            Self::Event { text, .. } => text.clone(),
            Self::Error(error) => match error.line() {
                Some(line) => format!("{}@{line}", error.kind().name()),
                None => error.kind().name().to_owned(),
            },
        }
    }
}

fn drain(mut reader: Reader) -> Vec<Read1> {
    let mut all = Vec::new();
    while let Some(block) = reader.next_block() {
        let block = match block {
            Ok(block) => block,
            Err(error) => {
                all.push(Read1::Error(error));
                continue;
            }
        };
        for line in block.lines() {
            all.push(match line {
                Err(error) => Read1::Error(error),
                Ok(line) => match line.parse(Buffers::default()) {
                    Err((error, _)) => Read1::Error(error),
                    Ok(_) => Read1::Event {
                        text: line.text().to_owned(),
                        member: block.origin().member.clone(),
                        line: line.number(),
                        offset: line.offset(),
                    },
                },
            });
        }
        reader.reuse(block);
    }
    all
}

fn read_files(sources: &[&Path], settings: &Settings) -> Vec<Read1> {
    let sources: Vec<String> = sources.iter().map(|path| path.display().to_string()).collect();
    drain(Reader::open(&sources, settings.clone()).unwrap())
}

fn read_path(path: &Path) -> Vec<Read1> {
    read_files(&[path], &Settings::default())
}

fn short(all: &[Read1]) -> Vec<String> {
    all.iter().map(Read1::short).collect()
}

/// What is read from a file with these bytes, in blocks of three sizes; they must agree.
fn read_bytes(bytes: &[u8]) -> Vec<String> {
    let result = read_in_blocks(bytes);
    let live = Reader::from_bytes("-", Trickle(bytes.to_vec()), Settings::default());
    match live {
        Ok(reader) => assert_eq!(short(&drain(reader)), result, "as it comes"),
        Err(error) => assert_eq!(vec![error.kind().name()], result),
    }
    result
}

fn read_in_blocks(bytes: &[u8]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "some.file", bytes);
    let result = short(&read_path(&path));
    for block_bytes in [1, 7, 64] {
        let settings = Settings { block_bytes, ..Settings::default() };
        let small = short(&read_files(&[&path], &settings));
        assert_eq!(small, result, "in blocks of {block_bytes} bytes");
    }
    result
}

/// A pipe whose other end writes five bytes at a time.
struct Trickle(Vec<u8>);

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(out.len()).min(5);
        out[..count].copy_from_slice(&self.0[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip as Java's streams write it: lengths and checksum behind each member.
fn streamed_zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn lines(count: usize) -> String {
    let line = |n: usize| format!("{{\"n\":{n},\"text\":\"{:x}\"}}\n", n * 7_919_191_919);
    (0..count).map(line).collect()
}

const TWO: [&str; 2] = [r#"{"a":1}"#, r#"{"b":"x y"}"#];

#[test]
fn lines_are_events_whatever_surrounds_them() {
    for text in [
        "{\"a\":1}\n{\"b\":\"x y\"}\n",
        "{\"a\":1}\n{\"b\":\"x y\"}",
        "{\"a\":1}\r\n{\"b\":\"x y\"}\r\n",
        "\n\n{\"a\":1}\n \t\n{\"b\":\"x y\"}\n\n",
        "\u{feff}{\"a\":1}\n{\"b\":\"x y\"}\n",
        "  {\"a\":1}  \n\t{\"b\":\"x y\"}",
    ] {
        assert_eq!(read_bytes(text.as_bytes()), TWO, "{text:?}");
    }
}

#[test]
fn an_array_of_events_and_events_over_several_lines_are_read_as_well() {
    for text in [
        "[{\"a\":1},{\"b\":\"x y\"}]",
        "[\n  {\"a\":1},\n  {\"b\":\"x y\"}\n]\n",
        " [ {\"a\":1} , {\"b\":\"x y\"} ] ",
        "[{\"a\":1}]\n[{\"b\":\"x y\"}]",
        "{\"a\":1}{\"b\":\"x y\"}",
        "{\"a\":1} {\"b\":\"x y\"}\n",
    ] {
        assert_eq!(read_bytes(text.as_bytes()), TWO, "{text:?}");
    }
    let pretty = "{\n  \"a\": [\n    1,\n    {\"x\": \"}\\\"\"}\n  ]\n}\n{\n  \"b\": 2\n}\n";
    assert_eq!(
        read_bytes(pretty.as_bytes()),
        ["{\n  \"a\": [\n    1,\n    {\"x\": \"}\\\"\"}\n  ]\n}", "{\n  \"b\": 2\n}"]
    );
    assert_eq!(read_bytes(b"[]"), [""; 0]);
    assert_eq!(read_bytes(b""), [""; 0]);
    assert_eq!(read_bytes(b" \n \n"), [""; 0]);
}

#[test]
fn a_bad_line_is_one_error_and_the_rest_is_read() {
    assert_eq!(
        read_bytes(b"{\"a\":1}\n{\"a\":\n[1]\n12\nnull\n\"x\"\n\xff{}\n{\"b\":\"x y\"}\n"),
        [
            TWO[0],
            "invalid_json@2",
            "not_an_object@3",
            "not_an_object@4",
            "not_an_object@5",
            "not_an_object@6",
            "not_utf8@7",
            TWO[1]
        ]
    );
    // Also when it is the first one, which decides how the file is laid out.
    for first in ["{\"a\":", "{\"a\":\"x", "{\"a\":1", "{\"a\":1,", "oops", "{\"a\":1}}", "12"] {
        let text = format!("{first}\n{}\n{}\n", TWO[0], TWO[1]);
        let read = read_bytes(text.as_bytes());
        assert_eq!(read[1..], TWO, "{first}");
        assert!(read[0].ends_with("@1"), "{first}: {}", read[0]);
    }
}

#[test]
fn a_bad_item_of_an_array_is_one_error_and_the_rest_is_read() {
    assert_eq!(
        read_bytes(b"[{\"a\":1},\n{\"a\" 1},\n7,\n{\"b\":\"x y\"}]"),
        [TWO[0], "invalid_json@2", "not_an_object@3", TWO[1]]
    );
    // A quote that is missing does not swallow the next item.
    assert_eq!(
        read_bytes(b"[\n{\"a\":1},\n{\"a\":\"x\n},\n{\"b\":\"x y\"}\n]"),
        [TWO[0], "invalid_json@4", TWO[1]]
    );
}

#[test]
fn an_array_that_breaks_gives_what_comes_before_and_one_error() {
    assert_eq!(read_bytes(b"[{\"a\":1},\n{\"b\":\"x y\"}"), [TWO[0], TWO[1], "truncated@2"]);
    assert_eq!(read_bytes(b"[{\"a\":1},\n{\"b\":"), [TWO[0], "truncated@2"]);
    assert_eq!(read_bytes(b"[{\"a\":1}\n{\"b\":\"x y\"}]"), [TWO[0], "damaged@2"]);
    assert_eq!(read_bytes(b"[{\"a\":1},\n{\"b\":[1}, {}]"), [TWO[0], "damaged@2"]);
    assert_eq!(read_bytes(b"[{\"a\":1},,{}]"), [TWO[0], "damaged@1"]);
}

#[test]
fn an_error_shows_the_line_and_the_mistake_in_it() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "events.ndjson", "{}\n{\"grüße\": nope}\n[1, 2]\n".as_bytes());
    let read = read_path(&path);
    let name = path.display();
    let errors: Vec<String> = read
        .iter()
        .filter_map(|read| match read {
            Read1::Error(error) => Some(error.to_string()),
            Read1::Event { .. } => None,
        })
        .collect();
    assert_eq!(
        errors,
        [
            format!("{name}:2:12: expected ident\n  |\n2 | {{\"grüße\": nope}}\n  |            ^"),
            format!("{name}:3:1: expected an object, found an array\n  |\n3 | [1, 2]\n  | ^"),
        ]
    );
}

#[test]
fn python_and_javascript_are_recognised_where_json_was_expected() {
    let folder = TempDir::new().unwrap();
    for (line, hint) in
        [("{'a': 1}", "json.dumps"), ("{\"a\": None}", "json.dumps"), ("{\"a\":NaN}", "write null")]
    {
        let path = write(&folder, "events.ndjson", format!("{{}}\n{line}\n").as_bytes());
        match &read_path(&path)[1] {
            Read1::Error(error) => assert!(error.hint().unwrap().contains(hint), "{error}"),
            Read1::Event { text, .. } => panic!("{text} was read"),
        }
    }
}

#[test]
fn places_say_where_an_event_is_found_again() {
    let folder = TempDir::new().unwrap();
    let text = "\u{feff}{\"a\":1}\n\n  {\"b\":2}\n";
    let plain = write(&folder, "plain", text.as_bytes());
    let array = write(&folder, "array", b"[{\"a\":1},\n\n{\"b\":2}, {\"c\":3}]");
    let places = |path: &Path| -> Vec<(u64, u64)> {
        read_path(path)
            .iter()
            .map(|read| match read {
                Read1::Event { line, offset, .. } => (*line, *offset),
                Read1::Error(error) => panic!("{error}"),
            })
            .collect()
    };
    assert_eq!(places(&plain), [(1, 3), (3, 14)]);
    assert_eq!(places(&array), [(1, 1), (3, 11), (3, 20)]);
    let at = text.find("{\"b\"").unwrap();
    assert_eq!(at, 14);
}

#[test]
fn gzip_is_unpacked_also_in_several_members_and_twice() {
    let (one, two) = (format!("{}\n", TWO[0]), format!("{}\n", TWO[1]));
    let both = format!("{one}{two}");
    assert_eq!(read_bytes(&gzip(both.as_bytes())), TWO);
    assert_eq!(read_bytes(&gzip(&gzip(both.as_bytes()))), TWO);
    let mut members = [gzip(one.as_bytes()), gzip(b""), gzip(two.as_bytes())].concat();
    assert_eq!(read_bytes(&members), TWO);
    // A line may go on in the next member.
    let split = [gzip(b"{\"a\":"), gzip(b"1}\n"), gzip(two.as_bytes())].concat();
    assert_eq!(read_bytes(&split), TWO);
    members.extend([0; 512]);
    assert_eq!(read_bytes(&members), TWO, "zeros behind the end are no harm");
    members.extend(b"rubbish");
    assert_eq!(read_bytes(&members), [TWO[0], TWO[1], "damaged@3"]);
}

#[test]
fn a_truncated_gzip_gives_the_events_before_its_end_and_one_error() {
    let whole = lines(2000);
    let packed = gzip(whole.as_bytes());
    let expected: Vec<&str> = whole.lines().collect();
    for length in [packed.len() / 3, packed.len() / 2, packed.len() - 9, packed.len() - 1] {
        let read = read_bytes(&packed[..length]);
        let (last, events) = read.split_last().unwrap();
        assert_eq!(events, &expected[..events.len()]);
        assert_eq!(last, &format!("truncated@{}", events.len() + 1));
        if length < packed.len() - 9 {
            assert!(events.len() > length * 1500 / packed.len(), "{} of {length}", events.len());
        } else {
            assert_eq!(events.len(), 2000);
        }
    }
    assert_eq!(read_bytes(&packed[..12]), ["truncated"]);
}

#[test]
fn a_damaged_gzip_gives_the_events_before_the_damage_and_one_error() {
    let whole = lines(5000);
    let expected: Vec<&str> = whole.lines().collect();
    let mut packed = gzip(whole.as_bytes());
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let read = read_bytes(&packed);
    assert_eq!(read.len(), 5001);
    assert_eq!(read[5000], "damaged@5001");
    packed[checksum] ^= 1;
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let read = read_bytes(&packed);
    let (last, events) = read.split_last().unwrap();
    assert!(last.starts_with("damaged@"), "{last}");
    // What deflate makes of the damage may look like events for a while.
    let same = events.iter().zip(&expected).take_while(|(read, expected)| read == *expected);
    assert!(same.count() > 2000);
}

#[test]
fn a_zip_gives_its_members_in_order() {
    let one = gzip(b"{\"a\":1}\n");
    let members: [(&str, &[u8]); 6] = [
        ("7/7_2024-03-01_9#0.json.gz", &one),
        ("7/empty/", b""),
        ("7/.hidden", b"nothing"),
        ("__MACOSX/7/._x", b"\0\x05\x16\x07"),
        ("7/deeper/plain.json", b"[{\"b\":\"x y\"}]"),
        ("7/nothing.json.gz", b""),
    ];
    for (way, bytes) in [
        ("stored", zip_of(&members, CompressionMethod::Stored)),
        ("deflated", zip_of(&members, CompressionMethod::Deflated)),
        ("streamed", streamed_zip(&members)),
    ] {
        assert_eq!(read_bytes(&bytes), TWO, "{way}");
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "export.zip", &bytes);
        let names: Vec<Option<String>> = read_path(&path)
            .into_iter()
            .map(|read| match read {
                Read1::Event { member, .. } => member,
                Read1::Error(error) => panic!("{error}"),
            })
            .collect();
        assert_eq!(
            names,
            [Some(members[0].0.to_owned()), Some(members[4].0.to_owned())],
            "{way}: the members' names"
        );
    }
    assert_eq!(read_bytes(&zip_of(&[], CompressionMethod::Stored)), [""; 0]);
}

#[test]
fn a_zip_without_its_end_gives_the_events_before_it_and_one_error() {
    let (first, second) = (lines(1000), lines(3000));
    let packed = (gzip(first.as_bytes()), gzip(second.as_bytes()));
    let members: [(&str, &[u8]); 2] = [("a.json.gz", &packed.0), ("b.json.gz", &packed.1)];
    for (way, bytes) in [
        ("stored", zip_of(&members, CompressionMethod::Stored)),
        ("deflated", zip_of(&members, CompressionMethod::Deflated)),
        ("streamed", streamed_zip(&members)),
    ] {
        let middle = packed.0.len() + packed.1.len() / 2;
        let read = read_bytes(&bytes[..middle]);
        let (last, events) = read.split_last().unwrap();
        assert!(last.starts_with("truncated@"), "{way}: {last}");
        assert!(events.len() > 1500, "{way}: {} events", events.len());
        assert_eq!(read.iter().filter(|read| read.contains('@')).count(), 1, "{way}");
        // All members, but no directory.
        let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        let read = read_bytes(&bytes[..directory]);
        assert_eq!((read.len(), read[4000].as_str()), (4001, "truncated"), "{way}");
    }
}

#[test]
fn a_damaged_directory_costs_nothing_but_an_error() {
    let folder = TempDir::new().unwrap();
    let mut bytes = zip_of(&[("a.json", b"{\"a\":1}\n")], CompressionMethod::Deflated);
    let end = bytes.len() - 22;
    bytes.truncate(end);
    let path = write(&folder, "export.zip", &bytes);
    assert_eq!(short(&read_path(&path)), [TWO[0], "damaged"]);
}

#[test]
fn a_wrong_checksum_in_a_zip_is_an_error_behind_the_member() {
    let text = b"{\"a\":1}\n";
    let mut bytes =
        zip_of(&[("a.json", text), ("b.json", b"{\"b\":\"x y\"}")], CompressionMethod::Stored);
    let at = bytes.windows(text.len()).position(|part| part == text).unwrap();
    bytes[at + 5] = b'2';
    assert_eq!(read_bytes(&bytes), [r#"{"a":2}"#, "damaged@2", TWO[1]]);
}

#[test]
fn an_encrypted_member_is_named_and_the_others_are_read() {
    let mut bytes = zip_of(
        &[("a.json", b"{\"a\":1}"), ("b.json", b"{\"b\":\"x y\"}")],
        CompressionMethod::Stored,
    );
    let local = bytes.windows(4).position(|four| four == b"PK\x03\x04").unwrap();
    let central = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    bytes[local + 6] |= 1;
    bytes[central + 8] |= 1;
    assert_eq!(read_bytes(&bytes), ["encrypted", TWO[1]]);
}

#[test]
fn a_bad_member_does_not_stop_the_archive() {
    let packed = gzip(lines(500).as_bytes());
    let members: [(&str, &[u8]); 5] = [
        ("1.json.gz", &packed[..packed.len() / 2]),
        ("2.tar", &[&[b'a'; 257][..], b"ustar", &[0; 250]].concat()),
        ("3.json", b"{\0\"\0a\0\"\0:\0\x31\0}\0"),
        ("4.zip", b"PK\x03\x04"),
        ("5.json", b"{\"a\":1}"),
    ];
    for bytes in [zip_of(&members, CompressionMethod::Deflated), streamed_zip(&members)] {
        let read = read_bytes(&bytes);
        let behind = read.iter().position(|read| read.starts_with("truncated@")).unwrap();
        assert_eq!(read[behind + 1..], ["unsupported", "not_text", "unsupported", TWO[0]]);
    }
}

#[test]
fn a_line_that_is_too_long_is_one_error_and_the_run_goes_on() {
    let folder = TempDir::new().unwrap();
    let long = format!("{{\"long\":\"{}\"}}", "x".repeat(3000));
    for (text, line) in [
        (format!("{}\n{long}\n{}\n", TWO[0], TWO[1]), 2),
        (format!("[{},\n{long},\n{}]", TWO[0], TWO[1]), 2),
        (format!("{long}\n{}\n{}\n{long}", TWO[0], TWO[1]), 1),
    ] {
        let path = write(&folder, "long", text.as_bytes());
        for block_bytes in [16, 100, 1000, 10_000] {
            let settings = Settings { block_bytes, max_event_bytes: 1000 };
            let mut read = short(&read_files(&[&path], &settings));
            assert!(read.contains(&format!("too_long@{line}")), "{read:?}");
            read.retain(|read| !read.starts_with("too_long"));
            assert_eq!(read, TWO, "in blocks of {block_bytes} bytes");
        }
    }
}

#[test]
fn sources_are_read_in_order_and_folders_and_patterns_by_name() {
    let folder = TempDir::new().unwrap();
    for (name, number) in
        [("b/x_9#0.json", 1), ("b/x_10#0.json", 2), ("b/c/y.json", 0), ("a.json", 3)]
    {
        write(&folder, name, format!("{{\"n\":{number}}}").as_bytes());
    }
    write(&folder, "b/.hidden", b"nothing");
    let path = |name: &str| folder.path().join(name);
    let numbers = |sources: &[&Path]| -> String {
        let read = short(&read_files(sources, &Settings::default()));
        read.iter().map(|text| &text[5..text.len() - 1]).collect()
    };
    assert_eq!(numbers(&[&path("a.json"), &path("b")]), "3012");
    assert_eq!(numbers(&[folder.path()]), "3012");
    assert_eq!(numbers(&[&path("b/*.json")]), "12");
    assert_eq!(numbers(&[&path("*")]), "3012");
    // A name that only looks like a pattern is a name.
    write(&folder, "x[1].json", b"{\"n\":7}");
    assert_eq!(numbers(&[&path("x[1].json")]), "7");
}

fn open_error(source: &str) -> EventError {
    Reader::open(&[source], Settings::default()).err().unwrap()
}

#[test]
fn a_source_that_is_not_there_is_an_error_before_anything_is_read() {
    let folder = TempDir::new().unwrap();
    write(&folder, "export.zip", b"");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let error = open_error(&path("exprot.zip"));
    assert_eq!(error.kind(), EventErrorKind::NotFound);
    assert_eq!(error.hint(), Some("did you mean export.zip?"));
    assert_eq!(open_error(&path("*.gz")).message(), "no file fits this pattern");
    assert!(open_error(&path("no/such/x.zip")).hint().unwrap().contains("no folder"));
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert_eq!(open_error(&path("empty")).message(), "the folder holds no files");
}

#[cfg(unix)]
#[test]
fn a_file_one_may_not_read_is_an_error_with_a_reason() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "secret.json", b"{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        return; // The super user may read everything.
    }
    let error = open_error(&path.display().to_string());
    assert_eq!(error.kind(), EventErrorKind::Unreadable);
}

const REFUSED: &[u8] = br#"{"error": {"http_code": 403, "type": "unspecified", "message": "Unspecified Error", "metadata": {"details": "Invalid API/Secret Key combination"}}}"#;

#[test]
fn a_json_error_in_place_of_an_archive_is_reported_as_what_it_is() {
    let folder = TempDir::new().unwrap();
    for name in ["export.zip", "export.json", "-"] {
        let path = write(&folder, name, REFUSED);
        let read = read_path(&path);
        let [Read1::Error(error)] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(error.kind(), EventErrorKind::NotAnArchive);
        assert_eq!(
            error.message(),
            "this is not an archive but a JSON error: http_code 403, Unspecified Error, Invalid \
             API/Secret Key combination"
        );
        assert!(error.hint().unwrap().contains("API key"));
    }
    // An event may have a property of that name.
    let event = br#"{"event_type":"failed","error":{"http_code":403}}"#;
    assert_eq!(read_bytes(event).len(), 1);
    assert!(read_bytes(event)[0].starts_with("{\"event_type\""));
}

#[test]
fn what_is_no_json_is_told_by_its_first_bytes() {
    for (bytes, kind, what) in [
        (&b"\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00x"[..], "unsupported", "zstd"),
        (b"BZh91AY&SY", "unsupported", "bzip2"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "unsupported", "7-Zip"),
        (b"PAR1\x15\0", "unsupported", "Parquet"),
        (b"\xff\xfe{\0\"\0", "not_text", "UTF-16"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0", "not_text", "binary"),
        (b"<!DOCTYPE html>\n<html>", "not_text", "HTML"),
    ] {
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "events.json", bytes);
        let read = read_path(&path);
        let [Read1::Error(error)] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(error.kind().name(), kind);
        assert!(error.message().contains(what), "{error}");
        assert!(error.hint().is_some(), "{error}");
        assert_eq!(read_bytes(bytes), [kind]);
    }
}

/// What was written into it so far; then its end.
struct Pipe(std::sync::mpsc::Receiver<Vec<u8>>);
impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let Ok(bytes) = self.0.try_recv() else { return Ok(0) };
        out[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[test]
fn an_event_is_there_as_soon_as_its_line_is_written() {
    let (sender, receiver) = std::sync::mpsc::channel::<Vec<u8>>();
    sender.send(b"{\"a\":1}\n{\"b\"".to_vec()).unwrap();
    let mut reader = Reader::from_bytes("-", Pipe(receiver), Settings::default()).unwrap();
    let text = |block: webhook_stream::events::Block| -> Vec<String> {
        block.lines().map(|line| line.unwrap().text().to_owned()).collect()
    };
    assert_eq!(text(reader.next_block().unwrap().unwrap()), [TWO[0]]);
    sender.send(b":\"x y\"}\n".to_vec()).unwrap();
    assert_eq!(text(reader.next_block().unwrap().unwrap()), [TWO[1]]);
    drop(sender);
    assert!(reader.next_block().is_none());
}

#[test]
fn a_bomb_of_a_gzip_is_read_in_bounded_memory() {
    let folder = TempDir::new().unwrap();
    let zeros = vec![b' '; 16 * 1024 * 1024];
    let path = write(&folder, "bomb.gz", &gzip(&zeros));
    let settings = Settings { max_event_bytes: 1 << 20, ..Settings::default() };
    let mut reader = Reader::open(&[path.display().to_string()], settings).unwrap();
    while let Some(block) = reader.next_block() {
        if let Ok(block) = block {
            assert!(block.len() <= 2 << 20);
            reader.reuse(block);
        }
    }
}

#[expect(clippy::print_stdout, reason = "who runs the tests shall know what was left out")]
fn skipped(path: &Path) {
    println!("skipped: {} is not there", path.display());
}

#[test]
fn real_webhook_events_are_read() {
    let path = Path::new("../shared/data/github-webhook-events.ndjson.gz");
    if !path.exists() {
        skipped(path);
        return;
    }
    let read = read_path(path);
    assert_eq!(read.len(), 329);
    assert!(read.iter().all(|read| matches!(read, Read1::Event { .. })));
    let path = Path::new("../shared/data/error-as-archive.zip");
    assert_eq!(short(&read_path(path)), ["not_an_archive"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_in_blocks(&bytes);
        read_bytes(&[b"{\"a\":1}\n", &bytes[..]].concat());
        read_bytes(&[b"[{\"a\":1},", &bytes[..]].concat());
    }

    #[test]
    fn damage_anywhere_in_an_archive_is_no_reason_to_panic(at in 0_usize..2000, byte: u8) {
        let packed = gzip(lines(100).as_bytes());
        let mut bytes = zip_of(&[("a.gz", &packed), ("b.json", b"{}")], CompressionMethod::Deflated);
        let at = at % bytes.len();
        bytes[at] = byte;
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "export.zip", &bytes);
        read_path(&path);
        let reader = Reader::from_bytes("-", Cursor::new(bytes), Settings::default());
        if let Ok(reader) = reader {
            drain(reader);
        }
    }

    #[test]
    fn events_come_out_as_they_went_in(texts in proptest::collection::vec("[ -~é😀]{0,40}", 0..20)) {
        let events: Vec<String> = texts
            .iter()
            .map(|text| format!("{{\"t\":{}}}", serde_json::Value::from(text.as_str())))
            .collect();
        prop_assert_eq!(&read_bytes(events.join("\n").as_bytes()), &events);
        prop_assert_eq!(&read_bytes(format!("[{}]", events.join(",")).as_bytes()), &events);
    }
}
