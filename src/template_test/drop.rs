//! What becomes of the payload when a field that the template reads is missing.

use crate::template_test::Case;
use crate::template_test::Given;
use crate::template_test::read::without;
use crate::template_test::run::Rendered;

/// A field, and what its absence does to the payload of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The path of the field, such as `user_properties.email`.
    pub field: String,
    /// What breaks: an error, or a payload that is no JSON or breaks the schema. `None` when the
    /// template copes.
    pub breaks: Option<String>,
}

impl Case {
    /// Drops each field that the template reads, one at a time, from the case's first event that
    /// has it, and says what becomes of the payload.
    pub fn drop_each_field(&self) -> Vec<Dropped> {
        let fields = self.subject.template.reads();
        let mut dropped = Vec::new();
        for field in fields.into_iter().filter(|field| !field.contains('*')) {
            let found =
                self.given.iter().find_map(|given| Some((given, without(&given.text, &field)?)));
            let Some((given, event)) = found else { continue };
            let breaks = match self.render_text(&event) {
                Rendered::Payload(text) => {
                    let smaller = Given { place: given.place.clone(), text: event };
                    self.check_payload(&smaller, &text)
                }
                Rendered::Filtered => None,
                Rendered::Error { message, .. } => Some(message),
            };
            dropped.push(Dropped { field, breaks });
        }
        dropped
    }
}
