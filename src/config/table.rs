//! Every key that `syncs.toml` knows: its kind of value, its limits, its default, and what it is for.
//!
//! The reader checks values by this table, and the JSON Schema is made from it, so the two can't
//! say different things.

use crate::delivery::MAX_CONCURRENCY;
use crate::delivery::MAX_TIMEOUT;
use crate::delivery::policy::MAX_GAP;
use crate::delivery::policy::MAX_GAPS;
use crate::delivery::policy::MAX_TRIES;
use crate::delivery::request::METHODS;

/// A key of a table of the file.
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// The default as TOML, where it is one value.
    pub default: Option<&'static str>,
    /// A value as TOML, to learn from.
    pub example: &'static str,
    /// What it is for: a sentence or two.
    pub about: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// A whole number; both ends included.
    Whole {
        /// The least.
        min: usize,
        /// The greatest, if there is one.
        max: Option<usize>,
    },
    /// A number; both ends included.
    Number {
        /// The least.
        min: f64,
        /// Whether it must be more than the least.
        more: bool,
        /// The greatest.
        max: f64,
    },
    /// An HTTP status such as 429, or a range as a text, such as "500-599".
    Status,
    /// A list of at most so many.
    List(&'static Kind, usize),
    /// A text, or a list of texts.
    Texts,
    /// A table whose keys are free and whose values are texts.
    FreeTable,
    /// A table with these keys.
    Table(&'static [Key]),
}

const SECONDS_OF_A_GAP: f64 = MAX_GAP.as_secs() as f64;
const A_LONG_LIST: usize = 10_000;

/// The keys of `[sync.NAME]`.
pub const KEYS: &[Key] = &[
    Key {
        name: "url",
        kind: Kind::Text,
        default: None,
        example: r#""https://example.com/webhook""#,
        about: "Where to: FTL over `input` (the event) and `secrets` (the environment). The host is written out.",
    },
    Key {
        name: "method",
        kind: Kind::Choice(&METHODS),
        default: Some(r#""POST""#),
        example: r#""PUT""#,
        about: "The method of the requests.",
    },
    Key {
        name: "headers",
        kind: Kind::FreeTable,
        default: None,
        example: r#"{ Authorization = "Bearer ${secrets.BRAZE_TOKEN}" }"#,
        about: "Headers beside Content-Type and User-Agent, or in their place. Values are FTL over `input` and `secrets`.",
    },
    Key {
        name: "max_headers",
        kind: Kind::Whole { min: 0, max: None },
        default: Some("5"),
        example: "8",
        about: "How many headers may be added to the preset ones.",
    },
    Key {
        name: "template",
        kind: Kind::Text,
        default: None,
        example: r#""braze.ftl""#,
        about: "The file of the template that makes the payload, looked for beside this file. Left out: the original event.",
    },
    Key {
        name: "filter",
        kind: Kind::Text,
        default: None,
        example: r#"'input.event_type == "Order Completed" && input.user_id??'"#,
        about: "Which events are sent: an FTL boolean expression over `input`. Left out: all.",
    },
    Key {
        name: "filter_file",
        kind: Kind::Text,
        default: None,
        example: r#""filter.json""#,
        about: "A file with Amplitude's filter JSON, looked for beside this file; in place of `filter`.",
    },
    Key {
        name: "retry",
        kind: Kind::Table(RETRY_KEYS),
        default: None,
        example: "{ tries = 2, jitter = 0.2 }",
        about: "When a failed delivery is tried again.",
    },
    Key {
        name: "store",
        kind: Kind::Text,
        default: None,
        example: r#""braze.db""#,
        about: "The file that keeps what is pending and what was given up; \"memory\" for none. Left out: the sync's name with `.db`, beside this file.",
    },
    Key {
        name: "concurrency",
        kind: Kind::Whole { min: 1, max: Some(MAX_CONCURRENCY) },
        default: Some("32"),
        example: "8",
        about: "Requests at the same time, at most.",
    },
    Key {
        name: "timeout_seconds",
        kind: Kind::Number { min: 0.0, more: true, max: MAX_TIMEOUT.as_secs() as f64 },
        default: Some("10"),
        example: "2.5",
        about: "How long a try may take, from looking up the name to the answer's head.",
    },
    Key {
        name: "rate_limit_per_second",
        kind: Kind::Number { min: 0.0, more: true, max: 1e6 },
        default: None,
        example: "100",
        about: "The most requests a second. Left out: no limit.",
    },
    Key {
        name: "event_key",
        kind: Kind::Text,
        default: None,
        example: r#""uuid""#,
        about: "The path of the field that identifies an event. Left out: `$insert_id` with `device_id`.",
    },
    Key {
        name: "ordering",
        kind: Kind::Text,
        default: None,
        example: r#""user_id""#,
        about: "The path of the field whose events keep their order. Left out: no order.",
    },
    Key {
        name: "durability",
        kind: Kind::Choice(&["disk", "process", "none"]),
        default: Some(r#""disk""#),
        example: r#""process""#,
        about: "When an event counts as accepted: on the disk, with the operating system, or in memory.",
    },
    Key {
        name: "keep_events",
        kind: Kind::Boolean,
        default: Some("true"),
        example: "false",
        about: "Whether the store keeps events, so that dead letters can be rendered anew.",
    },
    Key {
        name: "signing_secret",
        kind: Kind::Texts,
        default: None,
        example: r#""${secrets.SIGNING_SECRET}""#,
        about: "Signs requests by Standard Webhooks. A list while keys are changed, the newest first.",
    },
    Key {
        name: "address_policy",
        kind: Kind::Choice(&["metadata", "public", "any"]),
        default: Some(r#""metadata""#),
        example: r#""public""#,
        about: "Which addresses may be dialled: all but the metadata services of clouds, public ones only, or any.",
    },
    Key {
        name: "allow_addresses",
        kind: Kind::List(&Kind::Text, A_LONG_LIST),
        default: None,
        example: r#"["10.0.0.0/8"]"#,
        about: "Networks that may be dialled whatever the policy says.",
    },
    Key {
        name: "ca_file",
        kind: Kind::Text,
        default: None,
        example: r#""ca.pem""#,
        about: "A PEM file: the certificates to trust, in place of the system's.",
    },
    Key {
        name: "client_certificate",
        kind: Kind::Text,
        default: None,
        example: r#""client.pem""#,
        about: "A PEM file: the certificate to show to the receiver.",
    },
    Key {
        name: "client_key",
        kind: Kind::Text,
        default: None,
        example: r#""client.key""#,
        about: "A PEM file with that certificate's key. Left out: in the same file.",
    },
    Key {
        name: "pause_after_failures",
        kind: Kind::Whole { min: 1, max: None },
        default: None,
        example: "20",
        about: "So many failed attempts in a row leave a host alone for a while. Left out: never.",
    },
    Key {
        name: "enabled",
        kind: Kind::Boolean,
        default: Some("true"),
        example: "false",
        about: "Whether it may run. What a disabled sync has pending stays.",
    },
];

/// The keys of `[sync.NAME.retry]`.
pub const RETRY_KEYS: &[Key] = &[
    Key {
        name: "schedule",
        kind: Kind::List(&Kind::Number { min: 0.0, more: false, max: SECONDS_OF_A_GAP }, MAX_GAPS),
        default: Some("[30, 60, 120, 240, 480, 900, 1800, 3600, 7170]"),
        example: "[60, 600, 3600]",
        about: "The gaps between attempts in seconds; there is one attempt more than gaps.",
    },
    Key {
        name: "jitter",
        kind: Kind::Number { min: 0.0, more: false, max: 1.0 },
        default: Some("0.1"),
        example: "0.2",
        about: "The largest share of a gap that chance may take off.",
    },
    Key {
        name: "tries",
        kind: Kind::Whole { min: 1, max: Some(MAX_TRIES as usize) },
        default: Some("3"),
        example: "2",
        about: "Tries in one attempt, the first one included.",
    },
    Key {
        name: "try_backoff_seconds",
        kind: Kind::Number { min: 0.0, more: false, max: SECONDS_OF_A_GAP },
        default: Some("0.1"),
        example: "0.5",
        about: "The wait before the second try; it doubles before each further one.",
    },
    Key {
        name: "try_jitter",
        kind: Kind::Number { min: 0.0, more: false, max: 1.0 },
        default: Some("0.5"),
        example: "0.2",
        about: "How far chance may stretch or shrink that wait, as a share of it.",
    },
    Key {
        name: "try_window_seconds",
        kind: Kind::Number { min: 0.0, more: false, max: SECONDS_OF_A_GAP },
        default: Some("4"),
        example: "10",
        about: "No try of an attempt starts later than this after its first one.",
    },
    Key {
        name: "retry_statuses",
        kind: Kind::List(&Kind::Status, A_LONG_LIST),
        default: Some(r#"[429, "500-599"]"#),
        example: r#"[408, 429, "500-599"]"#,
        about: "The answers after which an attempt goes on with another try.",
    },
    Key {
        name: "respect_retry_after",
        kind: Kind::Boolean,
        default: Some("true"),
        example: "false",
        about: "Whether `Retry-After` of a 429 or 503 is obeyed, within limits.",
    },
    Key {
        name: "expire_after_seconds",
        kind: Kind::Number { min: 0.0, more: true, max: SECONDS_OF_A_GAP },
        default: None,
        example: "3600",
        about: "No attempt starts so long after the event was accepted: it is given up. Left out: the schedule decides.",
    },
    Key {
        name: "gone",
        kind: Kind::Choice(&["retry", "stop"]),
        default: Some(r#""retry""#),
        example: r#""stop""#,
        about: "What an answer of 410 means: a failure like any other, or the end of the delivery.",
    },
];

/// The key of that name.
pub(in crate::config) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}
