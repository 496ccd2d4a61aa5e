//! What an expression gives: JSON data, and what templates make themselves.
//!
//! `'r` is the life of one rendering: data, compiled templates and what they evaluate are borrowed
//! for it, so reading an event copies nothing. Models are cheap to clone and stay in one thread.

mod teardown;

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::ftl::ast::RangeKind;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateError;
use crate::ftl::settings::OutputFormat;
use crate::value::Items;
use crate::value::List;
use crate::value::Node;
use crate::value::Number;
use crate::value::Object;
use crate::value::View;

/// A value of the template language.
#[derive(Clone, Debug)]
pub enum Model<'r> {
    /// Nothing: a name that leads nowhere, or JSON's `null`.
    Missing,
    /// `true` or `false`.
    Boolean(bool),
    /// An exact number.
    Number(Number),
    /// A text.
    Text(Text<'r>),
    /// A point in time, from `?date`, `?datetime`, `.now` and their kin.
    Date(Date),
    /// Text of an output format, which is printed without escaping it again.
    Markup(Rc<Markup>),
    /// A list, a range, or something that can be walked over.
    Sequence(Sequence<'r>),
    /// Keys and values.
    Hash(Hash<'r>),
    /// What can be called.
    Callable(Callable<'r>),
    /// One match of a regular expression: a text that has groups.
    Match(Rc<Match>),
    /// What `?matches` gives: true or false, the matches, and the groups of the whole.
    Matches(Rc<Matches>),
    /// What a bare `x!` gives: an empty text, an empty list and an empty hash at once. The evaluator
    /// hands it to a built-in as whichever the built-in needs.
    Empty,
    /// What `?if_exists` gives for something missing: the same, and also false, and a function that
    /// gives nothing.
    Nothing,
    /// What `x?string` and its kin give where nobody wants it yet: a text or date that is perhaps an
    /// error, and a function and hash of other formats.
    Late(Rc<Late<'r>>),
}

impl<'r> Model<'r> {
    /// The model of a JSON value.
    #[inline]
    pub fn from_node(node: Node<'r>) -> Self {
        match node.view() {
            View::Null => Self::Missing,
            View::Boolean(value) => Self::Boolean(value),
            View::Number(number) => Self::Number(number),
            View::Text(text) => Self::Text(Text::Borrowed(text)),
            View::List(list) => Self::Sequence(Sequence::Json(list)),
            View::Object(object) => Self::Hash(Hash::Json(object)),
        }
    }

    /// A text of its own.
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Shared(text.into()))
    }

    /// A list of its own.
    pub fn list(items: Vec<Self>) -> Self {
        Self::Sequence(Sequence::Items(Rc::new(items.into())))
    }

    /// A list of its own that was not made as a sequence alone.
    pub fn collection(items: Vec<Self>, made_by: MadeBy) -> Self {
        Self::Sequence(Sequence::Items(Rc::new(ListItems { items, made_by })))
    }

    /// Whether this is nothing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// What kind of value this is, in the words of messages: `a string`, `a number`, …
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Missing => "nothing (null or missing)",
            Self::Boolean(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) | Self::Match(_) | Self::Empty | Self::Nothing => "a string",
            Self::Date(date) => date.kind.name(),
            Self::Late(late) => late.date_kind().map_or("a string", DateKind::name),
            Self::Markup(_) => "markup output",
            Self::Sequence(Sequence::Range(_)) => "a range",
            Self::Sequence(_) | Self::Matches(_) => "a sequence",
            Self::Hash(Hash::Namespace(_)) => "a namespace",
            Self::Hash(_) => "a hash",
            Self::Callable(callable) => match callable {
                Callable::Macro { is_function: false, .. } => "a macro",
                Callable::Macro { is_function: true, .. } => "a function",
                Callable::Lambda(_) => "a lambda",
                Callable::Directive { .. } => "a directive",
                Callable::Method(_) | Callable::Static(_) => "a method",
                Callable::WithArguments(bound) => bound.callee.kind_name(),
            },
        }
    }
}

impl From<Number> for Model<'_> {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Model<'_> {
    fn from(count: usize) -> Self {
        Self::Number(Number::from(i64::try_from(count).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Model<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

/// A text: a part of the data or the template, or one made while rendering.
#[derive(Clone)]
pub enum Text<'r> {
    /// A slice of what outlives the rendering.
    Borrowed(&'r str),
    /// A text of its own.
    Shared(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<'r> From<&'r str> for Text<'r> {
    fn from(text: &'r str) -> Self {
        Self::Borrowed(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

/// What a built-in gives that takes a format and got none: `x?string`, `x?url`, `x?date`.
#[derive(Clone, Debug)]
pub struct Late<'r> {
    /// The built-in's name in the table.
    pub built_in: &'static str,
    /// What stands left of `?`.
    pub target: Model<'r>,
    /// What it made by the settings, or why it could not.
    pub made: Result<Model<'r>, TemplateError>,
}

impl<'r> Late<'r> {
    /// What it made.
    ///
    /// # Errors
    /// When it could not be made.
    pub fn value(&self) -> Result<&Model<'r>, Fault> {
        self.made.as_ref().map_err(|error| error.clone().into())
    }

    /// Which kind of date it is, if it is one and no text.
    pub fn date_kind(&self) -> Option<DateKind> {
        match self.built_in {
            "date" => Some(DateKind::Date),
            "time" => Some(DateKind::Time),
            "datetime" => Some(DateKind::DateTime),
            _ => None,
        }
    }

    /// Whether its formats are also found under keys.
    pub fn is_hash(&self) -> bool {
        let of_texts = self.date_kind().is_some();
        of_texts
            || matches!(self.target, Model::Number(_) | Model::Date(_)) && self.built_in == "string"
    }
}

/// A point in time, to the millisecond as Java's `Date` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub millis: i64,
    /// Which parts of it count.
    pub kind: DateKind,
}

/// Which parts of a [`Date`] count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateKind {
    /// The day.
    Date,
    /// The time of the day.
    Time,
    /// Both.
    DateTime,
    /// Nobody said (only Java objects are like this; kept for `?date_if_unknown` and its kin).
    Unknown,
}

impl DateKind {
    /// In the words of messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Date => "a date",
            Self::Time => "a time",
            Self::DateTime => "a datetime",
            Self::Unknown => "a date of unknown kind",
        }
    }
}

/// Text of an output format.
#[derive(Clone, Debug)]
pub struct Markup {
    /// Which format.
    pub format: OutputFormat,
    /// The text.
    pub content: MarkupContent,
}

impl Markup {
    /// The text, escaped or not.
    pub fn text(&self) -> &str {
        match &self.content {
            MarkupContent::Plain(text) | MarkupContent::Markup(text) => text,
        }
    }
}

/// The text of a [`Markup`].
#[derive(Clone, Debug)]
pub enum MarkupContent {
    /// Plain text that is still to be escaped when printed (`?esc`).
    Plain(Rc<str>),
    /// Text in the format (`?no_esc`, captured output).
    Markup(Rc<str>),
}

/// What can be walked over.
#[derive(Clone, Debug)]
pub enum Sequence<'r> {
    /// A JSON array.
    Json(List<'r>),
    /// A list of the template's own.
    Items(Rc<ListItems<'r>>),
    /// `a..b`
    Range(Range),
    /// Items that are computed as they are walked over (`?map`, `?filter` … on something endless or
    /// not yet needed). Not indexable.
    Lazy(Rc<Lazy<'r>>),
    /// The groups of a whole text. When it doesn't match, they can be counted but none can be had.
    Groups(Rc<Matches>),
}

/// The items of a list of the template's own.
#[derive(Clone, Debug, Default)]
pub struct ListItems<'r> {
    items: Vec<Model<'r>>,
    pub(in crate::ftl) made_by: MadeBy,
}

/// What made a list. For FreeMarker some are collections as well, which `?is_collection` and
/// `?is_collection_ex` tell, and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MadeBy {
    /// Anything else: it is a sequence.
    #[default]
    Other,
    /// `?keys` or `?values`: a collection, too.
    Hash,
    /// `+`: a collection that knows its size, too.
    Sum,
}

impl<'r> Deref for ListItems<'r> {
    type Target = [Model<'r>];

    #[inline]
    fn deref(&self) -> &[Model<'r>] {
        &self.items
    }
}

impl<'r> From<Vec<Model<'r>>> for ListItems<'r> {
    fn from(items: Vec<Model<'r>>) -> Self {
        Self { items, made_by: MadeBy::Other }
    }
}

impl<'r> FromIterator<Model<'r>> for ListItems<'r> {
    fn from_iter<I: IntoIterator<Item = Model<'r>>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<Vec<_>>())
    }
}

/// A range of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first item.
    pub start: i64,
    /// 1 or -1.
    pub step: i8,
    /// The number of items; `None`: endless.
    pub length: Option<u64>,
    /// How it was written.
    pub kind: RangeKind,
}

impl Range {
    /// The item at `index`, from 0.
    pub fn get(&self, index: u64) -> Option<i64> {
        if self.length.is_some_and(|length| index >= length) {
            return None;
        }
        self.start.checked_add(i64::try_from(index).ok()?.checked_mul(i64::from(self.step))?)
    }
}

/// A sequence and what is done with each of its items when somebody asks.
#[derive(Clone, Debug)]
pub struct Lazy<'r> {
    /// The items before.
    pub source: Sequence<'r>,
    /// What is done.
    pub stage: Stage,
    /// With which function: a lambda, a function or a method of one argument.
    pub function: Model<'r>,
}

/// What a [`Lazy`] does with the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `?map`
    Map,
    /// `?filter`
    Filter,
    /// `?take_while`
    TakeWhile,
    /// `?drop_while`
    DropWhile,
}

/// A walk over a [`Sequence`]; `Host::next` moves it on.
#[derive(Clone, Debug)]
pub enum Cursor<'r> {
    /// Over a JSON array.
    Json(Items<'r>),
    /// Over a list; the number is the next index.
    Items(Rc<ListItems<'r>>, usize),
    /// Over a range; the number is the next index.
    Range(Range, u64),
    /// Over a lazy sequence.
    Lazy {
        /// The walk before.
        inner: Box<Cursor<'r>>,
        /// What is done with its items.
        lazy: Rc<Lazy<'r>>,
        /// For `?take_while` and `?drop_while`: whether the condition has turned.
        turned: bool,
    },
    /// Over the groups of a text that doesn't match.
    NoMatch,
}

impl<'r> Sequence<'r> {
    /// A walk from the first item.
    pub fn cursor(&self) -> Cursor<'r> {
        match self {
            Self::Json(list) => Cursor::Json(list.iter()),
            Self::Items(items) => Cursor::Items(Rc::clone(items), 0),
            Self::Range(range) => Cursor::Range(*range, 0),
            Self::Lazy(lazy) => Cursor::Lazy {
                inner: Box::new(lazy.source.cursor()),
                lazy: Rc::clone(lazy),
                turned: false,
            },
            Self::Groups(matches) if matches.whole => {
                let groups = matches.groups.iter().map(whole_group);
                Cursor::Items(Rc::new(groups.collect()), 0)
            }
            Self::Groups(_) => Cursor::NoMatch,
        }
    }

    /// The number of items, when it is known without walking; `None` for endless and lazy ones.
    pub fn known_length(&self) -> Option<usize> {
        match self {
            Self::Json(list) => Some(list.len()),
            Self::Items(items) => Some(items.len()),
            Self::Range(range) => range.length.and_then(|length| usize::try_from(length).ok()),
            Self::Lazy(_) => None,
            Self::Groups(matches) => Some(matches.groups.len()),
        }
    }
}

/// A group of a whole text: one that took no part is an empty text, while that of a single match is
/// missing.
pub fn whole_group<'r>(group: &Option<Rc<str>>) -> Model<'r> {
    Model::text(group.clone().unwrap_or_default())
}

/// Keys and values.
#[derive(Clone, Debug)]
pub enum Hash<'r> {
    /// A JSON object.
    Json(Object<'r>),
    /// A hash of the template's own.
    Made(Rc<Map<'r>>),
    /// The variables of a template: what `<#import>` gives, `.main`, `.namespace`.
    Namespace(Rc<Namespace<'r>>),
    /// `.vars`, `.globals`, `.locals`, `.data_model`: what the evaluator looks up when asked.
    Scope(ScopeHash),
    /// `statics`, and the class it gives.
    Statics(Statics),
}

impl Hash<'_> {
    /// Whether it is an object or a hash of the template's own without a key.
    pub fn is_plainly_empty(&self) -> bool {
        match self {
            Self::Json(object) => object.is_empty(),
            Self::Made(map) => map.is_empty(),
            Self::Namespace(_) | Self::Scope(_) | Self::Statics(_) => false,
        }
    }
}

/// The hashes behind special variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeHash {
    /// `.vars`: everything visible.
    Variables,
    /// `.globals`: globals and data.
    Globals,
    /// `.locals`
    Locals,
    /// `.data_model`
    DataModel,
}

/// `statics['…FtlUtils']`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statics {
    /// `statics`
    Classes,
    /// The class.
    FtlUtils,
}

/// The variables of a template, changed as it runs.
#[derive(Debug, Default)]
pub struct Namespace<'r> {
    /// The template's name.
    pub template: &'r str,
    /// The variables.
    pub variables: RefCell<Map<'r>>,
    /// Whether its template has run: `lazy_imports` puts that off.
    pub state: Cell<NamespaceState>,
}

/// Whether the template of a [`Namespace`] has run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceState {
    /// It has, or is running.
    #[default]
    Ready,
    /// It runs when somebody looks into the namespace.
    Waiting,
    /// It ran into an error, and is not tried again.
    Failed,
}

/// Puts what has names into the order in which Java's `HashMap` lists it: that of its buckets.
/// `items` are in the order they were added.
pub fn sort_as_java<T>(items: &mut [T], name: impl Fn(&T) -> &str) {
    const FIRST_SIZE: usize = 16;
    let mut buckets = FIRST_SIZE;
    while items.len() > buckets / 4 * 3 {
        buckets *= 2;
    }
    items.sort_by_cached_key(|item| {
        let add = |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit));
        let hash = name(item).encode_utf16().fold(0, add);
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
}

/// Keys and values in the order they were added.
#[derive(Clone, Debug, Default)]
pub struct Map<'r> {
    entries: Vec<Entry<'r>>,
    /// Only for more than [`Map::SMALL`] entries.
    index: Option<Rc<HashMap<Box<str>, usize>>>,
}

#[derive(Clone, Debug)]
struct Entry<'r> {
    hash: u32,
    key: Text<'r>,
    value: Model<'r>,
}

impl<'r> Map<'r> {
    /// Up to here, looking at every key is the quickest way to find one.
    const SMALL: usize = 12;

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Model<'r>> {
        self.get_hashed(hash_name(key), key)
    }

    /// The value of a key whose [`hash_name`] is known.
    #[inline]
    pub fn get_hashed(&self, hash: u32, key: &str) -> Option<&Model<'r>> {
        self.position(hash, key).map(|at| &self.entries[at].value)
    }

    /// Sets the value of a key; one that is there already keeps its place.
    pub fn insert(&mut self, key: Text<'r>, value: Model<'r>) {
        self.insert_hashed(hash_name(&key), key, value);
    }

    /// Sets the value of a key whose [`hash_name`] is known.
    pub fn insert_hashed(&mut self, hash: u32, key: Text<'r>, value: Model<'r>) {
        if let Some(at) = self.position(hash, &key) {
            self.entries[at].value = value;
            return;
        }
        self.entries.push(Entry { hash, key, value });
        let count = self.entries.len();
        if count == Self::SMALL + 1 {
            let keys = self.entries.iter().enumerate();
            let index = keys.map(|(at, entry)| (Box::from(&*entry.key), at)).collect();
            self.index = Some(Rc::new(index));
        } else if let Some(index) = &mut self.index {
            Rc::make_mut(index).insert(Box::from(&*self.entries[count - 1].key), count - 1);
        }
    }

    /// The values, which are taken out.
    fn take_values(&mut self) -> Vec<Model<'r>> {
        std::mem::take(&mut self.entries).into_iter().map(|entry| entry.value).collect()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Text<'r>, &Model<'r>)> {
        self.entries.iter().map(|entry| (&entry.key, &entry.value))
    }

    #[inline]
    fn position(&self, hash: u32, key: &str) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        if let Some(index) = &self.index {
            return index.get(key).copied();
        }
        self.entries.iter().position(|entry| {
            // The name of a variable is one and the same in a template.
            entry.hash == hash && (std::ptr::eq(&raw const *entry.key, key) || *entry.key == *key)
        })
    }
}

/// A quick hash of a name's length, first and last bytes. Names are compared in full where it
/// agrees, so a collision costs time only.
#[inline]
pub fn hash_name(name: &str) -> u32 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let bytes = name.as_bytes();
    let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    };
    let mixed =
        (first ^ last.rotate_left(23) ^ (bytes.len() as u64) << 56).wrapping_mul(MULTIPLIER);
    (mixed >> 32) as u32
}

/// What can be called. Macros, functions, lambdas and directives are known to the evaluator by
/// number.
#[derive(Clone, Debug)]
pub enum Callable<'r> {
    /// `<#macro>`, `<#function>`
    Macro {
        /// The evaluator's number for it.
        id: u32,
        /// `<#function>`
        is_function: bool,
    },
    /// `x -> e`. It sees the variables of the place that calls it, as FreeMarker's lambdas do.
    Lambda(Lambda<'r>),
    /// What `?interpret` gives, and the directives FreeMarker has under a name (`html_escape` …).
    Directive {
        /// The evaluator's number for it.
        id: u32,
    },
    /// A built-in that waits for its arguments: `text?contains`.
    Method(Rc<Method<'r>>),
    /// A method of `FtlUtils`, by its name.
    Static(&'static str),
    /// `m?with_args(…)`
    WithArguments(Rc<WithArguments<'r>>),
}

/// `x -> e`
#[derive(Clone, Copy, Debug)]
pub struct Lambda<'r> {
    pub(in crate::ftl) function: &'r crate::ftl::program::Lambda,
    /// The program it stands in, for the places of its errors.
    pub(in crate::ftl) program: &'r crate::ftl::program::Program,
}

/// A built-in that waits for its arguments.
#[derive(Clone, Debug)]
pub struct Method<'r> {
    /// The built-in's name in the table.
    pub built_in: &'static str,
    /// What stands left of `?`.
    pub target: Model<'r>,
}

/// A callable with arguments given in advance.
#[derive(Clone, Debug)]
pub struct WithArguments<'r> {
    /// What is called.
    pub callee: Model<'r>,
    /// In order, or by name.
    pub arguments: BoundArguments<'r>,
    /// `?with_args_last`: they come behind the others.
    pub last: bool,
}

/// The arguments of `?with_args`.
#[derive(Clone, Debug)]
pub enum BoundArguments<'r> {
    /// From a sequence.
    Positional(Vec<Model<'r>>),
    /// From a hash.
    Named(Vec<(Text<'r>, Model<'r>)>),
}

/// One match of a regular expression.
#[derive(Clone, Debug)]
pub struct Match {
    /// The whole match.
    pub text: Rc<str>,
    /// The whole match, then the groups; `None` for a group that took no part.
    pub groups: Vec<Option<Rc<str>>>,
}

/// What `?matches` gives.
#[derive(Clone, Debug)]
pub struct Matches {
    /// Whether the whole text matches.
    pub whole: bool,
    /// The groups of the whole match; of the first match when the whole does not match.
    pub groups: Vec<Option<Rc<str>>>,
    /// Every match in order.
    pub matches: Vec<Rc<Match>>,
}
