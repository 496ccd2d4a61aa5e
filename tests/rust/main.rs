//! The tests that look at the crate from outside, linked once.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is how to fail")]

mod breaker;
mod delivery;
mod delivery_hostile;
mod delivery_schedule;
mod outcome;
mod policy;
mod receiver;
mod scheduler;
mod store_contract;
mod support;
