//! Secrets from the environment of the process, and those that are given by name.

use std::collections::HashMap;
use std::env;
use std::fmt;

use crate::delivery::request::Secrets;

/// `secrets.NAME` is the environment variable `NAME`. An empty one counts as not set.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvironmentSecrets;

impl Secrets for EnvironmentSecrets {
    fn get(&self, name: &str) -> Option<String> {
        env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// `secrets.NAME` is what is given here, else the environment variable `NAME`. An empty one counts
/// as not set. Prints names only.
#[derive(Clone, Default)]
pub struct NamedSecrets {
    values: HashMap<String, String>,
}

impl NamedSecrets {
    /// Secrets by name.
    pub fn new(values: HashMap<String, String>) -> Self {
        Self { values }
    }
}

impl Secrets for NamedSecrets {
    fn get(&self, name: &str) -> Option<String> {
        match self.values.get(name) {
            Some(value) => Some(value.clone()).filter(|value| !value.is_empty()),
            None => EnvironmentSecrets.get(name),
        }
    }
}

impl fmt::Debug for NamedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
