//! The tests that look at the crate from outside, linked once.

mod builtins;
