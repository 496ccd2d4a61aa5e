//! An event as JSON text, which not every event is asked for.

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
