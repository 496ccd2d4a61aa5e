//! `webhook_stream`: a stream of JSON events to any webhook.
//!
//! The rooms, lowest floor first; each knows only rooms above it in this list (the whole floor plan
//! is in `docs/architecture.md`, and `tests/rust/architecture.rs` holds the code to it).

pub mod text;

pub mod report;

pub mod value;

pub mod ftl;

pub mod filter;

pub mod events;

pub mod delivery;

pub mod receiver;

pub mod pipeline;

pub mod template_test;

pub mod config;

pub mod cli;

#[cfg(feature = "python")]
mod python;
