//! How a try ended: an answer or a failure to get one, classified once and early.
//!
//! The verdict is the status line. 2xx means delivered; everything else is a failure, redirects
//! included: they are never followed. What comes after the status line (headers too long, a body
//! that breaks off) is best effort and changes nothing. No sockets here, no clock.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use crate::delivery::clock::Timestamp;

/// How much of an answer's body is kept, in bytes.
pub const EXCERPT_BYTES: usize = 1024;

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered with this 2xx status.
    Delivered {
        /// The status, 200 to 299.
        status: u16,
    },
    /// Anything else.
    Failed(Box<Failure>),
}

impl Outcome {
    /// The outcome that an answer means.
    ///
    /// `retry_after` is the text of that header, `excerpt` the beginning of the body.
    pub fn of_answer(
        status: u16,
        retry_after: Option<&str>,
        excerpt: &[u8],
        wall: Timestamp,
    ) -> Self {
        if (200..300).contains(&status) {
            return Self::Delivered { status };
        }
        Self::Failed(Box::new(Failure {
            kind: FailureKind::Status(status),
            message: format!("answered {status}{}", meaning(status)),
            retry_after: retry_after.and_then(|text| parse_retry_after(text, wall)),
            excerpt: printable(excerpt),
        }))
    }

    /// The outcome of a try that got no answer.
    pub fn of_trouble(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::Failed(Box::new(Failure {
            kind,
            message: message.into(),
            retry_after: None,
            excerpt: String::new(),
        }))
    }

    /// Whether the receiver has it.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered { .. })
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Delivered { status } => Some(*status),
            Self::Failed(failure) => match failure.kind {
                FailureKind::Status(status) => Some(status),
                _ => None,
            },
        }
    }

    /// The failure, if it is one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Delivered { .. } => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

/// A try that did not deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, for programs.
    pub kind: FailureKind,
    /// What went wrong, for people. Holds no secret.
    pub message: String,
    /// How long the receiver asks to wait.
    pub retry_after: Option<Duration>,
    /// The beginning of the answer's body, control characters made visible.
    pub excerpt: String,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The receiver answered, but not with 2xx.
    Status(u16),
    /// Nothing came in time; says what was being waited for.
    Timeout(Phase),
    /// The host name leads nowhere.
    Resolve,
    /// No connection: refused, unreachable, …
    Connect,
    /// No secure connection: the certificate, the protocol.
    Tls,
    /// The connection closed before an answer.
    Closed,
    /// What came is no HTTP.
    Protocol,
    /// The address policy forbids the address.
    Blocked,
    /// The request could not be made: a secret is missing or spoils a header.
    Request,
    /// The engine was stopped while waiting for the answer. Not counted as an attempt.
    Cut,
}

impl FailureKind {
    /// The kind's name for programs: `status_503`, `timeout_receive`, `connect`, …
    pub fn name(self) -> String {
        match self {
            Self::Status(status) => format!("status_{status}"),
            Self::Timeout(phase) => format!("timeout_{}", phase.name()),
            Self::Resolve => String::from("resolve"),
            Self::Connect => String::from("connect"),
            Self::Tls => String::from("tls"),
            Self::Closed => String::from("closed"),
            Self::Protocol => String::from("protocol"),
            Self::Blocked => String::from("blocked"),
            Self::Request => String::from("request"),
            Self::Cut => String::from("cut"),
        }
    }
}

/// What a try was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking up the host name.
    Resolve,
    /// Opening the connection.
    Connect,
    /// Agreeing on encryption.
    Tls,
    /// Sending the request.
    Send,
    /// Waiting for the answer, or reading its head.
    Receive,
}

impl Phase {
    /// The phase as one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Receive => "receive",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up the host name",
            Self::Connect => "connecting",
            Self::Tls => "agreeing on encryption",
            Self::Send => "sending the request",
            Self::Receive => "waiting for the answer",
        })
    }
}

/// `Retry-After` as a wait from now: whole seconds, or an HTTP date. A date that has passed is no
/// wait; anything else is ignored.
pub fn parse_retry_after(text: &str, wall: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits for a number still say "very long"; the policy has its caps.
        return Some(Duration::from_secs(
            text.parse::<u32>().map_or(u64::from(u32::MAX), u64::from),
        ));
    }
    let date = parse_http_date(text)?;
    Some(date.since(wall))
}

/// The three forms of a date that HTTP knows.
fn parse_http_date(text: &str) -> Option<Timestamp> {
    if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
        return Some(Timestamp::from_millis(date.timestamp().as_millisecond()));
    }
    let old_forms = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    old_forms.iter().find_map(|form| {
        let date = jiff::civil::DateTime::strptime(form, text).ok()?;
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    })
}

/// The beginning of an untrusted text, harmless in a log or terminal: control characters, line
/// breaks and text-direction marks become visible escapes.
pub fn printable(bytes: &[u8]) -> String {
    let kept = &bytes[..bytes.len().min(EXCERPT_BYTES)];
    let mut text = String::with_capacity(kept.len());
    for c in String::from_utf8_lossy(kept).chars() {
        let breaks_line = matches!(c, '\u{2028}' | '\u{2029}');
        let steers_direction = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() || breaks_line || steers_direction => {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text
}

/// What the commonest failures usually mean.
fn meaning(status: u16) -> &'static str {
    match status {
        101 => " (switching protocols)",
        300..400 => " (a redirect, which is not followed)",
        400 => " (bad request)",
        401 => " (unauthorized)",
        403 => " (forbidden)",
        404 => " (not found)",
        408 => " (request timeout)",
        410 => " (gone)",
        413 => " (payload too large)",
        422 => " (unprocessable)",
        429 => " (too many requests)",
        500 => " (internal server error)",
        502 => " (bad gateway)",
        503 => " (service unavailable)",
        504 => " (gateway timeout)",
        _ => "",
    }
}
