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
        fits: |_, theirs, ours| {
            const UNMEANT: [&str; 4] = [
                "thrown an unchecked exception",
                "The signum of",
                "Can't parse this as BigDecimal",
                "Infinite or NaN",
            ];
            let accident = |message: &str| UNMEANT.iter().any(|words| message.contains(words));
            let caught = theirs.caught.lines().filter(|line| accident(line)).count();
            failed(&theirs.answer, |kind, message| {
                accident(message) || kind.starts_with("java.") || kind == "Return"
            }) || (caught > 0 && lines_that_differ(theirs, ours) <= caught)
        },
    },
    Explanation {
        name: "halves of characters",
        reason: "halves of a character beyond U+FFFF that come together again are the character for Java; no UTF-8 text can hold them",
        fits: |_, theirs, ours| {
            // Halves that come together again are a character for Java.
            let whole = |text: &str| -> String {
                let text = text.replace("%EF%BF%BD", "%3F");
                text.chars().filter(|c| *c != '\u{fffd}' && c.len_utf16() == 1).collect()
            };
            (has_half(&theirs.answer) || has_half(ours)) && alike(theirs, ours, whole)
        },
    },
    Explanation {
        name: "names of time zones",
        reason: "in full, they are in English in the languages without a table, and have no marks of direction",
        fits: |request, theirs, ours| {
            let without_letters =
                |text: &str| text.chars().filter(|c| c.is_numeric()).collect::<String>();
            has_other_locale(request)
                && (mentions(request, &["zzzz", "full", "'long", "\"long", "_long"])
                    || request.settings.iter().any(|(_, value)| value.starts_with("long")))
                && alike(theirs, ours, without_letters)
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
        name: "empty repetitions",
        reason: "a repeated group that may match nothing holds what it matched before it did, in Java nothing",
        fits: |request, theirs, ours| {
            let may_be_empty = ["(|", "||", "|)", "*)", "?)", "*|", "?|"];
            let repeats = [")+", ")*", "){"];
            let words = |text: &str| text.replace(char::is_alphanumeric, "");
            mentions(request, &may_be_empty)
                && mentions(request, &repeats)
                && mentions(request, &["groups", "replace"])
                && alike(theirs, ours, words)
        },
    },
    Explanation {
        name: "parts of what is computed",
        reason: "a part of what `?map` or `?filter` gives is made at once, and FreeMarker makes none that nobody takes",
        fits: |request, theirs, ours| {
            let lazy = ["map(", "filter(", "while(", "map (", "filter (", "While("];
            let caught = |text: &str| text.replace("!E", "");
            mentions(request, &lazy)
                && mentions(request, &["][", "] ["])
                && (alike(theirs, ours, caught)
                    || matches!(theirs.answer, Answer::Output(_))
                        && failed(ours, |kind, _| kind == "wrong_type"))
        },
    },
    Explanation {
        name: "an old c_format",
        reason: "after `<#setting c_format=…>` FreeMarker goes on with the old one where `number_format` is `c`, until that is set again",
        fits: |request, theirs, ours| {
            mentions(request, &["c_format=", "c_format =", "cFormat=", "cFormat ="])
                && alike(theirs, ours, significant_digits)
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
            mentions(request, &["?double", "?float", "#{", "INF", "NaN"])
                && nearly_same_numbers(theirs, ours)
        },
    },
    Explanation {
        name: "the smallest int",
        reason: "in Java `?abs` of -2147483648 as an int is negative",
        fits: |request, theirs, ours| {
            mentions(request, &["?abs"])
                && matches!(&theirs.answer, Answer::Output(text) if text.contains("-2,147,483,648") || text.contains("-2147483648"))
                && alike(theirs, ours, |text| text.replace('-', ""))
        },
    },
    Explanation {
        name: "messages",
        reason: "`.error` tells what is wrong in the engine's words",
        fits: |request, theirs, _| {
            let told = |text: &str| {
                theirs.caught.lines().any(|line| line.len() > 20 && text.contains(line))
            };
            mentions(request, &[".error"])
                && matches!(&theirs.answer, Answer::Output(text) if told(text))
        },
    },
    Explanation {
        name: "quotients of a hundred zeros",
        reason: "FreeMarker's `?c` gives an exponent to a whole number that a division gave",
        fits: |_, theirs, ours| {
            matches!(&theirs.answer, Answer::Output(text) if text.contains("E+1"))
                && alike(theirs, ours, significant_digits)
        },
    },
    Explanation {
        name: "classes of Java",
        reason: "`?is_collection` and its kin tell Java classes apart, and `.locale_object` is a Java object, which are not here",
        fits: |request, theirs, ours| {
            (mentions(request, &["is_collection", "isCollection"])
                && alike(theirs, ours, without_booleans))
                // A Java object, which is a string here.
                || mentions(request, &["locale_object", "localeObject"])
        },
    },
];

/// Whether an answer is an error whose kind and message are so.
fn failed(answer: &Answer, is: impl Fn(&str, &str) -> bool) -> bool {
    matches!(answer, Answer::Error { kind, message, .. } if is(kind, message))
}

/// Whether an answer has a half of a character in it.
fn has_half(answer: &Answer) -> bool {
    matches!(answer, Answer::Output(text) if text.contains('\u{fffd}') || text.contains("%EF%BF%BD"))
}

/// Whether both are outputs that are the same once some of it is left out.
fn alike(theirs: &Reply, ours: &Answer, without: impl Fn(&str) -> String) -> bool {
    match (&theirs.answer, ours) {
        (Answer::Output(theirs), Answer::Output(ours)) => without(theirs) == without(ours),
        _ => false,
    }
}

/// How many lines of FreeMarker's output differ from those of the engine's. Where the numbers of
/// lines are not the same, all between the first and the last of them count.
fn lines_that_differ(theirs: &Reply, ours: &Answer) -> usize {
    let (Answer::Output(theirs), Answer::Output(ours)) = (&theirs.answer, ours) else {
        return usize::MAX;
    };
    let (theirs, ours): (Vec<&str>, Vec<&str>) = (theirs.lines().collect(), ours.lines().collect());
    let pairs = || theirs.iter().zip(&ours);
    if theirs.len() == ours.len() {
        return pairs().filter(|(theirs, ours)| theirs != ours).count();
    }
    let before = pairs().take_while(|(theirs, ours)| theirs == ours).count();
    let (theirs, ours) = (&theirs[before..], &ours[before..]);
    let from_end = theirs.iter().rev().zip(ours.iter().rev());
    theirs.len() - from_end.take_while(|(theirs, ours)| theirs == ours).count()
}

/// Whether both are outputs with the same words, and numbers that differ in the last digits.
fn nearly_same_numbers(theirs: &Reply, ours: &Answer) -> bool {
    /// What a `float` is exact to.
    const EXACT: f64 = 1e-6;
    let (Answer::Output(theirs), Answer::Output(ours)) = (&theirs.answer, ours) else {
        return false;
    };
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | 'E' | '-' | '+');
    let words = |text: &str| text.replace(digits, "");
    let numbers = |text: &str| -> Vec<f64> {
        let numbers = text.split(|c| !digits(c)).map(|number| number.replace(',', ""));
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    let (their_numbers, our_numbers) = (numbers(theirs), numbers(ours));
    let near = |(one, other): (&f64, &f64)| (one - other).abs() <= one.abs() * EXACT;
    words(theirs) == words(ours)
        && their_numbers.len() == our_numbers.len()
        && their_numbers.iter().zip(&our_numbers).all(near)
}

/// The text without exponents, points and zeros.
fn significant_digits(text: &str) -> String {
    let mut rest = text.split("E+");
    let mut digits = rest.next().unwrap_or_default().to_owned();
    for part in rest {
        digits.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    digits.replace(['0', '.'], "")
}

/// The text without what templates print for true and false.
fn without_booleans(text: &str) -> String {
    const WORDS: [&str; 8] = ["true", "false", "yes", "no", "T", "F", "1", "0"];
    WORDS.iter().fold(text.to_owned(), |text, word| text.replace(word, ""))
}

/// Whether a locale other than the default is set.
fn has_other_locale(request: &Request) -> bool {
    let english = ["en", "en_US", "en_us"];
    let is_other =
        |(name, value): &(String, String)| name == "locale" && !english.contains(&value.as_str());
    request.settings.iter().any(is_other) || mentions(request, &["locale=", "locale ="])
}

/// Whether one of the words is in a template or a setting.
fn mentions(request: &Request, words: &[&str]) -> bool {
    let texts = request.templates.iter().chain(&request.settings).map(|(_, text)| text);
    texts.chain([&request.template]).any(|text| words.iter().any(|word| text.contains(word)))
}

/// The name of the reason for a difference.
pub(crate) fn explain(request: &Request, theirs: &Reply, ours: &Answer) -> Option<&'static str> {
    EXPLANATIONS
        .iter()
        .find(|explanation| (explanation.fits)(request, theirs, ours))
        .map(|explanation| explanation.name)
}
