//! `<#import>`: the variables of another template, now or when they are first needed.

use std::rc::Rc;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::builtin_call::IMPORT_OPTIONAL;
use crate::ftl::eval::builtin_call::IMPORT_UNPARSED;
use crate::ftl::eval::include::Included;
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
use crate::ftl::program::Name;
use crate::ftl::program::Program;
use crate::text::Span;

impl<'r> Evaluator<'r> {
    /// `<#import>`
    #[inline(never)]
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
    pub(in crate::ftl::eval) fn import_named(
        &mut self,
        template: &str,
        variable: Option<&'r str>,
        lazy: bool,
        span: Span,
    ) -> Result<Rc<Namespace<'r>>, Failure> {
        // Looked for even when it is known: after a change of the locale it may not be there.
        let program = if lazy {
            // The template is looked for later, but its name is looked at now.
            if names::normalize(template, self.base.template_name_format).is_err() {
                return Err(self.not_found(template, span));
            }
            None
        } else {
            match self.load(template, true, span)? {
                Some(Included::Program(program)) => Some(program),
                _ => return Err(self.not_found(template, span)),
            }
        };
        let known = self.imported.iter().find(|(name, _)| name == template);
        if let Some((_, namespace)) = known {
            let namespace = Rc::clone(namespace);
            self.set_namespace(variable, &namespace);
            if !lazy {
                self.wake(&namespace)?;
            }
            return Ok(namespace);
        }
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
        let Some(Included::Program(program)) = self.load(&name, true, span)? else {
            return Err(self.not_found(&name, span));
        };
        namespace.state.set(NamespaceState::Ready);
        let place = Place {
            program: self.place.program,
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
                return wrong(format!(
                    "`.get_optional_template` takes 1 to 2 arguments, found {found}"
                ));
            }
        };
        let Model::Text(path) = path else {
            return Err(crate::ftl::coerce::wrong_type("a string", path).inexcusable());
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
                _ => {
                    return wrong(format!(
                        "unknown option `{}`; there are `parse` and `encoding`",
                        &*option
                    ));
                }
            }
        }
        let name = self.full_name(path, Span::default())?;
        let loaded = self.load(&name, parse, Span::default())?;
        let mut result = Map::default();
        let exists = Model::Boolean(loaded.is_some());
        if let Some(included) = loaded {
            let directive = self.directive(Directive::Optional(included));
            result.insert(Text::Borrowed("include"), directive);
            let target = Model::Text(Text::from(name));
            let built_in = if parse { IMPORT_OPTIONAL } else { IMPORT_UNPARSED };
            let method = Method { built_in, target };
            let import = Model::Callable(Callable::Method(Rc::new(method)));
            result.insert(Text::Borrowed("import"), import);
        }
        result.insert(Text::Borrowed("exists"), exists);
        Ok(Model::Hash(Hash::Made(Rc::new(result))))
    }

    /// The namespace of a template that was not parsed: empty, unless the template was imported
    /// before.
    pub(in crate::ftl::eval) fn import_unparsed(&mut self, name: &str) -> Model<'r> {
        let known = self.imported.iter().find(|(known, _)| known == name);
        let namespace = match known {
            Some((_, namespace)) => Rc::clone(namespace),
            None => {
                let namespace = Rc::new(Namespace::default());
                self.imported.push((name.to_owned(), Rc::clone(&namespace)));
                namespace
            }
        };
        Model::Hash(Hash::Namespace(namespace))
    }

    /// The namespace of a template that is known to be there.
    pub(in crate::ftl::eval) fn import_loaded(&mut self, name: &str) -> Result<Model<'r>, Fault> {
        let namespace = self.import_named(name, None, false, Span::default())?;
        Ok(Model::Hash(Hash::Namespace(namespace)))
    }
}
