//! An event as JSON text, which not every event is asked for.

use std::cell::OnceCell;

use crate::value::Node;
use crate::value::write_json;

/// An event's JSON text.
pub trait EventText {
    /// The text.
    fn json(&self) -> &str;
}

impl EventText for str {
    fn json(&self) -> &str {
        self
    }
}

impl<T: EventText + ?Sized> EventText for &T {
    fn json(&self) -> &str {
        (**self).json()
    }
}

/// The text of an event that came as none: written when it is first asked for.
#[derive(Debug)]
pub(in crate::pipeline) struct WrittenText<'e> {
    event: Node<'e>,
    text: OnceCell<String>,
}

impl<'e> WrittenText<'e> {
    pub(in crate::pipeline) fn new(event: Node<'e>) -> Self {
        Self { event, text: OnceCell::new() }
    }
}

impl EventText for WrittenText<'_> {
    fn json(&self) -> &str {
        self.text.get_or_init(|| {
            let mut text = String::new();
            write_json(self.event, &mut text);
            text
        })
    }
}
