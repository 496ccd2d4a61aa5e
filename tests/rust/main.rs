//! The tests that look at the crate from outside, linked once.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is how to fail")]

mod parse;
