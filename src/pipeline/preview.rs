//! What would be sent for an event, with nothing sent.

use serde_json::json;

use crate::ftl::Data;
use crate::ftl::RenderOptions;
use crate::pipeline::Decision;
use crate::pipeline::Position;
use crate::pipeline::Sync;
use crate::value::Document;

/// What would become of an event.
#[derive(Clone, Debug)]
pub struct Preview {
    /// `send`, `filtered`, `discarded` or `invalid`.
    pub outcome: &'static str,
    /// The method, when it would be sent.
    pub method: Option<String>,
    /// The URL, secrets by name.
    pub url: Option<String>,
    /// The headers, secrets by name.
    pub headers: Vec<(String, String)>,
    /// The payload.
    pub payload: Option<String>,
    /// What is wrong; also for a payload that is no JSON and would be sent all the same.
    pub error: Option<String>,
}

impl Sync {
    /// What would be sent for the event in `text`, the `ordinal`-th from 0.
    pub fn preview(&self, text: &str, ordinal: u64, now_millis: i64) -> Preview {
        let nothing = |outcome, error| Preview {
            outcome,
            method: None,
            url: None,
            headers: Vec::new(),
            payload: None,
            error,
        };
        let event = match Document::parse(text) {
            Ok(event) => event,
            Err(error) => return nothing("invalid", Some(error.to_string())),
        };
        let root = event.root();
        match self.decide(root, text, &Position::Ordinal(ordinal), now_millis) {
            Decision::Filtered => nothing("filtered", None),
            Decision::Discard { reason, .. } => nothing("discarded", Some(reason.message())),
            Decision::Send { request, .. } => {
                let payload = String::from_utf8_lossy(&request.body).into_owned();
                let template = self.options().template.as_ref();
                let error = template.and_then(|template| {
                    template.payload_error(Data::event(root), RenderOptions { now_millis })
                });
                Preview {
                    outcome: "send",
                    method: Some(request.target.method().to_owned()),
                    url: Some(request.target.url().to_string()),
                    headers: request
                        .target
                        .headers()
                        .iter()
                        .map(|(name, value)| (name.clone(), value.to_string()))
                        .collect(),
                    payload: Some(payload),
                    error: error.map(|error| error.to_string()),
                }
            }
        }
    }
}

impl Preview {
    /// The preview for programs.
    pub fn to_json(&self) -> serde_json::Value {
        let headers: serde_json::Map<String, serde_json::Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "outcome": self.outcome,
            "method": self.method,
            "url": self.url,
            "headers": headers,
            "payload": self.payload,
            "error": self.error,
        })
    }
}
