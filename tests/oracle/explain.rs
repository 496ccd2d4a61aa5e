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
                || failed(&theirs.answer, |kind, _| {
                    kind.ends_with("OutOfMemoryError") || kind.ends_with("StackOverflowError")
                })
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
        fits: |_, theirs, _| {
            let message = "Failed to read regular expression match group";
            failed(&theirs.answer, |_, found| found.contains(message))
                || theirs.caught.contains(message)
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
        fits: |_, theirs, ours| {
            // Halves that come together again are a character for Java.
            let whole = |text: &str| -> String {
                text.chars().filter(|c| *c != '\u{fffd}' && c.len_utf16() == 1).collect()
            };
            (has_half(&theirs.answer) || has_half(ours)) && alike(theirs, ours, whole)
        },
    },
    Explanation {
        name: "names of time zones",
        reason: "in full, they are in English in the languages without a table",
        fits: |request, theirs, ours| {
            let without_letters =
                |text: &str| text.chars().filter(|c| c.is_numeric()).collect::<String>();
            has_other_locale(request) && alike(theirs, ours, without_letters)
        },
    },
    Explanation {
        name: "order of letters",
        reason: "strings are sorted as English sorts them, whatever the locale",
        fits: |request, theirs, ours| {
            let sorted = |text: &str| {
                let mut letters: Vec<char> = text.chars().collect();
                letters.sort_unstable();
                letters.into_iter().collect::<String>()
            };
            has_other_locale(request)
                && mentions(request, &["?sort"])
                && alike(theirs, ours, sorted)
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
        fits: |request, theirs, ours| {
            let without_digits =
                |text: &str| text.chars().filter(|c| !c.is_numeric()).collect::<String>();
            mentions(request, &["?double", "?float", "#{", "INF", "NaN"])
                && alike(theirs, ours, without_digits)
        },
    },
    Explanation {
        name: "charsets are looked at once",
        reason: "FreeMarker finds out that `x?url` has no charset when the text is printed",
        fits: |_, theirs, ours| {
            matches!(theirs.answer, Answer::Output(_))
                && failed(ours, |_, message| message.contains("needs a charset"))
        },
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
        fits: |request, theirs, _| mentions(request, &[".error"]) && !theirs.caught.is_empty(),
    },
    Explanation {
        name: "quotients of a hundred zeros",
        reason: "FreeMarker's `?c` gives an exponent to a whole number that a division gave",
        fits: |_, theirs, _| matches!(&theirs.answer, Answer::Output(text) if text.contains("E+1")),
    },
    Explanation {
        name: "classes of Java",
        reason: "`?is_collection` and its kin tell Java classes apart, which are not here",
        fits: |request, theirs, ours| {
            let asks = ["is_collection", "isCollection", "locale_object", "localeObject"];
            mentions(request, &asks) && alike(theirs, ours, |_| String::new())
        },
    },
];

/// Whether an answer is an error whose kind and message are so.
fn failed(answer: &Answer, is: impl Fn(&str, &str) -> bool) -> bool {
    matches!(answer, Answer::Error { kind, message, .. } if is(kind, message))
}

/// Whether an answer has a half of a character in it.
fn has_half(answer: &Answer) -> bool {
    matches!(answer, Answer::Output(text) if text.contains('\u{fffd}'))
}

/// Whether both are outputs that are the same once some of it is left out.
fn alike(theirs: &Reply, ours: &Answer, without: impl Fn(&str) -> String) -> bool {
    match (&theirs.answer, ours) {
        (Answer::Output(theirs), Answer::Output(ours)) => without(theirs) == without(ours),
        _ => false,
    }
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
