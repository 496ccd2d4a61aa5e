//! The tests that look at the crate from outside, linked once.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is how to fail")]

mod architecture;
#[cfg(feature = "arrow")]
mod arrow;
mod breaker;
mod builtins;
mod cases;
mod checks;
mod conformance;
mod coverage;
mod delivery;
mod delivery_hostile;
mod delivery_schedule;
mod error_page;
mod events;
mod filter;
mod formats;
mod ftl;
mod header_text;
mod hostile_answers;
mod identity;
mod limits;
mod moved_host;
mod ordering;
mod outcome;
mod parse;
mod policy;
mod receiver;
mod reference;
mod scheduler;
mod schema;
mod simulate;
mod simulator;
mod sources;
mod store_contract;
mod store_damage;
mod store_sqlite;
mod supply;
mod support;
mod template_tests;
mod tls;
