//! `x?name`: the table of built-ins, and what a built-in may ask of the evaluator.
//!
//! A built-in is a function of its target and arguments. What it needs beyond them (settings,
//! calling a lambda, walking over a lazy sequence) it asks of its [`Host`], which the evaluator is.
//! Built-ins know no places: they return a [`Fault`], and the evaluator says where it happened.

mod booleans;
mod callables;
mod characters;
pub mod code_units;
mod collation;
pub mod comparison;
mod dates;
pub mod escapes;
pub mod escaping;
mod existence;
mod expert;
mod formatting;
mod hashes;
mod json_text;
mod numbers;
pub mod operands;
mod regexp;
mod search;
pub mod sequences;
mod sorting;
mod strings;
mod truncate;
mod types;
pub mod walk;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use crate::ftl::builtins::regexp::pattern::Patterns;

use crate::ftl::ast::Output;
use crate::ftl::error::Fault;
use crate::ftl::format::Formatting;
use crate::ftl::model::Cursor;
use crate::ftl::model::Hash;
use crate::ftl::model::Model;
use crate::ftl::model::Text;
use crate::text::did_you_mean;

/// What a built-in may ask of the evaluator.
pub trait Host<'r> {
    /// The settings, as `<#setting>` left them, and the formats compiled so far.
    fn formatting(&mut self) -> Formatting<'_>;

    /// The output format of the place, and whether values are escaped there.
    fn output(&self) -> &Output;

    /// Now, in milliseconds since 1970; the same all through one rendering.
    fn now_millis(&self) -> i64;

    /// Regular expressions compiled so far.
    fn patterns(&mut self) -> &mut Patterns;

    /// Calls a function, lambda or method.
    fn call(&mut self, callee: &Model<'r>, arguments: Vec<Model<'r>>) -> Result<Model<'r>, Fault>;

    /// The next item of a walk; `None` at its end. An item that is JSON's `null` is
    /// [`Model::Missing`].
    fn next(&mut self, cursor: &mut Cursor<'r>) -> Result<Option<Model<'r>>, Fault>;

    /// Counts work against the limit of steps: items walked over, characters produced.
    fn spend(&mut self, steps: usize) -> Result<(), Fault>;

    /// The value of a key of any hash; [`Model::Missing`] when there is none.
    fn get(&mut self, hash: &Hash<'r>, key: &str) -> Result<Model<'r>, Fault>;

    /// All keys and values of a hash in order.
    fn pairs(&mut self, hash: &Hash<'r>) -> Result<Vec<(Text<'r>, Model<'r>)>, Fault>;
}

/// A line of the table.
#[derive(Debug)]
pub struct BuiltIn {
    /// The name as `upper_case`; the `upperCase` spelling follows from it ([`camel_case`]).
    pub name: &'static str,
    /// The group of the documentation: `string`, `number`, `date`, `boolean`, `sequence`, `hash`,
    /// `loop_variable`, `existence`, `type`, `expert`.
    pub group: &'static str,
    /// How many arguments it takes; `None`: it is not called (`x?length`).
    pub arguments: Option<(usize, usize)>,
    /// Whether it accepts a missing target (`?default`, `?has_content`, `?cn` …).
    pub accepts_missing: bool,
    /// One line of help.
    pub help: &'static str,
    /// What it does.
    pub function: Function,
}

/// A result of a built-in.
pub type Outcome<'r> = Result<Model<'r>, Fault>;

/// What a built-in does.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// `x?name`
    Value(for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>) -> Outcome<'r>),
    /// `x?name(a, b)`; the evaluator has checked the number of arguments.
    Method(for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>, &[Model<'r>]) -> Outcome<'r>),
    /// All of `x?name`, `x?name(a)` and `x?name.key`: `?string`, `?date`, `?datetime`, `?time`.
    Flexible(for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>, Applied<'_, 'r>) -> Outcome<'r>),
    /// What only the evaluator can do.
    Special(Special),
}

/// How a [`Function::Flexible`] is applied.
#[derive(Clone, Copy, Debug)]
pub enum Applied<'a, 'r> {
    /// `x?name`
    Bare,
    /// `x?name(a, b)`
    Call(&'a [Model<'r>]),
    /// `x?name.key` or `x?name["key"]`
    Key(&'a str),
}

/// Built-ins that need more than values: the evaluator does them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// `?then`: evaluates one of its arguments.
    Then,
    /// `?switch`: evaluates what it needs.
    Switch,
    /// `?default(a, b …)`: evaluates until something is there.
    Default,
    /// `?eval`
    Eval,
    /// `?interpret`
    Interpret,
    /// `?namespace`
    Namespace,
    /// `?absolute_template_name`
    AbsoluteTemplateName,
    /// `x?index` and the other questions to a loop variable.
    Loop(LoopQuestion),
    /// FreeMarker has it, but it needs Java or XML; the texts say which, and what to do instead.
    NotAvailable {
        /// Why it can't be had.
        why: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
}

/// What can be asked of a loop variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopQuestion {
    /// From 0.
    Index,
    /// From 1.
    Counter,
    /// Whether another item follows.
    HasNext,
    /// Whether it is the first.
    IsFirst,
    /// Whether it is the last.
    IsLast,
    /// Whether the counter is odd.
    IsOdd,
    /// Whether the counter is even.
    IsEven,
    /// `odd` or `even`.
    Parity,
    /// `Odd` or `Even`.
    ParityCapitalized,
    /// Its arguments in turn.
    Cycle,
}

impl BuiltIn {
    /// `x?name`
    pub const fn value(
        name: &'static str,
        group: &'static str,
        help: &'static str,
        function: for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>) -> Outcome<'r>,
    ) -> Self {
        let function = Function::Value(function);
        Self { name, group, arguments: None, accepts_missing: false, help, function }
    }

    /// `x?name(…)` with so many arguments.
    pub const fn method(
        name: &'static str,
        group: &'static str,
        arguments: (usize, usize),
        help: &'static str,
        function: for<'r> fn(&mut (dyn Host<'r> + '_), Model<'r>, &[Model<'r>]) -> Outcome<'r>,
    ) -> Self {
        let (arguments, function) = (Some(arguments), Function::Method(function));
        Self { name, group, arguments, accepts_missing: false, help, function }
    }

    /// What the evaluator does.
    pub const fn special(
        name: &'static str,
        group: &'static str,
        arguments: Option<(usize, usize)>,
        help: &'static str,
        special: Special,
    ) -> Self {
        let function = Function::Special(special);
        Self { name, group, arguments, accepts_missing: false, help, function }
    }

    /// The same, for a target that may be missing.
    #[must_use]
    pub const fn for_missing(self) -> Self {
        Self { accepts_missing: true, ..self }
    }
}

/// Every group's table.
const TABLES: &[&[BuiltIn]] = &[
    strings::TABLE,
    search::TABLE,
    regexp::TABLE,
    escaping::TABLE,
    truncate::TABLE,
    sequences::TABLE,
    sorting::TABLE,
    hashes::TABLE,
    existence::TABLE,
    types::TABLE,
    numbers::TABLE,
    dates::TABLE,
    booleans::TABLE,
    formatting::TABLE,
    callables::TABLE,
    expert::TABLE,
];

static BY_NAME: LazyLock<HashMap<String, &'static BuiltIn>> = LazyLock::new(|| {
    let both =
        |line: &'static BuiltIn| [(line.name.to_owned(), line), (camel_case(line.name), line)];
    all().flat_map(both).collect()
});

/// All lines of the table, group by group.
pub fn all() -> impl Iterator<Item = &'static BuiltIn> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The built-in of a name in either spelling. For compiling; rendering looks nothing up.
pub fn find(name: &str) -> Option<&'static BuiltIn> {
    BY_NAME.get(name).copied()
}

/// The name a wrong one was perhaps meant to be, in the spelling of the wrong one.
pub fn nearest(name: &str) -> Option<String> {
    let names: Vec<String> = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        all().map(|line| camel_case(line.name)).collect()
    } else {
        all().map(|line| line.name.to_owned()).collect()
    };
    did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned)
}

/// Whether a built-in walks over a lazy target as it is. For every other one, and everywhere else
/// but `<#list>` and slices, the evaluator makes a list of a lazy sequence first: that is when
/// FreeMarker runs the functions of `?map` and `?filter`.
pub fn takes_lazy(name: &str) -> bool {
    matches!(
        name,
        "drop_while"
            | "filter"
            | "first"
            | "join"
            | "map"
            | "max"
            | "min"
            | "seq_contains"
            | "seq_index_of"
            | "seq_last_index_of"
            | "sequence"
            | "size"
            | "take_while"
    )
}

/// `upper_case` → `upperCase`, with FreeMarker's exceptions (`iso_utc_ms_nz` → `isoUtcMsNZ`).
pub fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        if matches!(word, "nz" | "fz") {
            camel.push_str(&word.to_ascii_uppercase());
        } else {
            let mut letters = word.chars();
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            camel.push_str(letters.as_str());
        }
    }
    camel
}
