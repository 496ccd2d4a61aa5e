//! What is run: a template whose names are looked up, ready for any number of renderings.
//!
//! A program is the tree of [`crate::ftl::ast`] after `resolve`: names carry their hash, keys
//! remember where they were found last, built-ins are functions, special variables are numbers.
//! It never changes while it runs, so threads share it without locks.

use std::sync::Arc;

use crate::ftl::ast::AssignOperator;
use crate::ftl::ast::BinaryOperator;
use crate::ftl::ast::Output;
use crate::ftl::ast::RangeKind;
use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::LoopQuestion;
use crate::ftl::coverage::Counters;
use crate::ftl::coverage::Probe;
use crate::ftl::model::hash_name;
use crate::text::Source;
use crate::text::Span;
use crate::value::Key;
use crate::value::Number;

/// The name events are bound to.
pub(in crate::ftl) const INPUT: &str = "input";

/// A template that can be run.
#[derive(Debug)]
pub(in crate::ftl) struct Program {
    /// The text, for messages.
    pub(in crate::ftl) source: Source,
    /// The content.
    pub(in crate::ftl) body: Body,
    /// Every macro and function of the template, wherever it stands.
    pub(in crate::ftl) macros: Vec<Macro>,
    /// The output formats of its places, and whether values are escaped there; the first is that
    /// of the template's start.
    pub(in crate::ftl) outputs: Vec<Output>,
    /// What [`NodeKind::Probe`] counts with; nothing where nothing is counted.
    pub(in crate::ftl) counters: Option<Counters>,
}

/// Content in order.
pub(in crate::ftl) type Body = Box<[Node]>;

/// The index of an [`Output`] in its program.
pub(in crate::ftl) type OutputIndex = u32;

/// The name of a variable.
#[derive(Debug)]
pub(in crate::ftl) struct Name {
    /// The name, and its place in the data.
    pub(in crate::ftl) key: Key,
    /// What names are compared by first.
    pub(in crate::ftl) hash: u32,
    /// Whether this is the name of the event.
    pub(in crate::ftl) is_input: bool,
    /// For `x_index` and `x_has_next`: the loop variable `x` and what is asked of it.
    pub(in crate::ftl) loop_state: Option<Box<(Name, LoopQuestion)>>,
}

impl Name {
    /// A name by its text.
    pub(in crate::ftl) fn new(text: &str) -> Self {
        let state = [("_index", LoopQuestion::Index), ("_has_next", LoopQuestion::HasNext)]
            .into_iter()
            .find_map(|(suffix, question)| Some((text.strip_suffix(suffix)?, question)))
            .filter(|(base, _)| !base.is_empty());
        Self {
            key: Key::new(text),
            hash: hash_name(text),
            is_input: text == INPUT,
            loop_state: state.map(|(base, question)| Box::new((Self::new(base), question))),
        }
    }

    /// The name itself.
    pub(in crate::ftl) fn text(&self) -> &str {
        self.key.name()
    }

    /// Whether both are the same name.
    #[inline]
    pub(in crate::ftl) fn is(&self, other: &Self) -> bool {
        // In one template a name is one and the same.
        std::ptr::eq(self, other) || (self.hash == other.hash && self.text() == other.text())
    }
}

/// A piece of content with its place.
#[derive(Debug)]
pub(in crate::ftl) struct Node {
    /// What it is.
    pub(in crate::ftl) kind: NodeKind,
    /// The place of the start tag, interpolation or text.
    pub(in crate::ftl) span: Span,
}

/// What a piece of content is.
#[derive(Debug)]
pub(in crate::ftl) enum NodeKind {
    /// Text that is written as it is.
    Text(Box<str>),
    /// `${…}`
    Interpolation { value: Expr, output: OutputIndex, escape: bool },
    /// `#{…}`
    NumericInterpolation { value: Expr, fraction: Fraction, output: OutputIndex, escape: bool },
    /// `<#if>` and its branches.
    If(Box<[Branch]>),
    /// `<#list>`
    List(Box<List>),
    /// `<#items>`
    Items { variables: LoopVariables, body: Body },
    /// `<#sep>`
    Sep(Body),
    /// `<#break>`
    Break,
    /// `<#continue>`
    Continue,
    /// `<#switch>`
    Switch(Box<Switch>),
    /// `<#assign>`, `<#global>`, `<#local>`
    Assign { scope: Scope, assignments: Box<[Assignment]> },
    /// `<#assign x>…</#assign>`
    Capture(Box<Capture>),
    /// `<#macro>`, `<#function>`: its index in the program.
    Macro(u32),
    /// `<@x>`
    Call(Box<Call>),
    /// `<#nested>`
    Nested(Box<[Expr]>),
    /// `<#return>`
    Return(Option<Expr>),
    /// `<#include>`
    Include(Box<Include>),
    /// `<#import>`
    Import { path: Expr, name: Arc<Name> },
    /// `<#setting>`
    Setting { name: &'static str, value: Expr },
    /// `<#attempt>`
    Attempt { body: Body, recover: Body },
    /// `<#compress>`
    Compress(Body),
    /// `<#outputformat>`, `<#autoesc>`, `<#noautoesc>`: their content.
    Block(Body),
    /// `<#stop>`
    Stop(Option<Expr>),
    /// `<#flush>`
    Flush,
    /// What needs XML.
    Unavailable(&'static str),
    /// Counts that it was reached: only in programs whose coverage is measured.
    Probe(Probe),
}

/// `m2M4`
#[derive(Clone, Copy, Debug)]
pub(in crate::ftl) struct Fraction {
    /// The least number of digits behind the point.
    pub(in crate::ftl) min: u32,
    /// The greatest.
    pub(in crate::ftl) max: u32,
}

/// A branch of `<#if>`.
#[derive(Debug)]
pub(in crate::ftl) struct Branch {
    /// Nothing for `<#else>`.
    pub(in crate::ftl) condition: Option<Expr>,
    pub(in crate::ftl) body: Body,
}

/// `<#list>`
#[derive(Debug)]
pub(in crate::ftl) struct List {
    pub(in crate::ftl) source: Expr,
    pub(in crate::ftl) variables: LoopVariables,
    /// Whether keys and values are listed, here or in `<#items>`.
    pub(in crate::ftl) pairs: bool,
    pub(in crate::ftl) body: Body,
    pub(in crate::ftl) otherwise: Option<Body>,
}

/// The variables of a loop: none with `<#items>` inside, an item, or a key and a value.
#[derive(Debug)]
pub(in crate::ftl) struct LoopVariables {
    pub(in crate::ftl) first: Option<Arc<Name>>,
    pub(in crate::ftl) second: Option<Arc<Name>>,
}

/// `<#switch>`
#[derive(Debug)]
pub(in crate::ftl) struct Switch {
    pub(in crate::ftl) subject: Expr,
    pub(in crate::ftl) cases: Vec<Case>,
}

/// A case of a switch.
#[derive(Debug)]
pub(in crate::ftl) struct Case {
    pub(in crate::ftl) kind: CaseKind,
    pub(in crate::ftl) body: Body,
}

/// Which case.
#[derive(Debug)]
pub(in crate::ftl) enum CaseKind {
    /// `<#case>`: falls through.
    Case(Expr),
    /// `<#on>`: does not.
    On(Vec<Expr>),
    /// `<#default>`
    Default,
}

/// Where an assignment goes.
#[derive(Debug)]
pub(in crate::ftl) enum Scope {
    /// To the namespace of the place.
    Current,
    /// `in ns`
    Namespace(Expr),
    /// `<#global>`
    Global,
    /// `<#local>`
    Local,
}

/// `name = value`
#[derive(Debug)]
pub(in crate::ftl) struct Assignment {
    pub(in crate::ftl) name: Arc<Name>,
    pub(in crate::ftl) name_span: Span,
    pub(in crate::ftl) operator: AssignOperator,
    pub(in crate::ftl) value: Option<Expr>,
}

/// `<#assign x>…</#assign>`
#[derive(Debug)]
pub(in crate::ftl) struct Capture {
    pub(in crate::ftl) scope: Scope,
    pub(in crate::ftl) name: Arc<Name>,
    pub(in crate::ftl) body: Body,
    pub(in crate::ftl) output: OutputIndex,
}

/// A macro or function.
#[derive(Debug)]
pub(in crate::ftl) struct Macro {
    pub(in crate::ftl) name: Arc<Name>,
    pub(in crate::ftl) is_function: bool,
    pub(in crate::ftl) parameters: Vec<Parameter>,
    pub(in crate::ftl) catch_all: Option<Arc<Name>>,
    pub(in crate::ftl) body: Body,
    /// Whether `.args` occurs in it.
    pub(in crate::ftl) uses_args: bool,
}

/// A parameter of a macro.
#[derive(Debug)]
pub(in crate::ftl) struct Parameter {
    pub(in crate::ftl) name: Arc<Name>,
    pub(in crate::ftl) default: Option<Expr>,
}

/// `<@x>`
#[derive(Debug)]
pub(in crate::ftl) struct Call {
    pub(in crate::ftl) callee: Expr,
    pub(in crate::ftl) arguments: Arguments,
    pub(in crate::ftl) loop_variables: Vec<Arc<Name>>,
    pub(in crate::ftl) body: Option<Body>,
}

/// The arguments of `<@x>`.
#[derive(Debug)]
pub(in crate::ftl) enum Arguments {
    /// `<@x 1, 2>`
    Positional(Vec<Expr>),
    /// `<@x a=1>`
    Named(Vec<(Arc<Name>, Expr)>),
}

/// `<#include>`
#[derive(Debug)]
pub(in crate::ftl) struct Include {
    pub(in crate::ftl) path: Expr,
    pub(in crate::ftl) parse: Option<Expr>,
    pub(in crate::ftl) encoding: Option<Expr>,
    pub(in crate::ftl) ignore_missing: Option<Expr>,
}

/// An expression with its place.
#[derive(Debug)]
pub(in crate::ftl) struct Expr {
    pub(in crate::ftl) kind: ExprKind,
    pub(in crate::ftl) span: Span,
}

/// What an expression is.
#[derive(Debug)]
pub(in crate::ftl) enum ExprKind {
    /// `"text"`
    Text(Box<str>),
    /// `"text with ${x}"`
    TextTemplate(Box<[TextPart]>),
    Number(Number),
    Boolean(bool),
    /// `[a, b]`
    List(Box<[Expr]>),
    /// `{"k": v}`
    Hash(Box<[(Expr, Expr)]>),
    /// `a..b`
    Range {
        start: Box<Expr>,
        end: Option<Box<Expr>>,
        kind: RangeKind,
    },
    /// `name`
    Variable(Arc<Name>),
    /// `.name`
    Special(SpecialVariable),
    /// `target.name`
    Dot {
        target: Box<Expr>,
        key: Box<Key>,
    },
    /// `target[index]`
    Index {
        target: Box<Expr>,
        index: Box<Expr>,
        lazy: bool,
    },
    /// `target(a, b)`
    Call {
        target: Box<Expr>,
        arguments: Box<[Expr]>,
    },
    /// `target?name` and how it is applied.
    BuiltIn(Box<Application>),
    /// `x?index`
    Loop {
        name: Arc<Name>,
        question: LoopQuestion,
        arguments: Box<[Expr]>,
    },
    /// `target!fallback`
    Default {
        target: Box<Expr>,
        fallback: Option<Box<Expr>>,
    },
    /// `target??`
    Exists(Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Binary {
        operator: BinaryOperator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Lambda(Box<Lambda>),
    Parenthesis(Box<Expr>),
}

/// `x -> e`
#[derive(Debug)]
pub(in crate::ftl) struct Lambda {
    pub(in crate::ftl) parameter: Arc<Name>,
    pub(in crate::ftl) body: Expr,
}

/// A built-in with its target and how it is applied.
#[derive(Debug)]
pub(in crate::ftl) struct Application {
    pub(in crate::ftl) target: Expr,
    pub(in crate::ftl) built_in: &'static BuiltIn,
    pub(in crate::ftl) form: Form,
    pub(in crate::ftl) name_span: Span,
    pub(in crate::ftl) output: OutputIndex,
    /// Whether what reads the result can walk over a lazy sequence; otherwise it becomes a list.
    pub(in crate::ftl) lazy: bool,
    /// How the result can be printed without making a value of it.
    pub(in crate::ftl) direct: Option<Direct>,
}

/// What payloads print all the time: written straight into the output. Only a shortcut: whatever it
/// doesn't fit goes the long way.
#[derive(Debug)]
pub(in crate::ftl) enum Direct {
    /// `${x?json_string}` of a text.
    JsonString,
    /// `${x?string("0.00")}` of a number or date.
    Format(Box<str>),
}

/// How a built-in is applied.
#[derive(Debug)]
pub(in crate::ftl) enum Form {
    /// `x?name`
    Bare,
    /// `x?name(a, b)`
    Call(Box<[Expr]>),
    /// `x?name.key`
    Key(Box<str>),
    /// `x?name["key"]`
    Index(Expr),
    /// `x?size`, compared with a number: whoever asks needn't know more than whether there are as
    /// many.
    Counted(usize),
}

/// A part of a text literal.
#[derive(Debug)]
pub(in crate::ftl) enum TextPart {
    Text(Box<str>),
    Interpolation(Expr),
    Numeric { value: Expr, fraction: Fraction },
}

/// `.name`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl) enum SpecialVariable {
    Args,
    AutoEsc(bool),
    CallerTemplateName,
    CurrentTemplateName,
    DataModel,
    Error,
    GetOptionalTemplate,
    Globals,
    IncompatibleImprovements,
    Lang,
    Locale,
    LocaleObject,
    Locals,
    Main,
    MainTemplateName,
    Namespace,
    /// `.node`, `.current_node`
    Node,
    Now,
    OutputEncoding,
    OutputFormat(OutputIndex),
    Pass,
    TemplateName,
    TimeZone,
    UrlEscapingCharset,
    Vars,
    Version,
}

impl Expr {
    /// The expression without the parentheses around it.
    pub(in crate::ftl) fn bare(&self) -> &Self {
        let mut expression = self;
        while let ExprKind::Parenthesis(inner) = &expression.kind {
            expression = inner;
        }
        expression
    }

    /// Whether it stands in parentheses, where `!` and `??` cover every step of it.
    pub(in crate::ftl) fn is_parenthesis(&self) -> bool {
        matches!(self.kind, ExprKind::Parenthesis(_))
    }
}
