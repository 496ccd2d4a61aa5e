//! What a request may be made of: methods, URLs, header lines; and what is said of the rest.

use std::fmt;

use url::Url;

use crate::text::did_you_mean;

/// The methods a request may have.
pub const METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];

/// The longest header line, name and value; common servers refuse longer ones.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// The longest URL.
const MAX_URL_BYTES: usize = 8 * 1024;

/// Headers that the engine or HTTP itself sets.
const RESERVED_HEADERS: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// What is wrong with a request. The message never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    kind: RequestErrorKind,
    message: String,
    hint: Option<String>,
}

/// What a [`RequestError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// The method is none that is sent.
    Method,
    /// The URL is no absolute http(s) URL with a host.
    Url,
    /// The URL holds a user name or password.
    UserInfo,
    /// A header name is no HTTP token, or there twice.
    HeaderName,
    /// A header that is set by the engine or by HTTP.
    ReservedHeader,
    /// A header value holds a line break or anything else but printable ASCII.
    HeaderValue,
    /// More headers than allowed.
    TooManyHeaders,
    /// A secret that is named is not there.
    MissingSecret,
    /// The `webhook-id` holds forbidden characters.
    Id,
}

impl RequestError {
    pub(crate) fn new(kind: RequestErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What it is about, for programs.
    pub fn kind(&self) -> RequestErrorKind {
        self.kind
    }

    /// What was expected and what was found.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to put it right, where that is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for RequestError {}

pub(crate) fn check_method(method: &str) -> Result<(), RequestError> {
    if METHODS.contains(&method) {
        return Ok(());
    }
    let error = RequestError::new(
        RequestErrorKind::Method,
        format!("expected one of {}, found {:?}", METHODS.join(", "), shortened(method)),
    );
    Err(match did_you_mean(&method.to_ascii_uppercase(), METHODS) {
        Some(meant) => error.hint(format!("did you mean {meant}?")),
        None => error,
    })
}

/// The URL, parsed and in its normal form: an odd spelling of an address such as `127.1` becomes
/// the address, and the fragment, which is never sent, is gone.
pub(crate) fn check_url(text: &str) -> Result<Url, RequestError> {
    let bad = |message: String| RequestError::new(RequestErrorKind::Url, message);
    if text.len() > MAX_URL_BYTES {
        return Err(bad(format!(
            "expected a URL of at most {MAX_URL_BYTES} bytes, found {}",
            text.len()
        )));
    }
    if text.chars().any(char::is_control) || text.contains(' ') {
        return Err(bad(String::from(
            "expected a URL without blanks and control characters, found one",
        ))
        .hint("in a template, use ?url for text from events"));
    }
    let mut url = Url::parse(text).map_err(|error| {
        bad(format!("expected an absolute URL such as https://example.com/hook: {error}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(format!(
            "expected a URL that begins with http:// or https://, found {}:",
            url.scheme()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RequestError::new(
            RequestErrorKind::UserInfo,
            "expected a URL without user name and password, found one",
        )
        .hint("use an Authorization header with a secret"));
    }
    if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return Err(bad(String::from("expected a URL with a host and a port from 1 to 65535")));
    }
    url.set_fragment(None);
    Ok(url)
}

pub(crate) fn check_header_name(name: &str) -> Result<(), RequestError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(RequestError::new(
            RequestErrorKind::HeaderName,
            format!("expected a header name of letters, digits and -, found {:?}", shortened(name)),
        ));
    }
    if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(RequestError::new(
            RequestErrorKind::ReservedHeader,
            format!(
                "expected a header that can be set, found {name}, which is set for each request"
            ),
        ));
    }
    Ok(())
}

pub(crate) fn check_header_value(name: &str, value: &str) -> Result<(), RequestError> {
    let bad = |message: String| RequestError::new(RequestErrorKind::HeaderValue, message);
    if name.len() + value.len() > MAX_HEADER_BYTES {
        return Err(bad(format!(
            "expected a header of at most {MAX_HEADER_BYTES} bytes, found {name} with {}",
            value.len()
        )));
    }
    let printable = |c: &char| matches!(c, ' '..='~');
    match value.chars().find(|c| !printable(c)) {
        None => Ok(()),
        // The character is named by its number: the value around it may hold a secret.
        Some(found) => Err(bad(format!(
            "expected printable ASCII in header {name}, found U+{:04X}",
            u32::from(found)
        ))
        .hint("encode the value, for instance with ?url")),
    }
}

/// Text from outside, short enough for a message.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
