//! A template and an event: compiling, checking and rendering end in a result or an error with a place
//! inside the text, and within the limits.
//!
//! The input is a digit that picks settings, the template, a line `---`, and a JSON object whose keys
//! are the variables.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webhook_stream::ftl::Data;
use webhook_stream::ftl::Finding;
use webhook_stream::ftl::Limits;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Samples;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::TemplateError;
use webhook_stream::ftl::Usage;
use webhook_stream::text::Source;
use webhook_stream::text::Span;
use webhook_stream::value::Document;

/// Small, so that reaching them takes no time.
const LIMITS: Limits = Limits {
    max_output_bytes: 10_000,
    max_steps: 5_000,
    max_call_depth: 50,
    max_nesting: 50,
    max_regex_steps: 5_000,
    max_items: 2_000,
};

const OPTIONS: RenderOptions = RenderOptions { now_millis: 1_705_314_600_120 };

fuzz_target!(|input: &str| {
    let mut characters = input.chars();
    let variant = characters.next().unwrap_or('0');
    let rest = characters.as_str();
    let (text, event) = rest.split_once("\n---\n").unwrap_or((rest, "{}"));
    let settings = settings(variant);
    let template = match Template::compile("fuzz.ftl", text, &settings, None) {
        Ok(template) => template,
        Err(error) => return inside_error(&error),
    };
    template.check(&Usage::Event(&["input"])).iter().for_each(inside_finding);
    let Ok(document) = Document::parse(event) else { return };
    let data = Data::variables(document.root());
    match template.render(data, OPTIONS) {
        Ok(output) => {
            assert!(output.len() <= LIMITS.max_output_bytes, "{} bytes", output.len());
            if let Some(error) = template.payload_error(data, OPTIONS) {
                inside_error(&error);
            }
        }
        Err(error) => inside_error(&error),
    }
    // Takes some renderings more, so not always.
    if text.len() % 8 == 0 && document.root().as_object().is_some() {
        let mut samples = Samples::new(&template, Usage::Any, OPTIONS);
        samples.add(document.root(), "the event");
        samples.finish().iter().for_each(inside_finding);
    }
});

fn settings(variant: char) -> Settings {
    let mut settings = match variant {
        '1' | '3' => Settings::freemarker(),
        _ => Settings::amplitude(),
    };
    let change = match variant {
        '2' => ("tag_syntax", "square_bracket"),
        '3' => ("output_format", "HTML"),
        '4' => ("classic_compatible", "true"),
        '5' => ("interpolation_syntax", "square_bracket"),
        '6' => ("template_exception_handler", "ignore"),
        _ => ("tag_syntax", "auto_detect"),
    };
    settings.set(change.0, change.1).expect("these settings exist");
    settings.limits = LIMITS;
    settings
}

fn inside_error(error: &TemplateError) {
    inside(error.source(), error.span());
    assert!(!error.to_string().is_empty());
}

fn inside_finding(finding: &Finding) {
    inside(finding.source(), finding.span());
    assert!(!finding.to_string().is_empty());
}

/// A place lies in its text, on characters' borders.
fn inside(source: &Source, span: Span) {
    let (start, end) = (span.start as usize, span.end as usize);
    let text = source.text();
    // The end of the text is a place of one column behind it.
    assert!(start <= end && end <= text.len() + 1, "{start}..{end} of {}", text.len());
    assert!(text.is_char_boundary(start), "{start} in {text:?}");
    assert!(end > text.len() || text.is_char_boundary(end), "{end} in {text:?}");
}
