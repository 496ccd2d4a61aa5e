//! Secrets from the environment of the process.

use std::env;

use crate::delivery::request::Secrets;

/// `secrets.NAME` is the environment variable `NAME`. An empty one counts as not set.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvironmentSecrets;

impl Secrets for EnvironmentSecrets {
    fn get(&self, name: &str) -> Option<String> {
        env::var(name).ok().filter(|value| !value.is_empty())
    }
}
