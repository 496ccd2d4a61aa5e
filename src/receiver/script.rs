//! What a receiver answers: single answers, and the script that says which request gets which.
//!
//! Pure: nothing is sent here, and chance depends on a seed and the request's number alone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How a connection ends after an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It stays open for the next request.
    #[default]
    KeepAlive,
    /// It is closed in good order.
    Close,
    /// It is reset.
    Reset,
    /// Nothing more is sent, and it stays open.
    Hang,
}

/// What is sent as an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A proper answer of this status, with these headers and body.
    Proper {
        /// The status.
        status: u16,
        /// Headers beside `Content-Length`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// These bytes, whatever they mean.
    Raw(Vec<u8>),
    /// These bytes, one at a time, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// The first bytes once, then the others over and over until the peer goes.
    Endless(Vec<u8>, Vec<u8>),
}

/// One answer of a [`Script`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is sent.
    pub content: Content,
    /// How long after the request.
    pub latency: Duration,
    /// What becomes of the connection.
    pub ending: Ending,
}

impl Answer {
    /// A proper answer of this status with an empty body.
    pub fn status(status: u16) -> Self {
        let content = Content::Proper { status, headers: Vec::new(), body: Vec::new() };
        Self { content, latency: Duration::ZERO, ending: Ending::KeepAlive }
    }

    /// These bytes as they are.
    pub fn raw(bytes: impl Into<Vec<u8>>, ending: Ending) -> Self {
        Self { content: Content::Raw(bytes.into()), latency: Duration::ZERO, ending }
    }

    /// No answer, and the connection stays open.
    pub fn hang() -> Self {
        Self::raw([], Ending::Hang)
    }

    /// No answer, and the connection is reset.
    pub fn reset() -> Self {
        Self::raw([], Ending::Reset)
    }

    /// No answer, and the connection is closed.
    pub fn close() -> Self {
        Self::raw([], Ending::Close)
    }

    /// The same with one more header, when it is a proper answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Content::Proper { headers, .. } = &mut self.content {
            headers.push((name.to_owned(), value.into()));
        }
        self
    }

    /// The same with a body, when it is a proper answer.
    #[must_use]
    pub fn body(mut self, text: impl Into<Vec<u8>>) -> Self {
        if let Content::Proper { body, .. } = &mut self.content {
            *body = text.into();
        }
        self
    }

    /// The same, so much later.
    #[must_use]
    pub fn after(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The same, and the connection ends like this.
    #[must_use]
    pub fn then(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

/// Reads an answer as one types it: `503`, `429 retry-after=2`, `200 latency=0.05`, `hang`,
/// `reset`, `close`, `garbage`, `drip`.
impl FromStr for Answer {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let wrong = || {
            ScriptError(format!(
                "expected a status such as 503 or 429 retry-after=2, or hang, reset, close, \
                 garbage or drip, found {text:?}"
            ))
        };
        let mut words = text.split_whitespace();
        let mut answer = match words.next().ok_or_else(wrong)? {
            "hang" => Self::hang(),
            "reset" => Self::reset(),
            "close" => Self::close(),
            "garbage" => Self::raw(*b"\x00\x01 this is no HTTP \xff\r\n\r\n", Ending::Close),
            "drip" => Self {
                content: Content::Drip(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
                    Duration::from_millis(100),
                ),
                ..Self::status(200)
            },
            status => {
                let status = status.parse().ok().filter(|status| (100..=999).contains(status));
                Self::status(status.ok_or_else(wrong)?)
            }
        };
        for word in words {
            let (name, value) = word.split_once('=').ok_or_else(wrong)?;
            if name == "latency" {
                let seconds: f64 = value.parse().map_err(|_| wrong())?;
                answer.latency = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
            } else {
                answer = answer.header(name, value);
            }
        }
        Ok(answer)
    }
}

/// Text that is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}

/// Which request gets which answer.
#[derive(Clone, Debug)]
pub struct Script {
    answers: Vec<Answer>,
    pub(crate) each_id_anew: bool,
    exceptions: Vec<(Exception, Answer)>,
}

#[derive(Clone, Debug)]
enum Exception {
    EveryNth(u64),
    Share { share: f64, seed: u64 },
}

impl Script {
    /// These answers in turn; the last one again and again. Without any: 200.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut answers: Vec<Answer> = answers.into_iter().collect();
        if answers.is_empty() {
            answers.push(Answer::status(200));
        }
        Self { answers, each_id_anew: false, exceptions: Vec::new() }
    }

    /// Proper answers of these statuses in turn; the last one again and again.
    pub fn statuses(statuses: impl IntoIterator<Item = u16>) -> Self {
        Self::new(statuses.into_iter().map(Answer::status))
    }

    /// The same, but the script begins anew for each `webhook-id`.
    #[must_use]
    pub fn for_each_id(mut self) -> Self {
        self.each_id_anew = true;
        self
    }

    /// The same, but every `n`-th request (from 1) gets this answer.
    #[must_use]
    pub fn every(mut self, n: u64, answer: Answer) -> Self {
        self.exceptions.push((Exception::EveryNth(n.max(1)), answer));
        self
    }

    /// The same, but about this share of all requests, from 0 to 1, gets this answer; which ones
    /// depends on the seed and the request's number alone.
    #[must_use]
    pub fn sometimes(mut self, share: f64, seed: u64, answer: Answer) -> Self {
        self.exceptions.push((Exception::Share { share, seed }, answer));
        self
    }

    /// The answer to the request of this number (from 1), the `turn`-th (from 1) of its line.
    pub(crate) fn answer(&self, ordinal: u64, turn: u64) -> &Answer {
        for (exception, answer) in &self.exceptions {
            let applies = match exception {
                Exception::EveryNth(n) => ordinal.is_multiple_of(*n),
                Exception::Share { share, seed } => {
                    // One generator for each request, so that threads cannot change the outcome.
                    let mixed = ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
                    fastrand::Rng::with_seed(mixed).f64() < *share
                }
            };
            if applies {
                return answer;
            }
        }
        let at = usize::try_from(turn - 1).unwrap_or(usize::MAX).min(self.answers.len() - 1);
        &self.answers[at]
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new([])
    }
}

/// Reads answers separated by commas: `503,429 retry-after=1,200`.
impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let answers: Result<Vec<Answer>, ScriptError> = text.split(',').map(str::parse).collect();
        answers.map(Self::new)
    }
}
