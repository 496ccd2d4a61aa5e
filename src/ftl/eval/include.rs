//! `<#include>`, `<#import>`, `?eval`, `?interpret`: templates inside templates.

use std::rc::Rc;

use crate::ftl::compile::compile;
use crate::ftl::compile::compile_counting;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::eval::call::Defined;
use crate::ftl::model::Callable;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::ftl::names;
use crate::ftl::program::Include;
use crate::ftl::program::Program;
use crate::ftl::settings::TemplateNameFormat;
use crate::text::Span;

/// How many names of templates a message lists.
const MAX_NAMES_SHOWN: usize = 10;

/// A template whose macros have numbers in this rendering.
#[derive(Debug)]
pub(in crate::ftl::eval) struct Loaded<'r> {
    program: &'r Program,
    /// The number of its first macro.
    first: u32,
}

/// A template to be included.
#[derive(Clone, Copy, Debug)]
pub(in crate::ftl::eval) enum Included<'r> {
    Program(&'r Program),
    /// `parse=false`
    Text(&'r str),
}

impl<'r> Evaluator<'r> {
    /// `auto_import` and `auto_include`.
    pub(in crate::ftl::eval) fn prepare(&mut self) -> Result<(), Failure> {
        if self.base.auto_import.is_empty() && self.base.auto_include.is_empty() {
            return Ok(());
        }
        let settings = self.base;
        let span = Span::default();
        let lazy = settings.lazy_auto_imports.unwrap_or(settings.lazy_imports);
        for (variable, template) in &settings.auto_import {
            let name =
                self.normalized(template).map_err(|fault| self.blame(fault, span, span, &[]))?;
            self.import_named(&name, Some(variable), lazy, span)?;
        }
        for template in &settings.auto_include {
            let name =
                self.normalized(template).map_err(|fault| self.blame(fault, span, span, &[]))?;
            match self.load(&name, true, span)? {
                Some(Included::Program(program)) => {
                    self.run_included(program, span)?;
                }
                Some(Included::Text(_)) => {}
                None => return Err(self.not_found(&name, span)),
            }
        }
        Ok(())
    }

    /// Makes every macro of a template visible, wherever in it they stand.
    pub(in crate::ftl::eval) fn define_macros(&mut self, program: &'r Program) {
        for index in 0..program.macros.len() {
            self.define(program, u32::try_from(index).unwrap_or_default());
        }
    }

    /// `<#macro>`
    pub(in crate::ftl::eval) fn define(&mut self, program: &'r Program, index: u32) {
        let known = self.loaded.iter().find(|loaded| std::ptr::eq(loaded.program, program));
        let known = known.map(|loaded| loaded.first);
        let first = known.unwrap_or_else(|| {
            let first = u32::try_from(self.macros.len()).unwrap_or_default();
            let define = |definition| Defined {
                definition,
                program,
                namespace: Rc::clone(&self.place.namespace),
            };
            self.macros.extend(program.macros.iter().map(define));
            self.loaded.push(Loaded { program, first });
            first
        });
        let id = first + index;
        let definition = &program.macros[index as usize];
        if let Some(defined) = self.macros.get_mut(id as usize) {
            defined.namespace = Rc::clone(&self.place.namespace);
        }
        let value = Model::Callable(Callable::Macro { id, is_function: definition.is_function });
        let name = &definition.name;
        let mut variables = self.place.namespace.variables.borrow_mut();
        variables.insert_hashed(name.hash, Text::Borrowed(name.text()), value);
    }

    /// `<#include>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn include(
        &mut self,
        include: &'r Include,
        span: Span,
    ) -> Result<Flow, Failure> {
        let path = self.text(&include.path)?;
        let name = self.full_name(&path, include.path.span)?;
        if let Some(encoding) = &include.encoding {
            self.text(encoding)?;
        }
        let parse = match &include.parse {
            None => true,
            Some(parse) => match self.evaluate(parse)? {
                Model::Boolean(parse) => parse,
                Model::Text(word) => match &*word {
                    "y" | "Y" | "yes" | "t" | "true" => true,
                    "n" | "N" | "no" | "f" | "false" => false,
                    _ => {
                        let message = format!("expected true or false, found \"{}\"", &*word);
                        return Err(self.fail(TemplateErrorKind::BadArgument, message, parse.span));
                    }
                },
                other => return Err(self.wrong_type("a boolean", &other, parse)),
            },
        };
        let ignore_missing = match &include.ignore_missing {
            Some(ignore) => self.condition(ignore)?,
            None => false,
        };
        match self.load(&name, parse, include.path.span)? {
            Some(included) => self.run_loaded(included, span),
            None if ignore_missing => Ok(Flow::Next),
            None => Err(self.not_found(&name, include.path.span)),
        }
    }

    /// Runs what was loaded, in the place that is visible now.
    pub(in crate::ftl::eval) fn run_loaded(
        &mut self,
        included: Included<'r>,
        span: Span,
    ) -> Result<Flow, Failure> {
        match included {
            Included::Program(program) => self.run_included(program, span),
            Included::Text(text) => {
                self.writer.push(text);
                if self.writer.is_full() {
                    return Err(self.too_much_output(span));
                }
                Ok(Flow::Next)
            }
        }
    }

    pub(in crate::ftl::eval) fn run_included(
        &mut self,
        program: &'r Program,
        span: Span,
    ) -> Result<Flow, Failure> {
        self.step(span)?;
        self.check_stack(span)?;
        let outside = std::mem::replace(&mut self.place.program, program);
        self.included = program.source.name();
        self.define_macros(program);
        let flow = self.run(&program.body);
        self.place.program = outside;
        // Not the template that included it: FreeMarker goes back to the first one.
        self.included = self.main_program.source.name();
        match flow {
            Err(Failure::Error(error)) => {
                let what = format!("in template `{}`", program.source.name());
                Err(Failure::Error(error.called_from(what, &outside.source, span)))
            }
            flow => flow,
        }
    }

    /// The name of a template from a path in the template that runs.
    pub(in crate::ftl::eval) fn full_name(
        &self,
        path: &str,
        span: Span,
    ) -> Result<String, Failure> {
        let base = self.place.program.source.name();
        let full = if self.settings.classic_compatible {
            path.to_owned()
        } else {
            names::resolve(base, path)
        };
        self.normalized(&full).map_err(|fault| self.blame(fault, span, span, &[]))
    }

    fn normalized(&self, name: &str) -> Result<String, Fault> {
        let format = self.base.template_name_format;
        match names::normalize(name, format) {
            // No template can have such a name, so none is found.
            Err(_) if format == TemplateNameFormat::Lenient => Ok(name.to_owned()),
            result => result,
        }
        .map_err(|message| Fault::new(TemplateErrorKind::TemplateNotFound, message))
    }

    /// A template of the library by its normalized name.
    pub(in crate::ftl::eval) fn load(
        &mut self,
        name: &str,
        parse: bool,
        span: Span,
    ) -> Result<Option<Included<'r>>, Failure> {
        let Some(library) = self.library else { return Ok(None) };
        let locale = self.base.localized_lookup.then_some(&*self.settings.locale);
        let found = names::candidates(name, locale)
            .into_iter()
            .find_map(|candidate| library.source(&candidate).map(|source| (candidate, source)));
        let Some((found, source)) = found else { return Ok(None) };
        if !parse {
            return Ok(Some(Included::Text(source.text())));
        }
        if found == name {
            match library.program_to_run(name, self.base) {
                Some(Ok(program)) => return Ok(Some(Included::Program(program))),
                Some(Err(error)) => return Err(self.broken_template(error, span)),
                None => {}
            }
        }
        // Found under another name (`footer_en.ftl`, `*/footer.ftl`), or wanted with other
        // settings: compiled for this rendering.
        let known = self.arena.find(|program| {
            program.source.name() == name && program.source.text() == source.text()
        });
        if let Some(program) = known {
            return Ok(Some(Included::Program(program)));
        }
        self.check_parsing(source.text(), span)?;
        let source = source.named(name);
        let program = match compile_counting(&source, self.base) {
            Ok(Some(program)) => Ok(program),
            _ => compile(&source, self.base),
        };
        let program = program.map_err(|error| self.broken_template(error, span))?;
        self.keep(program, span).map(|program| Some(Included::Program(program)))
    }

    #[cold]
    fn broken_template(&self, error: TemplateError, span: Span) -> Failure {
        let what = format!("in template `{}`", error.name());
        Failure::Error(error.called_from(what, &self.place.program.source, span))
    }

    #[cold]
    pub(in crate::ftl::eval) fn not_found(&self, name: &str, span: Span) -> Failure {
        let kind = TemplateErrorKind::TemplateNotFound;
        if let Err(message) = names::normalize(name, self.base.template_name_format) {
            return self.fail(kind, message, span);
        }
        let failure = self.fail(kind, format!("there is no template `{name}`"), span);
        let Some(library) = self.library.filter(|library| library.names().next().is_some()) else {
            return failure.with_hint("this template was given no others to include");
        };
        if let Some(near) = crate::text::did_you_mean(name, library.names()) {
            return failure.with_hint(format!("did you mean `{near}`?"));
        }
        let names: Vec<&str> = library.names().take(MAX_NAMES_SHOWN).collect();
        failure.with_hint(format!("there are {}", names.join(", ")))
    }
}
