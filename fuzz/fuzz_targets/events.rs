//! Bytes of a file: whatever is in it, the reader gives events and errors, and comes to an end.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use webhook_stream::events::Reader;
use webhook_stream::events::Settings;
use webhook_stream::value::Buffers;

/// The reader opens files; this one is written anew for each input.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = match PathBuf::from("/dev/shm") {
        folder if folder.is_dir() => folder,
        _ => std::env::temp_dir(),
    };
    folder.join(format!("webhook_stream-fuzz-{}", std::process::id()))
});

fuzz_target!(|input: &[u8]| {
    fs::write(&*FILE, input).expect("the file can be written");
    let settings = Settings { max_event_bytes: 4096, block_bytes: 1024 };
    let path = FILE.display().to_string();
    let Ok(mut reader) = Reader::open(&[path], settings) else { return };
    let mut buffers = Buffers::default();
    while let Some(block) = reader.next_block() {
        let Ok(block) = block else { continue };
        for line in block.lines() {
            let Ok(line) = line else { continue };
            assert!(line.text().len() <= 4096);
            assert!(!line.place().to_string().is_empty());
            buffers = match line.parse(std::mem::take(&mut buffers)) {
                Ok(event) => event.into_buffers(),
                Err((_, unused)) => unused,
            };
        }
        reader.reuse(block);
    }
});
