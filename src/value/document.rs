//! The table of entries behind a JSON value.
//!
//! Entries stand in the order of the text. A list is followed by its items, an object by pairs of
//! a key and a value; both know where they end, so a reader steps over what it doesn't want.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::value::number::Number;
use crate::value::quick::short_decimal;

/// What an entry is; the payload's meaning follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::value) enum Kind {
    Null,
    False,
    True,
    /// The payload is the number as `i64`.
    Int,
    /// The payload is the digits as `i64`, of which `scale` stand behind the point.
    Small,
    /// The payload is the bits of an `f64` whose shortest decimal form is the exact number.
    Float,
    /// A number as text in the own buffer.
    Decimal,
    /// Offset and length in the input.
    Text,
    /// Offset and length in the own buffer.
    OwnText,
    /// Number of items, and the index behind the last entry inside.
    List,
    Object,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::value) struct Entry {
    pub(in crate::value) kind: Kind,
    /// For [`Kind::Small`].
    pub(in crate::value) scale: u8,
    /// The number of lists and objects around it.
    pub(in crate::value) depth: u16,
    /// [`hash_key`] for keys, which is never 0; 0 for values.
    pub(in crate::value) hash: u32,
    pub(in crate::value) payload: u64,
}

impl Entry {
    #[inline]
    fn pair(self) -> (usize, usize) {
        ((self.payload >> 32) as usize, (self.payload & u64::from(u32::MAX)) as usize)
    }

    /// The bytes of a text, from the input or the own buffer.
    #[inline]
    pub(in crate::value) fn bytes<'b>(self, input: &'b [u8], own: &'b [u8]) -> &'b [u8] {
        let (offset, length) = self.pair();
        let buffer = if self.kind == Kind::Text { input } else { own };
        &buffer[offset..offset + length]
    }

    /// The index behind the last entry inside a list or an object; `None` for others.
    #[inline]
    pub(in crate::value) fn behind(self) -> Option<usize> {
        matches!(self.kind, Kind::List | Kind::Object).then(|| self.pair().1)
    }
}

#[inline]
pub(in crate::value) fn pair(high: usize, low: usize) -> u64 {
    ((high as u64) << 32) | low as u64
}

/// The memory of a document, kept to be used again.
#[derive(Debug, Default)]
pub struct Buffers {
    pub(in crate::value) entries: Vec<Entry>,
    pub(in crate::value) own: String,
}

/// One JSON value. `'t` is the life of the text it was read from.
#[derive(Debug, Default)]
pub struct Document<'t> {
    pub(in crate::value) text: &'t str,
    pub(in crate::value) own: String,
    pub(in crate::value) entries: Vec<Entry>,
}

impl<'t> Document<'t> {
    /// The value itself.
    pub fn root(&self) -> Node<'_> {
        Node { document: self, at: 0 }
    }

    /// Gives the memory back, for the next document.
    pub fn into_buffers(self) -> Buffers {
        Buffers { entries: self.entries, own: self.own }
    }

    /// The text the document was read from; empty when a [`Builder`] made it.
    pub fn text(&self) -> &'t str {
        self.text
    }

    #[inline]
    fn entry(&self, at: u32) -> Entry {
        self.entries[at as usize]
    }

    /// Whether an entry is the key of that hash and name.
    #[inline]
    fn is_key(&self, entry: Entry, hash: u32, name: &[u8]) -> bool {
        entry.hash == hash && same(entry.bytes(self.text.as_bytes(), self.own.as_bytes()), name)
    }

    #[inline]
    fn slice(&self, entry: Entry) -> &str {
        let (offset, length) = entry.pair();
        let buffer = if entry.kind == Kind::Text { self.text } else { &self.own };
        &buffer[offset..offset + length]
    }

    /// The index of the entry behind the value at `at`.
    #[inline]
    fn behind(&self, at: u32) -> u32 {
        self.entry(at).behind().map_or(at + 1, |behind| behind as u32)
    }
}

/// Makes a [`Document`] from the outside in: open, fill, close.
#[derive(Debug)]
pub struct Builder<'t> {
    document: Document<'t>,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    at: usize,
    count: usize,
}

impl<'t> Builder<'t> {
    /// An empty builder over `text`, whose slices [`Builder::borrowed_text`] may use.
    pub fn new(text: &'t str, mut buffers: Buffers) -> Self {
        buffers.entries.clear();
        buffers.own.clear();
        let document = Document { text, own: buffers.own, entries: buffers.entries };
        Self { document, open: Vec::new() }
    }

    /// The finished document. Without a single value it holds `null`.
    pub fn finish(mut self) -> Document<'t> {
        while !self.open.is_empty() {
            self.close();
        }
        if self.document.entries.is_empty() {
            self.null();
        }
        self.document
    }

    /// Drops what was built and gives the memory back.
    pub fn into_buffers(self) -> Buffers {
        self.document.into_buffers()
    }

    fn push(&mut self, kind: Kind, payload: u64) {
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
        }
        let depth = self.depth();
        self.document.entries.push(Entry { kind, scale: 0, depth, hash: 0, payload });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.push(Kind::Null, 0);
    }

    /// A boolean.
    pub fn boolean(&mut self, value: bool) {
        self.push(if value { Kind::True } else { Kind::False }, 0);
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.push(Kind::Int, value.cast_unsigned());
    }

    /// A floating-point number that stands for its shortest decimal form.
    pub fn float(&mut self, value: f64) {
        self.push(Kind::Float, value.to_bits());
    }

    /// A number in JSON's spelling, kept to its last digit.
    pub fn decimal(&mut self, text: &str) {
        if let Some(Entry { kind, scale, payload, .. }) = short_decimal(text) {
            self.push(kind, payload);
            if let Some(entry) = self.document.entries.last_mut() {
                entry.scale = scale;
            }
            return;
        }
        let payload = self.keep(text);
        self.push(Kind::Decimal, payload);
    }

    /// A number in JSON's spelling, which those who write it again keep: `12.50`.
    pub fn spelled(&mut self, text: &str) {
        let payload = self.keep(text);
        self.push(Kind::Decimal, payload);
    }

    /// A value of another document, copied. Does nothing and says so when it would nest deeper than
    /// `max_depth` levels here.
    pub fn copy(&mut self, node: Node<'_>, max_depth: usize) -> bool {
        let Node { document, at } = node;
        let entries = &document.entries[at as usize..document.behind(at) as usize];
        let own_depth = entries.first().map_or(0, |entry| entry.depth);
        let around = entries.iter().filter(|entry| entry.behind().is_some());
        let levels = around.map(|entry| entry.depth - own_depth + 1).max().unwrap_or_default();
        if self.open.len() + usize::from(levels) > max_depth {
            return false;
        }
        self.copy_value(node);
        true
    }

    fn copy_value(&mut self, node: Node<'_>) {
        let entry = node.document.entry(node.at);
        match entry.kind {
            Kind::Text | Kind::OwnText => self.text(node.document.slice(entry)),
            Kind::Decimal => self.spelled(node.document.slice(entry)),
            Kind::List => {
                self.open_list();
                node.as_list().into_iter().flat_map(List::iter).for_each(|it| self.copy_value(it));
                self.close();
            }
            Kind::Object => {
                self.open_object();
                for (key, value) in node.as_object().into_iter().flat_map(Object::iter) {
                    self.key(key);
                    self.copy_value(value);
                }
                self.close();
            }
            _ => {
                self.push(entry.kind, entry.payload);
                if let Some(last) = self.document.entries.last_mut() {
                    last.scale = entry.scale;
                }
            }
        }
    }

    /// A text, copied.
    pub fn text(&mut self, text: &str) {
        let payload = self.keep(text);
        self.push(Kind::OwnText, payload);
    }

    /// A text that may be a slice of the builder's own input; then nothing is copied.
    pub fn borrowed_text(&mut self, text: &str) {
        match self.offset_in_input(text) {
            Some(offset) => self.push(Kind::Text, pair(offset, text.len())),
            None => self.text(text),
        }
    }

    /// The key of the next value; inside an object only. Keys must not repeat.
    pub fn key(&mut self, key: &str) {
        let (kind, payload) = match self.offset_in_input(key) {
            Some(offset) => (Kind::Text, pair(offset, key.len())),
            None => (Kind::OwnText, self.keep(key)),
        };
        let depth = self.depth();
        let hash = hash_key(key.as_bytes());
        self.document.entries.push(Entry { kind, scale: 0, depth, hash, payload });
    }

    /// Opens a list; what follows until [`Builder::close`] are its items.
    pub fn open_list(&mut self) {
        self.push(Kind::List, 0);
        self.open.push(Open { at: self.document.entries.len() - 1, count: 0 });
    }

    /// Opens an object; a key and a value follow in turn until [`Builder::close`].
    pub fn open_object(&mut self) {
        self.push(Kind::Object, 0);
        self.open.push(Open { at: self.document.entries.len() - 1, count: 0 });
    }

    /// Closes the innermost open list or object.
    pub fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            let end = self.document.entries.len();
            self.document.entries[open.at].payload = pair(open.count, end);
        }
    }

    fn depth(&self) -> u16 {
        u16::try_from(self.open.len()).unwrap_or(u16::MAX)
    }

    fn offset_in_input(&self, text: &str) -> Option<usize> {
        let input = self.document.text;
        let offset = text.as_ptr().addr().checked_sub(input.as_ptr().addr())?;
        (offset + text.len() <= input.len()).then_some(offset)
    }

    fn keep(&mut self, text: &str) -> u64 {
        let offset = self.document.own.len();
        self.document.own.push_str(text);
        pair(offset, text.len())
    }
}

/// A place in a document: one JSON value.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document<'d>,
    at: u32,
}

/// A JSON value as its kind.
#[derive(Clone, Debug)]
pub enum View<'d> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An exact number.
    Number(Number),
    /// A text.
    Text(&'d str),
    /// A list.
    List(List<'d>),
    /// An object.
    Object(Object<'d>),
}

impl<'d> Node<'d> {
    /// The value as its kind.
    #[inline]
    pub fn view(self) -> View<'d> {
        let document = self.document;
        let entry = document.entry(self.at);
        match entry.kind {
            Kind::Null => View::Null,
            Kind::False => View::Boolean(false),
            Kind::True => View::Boolean(true),
            Kind::Int => View::Number(Number::from(entry.payload.cast_signed())),
            Kind::Small => View::Number(small(entry)),
            Kind::Float => View::Number(Number::from_shortest(f64::from_bits(entry.payload))),
            Kind::Decimal => View::Number(Number::from_json(document.slice(entry))),
            Kind::Text | Kind::OwnText => View::Text(document.slice(entry)),
            Kind::List => View::List(List { document, at: self.at }),
            Kind::Object => View::Object(Object { document, at: self.at }),
        }
    }

    /// The boolean, when it is one.
    #[inline]
    pub fn as_boolean(self) -> Option<bool> {
        match self.document.entry(self.at).kind {
            Kind::False => Some(false),
            Kind::True => Some(true),
            _ => None,
        }
    }

    /// The number, when it is one.
    #[inline]
    pub fn as_number(self) -> Option<Number> {
        let entry = self.document.entry(self.at);
        match entry.kind {
            Kind::Int => Some(Number::from(entry.payload.cast_signed())),
            Kind::Small => Some(small(entry)),
            Kind::Float => Some(Number::from_shortest(f64::from_bits(entry.payload))),
            Kind::Decimal => Some(Number::from_json(self.document.slice(entry))),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[inline]
    pub fn is_null(self) -> bool {
        self.document.entry(self.at).kind == Kind::Null
    }

    /// The text, when it is one.
    #[inline]
    pub fn as_text(self) -> Option<&'d str> {
        let entry = self.document.entry(self.at);
        matches!(entry.kind, Kind::Text | Kind::OwnText).then(|| self.document.slice(entry))
    }

    /// The object, when it is one.
    #[inline]
    pub fn as_object(self) -> Option<Object<'d>> {
        let Self { document, at } = self;
        (document.entry(at).kind == Kind::Object).then_some(Object { document, at })
    }

    /// The list, when it is one.
    pub fn as_list(self) -> Option<List<'d>> {
        let Self { document, at } = self;
        (document.entry(at).kind == Kind::List).then_some(List { document, at })
    }

    /// What kind of value this is, in JSON's words: `null`, `boolean`, `number`, `string`, `array`,
    /// `object`.
    pub fn kind_name(self) -> &'static str {
        match self.document.entry(self.at).kind {
            Kind::Null => "null",
            Kind::False | Kind::True => "boolean",
            Kind::Int | Kind::Small | Kind::Float | Kind::Decimal => "number",
            Kind::Text | Kind::OwnText => "string",
            Kind::List => "array",
            Kind::Object => "object",
        }
    }

    /// A floating-point number's own bits, for writing it as it was (`6396.0`).
    pub(in crate::value) fn as_float(self) -> Option<f64> {
        let entry = self.document.entry(self.at);
        (entry.kind == Kind::Float).then(|| f64::from_bits(entry.payload))
    }

    /// Whether this is an integer that was spelled with a point (`6396.0`).
    pub(in crate::value) fn is_pointed_integer(self) -> bool {
        let entry = self.document.entry(self.at);
        entry.kind == Kind::Small && entry.payload.cast_signed() % 10 == 0
    }

    /// The spelling of a number that was kept as text.
    pub(in crate::value) fn as_decimal_text(self) -> Option<&'d str> {
        let entry = self.document.entry(self.at);
        (entry.kind == Kind::Decimal).then(|| self.document.slice(entry))
    }
}

#[inline]
fn small(entry: Entry) -> Number {
    match (entry.payload.cast_signed(), entry.scale) {
        (digits, 1) if digits % 10 == 0 => Number::from(digits / 10),
        (digits, scale) => Number::from_small(digits, scale),
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        crate::value::write_json(*self, &mut text);
        f.write_str(&text)
    }
}

/// A list in a document.
#[derive(Clone, Copy, Debug)]
pub struct List<'d> {
    document: &'d Document<'d>,
    at: u32,
}

impl<'d> List<'d> {
    /// The number of items.
    pub fn len(self) -> usize {
        self.document.entry(self.at).pair().0
    }

    /// Whether there is no item.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The item at `index`, from 0. Steps over the items before it.
    pub fn get(self, index: usize) -> Option<Node<'d>> {
        self.iter().nth(index)
    }

    /// The items in order.
    pub fn iter(self) -> Items<'d> {
        Items { document: self.document, at: self.at + 1, end: self.document.behind(self.at) }
    }

    /// The list as a value.
    pub fn node(self) -> Node<'d> {
        Node { document: self.document, at: self.at }
    }
}

/// An object in a document. Keys keep the order of the text.
#[derive(Clone, Copy, Debug)]
pub struct Object<'d> {
    document: &'d Document<'d>,
    at: u32,
}

impl<'d> Object<'d> {
    /// The number of keys.
    pub fn len(self) -> usize {
        self.document.entry(self.at).pair().0
    }

    /// Whether there is no key.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of `key`.
    pub fn get(self, key: &str) -> Option<Node<'d>> {
        self.search(key, hash_key(key.as_bytes()))
            .map(|at| Node { document: self.document, at: at + 1 })
    }

    /// The value of a key that is asked for often: events of one source have their keys in one
    /// order, so the place of the last hit is tried first, and then those around it.
    #[inline]
    pub fn get_key(self, key: &Key) -> Option<Node<'d>> {
        let document = self.document;
        let hint = key.hint.load(Ordering::Relaxed);
        if let Some([own, inside @ ..]) = document.entries.get(self.at as usize..)
            && let Some(entry) = inside.get((hint as usize).wrapping_sub(1))
            // Inside this object, only its own keys are exactly one level deeper.
            && entry.depth == own.depth.wrapping_add(1)
            && self.at.wrapping_add(hint) < own.payload as u32
            && document.is_key(*entry, key.hash, key.name.as_bytes())
        {
            return Some(Node { document, at: self.at.wrapping_add(hint).wrapping_add(1) });
        }
        self.look_for(key, self.at.wrapping_add(hint))
    }

    /// [`Object::get_key`] where the key was not at the place of the last hit.
    #[inline(never)]
    fn look_for(self, key: &Key, guess: u32) -> Option<Node<'d>> {
        let document = self.document;
        if let Some(at) = self.look_around(key, guess) {
            // The hint stays: threads would write it in turn.
            return Some(Node { document, at: at + 1 });
        }
        let at = self.search(&key.name, key.hash)?;
        // In small objects keys move from event to event, and looking again costs little.
        if key.hint.load(Ordering::Relaxed) == UNKNOWN || self.is_large() {
            key.hint.store(at - self.at, Ordering::Relaxed);
        }
        Some(Node { document, at: at + 1 })
    }

    /// Whether keys are sought near a guess before they are sought everywhere.
    fn is_large(self) -> bool {
        self.document.behind(self.at) - self.at > 2 * FAR
    }

    /// In large objects, a key stands a few entries off where a list before it is longer or shorter.
    fn look_around(self, key: &Key, guess: u32) -> Option<u32> {
        if !self.is_large() {
            return None;
        }
        let document = self.document;
        let (first, end) = (self.at + 1, document.behind(self.at));
        let entries = document.entries.get(
            guess.saturating_sub(FAR).max(first) as usize
                ..guess.saturating_add(FAR).min(end) as usize,
        )?;
        let depth = document.entry(self.at).depth + 1;
        let found = entries.iter().position(|entry| {
            entry.hash == key.hash
                && entry.depth == depth
                && document.is_key(*entry, key.hash, key.name.as_bytes())
        })?;
        Some(guess.saturating_sub(FAR).max(first) + found as u32)
    }

    /// The key and value pairs in order.
    pub fn iter(self) -> Pairs<'d> {
        Pairs { document: self.document, at: self.at + 1, end: self.document.behind(self.at) }
    }

    /// The object as a value.
    pub fn node(self) -> Node<'d> {
        Node { document: self.document, at: self.at }
    }

    fn search(self, key: &str, hash: u32) -> Option<u32> {
        let document = self.document;
        let end = document.behind(self.at);
        let mut at = self.at + 1;
        while at < end {
            let entry = document.entry(at);
            if document.is_key(entry, hash, key.as_bytes()) {
                return Some(at);
            }
            at = document.behind(at + 1);
        }
        None
    }
}

/// The items of a [`List`] in order.
#[derive(Clone, Debug)]
pub struct Items<'d> {
    document: &'d Document<'d>,
    at: u32,
    end: u32,
}

impl Items<'_> {
    /// Whether there are no more.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.at >= self.end
    }
}

impl<'d> Iterator for Items<'d> {
    type Item = Node<'d>;

    #[inline]
    fn next(&mut self) -> Option<Node<'d>> {
        let Self { document, at, end } = *self;
        (at < end).then(|| {
            self.at = document.behind(at);
            Node { document, at }
        })
    }
}

/// The key and value pairs of an [`Object`] in order.
#[derive(Clone, Debug)]
pub struct Pairs<'d> {
    document: &'d Document<'d>,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Pairs<'d> {
    type Item = (&'d str, Node<'d>);

    fn next(&mut self) -> Option<(&'d str, Node<'d>)> {
        let Self { document, at, end } = *self;
        (at < end).then(|| {
            self.at = document.behind(at + 1);
            (document.slice(document.entry(at)), Node { document, at: at + 1 })
        })
    }
}

/// So many entries around a guess are looked at.
const FAR: u32 = 32;

/// A key's hint before it was found anywhere.
const UNKNOWN: u32 = 0;

/// A key with its hash, and where it was found. For keys that templates and filters name.
#[derive(Debug)]
pub struct Key {
    name: Box<str>,
    hash: u32,
    /// The distance from the object's entry to the key's.
    hint: AtomicU32,
}

impl Key {
    /// A key by its name.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), hash: hash_key(name.as_bytes()), hint: AtomicU32::new(UNKNOWN) }
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self::new(&self.name)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A quick hash of a key's length, first and last bytes; never 0. Keys are compared in full where
/// it agrees, so a collision costs time only.
#[inline]
pub(in crate::value) fn hash_key(key: &[u8]) -> u32 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let (first, last) = ends(key);
    let mixed = (first ^ last.rotate_left(23) ^ (key.len() as u64) << 56).wrapping_mul(MULTIPLIER);
    (mixed >> 32) as u32 | 1
}

/// The first and the last eight bytes, or what a shorter text has instead. Up to sixteen bytes, the
/// ends and the length are the whole text.
#[inline]
fn ends(text: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        return (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into());
    }
    match text {
        [first, .., last] => (u64::from(*first) << 8 | u64::from(text[1]), (*last).into()),
        [only] => ((*only).into(), 0),
        [] => (0, 0),
    }
}

/// Whether two texts are equal, quickly for short ones.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && if one.len() <= 16 { ends(one) == ends(other) } else { one == other }
}
