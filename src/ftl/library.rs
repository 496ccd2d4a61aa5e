//! Templates by name, for `<#include>` and `<#import>`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;

use crate::ftl::compile::compile;
use crate::ftl::error::TemplateError;
use crate::ftl::program::Program;
use crate::ftl::settings::Settings;
use crate::text::Source;

/// Templates that others include or import, each compiled once, when it is first needed.
#[derive(Debug, Default)]
pub struct Library {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    /// With the settings of the template that needed it first. Another one's may differ; then
    /// that rendering compiles it for itself.
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    settings: Arc<Settings>,
    result: Result<Program, TemplateError>,
}

impl Library {
    /// Templates by their names, which may be paths: `mail/footer.ftl`.
    pub fn new(templates: impl IntoIterator<Item = (String, String)>) -> Self {
        let entry = |(name, text): (String, String)| {
            let name = name.strip_prefix('/').map_or(name.clone(), str::to_owned);
            let source = Source::new(name.clone(), text);
            (name, Entry { source, compiled: OnceLock::new() })
        };
        Self { entries: templates.into_iter().map(entry).collect() }
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The text of a template.
    pub(in crate::ftl) fn source(&self, name: &str) -> Option<&Source> {
        self.entries.get(name).map(|entry| &entry.source)
    }

    /// The program of a template; `None` when there is none of that name, or it was compiled with
    /// other settings.
    pub(in crate::ftl) fn program(
        &self,
        name: &str,
        settings: &Arc<Settings>,
    ) -> Option<Result<&Program, TemplateError>> {
        let entry = self.entries.get(name)?;
        let compiled = entry.compiled.get_or_init(|| Compiled {
            settings: Arc::clone(settings),
            result: compile(&entry.source, settings),
        });
        let is_same = Arc::ptr_eq(&compiled.settings, settings) || compiled.settings == *settings;
        is_same.then(|| compiled.result.as_ref().map_err(Clone::clone))
    }
}
