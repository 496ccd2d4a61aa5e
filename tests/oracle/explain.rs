//! Differences that are meant to be, each with its reason. At most twenty.

use crate::request::Answer;
use crate::request::Reply;
use crate::request::Request;

/// A reason for a difference.
pub(crate) struct Explanation {
    pub(crate) name: &'static str,
    /// Why the engine doesn't do what FreeMarker does.
    pub(crate) reason: &'static str,
    /// Whether a difference is of this kind: the request, FreeMarker's answer, the engine's.
    pub(crate) fits: fn(&Request, &Reply, &Answer) -> bool,
}

/// The reasons there are.
pub(crate) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        name: "endless",
        reason: "FreeMarker works without end, or until memory is full; the engine has limits",
        fits: |_, theirs, _| {
            matches!(&theirs.answer, Answer::Error { phase, .. } if phase == "time" || phase == "size")
                || failed(&theirs.answer, |kind, _| kind.ends_with("Error"))
        },
    },
    Explanation {
        name: "limits",
        reason: "the engine ends what uses up too much",
        fits: |_, _, ours| failed(ours, |kind, _| kind == "limit"),
    },
    Explanation {
        name: "accidents of Java",
        reason: "FreeMarker ends with a Java exception that nobody meant to throw",
        fits: |_, theirs, _| {
            const UNMEANT: [&str; 4] = [
                "thrown an unchecked exception",
                "The signum of",
                "Can't parse this as BigDecimal",
                "Infinite or NaN",
            ];
            let accident = |message: &str| UNMEANT.iter().any(|words| message.contains(words));
            failed(&theirs.answer, |kind, message| accident(message) || kind.starts_with("java."))
                || accident(&theirs.caught)
        },
    },
    Explanation {
        name: "groups without a match",
        reason: "the groups of a text that a pattern doesn't match are missing, and no error",
        fits: |_, theirs, _| {
            let message = "Failed to read regular expression match group";
            failed(&theirs.answer, |_, found| found.contains(message))
                || theirs.caught.contains(message)
        },
    },
    Explanation {
        name: "combined formats",
        reason: "FreeMarker forgets the name of a combined output format",
        fits: |request, _, _| {
            mentions(request, &["output_format", "outputFormat"]) && mentions(request, &["XML{", "HTML{"])
        },
    },
    Explanation {
        name: "dates are read at once",
        reason: "FreeMarker reads the text of `x?date` when the date is used, and perhaps never",
        fits: |_, theirs, ours| {
            matches!(theirs.answer, Answer::Output(_))
                && failed(ours, |kind, message| {
                    kind == "bad_format" && message.contains("in the format")
                })
        },
    },
    Explanation {
        name: "halves of characters",
        reason: "what cuts a character beyond U+FFFF in two leaves halves that no UTF-8 text can hold",
        fits: |_, theirs, _| matches!(&theirs.answer, Answer::Output(text) if text.contains('\u{fffd}')),
    },
    Explanation {
        name: "classes of Java",
        reason: "`?is_collection` and its kin tell Java classes apart, which are not here",
        fits: |request, _, _| {
            mentions(request, &["is_collection", "isCollection", "locale_object", "localeObject"])
        },
    },
];

/// Whether an answer is an error whose kind and message are so.
fn failed(answer: &Answer, is: impl Fn(&str, &str) -> bool) -> bool {
    matches!(answer, Answer::Error { kind, message, .. } if is(kind, message))
}

fn mentions(request: &Request, words: &[&str]) -> bool {
    let texts = request.templates.iter().map(|(_, text)| text);
    texts.chain([&request.template]).any(|text| words.iter().any(|word| text.contains(word)))
}

/// The name of the reason for a difference.
pub(crate) fn explain(request: &Request, theirs: &Reply, ours: &Answer) -> Option<&'static str> {
    EXPLANATIONS
        .iter()
        .find(|explanation| (explanation.fits)(request, theirs, ours))
        .map(|explanation| explanation.name)
}
