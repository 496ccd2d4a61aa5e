//! The text of a `syncs.toml`: it is read or refused with a place, and what was read can be set up.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use webhook_stream::config;
use webhook_stream::pipeline::Checkup;
use webhook_stream::pipeline::Sync;
use webhook_stream::text::Source;

fuzz_target!(|input: &str| {
    let source = Source::new("syncs.toml", input);
    let syncs = match config::parse(&source, Path::new("/nonexistent")) {
        Ok(syncs) => syncs,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for options in syncs {
        let Ok(sync) = Sync::new(options) else { continue };
        let mut checkup = Checkup::new(&sync, 0);
        checkup.add(r#"{"event_type": "click event", "user_id": "ada", "n": 1}"#, "the event");
        assert!(checkup.finish().events == 1);
    }
});
