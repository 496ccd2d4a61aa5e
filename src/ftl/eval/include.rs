//! `<#include>`, `<#import>`, `?eval`, `?interpret`: templates inside templates.

use std::rc::Rc;
use std::sync::Arc;

use crate::ftl::ast::Output;
use crate::ftl::compile;
use crate::ftl::compile_expression;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::eval::MAX_STACK_BYTES;
use crate::ftl::eval::builtin_call::IMPORT_OPTIONAL;
use crate::ftl::eval::call::Defined;
use crate::ftl::eval::scope::NONE;
use crate::ftl::eval::scope::Place;
use crate::ftl::eval::transform::Directive;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Map;
use crate::ftl::model::Method;
use crate::ftl::model::Model;
use crate::ftl::model::Namespace;
use crate::ftl::model::NamespaceState;
use crate::ftl::model::Text;
use crate::ftl::names;
use crate::ftl::program::Expr;
use crate::ftl::program::Include;
use crate::ftl::program::Name;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::OutputIndex;
use crate::ftl::program::Program;
use crate::ftl::settings::AutoEscaping;
use crate::ftl::settings::Settings;
use crate::text::Source;
use crate::text::Span;

/// Steps that compiling a text while rendering costs, and bytes that cost one more.
const COMPILE_STEPS: usize = 200;
const COMPILED_BYTES_A_STEP: usize = 4;
/// Parsing inside a rendering needs stack of its own.
const MAX_STACK_BYTES_FOR_PARSING: usize = MAX_STACK_BYTES / 2;

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
            let name = self.normalized(template).map_err(|fault| self.blame(fault, span, span, &[]))?;
            self.import_named(&name, Some(variable), lazy, span)?;
        }
        for template in &settings.auto_include {
            let name = self.normalized(template).map_err(|fault| self.blame(fault, span, span, &[]))?;
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
        let first = match known {
            Some(loaded) => loaded.first,
            None => {
                let first = u32::try_from(self.macros.len()).unwrap_or_default();
                let define = |definition| Defined {
                    definition,
                    program,
                    namespace: Rc::clone(&self.place.namespace),
                };
                self.macros.extend(program.macros.iter().map(define));
                self.loaded.push(Loaded { program, first });
                first
            }
        };
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

    fn run_included(&mut self, program: &'r Program, span: Span) -> Result<Flow, Failure> {
        self.step(span)?;
        self.check_stack(span)?;
        let outside = std::mem::replace(&mut self.place.program, program);
        let included = std::mem::replace(&mut self.place.included, program.source.name());
        self.define_macros(program);
        let flow = self.run(&program.body);
        self.place.program = outside;
        self.place.included = included;
        match flow {
            Err(Failure::Error(error)) => {
                let what = format!("in template `{}`", program.source.name());
                Err(Failure::Error(error.called_from(what, &outside.source, span)))
            }
            flow => flow,
        }
    }

    /// `<#import>`
    pub(in crate::ftl::eval) fn import(
        &mut self,
        path: &'r Expr,
        name: &'r Name,
        span: Span,
    ) -> Result<(), Failure> {
        let target = self.text(path)?;
        let full = self.full_name(&target, path.span)?;
        let lazy = self.settings.lazy_imports;
        self.import_named(&full, Some(name.text()), lazy, path.span).map(|_| ())?;
        self.step(span)
    }

    /// The namespace of a template, made and set if it is not there yet.
    fn import_named(
        &mut self,
        template: &str,
        variable: Option<&'r str>,
        lazy: bool,
        span: Span,
    ) -> Result<Rc<Namespace<'r>>, Failure> {
        let known = self.imported.iter().find(|(name, _)| name == template);
        if let Some((_, namespace)) = known {
            let namespace = Rc::clone(namespace);
            self.set_namespace(variable, &namespace);
            if !lazy {
                self.wake(&namespace)?;
            }
            return Ok(namespace);
        }
        let program = if lazy {
            None
        } else {
            match self.load(template, true, span)? {
                Some(Included::Program(program)) => Some(program),
                _ => return Err(self.not_found(template, span)),
            }
        };
        let state = if lazy { NamespaceState::Waiting } else { NamespaceState::Ready };
        let own_name = program.map_or("", |program| program.source.name());
        let namespace = Rc::new(Namespace { template: own_name, ..Namespace::default() });
        namespace.state.set(state);
        self.imported.push((template.to_owned(), Rc::clone(&namespace)));
        self.set_namespace(variable, &namespace);
        if let Some(program) = program {
            self.run_imported(&namespace, program, span)?;
        }
        Ok(namespace)
    }

    fn set_namespace(&mut self, variable: Option<&'r str>, namespace: &Rc<Namespace<'r>>) {
        let Some(variable) = variable else { return };
        let value = || Model::Hash(Hash::Namespace(Rc::clone(namespace)));
        self.place.namespace.variables.borrow_mut().insert(Text::Borrowed(variable), value());
        if Rc::ptr_eq(&self.place.namespace, &self.main) {
            self.globals.insert(Text::Borrowed(variable), value());
        }
    }

    fn run_imported(
        &mut self,
        namespace: &Rc<Namespace<'r>>,
        program: &'r Program,
        span: Span,
    ) -> Result<(), Failure> {
        // What an imported template prints goes nowhere. Loops around the import stay visible.
        let outside = std::mem::replace(&mut self.place.namespace, Rc::clone(namespace));
        let position = self.writer.position();
        let flow = self.run_included(program, span);
        self.writer.take_back(position);
        self.place.namespace = outside;
        flow.map(|_| ())
    }

    /// Runs the template of a namespace that waits for it.
    pub(in crate::ftl::eval) fn wake(
        &mut self,
        namespace: &Rc<Namespace<'r>>,
    ) -> Result<(), Failure> {
        if namespace.state.get() == NamespaceState::Ready {
            return Ok(());
        }
        let name = self.imported.iter().find(|(_, other)| Rc::ptr_eq(other, namespace));
        let Some(name) = name.map(|(name, _)| name.clone()) else { return Ok(()) };
        let span = Span::default();
        if namespace.state.get() == NamespaceState::Failed {
            let message = format!("the import of `{name}` has failed before");
            return Err(self.fail(TemplateErrorKind::TemplateNotFound, message, span));
        }
        namespace.state.set(NamespaceState::Failed);
        let program = match self.load(&name, true, span)? {
            Some(Included::Program(program)) => program,
            _ => return Err(self.not_found(&name, span)),
        };
        namespace.state.set(NamespaceState::Ready);
        let place = Place {
            program: self.place.program,
            included: self.place.included,
            context: NONE,
            frame: NONE,
            namespace: Rc::clone(&self.place.namespace),
        };
        let outside = std::mem::replace(&mut self.place, place);
        let result = self.run_imported(namespace, program, span);
        self.place = outside;
        if result.is_err() {
            namespace.state.set(NamespaceState::Failed);
        }
        result
    }

    /// `.get_optional_template(path, options)`
    pub(in crate::ftl::eval) fn get_optional_template(
        &mut self,
        values: &[Model<'r>],
    ) -> Result<Model<'r>, Fault> {
        let wrong = |message: String| Err(Fault::new(TemplateErrorKind::BadArgument, message));
        let (path, options) = match values {
            [path] => (path, None),
            [path, Model::Hash(options)] => (path, Some(options)),
            [_, other] => return Err(crate::ftl::coerce::wrong_type("a hash", other)),
            _ => {
                let found = values.len();
                return wrong(format!("`.get_optional_template` takes 1 to 2 arguments, found {found}"));
            }
        };
        let Model::Text(path) = path else {
            return Err(crate::ftl::coerce::wrong_type("a string", path));
        };
        let mut parse = true;
        let pairs = match options {
            Some(options) => crate::ftl::builtins::Host::pairs(self, options)?,
            None => Vec::new(),
        };
        for (option, value) in pairs {
            match (&*option, value) {
                ("parse", Model::Boolean(value)) => parse = value,
                ("encoding", Model::Text(_)) => {}
                ("parse" | "encoding", other) => {
                    let expected = if &*option == "parse" { "a boolean" } else { "a string" };
                    return Err(crate::ftl::coerce::wrong_type(expected, &other));
                }
                _ => return wrong(format!("unknown option `{}`; there are `parse` and `encoding`", &*option)),
            }
        }
        let name = self.full_name(path, Span::default())?;
        let loaded = self.load(&name, parse, Span::default())?;
        let mut result = Map::default();
        result.insert(Text::Borrowed("exists"), Model::Boolean(loaded.is_some()));
        if let Some(included) = loaded {
            let directive = self.directive(Directive::Include(included));
            result.insert(Text::Borrowed("include"), directive);
            let target = Model::Text(Text::from(name));
            let method = Method { built_in: IMPORT_OPTIONAL, target };
            let import = Model::Callable(Callable::Method(Rc::new(method)));
            result.insert(Text::Borrowed("import"), import);
        }
        Ok(Model::Hash(Hash::Made(Rc::new(result))))
    }

    /// The namespace of a template that is known to be there.
    pub(in crate::ftl::eval) fn import_loaded(&mut self, name: &str) -> Result<Model<'r>, Fault> {
        let namespace = self.import_named(name, None, false, Span::default())?;
        Ok(Model::Hash(Hash::Namespace(namespace)))
    }

    /// `?eval`
    pub(in crate::ftl::eval) fn eval_text(
        &mut self,
        text: &str,
        output: OutputIndex,
        span: Span,
    ) -> Evaluated<'r> {
        self.check_parsing(text, span)?;
        let output = self.place.program.outputs[output as usize].clone();
        let own_name = format!("{}->eval", self.place.program.source.name());
        let known = self.arena.find(|program| {
            program.source.text() == text
                && program.source.name() == own_name
                && program.outputs.first() == Some(&output)
        });
        let program = match known {
            Some(program) => program,
            None => {
                let source = Source::new(own_name, text);
                let program = compile_expression(&source, self.base, output);
                let program = program.map_err(|error| self.nested_error(&error, "?eval", span))?;
                self.keep(program, span)?
            }
        };
        let outside = std::mem::replace(&mut self.place.program, program);
        let quiet = std::mem::replace(&mut self.quiet, false);
        let result = match &program.body[..] {
            [Node { kind: NodeKind::Interpolation { value, .. }, .. }] => self.evaluate(value),
            _ => Ok(Model::Missing),
        };
        self.quiet = quiet;
        self.place.program = outside;
        match result {
            Err(Failure::Error(error)) if error.kind() != TemplateErrorKind::Limit => {
                // A missing value inside is an error of the text, which a default can't cure.
                Err(Failure::Error(error.called_from("in `?eval`", &outside.source, span)))
            }
            result => result,
        }
    }

    /// `?interpret`
    pub(in crate::ftl::eval) fn interpret(
        &mut self,
        target: &'r Expr,
        output: OutputIndex,
        span: Span,
    ) -> Evaluated<'r> {
        let (text, id) = match self.required(target)? {
            Model::Sequence(sequence) => {
                let text = self.item_of(&sequence, 0, target.span)?;
                let text = self.text_of(text, target)?;
                let id = match self.item_of(&sequence, 1, target.span)? {
                    Model::Missing => Text::Borrowed("anonymous_interpreted"),
                    id => self.text_of(id, target)?,
                };
                (text, id)
            }
            value @ (Model::Text(_) | Model::Match(_) | Model::Empty) => {
                (self.text_of(value, target)?, Text::Borrowed("anonymous_interpreted"))
            }
            other => return Err(self.wrong_type("a string or a sequence", &other, target)),
        };
        let current = self.place.program;
        let base = match current.source.name() {
            "" => "nameless_template",
            name => name,
        };
        let name = format!("{base}->{}", &*id);
        let output = current.outputs[output as usize].clone();
        let known = self.arena.find(|program| {
            program.source.text() == &*text
                && program.source.name() == name
                && program.outputs.first() == Some(&output)
        });
        let program = match known {
            Some(program) => program,
            None => {
                self.check_parsing(&text, span)?;
                let source = Source::new(name, &*text);
                let settings = settings_for(self.base, output);
                let program = compile(&source, &settings);
                let program =
                    program.map_err(|error| self.nested_error(&error, "?interpret", span))?;
                self.keep(program, span)?
            }
        };
        Ok(self.directive(Directive::Include(Included::Program(program))))
    }

    fn check_parsing(&mut self, text: &str, span: Span) -> Result<(), Failure> {
        self.steps(COMPILE_STEPS + text.len() / COMPILED_BYTES_A_STEP, span)?;
        if self.stack_used() > MAX_STACK_BYTES_FOR_PARSING {
            return Err(self.too_deep(span));
        }
        Ok(())
    }

    fn keep(&mut self, program: Program, span: Span) -> Result<&'r Program, Failure> {
        let arena = self.arena;
        arena.keep(program).ok_or_else(|| {
            let message = "too many templates are compiled while rendering";
            self.fail(TemplateErrorKind::Limit, message, span)
        })
    }

    /// A syntax error in a text that was compiled while rendering.
    #[cold]
    fn nested_error(&self, error: &TemplateError, what: &str, span: Span) -> Failure {
        // An `#attempt` may catch it: it is no syntax error of the template itself.
        let kind = match error.kind() {
            TemplateErrorKind::Syntax => TemplateErrorKind::BadArgument,
            kind => kind,
        };
        let position = error.position();
        let message = format!(
            "the text given to `{what}` is wrong at {}:{}: {}",
            position.line,
            position.column,
            error.message()
        );
        let failure = self.fail(kind, message, span);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }

    /// The name of a template from a path in the template that runs.
    fn full_name(&self, path: &str, span: Span) -> Result<String, Failure> {
        let base = self.place.program.source.name();
        let full = if self.settings.classic_compatible {
            path.to_owned()
        } else {
            names::resolve(base, path)
        };
        self.normalized(&full).map_err(|fault| self.blame(fault, span, span, &[]))
    }

    fn normalized(&self, name: &str) -> Result<String, Fault> {
        names::normalize(name, self.base.template_name_format)
            .map_err(|message| Fault::new(TemplateErrorKind::TemplateNotFound, message))
    }

    /// `path?absolute_template_name(base)`
    pub(in crate::ftl::eval) fn absolute_name(
        &self,
        base: &str,
        path: &str,
    ) -> Result<String, Fault> {
        let full = names::resolve(base, path);
        Ok(names::absolute(&full))
    }

    /// A template of the library by its normalized name.
    pub(in crate::ftl::eval) fn load(
        &mut self,
        name: &str,
        parse: bool,
        span: Span,
    ) -> Result<Option<Included<'r>>, Failure> {
        let Some(library) = self.library else { return Ok(None) };
        let found = names::candidates(name, &self.settings.locale)
            .into_iter()
            .find_map(|candidate| library.source(&candidate).map(|source| (candidate, source)));
        let Some((found, source)) = found else { return Ok(None) };
        if !parse {
            return Ok(Some(Included::Text(source.text())));
        }
        if found == name {
            match library.program(name, self.base) {
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
        let program = compile(&Source::new(name, source.text()), self.base);
        let program = program.map_err(|error| self.broken_template(error, span))?;
        self.keep(program, span).map(|program| Some(Included::Program(program)))
    }

    #[cold]
    fn broken_template(&self, error: TemplateError, span: Span) -> Failure {
        let what = format!("in template `{}`", error.name());
        Failure::Error(error.called_from(what, &self.place.program.source, span))
    }

    #[cold]
    fn not_found(&self, name: &str, span: Span) -> Failure {
        let message = format!("there is no template `{name}`");
        let failure = self.fail(TemplateErrorKind::TemplateNotFound, message, span);
        let Some(library) = self.library else {
            return failure.with_hint("this template was given no others to include");
        };
        match crate::text::did_you_mean(name, library.names()) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => {
                let names: Vec<&str> = library.names().take(10).collect();
                failure.with_hint(format!("there are {}", names.join(", ")))
            }
        }
    }

}

/// The settings for a text at a place of the given output format.
fn settings_for(base: &Arc<Settings>, output: Output) -> Settings {
    let mut settings = Settings::clone(base);
    if output.format.is_markup() {
        settings.auto_escaping = if output.auto_escape {
            AutoEscaping::EnableIfSupported
        } else {
            AutoEscaping::Disable
        };
    }
    settings.output_format = output.format;
    settings
}
