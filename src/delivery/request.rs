//! What is sent: method, URL, headers, body and the `webhook-id`. Data and its checks only.
//!
//! URL and header values may name secrets. A secret is filled in for each try and never kept: not
//! in the store, not in a log, not in a message. [`Target::new`] checks all that can be known
//! beforehand; what secrets bring in is checked again when they are filled in.

mod check;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use url::Url;

use crate::delivery::request::check::check_header_name;
use crate::delivery::request::check::check_header_value;
use crate::delivery::request::check::check_method;
use crate::delivery::request::check::check_url;

pub use crate::delivery::request::check::METHODS;
pub use crate::delivery::request::check::RequestError;
pub use crate::delivery::request::check::RequestErrorKind;

/// The headers every request has unless others of the same name are set.
pub const PRESET_HEADERS: [(&str, &str); 2] =
    [("Content-Type", "application/json"), ("User-Agent", "Amplitude/Webhook/1.0")];

/// How many headers may be set beyond the preset ones, unless set otherwise.
pub const DEFAULT_MAX_HEADERS: usize = 5;

/// Where secrets are looked up, by name, for each try.
pub trait Secrets: Send + Sync {
    /// The secret of that name, if there is one.
    fn get(&self, name: &str) -> Option<String>;
}

/// No secrets at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }
}

impl<S: BuildHasher + Send + Sync> Secrets for HashMap<String, String, S> {
    fn get(&self, name: &str) -> Option<String> {
        HashMap::get(self, name).cloned()
    }
}

impl Secrets for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

/// A piece of a [`MaskedText`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Text as it is.
    Plain(String),
    /// The name of a secret, whose value stands here when the request is sent.
    Secret(String),
}

/// A text that may have secrets in it, known by name only. Prints as `Bearer ${secrets.TOKEN}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MaskedText {
    parts: Vec<Part>,
}

impl MaskedText {
    /// A text of these parts, in order.
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    /// A text without secrets.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Plain(text.into())] }
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The names of the secrets in it.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name.as_str()),
            Part::Plain(_) => None,
        })
    }

    /// The text with its secrets. Whoever calls this must not keep the result.
    ///
    /// # Errors
    /// When a secret is missing; the message names it.
    pub fn fill(&self, secrets: &dyn Secrets) -> Result<String, RequestError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Secret(name) => text.push_str(&secrets.get(name).ok_or_else(|| {
                    RequestError::new(
                        RequestErrorKind::MissingSecret,
                        format!("expected a secret named {name}, found none"),
                    )
                    .hint(format!("set the environment variable {name}"))
                })?),
            }
        }
        Ok(text)
    }

    fn has_secrets(&self) -> bool {
        self.secret_names().next().is_some()
    }

    /// The text with a harmless stand-in for each secret, for checks before secrets are known.
    fn with_stand_ins(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Plain(plain) => plain.as_str(),
            Part::Secret(_) => "secret",
        });
        parts.collect()
    }
}

impl fmt::Display for MaskedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Plain(plain) => f.write_str(plain)?,
                Part::Secret(name) => write!(f, "${{secrets.{name}}}")?,
            }
        }
        Ok(())
    }
}

impl From<&str> for MaskedText {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

/// Where and how to send: method, URL and headers. Shared by all requests that have them in common.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    method: String,
    url: MaskedText,
    host: String,
    headers: Vec<(String, MaskedText)>,
}

impl Target {
    /// Checks method, URL and headers, and adds the preset headers that are not set.
    ///
    /// `max_headers` is how many headers may be set beyond the preset ones.
    ///
    /// # Errors
    /// When the method is none of [`METHODS`], the URL is not an absolute http(s) URL or holds a
    /// user name, a header name is reserved, twice there or no HTTP token, a value holds anything
    /// but printable ASCII, or there are too many headers.
    pub fn new(
        method: &str,
        url: impl Into<MaskedText>,
        headers: Vec<(String, MaskedText)>,
        max_headers: usize,
    ) -> Result<Self, RequestError> {
        let url = url.into();
        check_method(method)?;
        // A URL that is one secret as a whole can be checked only when it is filled in.
        let secret_as_a_whole =
            url.has_secrets() && url.parts.iter().all(|part| matches!(part, Part::Secret(_)));
        let host = if secret_as_a_whole {
            String::new()
        } else {
            let checked = check_url(&url.with_stand_ins())?;
            checked.host_str().unwrap_or_default().to_owned()
        };
        let custom = headers.iter().filter(|(name, _)| !is_preset(name)).count();
        if custom > max_headers {
            return Err(RequestError::new(
                RequestErrorKind::TooManyHeaders,
                format!(
                    "expected at most {max_headers} headers beyond the preset ones, found {custom}"
                ),
            )
            .hint("raise max_headers"));
        }
        let mut all: Vec<(String, MaskedText)> = Vec::with_capacity(headers.len() + 2);
        for (name, value) in PRESET_HEADERS {
            if !headers.iter().any(|(set, _)| set.eq_ignore_ascii_case(name)) {
                all.push((name.to_owned(), MaskedText::plain(value)));
            }
        }
        for (name, value) in headers {
            check_header_name(&name)?;
            check_header_value(&name, &value.with_stand_ins())?;
            if all.iter().any(|(set, _)| set.eq_ignore_ascii_case(&name)) {
                return Err(RequestError::new(
                    RequestErrorKind::HeaderName,
                    format!("expected each header once, found {name} twice"),
                ));
            }
            all.push((name, value));
        }
        Ok(Self { method: method.to_owned(), url, host, headers: all })
    }

    /// The method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL, its secrets by name.
    pub fn url(&self) -> &MaskedText {
        &self.url
    }

    /// The URL for people and logs: its query is left out, because tokens are often put there.
    pub fn shown_url(&self) -> String {
        let url = self.url.to_string();
        match url.split_once('?') {
            Some((before, _)) => format!("{before}?..."),
            None => url,
        }
    }

    /// The host, as far as it is not a secret; requests to the same host share a breaker.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Names and values of all headers, presets included.
    pub fn headers(&self) -> &[(String, MaskedText)] {
        &self.headers
    }

    /// The names of all secrets it needs.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.url
            .secret_names()
            .chain(self.headers.iter().flat_map(|(_, value)| value.secret_names()))
    }

    /// Fills the secrets in and throws the result away: says early what would fail at each try.
    ///
    /// # Errors
    /// When a secret is missing or makes the URL or a header invalid.
    pub fn check_secrets(&self, secrets: &dyn Secrets) -> Result<(), RequestError> {
        self.fill(secrets).map(drop)
    }

    /// The URL and headers with their secrets, checked once more.
    pub(crate) fn fill(&self, secrets: &dyn Secrets) -> Result<FilledTarget, RequestError> {
        let url = check_url(&self.url.fill(secrets)?)?;
        let mut headers = Vec::with_capacity(self.headers.len());
        let mut secret_values = Vec::new();
        for (name, value) in &self.headers {
            let filled = value.fill(secrets)?;
            check_header_value(name, &filled)?;
            headers.push((name.clone(), filled));
        }
        for name in self.secret_names() {
            secret_values.extend(secrets.get(name));
        }
        Ok(FilledTarget { url, headers, secret_values })
    }

    /// Whether it needs no secrets, so that it can be prepared once for all tries.
    pub(crate) fn is_plain(&self) -> bool {
        !self.url.has_secrets() && self.headers.iter().all(|(_, value)| !value.has_secrets())
    }
}

/// Prints with the query masked, because tokens are often put there.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} {}, {} headers)", self.method, self.shown_url(), self.headers.len())
    }
}

/// A target as it goes over the wire. Lives for one try and is never printed.
pub(crate) struct FilledTarget {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) secret_values: Vec<String>,
}

/// One request, the same on every try: where to, which body, and the id receivers know it by.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Method, URL and headers.
    pub target: Arc<Target>,
    /// Sent as `webhook-id`: the same on every try, so a receiver can tell a repetition.
    pub id: String,
    /// The payload, byte for byte.
    pub body: Vec<u8>,
}

impl Request {
    /// A request with this id and body.
    ///
    /// # Errors
    /// When the id is empty, longer than 255 bytes, or holds anything but letters, digits,
    /// `_` and `-` (a dot would make signatures ambiguous).
    pub fn new(
        target: Arc<Target>,
        id: impl Into<String>,
        body: impl Into<Vec<u8>>,
    ) -> Result<Self, RequestError> {
        let id = id.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if id.is_empty() || id.len() > 255 || !id.bytes().all(allowed) {
            return Err(RequestError::new(
                RequestErrorKind::Id,
                format!("expected an id of 1 to 255 letters, digits, _ and -, found {id:?}"),
            ));
        }
        Ok(Self { target, id, body: body.into() })
    }
}

/// Prints without the body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {:?}, {} bytes)", self.id, self.target, self.body.len())
    }
}

fn is_preset(name: &str) -> bool {
    PRESET_HEADERS.iter().any(|(preset, _)| preset.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::delivery::request::DEFAULT_MAX_HEADERS;
    use crate::delivery::request::MaskedText;
    use crate::delivery::request::NoSecrets;
    use crate::delivery::request::Part;
    use crate::delivery::request::RequestErrorKind;
    use crate::delivery::request::Target;

    fn target(url: &str, headers: &[(&str, &str)]) -> Result<Target, RequestErrorKind> {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), MaskedText::plain(*value)));
        Target::new("POST", url, headers.collect(), DEFAULT_MAX_HEADERS)
            .map_err(|error| error.kind())
    }

    #[test]
    fn urls_are_http_with_a_host_and_no_user() {
        for good in [
            "http://a/",
            "https://example.com:8443/x?y=z#f",
            "http://[::1]:80/",
            "http://bücher.example/ü",
        ] {
            assert!(target(good, &[]).is_ok(), "{good}");
        }
        let table = [
            ("ftp://a/", RequestErrorKind::Url),
            ("/path", RequestErrorKind::Url),
            ("", RequestErrorKind::Url),
            ("http://", RequestErrorKind::Url),
            ("http://a:99999/", RequestErrorKind::Url),
            ("http://a:0/", RequestErrorKind::Url),
            ("http://a/\r\nX: y", RequestErrorKind::Url),
            ("http://a/ b", RequestErrorKind::Url),
            ("http://me@a/", RequestErrorKind::UserInfo),
            ("http://me:secret@a/", RequestErrorKind::UserInfo),
        ];
        for (bad, kind) in table {
            assert_eq!(target(bad, &[]), Err(kind), "{bad}");
        }
    }

    #[test]
    fn an_odd_spelling_of_an_address_becomes_the_address() {
        for odd in
            ["http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/"]
        {
            let filled = target(odd, &[]).ok().and_then(|target| target.fill(&NoSecrets).ok());
            assert_eq!(
                filled.map(|filled| filled.url.to_string()).as_deref(),
                Some("http://127.0.0.1/"),
                "{odd}"
            );
        }
    }

    #[test]
    fn headers_are_checked_one_by_one() {
        let table: [(&str, &str, RequestErrorKind); 9] = [
            ("Host", "a", RequestErrorKind::ReservedHeader),
            ("content-LENGTH", "1", RequestErrorKind::ReservedHeader),
            ("Webhook-Id", "1", RequestErrorKind::ReservedHeader),
            ("X Y", "1", RequestErrorKind::HeaderName),
            ("X:", "1", RequestErrorKind::HeaderName),
            ("", "1", RequestErrorKind::HeaderName),
            ("X", "a\r\nY: b", RequestErrorKind::HeaderValue),
            ("X", "ü", RequestErrorKind::HeaderValue),
            ("X", "a\0", RequestErrorKind::HeaderValue),
        ];
        for (name, value, kind) in table {
            assert_eq!(target("http://a/", &[(name, value)]), Err(kind), "{name}: {value}");
        }
        assert_eq!(
            target("http://a/", &[("X", "1"), ("x", "2")]),
            Err(RequestErrorKind::HeaderName)
        );
    }

    #[test]
    fn a_sixth_custom_header_is_refused_and_presets_do_not_count() {
        let five = [("A", "1"), ("B", "1"), ("C", "1"), ("D", "1"), ("E", "1")];
        let mut six = five.to_vec();
        six.push(("content-type", "text/plain"));
        let with_preset = target("http://a/", &six).map(|target| target.headers().len());
        assert_eq!(with_preset, Ok(7));
        six.push(("F", "1"));
        assert_eq!(target("http://a/", &six), Err(RequestErrorKind::TooManyHeaders));
    }

    #[test]
    fn secrets_are_filled_in_and_never_printed() {
        let value =
            MaskedText::new(vec![Part::Plain("Bearer ".into()), Part::Secret("TOKEN".into())]);
        let headers = vec![(String::from("Authorization"), value)];
        let target = Target::new("POST", "https://a/?k=v", headers, 5);
        let target = target.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(target.headers()[2].1.to_string(), "Bearer ${secrets.TOKEN}");
        assert!(!format!("{target:?}").contains("k=v"));
        let missing = target.check_secrets(&NoSecrets).err();
        assert_eq!(missing.map(|error| error.kind()), Some(RequestErrorKind::MissingSecret));
        let secrets = HashMap::from([(String::from("TOKEN"), String::from("hunter2"))]);
        let filled = target.fill(&secrets).map(|filled| filled.headers[2].1.clone());
        assert_eq!(filled.ok().as_deref(), Some("Bearer hunter2"));
        let poisoned = HashMap::from([(String::from("TOKEN"), String::from("hunter2\r\nEvil: 1"))]);
        let message = target.check_secrets(&poisoned).err().map(|error| error.to_string());
        assert!(
            message.as_deref().is_some_and(|message| !message.contains("hunter2")),
            "{message:?}"
        );
    }

    #[test]
    fn a_url_that_is_a_secret_is_checked_when_it_is_filled_in() {
        let url = MaskedText::new(vec![Part::Secret("URL".into())]);
        let target =
            Target::new("POST", url, Vec::new(), 5).unwrap_or_else(|error| panic!("{error}"));
        let bad = HashMap::from([(String::from("URL"), String::from("ftp://x"))]);
        assert_eq!(
            target.check_secrets(&bad).err().map(|error| error.kind()),
            Some(RequestErrorKind::Url)
        );
    }
}
