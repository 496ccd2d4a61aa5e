//! Templates by name, for `<#include>` and `<#import>`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;

use crate::ftl::compile::compile;
use crate::ftl::compile::compile_counting;
use crate::ftl::error::TemplateError;
use crate::ftl::names;
use crate::ftl::program::Program;
use crate::ftl::settings::Settings;
use crate::ftl::settings::TemplateNameFormat;
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
    /// The program that is run in its place where coverage is measured.
    counting: Option<Program>,
}

impl Library {
    /// Templates by their names, which may be paths: `mail/footer.ftl`.
    pub fn new(templates: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::of(templates.into_iter().map(|(name, text)| Source::new(name, text)))
    }

    /// The same with sources, which may say of which files they are.
    pub fn of(sources: impl IntoIterator<Item = Source>) -> Self {
        let entry = |source: Source| {
            let name = source.name();
            let name = name.strip_prefix('/').unwrap_or(name).to_owned();
            (name.clone(), Entry { source: source.named(name), compiled: OnceLock::new() })
        };
        Self { entries: sources.into_iter().map(entry).collect() }
    }

    /// The same for a template that is named by its path: they are known by their own names, and by
    /// their paths from its folder.
    pub fn of_folder(folder: &str, sources: impl IntoIterator<Item = Source>) -> Self {
        let both = |source: Source| {
            let path = format!("{folder}/{}", source.name());
            let path = names::normalize(&path, TemplateNameFormat::Lenient).ok();
            [path.map(|path| source.named(path)), Some(source)]
        };
        Self::of(sources.into_iter().flat_map(both).flatten())
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
        let compiled = self.compiled(name, settings)?;
        Some(compiled.result.as_ref().map_err(Clone::clone))
    }

    /// The same to be run: it counts, where coverage is measured.
    pub(in crate::ftl) fn program_to_run(
        &self,
        name: &str,
        settings: &Arc<Settings>,
    ) -> Option<Result<&Program, TemplateError>> {
        let compiled = self.compiled(name, settings)?;
        match &compiled.counting {
            Some(program) => Some(Ok(program)),
            None => Some(compiled.result.as_ref().map_err(Clone::clone)),
        }
    }

    fn compiled(&self, name: &str, settings: &Arc<Settings>) -> Option<&Compiled> {
        let entry = self.entries.get(name)?;
        let compiled = entry.compiled.get_or_init(|| Compiled {
            settings: Arc::clone(settings),
            result: compile(&entry.source, settings),
            counting: compile_counting(&entry.source, settings).ok().flatten(),
        });
        let is_same = Arc::ptr_eq(&compiled.settings, settings) || compiled.settings == *settings;
        is_same.then_some(compiled)
    }
}
