//! Program and data to text.
//!
//! One [`Evaluator`] is one rendering. It borrows the program, the data and the settings for the
//! lifetime `'r`, writes into one buffer, and shares nothing with other threads. What a template
//! may use up is counted here: steps, output, and the depth of the stack, so that a hostile
//! template ends in an error.
//!
//! Nothing here parses, and nothing here knows the time: the caller passes it.

mod arena;
mod arguments;
mod assign;
mod builtin_call;
mod call;
mod compiled;
mod condition;
mod directive;
mod expression;
mod fault;
mod host;
mod import;
mod include;
mod late;
mod list;
mod markup;
mod operator;
mod output;
mod scope;
mod slice;
mod special;
mod special_built_in;
mod texts;
mod transform;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::ftl::builtins::Patterns;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::Formats;
use crate::ftl::library::Library;
use crate::ftl::model::Map;
use crate::ftl::model::Model;
use crate::ftl::model::Namespace;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Node;
use crate::ftl::program::NodeKind;
use crate::ftl::program::Program;
use crate::ftl::settings::ExceptionHandler;
use crate::ftl::settings::Settings;
use crate::ftl::stack::Stack;
use crate::ftl::statics;
use crate::text::Span;

pub(in crate::ftl) use crate::ftl::eval::arena::Arena;
pub(in crate::ftl) use crate::ftl::eval::output::Mark;
pub use crate::ftl::eval::scope::Data;
pub(in crate::ftl) use crate::ftl::eval::transform::SHARED_DIRECTIVES;

use crate::ftl::eval::call::Defined;
use crate::ftl::eval::fault::error;
use crate::ftl::eval::include::Loaded;
use crate::ftl::eval::output::Writer;
use crate::ftl::eval::scope::Context;
use crate::ftl::eval::scope::Frame;
use crate::ftl::eval::scope::NONE;
use crate::ftl::eval::scope::Place;
use crate::ftl::eval::transform::Directive;

/// What keeps its value from one rendering to the next of a thread: formats and patterns compiled
/// so far.
#[derive(Debug, Default)]
pub(in crate::ftl) struct Scratch {
    pub(in crate::ftl) formats: Formats,
    pub(in crate::ftl) patterns: Patterns,
}

/// What a rendering is given.
#[derive(Clone, Copy, Debug)]
pub(in crate::ftl) struct Job<'r> {
    pub(in crate::ftl) program: &'r Program,
    pub(in crate::ftl) settings: &'r Arc<Settings>,
    pub(in crate::ftl) library: Option<&'r Library>,
    pub(in crate::ftl) data: Data<'r>,
    pub(in crate::ftl) now_millis: i64,
    /// Templates compiled while rendering live here.
    pub(in crate::ftl) arena: &'r Arena,
}

/// Why an evaluation has no result.
#[derive(Clone, Debug)]
pub(in crate::ftl) enum Failure {
    /// A value is missing where that is looked for (`(a.b)!`): nobody will read a message.
    Missing,
    /// A mistake with its place.
    Error(TemplateError),
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::Error(error)
    }
}

/// A value, or why there is none.
pub(in crate::ftl::eval) type Evaluated<'r> = Result<Model<'r>, Failure>;

/// How a piece of content ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::eval) enum Flow {
    Next,
    Break,
    Continue,
    Return,
}

/// One rendering.
#[derive(Debug)]
pub(in crate::ftl) struct Evaluator<'r> {
    library: Option<&'r Library>,
    arena: &'r Arena,
    /// What the template was compiled with.
    base: &'r Arc<Settings>,
    /// The same as `<#setting>` left them.
    settings: Cow<'r, Settings>,
    data: Data<'r>,
    now_millis: i64,
    writer: Writer<'r>,
    scratch: &'r mut Scratch,
    steps_left: u64,
    stack: Stack,
    /// Whether a missing value is looked for, so that its message would be lost.
    quiet: bool,
    /// What the last `<#return>` since the last call of a function returned: as in FreeMarker, a
    /// function without one of its own gives what those inside it gave last.
    returned: Model<'r>,
    /// A `<#break>` or `<#continue>` of nested content, on its way to the loop around the call.
    leaving: Option<Flow>,
    place: Place<'r>,
    /// The template that was included last: `.template_name`.
    included: &'r str,
    main: Rc<Namespace<'r>>,
    main_program: &'r Program,
    globals: Map<'r>,
    contexts: Vec<Context<'r>>,
    frames: Vec<Frame<'r>>,
    /// Macros and functions by the number their values carry.
    macros: Vec<Defined<'r>>,
    /// Templates whose macros have numbers.
    loaded: Vec<Loaded<'r>>,
    /// Namespaces by the name of their template.
    imported: Vec<(String, Rc<Namespace<'r>>)>,
    /// Directives that are no macros, by the number their values carry.
    directives: Vec<Directive<'r>>,
    /// What `.error` gives, innermost last.
    recovered: Vec<TemplateError>,
    /// The output format of the built-in that runs.
    output_of_built_in: &'r crate::ftl::ast::Output,
}

impl<'r> Evaluator<'r> {
    /// A rendering that has not begun.
    pub(in crate::ftl) fn new(job: Job<'r>, scratch: &'r mut Scratch, out: String) -> Self {
        let Job { program, settings, library, data, now_millis, arena } = job;
        let name = program.source.name();
        let main = Rc::new(Namespace { template: name, ..Namespace::default() });
        let place = Place { program, context: NONE, frame: NONE, namespace: Rc::clone(&main) };
        Self {
            library,
            arena,
            base: settings,
            settings: Cow::Borrowed(settings),
            data,
            now_millis,
            writer: Writer::new(out, settings.limits.max_output_bytes),
            scratch,
            steps_left: settings.limits.max_steps,
            stack: Stack::here(),
            quiet: false,
            returned: Model::Missing,
            leaving: None,
            place,
            included: name,
            main,
            main_program: program,
            globals: Map::default(),
            contexts: Vec::new(),
            frames: Vec::new(),
            macros: Vec::new(),
            loaded: Vec::new(),
            imported: Vec::new(),
            directives: Vec::new(),
            recovered: Vec::new(),
            output_of_built_in: &program.outputs[0],
        }
    }

    /// Keeps which part of the template wrote which part of the output.
    pub(in crate::ftl) fn tracing(mut self) -> Self {
        self.writer.trace();
        self
    }

    /// Runs the template. Gives what was written, up to the error if there is one.
    pub(in crate::ftl) fn render(mut self) -> (String, Vec<Mark<'r>>, Result<(), TemplateError>) {
        let program = self.place.program;
        // What is included before anything else may call the template's macros.
        self.define_macros(program);
        let result = self.prepare().and_then(|()| self.run(&program.body).map(|_| ()));
        let result = result.map_err(|failure| give_up(failure, program));
        let (out, marks) = self.writer.finish();
        (out, marks, result)
    }

    /// The truth of an expression, as `<#if>` sees it.
    pub(in crate::ftl) fn truth_of(&mut self, expression: &'r Expr) -> Result<bool, TemplateError> {
        let program = self.place.program;
        self.condition(expression).map_err(|failure| give_up(failure, program))
    }

    /// The value of an expression of the program.
    pub(in crate::ftl) fn value_of(
        &mut self,
        expression: &'r Expr,
    ) -> Result<Model<'r>, TemplateError> {
        let program = self.place.program;
        self.evaluate(expression).map_err(|failure| give_up(failure, program))
    }

    /// A value as JSON.
    pub(in crate::ftl) fn json_of(&mut self, value: Model<'r>) -> Option<String> {
        match statics::call(self, "toJson", &[value]) {
            Ok(Model::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    /// Runs pieces of content in order.
    pub(in crate::ftl::eval) fn run(&mut self, body: &'r [Node]) -> Result<Flow, Failure> {
        let Some(first) = body.first() else { return Ok(Flow::Next) };
        self.check_stack(first.span)?;
        self.steps(body.len(), first.span)?;
        for node in body {
            // The two commonest pieces need no call.
            if let Some(text) = self.plain_text(node) {
                self.write(text, node.span)?;
                continue;
            }
            match self.node(node) {
                Ok(Flow::Next) => {}
                Ok(flow) => return Ok(flow),
                Err(failure) => self.handle(failure)?,
            }
        }
        Ok(Flow::Next)
    }

    /// The text that a piece of content writes, when it takes no more than a look to know.
    #[inline]
    fn plain_text(&self, node: &'r Node) -> Option<&'r str> {
        match &node.kind {
            NodeKind::Text(text) => Some(text),
            NodeKind::Interpolation { value, escape: false, .. } => match &value.kind {
                ExprKind::Dot { .. } => self.json(value)?.as_text(),
                ExprKind::Default { target, fallback } => match &target.kind {
                    ExprKind::Dot { target, key } => {
                        let found = self.object(target)?.get_key(key);
                        match found.filter(|node| !node.is_null()) {
                            Some(node) => node.as_text(),
                            None => default_text(fallback.as_deref()),
                        }
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    #[inline]
    fn write(&mut self, text: &str, span: Span) -> Result<(), Failure> {
        if self.writer.is_traced() {
            self.writer.mark(self.place.program, span);
        }
        self.writer.push(text);
        if self.writer.is_full() {
            return Err(self.too_much_output(span));
        }
        Ok(())
    }

    /// What `template_exception_handler` says about an error.
    pub(in crate::ftl::eval) fn handle(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.settings.template_exception_handler != ExceptionHandler::Ignore || self.quiet {
            return Err(failure);
        }
        match &failure {
            Failure::Error(error)
                if !matches!(
                    error.kind(),
                    TemplateErrorKind::Limit | TemplateErrorKind::Stopped
                ) =>
            {
                Ok(())
            }
            _ => Err(failure),
        }
    }

    /// Counts one piece of work.
    #[inline]
    pub(in crate::ftl::eval) fn step(&mut self, span: Span) -> Result<(), Failure> {
        match self.steps_left.checked_sub(1) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => Err(self.out_of_steps(span)),
        }
    }

    /// Counts much work at once.
    pub(in crate::ftl::eval) fn steps(&mut self, count: usize, span: Span) -> Result<(), Failure> {
        let left = self.steps_left.checked_sub(count as u64);
        self.steps_left = left.unwrap_or_default();
        if left.is_none() {
            return Err(self.out_of_steps(span));
        }
        Ok(())
    }

    #[cold]
    fn out_of_steps(&self, span: Span) -> Failure {
        let limit = self.settings.limits.max_steps;
        let message = format!("the template takes more than {limit} steps (`max_steps`)");
        error(TemplateErrorKind::Limit, message, self.place.program, span)
    }

    #[cold]
    fn too_much_output(&self, span: Span) -> Failure {
        let limit = self.settings.limits.max_output_bytes;
        let message = format!("the output is larger than {limit} bytes (`max_output_bytes`)");
        error(TemplateErrorKind::Limit, message, self.place.program, span)
    }

    /// An error before the stack is used up.
    #[inline]
    pub(in crate::ftl::eval) fn check_stack(&self, span: Span) -> Result<(), Failure> {
        if self.stack.is_used_up() {
            return Err(self.too_deep(span));
        }
        Ok(())
    }

    #[cold]
    pub(in crate::ftl::eval) fn too_deep(&self, span: Span) -> Failure {
        let message = "calls and expressions are inside each other too deep for the stack";
        error(TemplateErrorKind::Limit, message, self.place.program, span)
            .with_hint("a macro or function that calls itself needs a condition that ends it")
    }
}

/// The text of `!` without or with a literal behind it.
fn default_text(fallback: Option<&Expr>) -> Option<&str> {
    match fallback.map(|fallback| &fallback.kind) {
        None => Some(""),
        Some(ExprKind::Text(text)) => Some(text),
        Some(_) => None,
    }
}

fn give_up(failure: Failure, program: &Program) -> TemplateError {
    match failure {
        Failure::Error(error) => error,
        Failure::Missing => {
            let kind = TemplateErrorKind::MissingValue;
            TemplateError::new(kind, "a value is missing", &program.source, Span::default())
        }
    }
}
