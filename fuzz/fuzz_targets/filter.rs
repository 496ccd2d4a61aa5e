//! A filter and an event: both spellings are read or refused, and `matches` and `explain` agree.
//!
//! The input is `{` or `[` and the rest of filter JSON, or an expression; a line `---`; the event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webhook_stream::filter::Filter;
use webhook_stream::filter::FilterSamples;
use webhook_stream::value::Document;

fuzz_target!(|input: &str| {
    let (text, event) = input.split_once("\n---\n").unwrap_or((input, "{}"));
    let filter = if text.starts_with(['{', '[']) {
        Filter::from_json("fuzz.json", text)
    } else {
        Filter::from_expression("fuzz", text)
    };
    let filter = match filter {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.position().line >= 1 && !error.to_string().is_empty());
            return;
        }
    };
    let Ok(document) = Document::parse(event) else { return };
    let event = document.root();
    let explanation = filter.explain(event);
    assert!(!explanation.to_string().is_empty());
    match filter.matches(event) {
        Ok(matched) => assert_eq!(matched, explanation.matched, "{explanation}"),
        Err(_) => assert!(!explanation.matched),
    }
    let mut samples = FilterSamples::new(&filter);
    samples.add(event);
    samples.finish().iter().for_each(|finding| assert!(!finding.to_string().is_empty()));
});
