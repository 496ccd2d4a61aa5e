//! What a template says, as data: the tree that the parser makes.
//!
//! The tree is close to the text: parentheses, spans of names and the order of what was written are
//! kept, so that errors and the linter can point at them. What the parser decides for good is decided
//! here already: white space is stripped, `<#escape>` is applied, and every interpolation knows its
//! output format. Nothing here is looked up or run.

use crate::ftl::coverage::Probe;
use crate::ftl::settings::OutputFormat;
use crate::text::Span;
use crate::value::Number;

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What `<#ftl …>` said.
    pub header: Header,
    /// The template's content.
    pub body: Body,
    /// The output format at the start of the template, its header and file extension considered.
    pub output: Output,
}

/// The parameters of `<#ftl …>` that are read when the template runs.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// `encoding`, as written.
    pub encoding: Option<String>,
    /// `attributes`: constant expressions.
    pub attributes: Vec<(String, Expr)>,
}

/// Content in order.
pub type Body = Vec<Node>;

/// A piece of content with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// The place of the whole start tag, interpolation or text.
    pub span: Span,
}

/// What a piece of content is.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Text that is written as it is.
    Text(String),
    /// `${…}`, `[=…]`.
    Interpolation {
        /// What is printed.
        value: Expr,
        /// The format of the place, and whether to escape for it.
        output: Output,
    },
    /// `#{… ; m2M4}`.
    NumericInterpolation {
        /// What is printed.
        value: Expr,
        /// The least number of digits behind the point.
        min_fraction: u32,
        /// The greatest number of digits behind the point.
        max_fraction: u32,
        /// The format of the place, and whether to escape for it.
        output: Output,
    },
    /// `<#if>`, `<#elseif>`, `<#else>`: the first whose condition is true; `<#else>` has none.
    If(Vec<Branch>),
    /// `<#list>` and `<#foreach>`.
    List {
        /// What is walked over.
        source: Expr,
        /// `as x`, `as k, v`; with `<#items>` inside there are none.
        variables: LoopVariables,
        /// What is repeated, or what holds `<#items>`.
        body: Body,
        /// `<#else>`: for an empty list.
        otherwise: Option<Body>,
        /// The place of the tag `<#else>`.
        otherwise_span: Span,
    },
    /// `<#items as x>`.
    Items {
        /// `as x`, `as k, v`.
        variables: LoopVariables,
        /// What is repeated.
        body: Body,
    },
    /// `<#sep>`: skipped for the last item.
    Sep(Body),
    /// `<#break>`.
    Break,
    /// `<#continue>`.
    Continue,
    /// `<#switch>`.
    Switch {
        /// What is compared.
        subject: Expr,
        /// In order; `<#default>` may stand anywhere.
        cases: Vec<Case>,
    },
    /// `<#assign>`, `<#global>`, `<#local>` with values.
    Assign {
        /// Where to.
        scope: Scope,
        /// One or more.
        assignments: Vec<Assignment>,
    },
    /// `<#assign x>…</#assign>`: what the body writes becomes the value.
    Capture {
        /// Where to.
        scope: Scope,
        /// The variable.
        name: String,
        /// What is captured.
        body: Body,
        /// The format of the place: with a markup format and auto-escaping the value is markup.
        output: Output,
    },
    /// `<#macro>` and `<#function>`.
    Macro(Macro),
    /// `<@x …>…</@x>`, and the old `<#call>` and `<#transform>`.
    Call {
        /// What is called.
        callee: Expr,
        /// In order, or by name.
        arguments: Arguments,
        /// `; a, b`.
        loop_variables: Vec<String>,
        /// Nested content; `None` for `<@x />`.
        body: Option<Body>,
    },
    /// `<#nested …>`.
    Nested(Vec<Expr>),
    /// `<#return>`.
    Return(Option<Expr>),
    /// `<#include>`.
    Include {
        /// The path.
        path: Expr,
        /// `parse=`.
        parse: Option<Expr>,
        /// `encoding=`.
        encoding: Option<Expr>,
        /// `ignore_missing=`.
        ignore_missing: Option<Expr>,
    },
    /// `<#import>`.
    Import {
        /// The path.
        path: Expr,
        /// The variable that holds the namespace.
        name: String,
    },
    /// `<#setting name=value>`.
    Setting {
        /// In the spelling of the template.
        name: String,
        /// The place of the name.
        name_span: Span,
        /// The value.
        value: Expr,
    },
    /// `<#attempt>` and `<#recover>`.
    Attempt {
        /// What is tried.
        body: Body,
        /// What is done if it fails.
        recover: Body,
        /// The place of the tag `<#recover>`.
        recover_span: Span,
    },
    /// `<#compress>`.
    Compress(Body),
    /// `<#outputformat>`, `<#autoesc>`, `<#noautoesc>`: a part of the template with an output
    /// format of its own (`.output_format`, `.auto_esc`); the nodes inside know theirs.
    Formatted {
        /// What holds inside.
        output: Output,
        /// The content.
        body: Body,
    },
    /// The expression of an `<#escape>`, which is in the interpolations inside already. Its names are
    /// looked at even if there are none.
    Escape(Expr),
    /// `<#stop>`.
    Stop(Option<Expr>),
    /// `<#flush>`.
    Flush,
    /// A directive for XML documents: `visit`, `recurse`, `fallback`. Running it is an error.
    Unavailable(&'static str),
    /// Counts how often it is reached. Not of the parser: `instrument` puts it in.
    Probe(Probe),
}

/// The output format of a place in the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format.
    pub format: OutputFormat,
    /// Whether values are escaped for it.
    pub auto_escape: bool,
    /// Whether they would not be in any format, as inside `<#noautoesc>`.
    pub never_escapes: bool,
}

/// A branch of `<#if>`.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Nothing for `<#else>`.
    pub condition: Option<Expr>,
    /// The content.
    pub body: Body,
    /// The place of the tag.
    pub span: Span,
}

/// The variables of a loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopVariables {
    /// None: `<#list xs>` with `<#items>` inside.
    None,
    /// `as item`.
    Item(String),
    /// `as key, value`.
    Pair(String, String),
}

/// A case of `<#switch>`.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which.
    pub kind: CaseKind,
    /// The content.
    pub body: Body,
    /// The place of the tag.
    pub span: Span,
}

/// Which case of `<#switch>`.
#[derive(Clone, Debug)]
pub enum CaseKind {
    /// `<#case x>`: falls through.
    Case(Expr),
    /// `<#on a, b>`: does not fall through.
    On(Vec<Expr>),
    /// `<#default>`.
    Default,
}

/// Where an assignment goes.
#[derive(Clone, Debug)]
pub enum Scope {
    /// `<#assign>`: the current namespace, or that of `in ns`.
    Namespace(Option<Expr>),
    /// `<#global>`.
    Global,
    /// `<#local>`.
    Local,
}

/// One `name = value`.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The place of the name.
    pub name_span: Span,
    /// How.
    pub operator: AssignOperator,
    /// The value; nothing for `++` and `--`.
    pub value: Option<Expr>,
}

/// The operator of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignOperator {
    /// `=`
    Set,
    /// `+=`
    Add,
    /// `-=`
    Subtract,
    /// `*=`
    Multiply,
    /// `/=`
    Divide,
    /// `%=`
    Remainder,
    /// `++`
    Increment,
    /// `--`
    Decrement,
}

/// A macro or a function.
#[derive(Clone, Debug)]
pub struct Macro {
    /// Its name.
    pub name: String,
    /// `<#function>`.
    pub is_function: bool,
    /// In order.
    pub parameters: Vec<Parameter>,
    /// `rest...`.
    pub catch_all: Option<String>,
    /// The content.
    pub body: Body,
    /// The output format where it was defined.
    pub output: Output,
}

/// A parameter of a macro or function.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its default, which may use other parameters.
    pub default: Option<Expr>,
}

/// The arguments of `<@x …>`.
#[derive(Clone, Debug)]
pub enum Arguments {
    /// `<@x 1, 2>`
    Positional(Vec<Expr>),
    /// `<@x a=1 b=2>`
    Named(Vec<(String, Expr)>),
}

/// An expression with its place.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The place of the whole expression.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `"text"`, `r"raw"`.
    Text(String),
    /// `"text with ${x}"`.
    TextTemplate(Vec<TextPart>),
    /// `1.5`
    Number(Number),
    /// `true`, `false`
    Boolean(bool),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{"k": v}`
    Hash(Vec<(Expr, Expr)>),
    /// `a..b` and its kin.
    Range {
        /// The first item.
        start: Box<Expr>,
        /// The end, or the length; nothing for `a..`.
        end: Option<Box<Expr>>,
        /// Which of the four.
        kind: RangeKind,
    },
    /// `name`
    Name(String),
    /// `.name`: a special variable.
    Special(String),
    /// `target.name`
    Dot {
        /// Left of the dot.
        target: Box<Expr>,
        /// Right of it.
        name: String,
        /// The place of the name.
        name_span: Span,
    },
    /// `target[index]`: an item, a key, or a slice.
    Index {
        /// Left of the bracket.
        target: Box<Expr>,
        /// Inside it.
        index: Box<Expr>,
    },
    /// `target(a, b)`
    Call {
        /// What is called.
        target: Box<Expr>,
        /// In order. An argument of the built-ins that take one may be a lambda.
        arguments: Vec<Expr>,
    },
    /// `target?name`
    BuiltIn {
        /// Left of the question mark.
        target: Box<Expr>,
        /// In the spelling of the template; `resolve` looks it up.
        name: String,
        /// The place of the name.
        name_span: Span,
    },
    /// `target!fallback`
    Default {
        /// What may be missing. In parentheses any step of it may be.
        target: Box<Expr>,
        /// What to take then; nothing for a bare `!`.
        fallback: Option<Box<Expr>>,
    },
    /// `target??`
    Exists(Box<Expr>),
    /// `!x`
    Not(Box<Expr>),
    /// `-x`
    Negate(Box<Expr>),
    /// `+x`
    Plus(Box<Expr>),
    /// `a + b` and all other operators of two sides but `&&` and `||`.
    Binary {
        /// Which.
        operator: BinaryOperator,
        /// The left side.
        left: Box<Expr>,
        /// The right side.
        right: Box<Expr>,
    },
    /// `a && b`
    And(Box<Expr>, Box<Expr>),
    /// `a || b`
    Or(Box<Expr>, Box<Expr>),
    /// `x -> e`, `(x) -> e`
    Lambda {
        /// The parameters' names.
        parameters: Vec<String>,
        /// What it gives.
        body: Box<Expr>,
    },
    /// `(x)`
    Parenthesis(Box<Expr>),
}

/// A part of a text literal with interpolations.
#[derive(Clone, Debug)]
pub enum TextPart {
    /// Text as it is.
    Text(String),
    /// `${…}`
    Interpolation(Expr),
    /// `#{… ; m2M4}`
    Numeric {
        /// What is printed.
        value: Expr,
        /// The least number of digits behind the point.
        min_fraction: u32,
        /// The greatest number of digits behind the point.
        max_fraction: u32,
    },
}

/// The kinds of ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeKind {
    /// `a..b`: may go down.
    Inclusive,
    /// `a..<b`, `a..!b`
    Exclusive,
    /// `a..*n`
    Length,
    /// `a..`
    Endless,
}

/// Operators of two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `+`: sum, or concatenation of texts, lists, hashes, markup
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `==`, `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`, `lt`
    Less,
    /// `<=`, `lte`
    LessOrEqual,
    /// `>`, `gt`
    Greater,
    /// `>=`, `gte`
    GreaterOrEqual,
}
