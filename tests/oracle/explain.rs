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
            failed(&theirs.answer, |kind, message| {
                accident(message) || kind.starts_with("java.") || kind == "Return"
            }) || accident(&theirs.caught)
        },
    },
    Explanation {
        name: "groups without a match",
        reason: "the groups of a text that a pattern doesn't match are missing, and no error",
        fits: |request, theirs, _| {
            let message = "Failed to read regular expression match group";
            failed(&theirs.answer, |_, found| found.contains(message))
                || theirs.caught.contains(message)
                || (mentions(request, &["?groups"])
                    && (theirs.caught.contains("transform element")
                        || failed(&theirs.answer, |_, found| found.contains("transform element"))
                        || mentions(request, &["ignore"])))
        },
    },
    Explanation {
        name: "combined formats",
        reason: "FreeMarker forgets the name of a combined output format",
        fits: |request, _, _| {
            mentions(request, &["output_format", "outputFormat"])
                && mentions(request, &["XML{", "HTML{"])
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
        fits: |request, theirs, _| {
            let beyond =
                request.json().contains("\\ud") || request.json().chars().any(|c| c > '\u{ffff}');
            matches!(&theirs.answer, Answer::Output(text) if text.contains('\u{fffd}'))
                || (beyond && mentions(request, &["?matches", "?replace", "?split"]))
        },
    },
    Explanation {
        name: "names of time zones",
        reason: "in full, they are in English whatever the locale",
        fits: |request, _, _| {
            let styles = ["zzz", "full", "long", "z"];
            let set = request.settings.iter().filter(|(name, _)| name.ends_with("_format"));
            let is_set =
                set.into_iter().any(|(_, value)| styles.iter().any(|style| value.contains(style)));
            has_other_locale(request)
                && (is_set
                    || mentions(
                        request,
                        &["zzz", "z'", "z\"", "' z", "\" z", "z ", "full", "long"],
                    ))
        },
    },
    Explanation {
        name: "order of letters",
        reason: "strings are sorted as English sorts them, whatever the locale",
        fits: |request, _, _| has_other_locale(request) && mentions(request, &["?sort"]),
    },
    Explanation {
        name: "FreeMarker 1",
        reason: "`classic_compatible` is imitated where values are printed, not in every built-in",
        fits: |request, _, _| {
            request
                .settings
                .iter()
                .any(|(name, value)| name == "classic_compatible" && value == "true")
        },
    },
    Explanation {
        name: "charsets",
        reason: "`?url` has six charsets, Java has all",
        fits: |_, theirs, ours| {
            matches!(theirs.answer, Answer::Output(_))
                && failed(ours, |_, message| message.contains("`UTF-16LE`, found"))
        },
    },
    Explanation {
        name: "digits of doubles",
        reason: "Java before 19 writes some doubles with a digit too many",
        fits: |request, _, _| mentions(request, &["?double", "?float", "#{", "INF", "NaN"]),
    },
    Explanation {
        name: "formats and charsets are looked at once",
        reason: "FreeMarker finds out that `x?url` has no charset when the text is printed",
        fits: |request, _, _| {
            mentions(request, &["?url"])
                && !request
                    .settings
                    .iter()
                    .any(|(name, _)| name.ends_with("charset") || name.ends_with("encoding"))
        },
    },
    Explanation {
        name: "what ?if_exists gives",
        reason: "for what is missing, FreeMarker's `?if_exists` gives what is a boolean and a function as well",
        fits: |request, _, _| mentions(request, &["if_exists", "ifExists"]),
    },
    Explanation {
        name: "the smallest int",
        reason: "in Java `?abs` of -2147483648 as an int is negative",
        fits: |request, theirs, _| {
            mentions(request, &["?abs"])
                && matches!(&theirs.answer, Answer::Output(text) if text.contains("-2,147,483,648") || text.contains("-2147483648"))
        },
    },
    Explanation {
        name: "messages",
        reason: "`.error` tells what is wrong in the engine's words",
        fits: |request, _, _| mentions(request, &[".error"]),
    },
    Explanation {
        name: "quotients of a hundred zeros",
        reason: "FreeMarker's `?c` gives an exponent to a whole number that a division gave",
        fits: |_, theirs, _| matches!(&theirs.answer, Answer::Output(text) if text.contains("E+1")),
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

/// Whether a locale other than the default is set.
fn has_other_locale(request: &Request) -> bool {
    let english = ["en", "en_US", "en_us"];
    let is_other =
        |(name, value): &(String, String)| name == "locale" && !english.contains(&value.as_str());
    request.settings.iter().any(is_other) || mentions(request, &["locale=", "locale ="])
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
