//! `x?name`: what the table's functions are given, and the built-ins only the evaluator can do.

use std::rc::Rc;

use crate::ftl::builtins::Applied;
use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Function;
use crate::ftl::builtins::escapes;
use crate::ftl::builtins::escapes::Script;
use crate::ftl::builtins::sequences;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::expression::java_int;
use crate::ftl::format::Formatting;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Map;
use crate::ftl::model::Method;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Text;
use crate::ftl::program::Application;
use crate::ftl::program::Direct;
use crate::ftl::program::Expr;
use crate::ftl::program::Form;
use crate::text::Span;
use crate::value::Node;

/// Bytes of text that are looked at in one step.
const READ_BYTES_A_STEP: usize = 64;
/// Bytes of text that are made in one step: a template may keep all of them.
const WRITTEN_BYTES_A_STEP: usize = 16;
/// Words of a long number that are looked at in one step, by each of its words.
const WORDS_A_STEP: usize = 64;

impl<'r> Evaluator<'r> {
    /// Steps for a text that is looked at as a whole.
    fn pay_for(&mut self, text: &str) {
        let steps = text.len() / READ_BYTES_A_STEP;
        self.steps_left = self.steps_left.saturating_sub(steps as u64);
    }

    /// The value of `x?name`, `x?name(…)` or `x?name.key`.
    pub(in crate::ftl::eval) fn apply(
        &mut self,
        application: &'r Application,
        span: Span,
    ) -> Evaluated<'r> {
        let value = self.apply_unmade(application, span)?;
        self.wanted(value)
    }

    /// The same; what it is given to pass on may be a [`Model::Late`].
    pub(in crate::ftl::eval) fn apply_unmade(
        &mut self,
        application: &'r Application,
        span: Span,
    ) -> Evaluated<'r> {
        self.step(span)?;
        let built_in = application.built_in;
        if let Function::Special(special) = built_in.function {
            return self.apply_special(special, application, span);
        }
        let target = &application.target;
        // `?cn` is for values that are missing, not for what stands before a step.
        let value = if built_in.accepts_missing && built_in.name != "cn" {
            self.evaluate_lenient(target)?
        } else if built_in.group == "type" || built_in.name == "has_api" {
            self.evaluate_late(target)?
        } else {
            self.evaluate(target)?
        };
        if let (Function::Value(function), Form::Bare) = (built_in.function, &application.form)
            && !matches!(value, Model::Missing | Model::Empty | Model::Nothing)
        {
            let result = self.within(application, |this| function(this, value));
            return result.map_err(|fault| self.blame(fault, span, target.span, &[]));
        }
        self.apply_to(value, application, span)
    }

    /// Prints `${x?name}` into the output, when that is possible without making a value. Otherwise
    /// gives the value.
    pub(in crate::ftl::eval) fn apply_directly(
        &mut self,
        application: &'r Application,
        direct: &'r Direct,
        span: Span,
    ) -> Result<Option<Model<'r>>, Failure> {
        self.step(span)?;
        let target = &application.target;
        let plain = match direct {
            Direct::JsonString => {
                if let Some(text) = self.json(target).and_then(Node::as_text) {
                    self.pay_for(text);
                    escapes::write_script(text, Script::Json, false, &mut self.writer.text);
                    return Ok(None);
                }
                None
            }
            Direct::Format(_) => self.plain_number(target),
        };
        let value = match plain {
            Some(number) => Model::Number(number),
            None => self.evaluate(target)?,
        };
        let formatting =
            Formatting { settings: &self.settings, formats: &mut self.scratch.formats };
        // A format of the settings that can't be used is an error even where another one is.
        let plain_number =
            matches!(&*self.settings.number_format, "number" | "computer" | "c" | "percent");
        let plain_date = self.settings.date_format.is_empty()
            && self.settings.time_format.is_empty()
            && self.settings.datetime_format.is_empty();
        let written = match (direct, &value) {
            (Direct::JsonString, Model::Text(text)) => {
                self.pay_for(text);
                escapes::write_script(text, Script::Json, false, &mut self.writer.text);
                return Ok(None);
            }
            (Direct::Format(pattern), Model::Number(number)) if plain_number => formatting
                .formats
                .number(formatting.settings, pattern)
                .and_then(|format| format.write(number, &mut self.writer.text)),
            (Direct::Format(pattern), Model::Date(date)) if plain_date => formatting
                .formats
                .date(formatting.settings, date.kind, pattern)
                .map(|format| format.write(*date, &mut self.writer.text)),
            _ => return self.apply_to(value, application, span).map(Some),
        };
        match written {
            Ok(()) => Ok(None),
            // Once more the long way, for the message.
            Err(_) => self.apply_to(value, application, span).map(Some),
        }
    }

    pub(in crate::ftl::eval) fn apply_to(
        &mut self,
        value: Model<'r>,
        application: &'r Application,
        span: Span,
    ) -> Evaluated<'r> {
        let (built_in, target) = (application.built_in, &application.target);
        let value = match value {
            Model::Missing if !built_in.accepts_missing => {
                if !self.settings.classic_compatible || !is_for_texts(built_in) {
                    return Err(self.missing(target));
                }
                if matches!(built_in.group, "type" | "expert") {
                    Model::Missing
                } else {
                    suited(built_in)
                }
            }
            Model::Empty | Model::Nothing if built_in.name == "if_exists" => return Ok(value),
            Model::Empty | Model::Nothing if is_everything(built_in.name) => {
                return Ok(Model::Boolean(true));
            }
            Model::Nothing => match (built_in.name, &application.form) {
                ("is_boolean" | "is_method", _) => return Ok(Model::Boolean(true)),
                ("c" | "cn", _) => Model::Boolean(false),
                ("string", Form::Call(words)) if words.len() == 2 => Model::Boolean(false),
                _ => suited(built_in),
            },
            Model::Empty => suited(built_in),
            value => value,
        };
        // Nearly every built-in looks at its text once.
        match &value {
            Model::Text(text) => self.steps(text.len() / READ_BYTES_A_STEP, span)?,
            Model::Number(number) => {
                let words = number.words();
                self.steps(words.saturating_mul(words) / WORDS_A_STEP + words, span)?;
            }
            _ => {}
        }
        let result = match (&built_in.function, &application.form) {
            (Function::Value(function), Form::Bare) => {
                self.within(application, |this| function(this, value))
            }
            (Function::Value(function), Form::Counted(limit)) => {
                self.within(application, |this| match &value {
                    Model::Sequence(sequence @ Sequence::Lazy(_)) => {
                        sequences::count_to(this, sequence, *limit)
                    }
                    _ => function(this, value),
                })
            }
            (Function::Method(_), Form::Bare) => {
                self.check_target(built_in, &value, target)?;
                let method = Method { built_in: built_in.name, target: value };
                Ok(Model::Callable(Callable::Method(Rc::new(method))))
            }
            (Function::Method(function), Form::Call(arguments)) => {
                // Most built-ins take one argument or two, which need no list on the heap.
                let mut values = smallvec::SmallVec::<[Model<'r>; 2]>::new();
                for argument in arguments {
                    values.push(self.argument(argument, built_in)?);
                }
                self.check_arity(built_in, values.len(), span)?;
                self.within(application, |this| function(this, value, &values))
            }
            (Function::Flexible(function), form) => {
                return self.apply_flexible(application, *function, value, form, span);
            }
            _ => Ok(Model::Missing),
        };
        let result = match result {
            Ok(result) => result,
            Err(fault) => {
                let arguments: &[Expr] = match &application.form {
                    Form::Call(arguments) => arguments,
                    _ => &[],
                };
                return Err(self.blame(fault, span, target.span, arguments));
            }
        };
        match &result {
            Model::Text(text) => {
                self.check_text_length(text.len(), span)?;
                self.steps(text.len() / WRITTEN_BYTES_A_STEP, span)?;
            }
            // Items that nobody else has were made for it.
            Model::Sequence(Sequence::Items(items)) if Rc::strong_count(items) == 1 => {
                self.steps(items.len(), span)?;
            }
            _ => {}
        }
        match result {
            Model::Sequence(Sequence::Lazy(_)) if !application.lazy => {
                let Model::Sequence(sequence) = result else { return Ok(result) };
                self.items(&sequence, span).map(Model::list)
            }
            result => Ok(result),
        }
    }

    /// What a built-in works on is looked at before it is called.
    fn check_target(
        &mut self,
        built_in: &BuiltIn,
        value: &Model<'r>,
        target: &'r Expr,
    ) -> Result<(), Failure> {
        match (built_in.group, value) {
            ("string", _) => self.text_of(value.clone(), target).map(drop),
            ("sequence", Model::Sequence(_) | Model::Matches(_)) => Ok(()),
            ("sequence", other) => Err(self.wrong_type("a sequence", other, target)),
            ("date", Model::Date(_)) => Ok(()),
            ("date", other) => Err(self.wrong_type("a date", other, target)),
            _ => Ok(()),
        }
    }

    fn apply_flexible(
        &mut self,
        application: &'r Application,
        function: for<'a> fn(
            &mut (dyn crate::ftl::builtins::Host<'a> + '_),
            Model<'a>,
            Applied<'_, 'a>,
        ) -> Result<Model<'a>, Fault>,
        value: Model<'r>,
        form: &'r Form,
        span: Span,
    ) -> Evaluated<'r> {
        let target = application.target.span;
        match form {
            Form::Bare | Form::Counted(_) => {
                let result = self.within(application, |this| function(this, value, Applied::Bare));
                result.map_err(|fault| self.blame(fault, span, target, &[]))
            }
            Form::Key(key) => {
                let result =
                    self.within(application, |this| function(this, value, Applied::Key(key)));
                result.map_err(|fault| self.blame(fault, span, target, &[]))
            }
            Form::Index(index) => {
                let key = match self.required(index)? {
                    Model::Number(number) => {
                        // A character of the text, as of any other.
                        let text = self
                            .within(application, |this| function(this, value, Applied::Bare))
                            .map_err(|fault| self.blame(fault, span, target, &[]))?;
                        return self.item(text, java_int(&number), &application.target, index);
                    }
                    Model::Sequence(Sequence::Range(range)) => {
                        let text = self
                            .within(application, |this| function(this, value, Applied::Bare))
                            .map_err(|fault| self.blame(fault, span, target, &[]))?;
                        return self.slice(text, range, &application.target, index);
                    }
                    key => self.key_text(key, index)?,
                };
                let result =
                    self.within(application, |this| function(this, value, Applied::Key(&key)));
                result.map_err(|fault| self.blame(fault, span, target, std::slice::from_ref(index)))
            }
            Form::Call(arguments) => {
                let mut values = smallvec::SmallVec::<[Model<'r>; 2]>::new();
                for argument in arguments {
                    values.push(self.argument(argument, application.built_in)?);
                }
                self.check_arity(application.built_in, values.len(), span)?;
                let result =
                    self.within(application, |this| function(this, value, Applied::Call(&values)));
                result.map_err(|fault| self.blame(fault, span, target, arguments))
            }
        }
    }

    /// Runs a built-in with the output format of its place.
    fn within<T>(&mut self, application: &'r Application, run: impl FnOnce(&mut Self) -> T) -> T {
        // Not set back: every built-in sets it before it runs, and those that call back look at it
        // first.
        self.output_of_built_in = &self.place.program.outputs[application.output as usize];
        run(self)
    }

    fn argument(&mut self, argument: &'r Expr, built_in: &BuiltIn) -> Evaluated<'r> {
        Ok(match self.kept(argument)? {
            // Nothing equals an empty text, and false as well.
            Model::Nothing if built_in.name.starts_with("seq_") => Model::Nothing,
            Model::Empty | Model::Nothing => Model::Text(Text::Borrowed("")),
            // These take nothing but texts, and FreeMarker 1 takes what is missing for one.
            Model::Missing
                if self.settings.classic_compatible
                    && matches!(built_in.name, "matches" | "replace" | "split") =>
            {
                Model::Text(Text::Borrowed(""))
            }
            value => value,
        })
    }

    fn check_arity(&self, built_in: &BuiltIn, found: usize, span: Span) -> Result<(), Failure> {
        check_count(built_in, found).map_err(|fault| self.blame(fault, span, span, &[]))
    }

    /// Calls a built-in that waited for its arguments.
    pub(in crate::ftl::eval) fn call_method(
        &mut self,
        method: &Method<'r>,
        values: &[Model<'r>],
    ) -> Result<Model<'r>, Fault> {
        if let Some(result) = self.call_own_method(method, values) {
            return result;
        }
        let Some(built_in) = crate::ftl::builtins::find(method.built_in) else {
            return Ok(Model::Missing);
        };
        check_count(built_in, values.len())?;
        let target = method.target.clone();
        match built_in.function {
            Function::Method(function) => function(self, target, values),
            Function::Flexible(function) => function(self, target, Applied::Call(values)),
            _ => Ok(Model::Missing),
        }
    }

    /// The methods that are no built-ins of the table.
    fn call_own_method(
        &mut self,
        method: &Method<'r>,
        values: &[Model<'r>],
    ) -> Option<Result<Model<'r>, Fault>> {
        match method.built_in {
            DEFAULT if values.is_empty() && method.target.is_missing() => Some(Err(Fault::new(
                TemplateErrorKind::BadArgument,
                "`?default` takes at least 1 argument, found none",
            ))),
            DEFAULT => {
                let mut all = std::iter::once(&method.target).chain(values);
                Some(Ok(all.find(|value| !value.is_missing()).cloned().unwrap_or(Model::Missing)))
            }
            GET_OPTIONAL_TEMPLATE => Some(self.get_optional_template(values)),
            IMPORT_UNPARSED if values.is_empty() => {
                let Model::Text(name) = &method.target else { return None };
                Some(Ok(self.import_unparsed(name)))
            }
            IMPORT_OPTIONAL | IMPORT_UNPARSED => Some(match (&method.target, values) {
                (Model::Text(name), []) => self.import_loaded(name),
                _ => Err(Fault::new(
                    TemplateErrorKind::BadArgument,
                    "this method takes no arguments",
                )
                .blaming(Blame::Whole)),
            }),
            _ => None,
        }
    }
}

/// The method behind `x?default`.
pub(in crate::ftl::eval) const DEFAULT: &str = "default";
/// The method behind `.get_optional_template`.
pub(in crate::ftl::eval) const GET_OPTIONAL_TEMPLATE: &str = ".get_optional_template";
/// The method behind the `import` it gives.
pub(in crate::ftl::eval) const IMPORT_OPTIONAL: &str = ".get_optional_template.import";
/// The same for a template that was not parsed.
pub(in crate::ftl::eval) const IMPORT_UNPARSED: &str = ".get_optional_template.import_unparsed";

/// How many arguments a built-in takes, and whether these are so many.
pub(in crate::ftl::eval) fn check_count(built_in: &BuiltIn, found: usize) -> Result<(), Fault> {
    let Some((least, most)) = built_in.arguments else { return Ok(()) };
    if (least..=most).contains(&found) {
        return Ok(());
    }
    let name = built_in.name;
    let expected = match (least, most) {
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, usize::MAX) => format!("at least {least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    let message = format!("`?{name}` takes {expected}, found {found}");
    Err(Fault::new(TemplateErrorKind::BadArgument, message))
}

/// What a bare `x!` is for a built-in: an empty text, list or hash.
fn suited<'r>(built_in: &BuiltIn) -> Model<'r> {
    match (built_in.group, built_in.name) {
        ("sequence", _) | (_, "size") => Model::list(Vec::new()),
        ("hash", _) => Model::Hash(Hash::Made(Rc::new(Map::default()))),
        _ => Model::Text(Text::Borrowed("")),
    }
}

/// Whether a built-in reads its target as text, which a missing value is in old templates.
fn is_for_texts(built_in: &BuiltIn) -> bool {
    let is_for_values = matches!(built_in.group, "sequence" | "hash" | "date" | "number")
        || matches!(built_in.name, "c" | "size" | "string");
    !is_for_values
}

/// Whether a question about the type is true for what is text, list and hash at once.
fn is_everything(question: &str) -> bool {
    matches!(
        question,
        "is_string" | "is_sequence" | "is_hash" | "is_hash_ex" | "is_indexable" | "is_enumerable"
    )
}
