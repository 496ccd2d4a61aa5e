//! A compiled template, and what it is rendered with.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::ftl::check;
use crate::ftl::check::Checked;
use crate::ftl::check::Evidence;
use crate::ftl::check::Finding;
use crate::ftl::check::Usage;
use crate::ftl::compile;
use crate::ftl::compile::compile;
use crate::ftl::compile::compile_counting;
use crate::ftl::coverage::CoverageMap;
use crate::ftl::error::TemplateError;
use crate::ftl::eval::Arena;
use crate::ftl::eval::Data;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Job;
use crate::ftl::eval::Scratch;
use crate::ftl::library::Library;
use crate::ftl::payload;
use crate::ftl::program::Program;
use crate::ftl::reads;
use crate::ftl::settings::Settings;
use crate::text::Source;
use crate::text::Span;

/// More than this is not reserved before it is needed.
const MAX_RESERVED_BYTES: usize = 64 << 10;

thread_local! {
    /// Formats and patterns compiled by earlier renderings of the thread.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// A template that was compiled. Cheap to clone; threads may share it.
#[derive(Clone, Debug)]
pub struct Template(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What is run.
    program: Program,
    /// The same without counters, where `program` has them: what checks look at.
    plain: Option<Program>,
    settings: Arc<Settings>,
    library: Option<Arc<Library>>,
    /// The longest output so far, so that the next one needs no growing.
    longest: AtomicUsize,
}

/// What a rendering is told besides its data.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenderOptions {
    /// What `.now` says, in milliseconds since 1970. The template language reads no clock.
    pub now_millis: i64,
}

impl Template {
    /// Compiles a template. `library` holds what it may include and import.
    ///
    /// # Errors
    /// Of kind `syntax` when the text is no template or names something unknown; `limit` when it is
    /// nested too deep.
    pub fn compile(
        name: &str,
        text: &str,
        settings: &Settings,
        library: Option<Arc<Library>>,
    ) -> Result<Self, TemplateError> {
        Self::compile_source(&Source::new(name, text), settings, library)
    }

    /// [`Template::compile`] for a source that may say of which file it is.
    ///
    /// # Errors
    /// As [`Template::compile`].
    pub fn compile_source(
        source: &Source,
        settings: &Settings,
        library: Option<Arc<Library>>,
    ) -> Result<Self, TemplateError> {
        let plain = compile(source, settings)?;
        let (program, plain) = match compile_counting(source, settings)? {
            Some(counting) => (counting, Some(plain)),
            None => (plain, None),
        };
        let (settings, longest) = (Arc::new(settings.clone()), AtomicUsize::new(0));
        Ok(Self(Arc::new(Inner { program, plain, settings, library, longest })))
    }

    /// The template's name.
    pub fn name(&self) -> &str {
        self.0.program.source.name()
    }

    /// The template's text.
    pub fn source(&self) -> &Source {
        &self.0.program.source
    }

    /// The settings it was compiled with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What the template gives for some data.
    ///
    /// # Errors
    /// What went wrong, with its place in the template.
    pub fn render(&self, data: Data<'_>, options: RenderOptions) -> Result<String, TemplateError> {
        let longest = self.0.longest.load(Ordering::Relaxed);
        let mut out = String::with_capacity(longest);
        self.render_into(data, options, &mut out)?;
        // Seldom true, so threads seldom write what they share.
        if out.len() > longest {
            self.0.longest.store(out.len().min(MAX_RESERVED_BYTES), Ordering::Relaxed);
        }
        Ok(out)
    }

    /// [`Template::render`] behind what `out` holds already. After an error `out` holds what it
    /// held before.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_into(
        &self,
        data: Data<'_>,
        options: RenderOptions,
        out: &mut String,
    ) -> Result<(), TemplateError> {
        let before = out.len();
        let arena = Arena::default();
        let text = std::mem::take(out);
        let result = with_scratch(|scratch| {
            let (text, _, result) =
                Evaluator::new(self.job(data, options, &arena), scratch, text).render();
            *out = text;
            result
        });
        if result.is_err() {
            out.truncate(before);
        }
        result
    }

    /// Why what the template gives is not JSON: the place in the output, and which part of the
    /// template wrote it. Renders once more to find out. `None` when it is JSON.
    pub fn payload_error(&self, data: Data<'_>, options: RenderOptions) -> Option<TemplateError> {
        let arena = Arena::default();
        with_scratch(|scratch| {
            let evaluator = Evaluator::new(self.job(data, options, &arena), scratch, String::new());
            match evaluator.tracing().render() {
                (_, _, Err(error)) => Some(error),
                (text, marks, Ok(())) => payload::not_json(&text, &marks, &self.0.program),
            }
        })
    }

    /// What will hurt, found without running the template; `usage` says which variables it is given.
    pub fn check(&self, usage: &Usage) -> Vec<Finding> {
        self.checked(usage, None).findings
    }

    /// The same with what sample events say.
    pub(in crate::ftl) fn checked(&self, usage: &Usage, evidence: Option<&Evidence>) -> Checked {
        let Inner { settings, library, .. } = &*self.0;
        check::check(self.plain(), settings, library.as_deref(), usage, evidence)
    }

    /// The fields of the event that the template reads: their keys, and the first place of each.
    pub(in crate::ftl) fn fields(&self) -> Vec<(Vec<String>, Span)> {
        check::reads(self.plain())
    }

    /// The paths of the event that the template reads, as far as its text says:
    /// `user_properties.email`. A `*` step stands for items and computed keys.
    pub fn reads(&self) -> Vec<String> {
        reads::of_program(self.plain())
    }

    /// The same for another variable, such as `secrets`.
    pub fn reads_of(&self, variable: &str) -> Vec<String> {
        reads::of_variable(self.plain(), variable)
    }

    fn plain(&self) -> &Program {
        self.0.plain.as_ref().unwrap_or(&self.0.program)
    }

    fn job<'r>(&'r self, data: Data<'r>, options: RenderOptions, arena: &'r Arena) -> Job<'r> {
        Job {
            program: &self.0.program,
            settings: &self.0.settings,
            library: self.0.library.as_deref(),
            data,
            now_millis: options.now_millis,
            arena,
        }
    }
}

/// What of a template can run, found without running it.
///
/// # Errors
/// As [`Template::compile`].
pub fn coverage_map(source: &Source, settings: &Settings) -> Result<CoverageMap, TemplateError> {
    compile::map(source, settings)
}

/// Lends what earlier renderings of the thread have compiled. A rendering inside a rendering
/// starts with nothing.
pub(in crate::ftl) fn with_scratch<T>(run: impl FnOnce(&mut Scratch) -> T) -> T {
    let mut scratch = SCRATCH.with(Cell::take).unwrap_or_default();
    let result = run(&mut scratch);
    SCRATCH.with(|cell| cell.set(Some(scratch)));
    result
}
