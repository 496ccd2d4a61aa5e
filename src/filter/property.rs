//! Which part of an event a condition looks at, by Amplitude's names.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::value::Key;
use crate::value::Node;
use crate::value::Number;
use crate::value::Object;
use crate::value::View;
use crate::value::write_json;

/// The values of a property: one, or the items of an array; none when the property is missing,
/// `null` or empty.
pub(in crate::filter) type Elements<'d> = SmallVec<[Element<'d>; 2]>;

/// One value that conditions are tested on.
#[derive(Clone, Debug)]
pub(in crate::filter) enum Element<'d> {
    Text(Cow<'d, str>),
    /// The number, and where it stands.
    Number(Number, Node<'d>),
    Boolean(bool),
    /// An object, or an array in an array, as JSON text.
    Json(String),
}

/// A property of events.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::filter) struct Property {
    way: Way,
    /// As paths are written: `user_properties.plan`.
    text: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Way {
    /// A field of the event.
    Field(Key),
    /// Two fields of the event with a blank between.
    Joined(Key, Key),
    /// A field of an object of the event.
    Inside(Key, Key),
    /// A property of the event's groups: `group_properties`, group type, group name, property.
    OfGroups(Option<Key>, Key),
}

/// Amplitude's own user properties, and where an exported event keeps them.
const USER_PROPERTIES: [(&str, &str); 5] = [
    ("version", "version_name"),
    ("device", "device_family"),
    ("carrier", "device_carrier"),
    ("latitude", "location_lat"),
    ("longitude", "location_lng"),
];

/// The fields of an exported event with one value each, which conditions may name as they are.
const FIELDS: [&str; 48] = [
    "$insert_id",
    "$insert_key",
    "$schema",
    "adid",
    "amplitude_attribution_ids",
    "amplitude_event_type",
    "amplitude_id",
    "app",
    "city",
    "client_event_time",
    "client_upload_time",
    "country",
    "data_type",
    "device_brand",
    "device_carrier",
    "device_family",
    "device_id",
    "device_manufacturer",
    "device_model",
    "device_type",
    "dma",
    "event_id",
    "event_time",
    "event_type",
    "idfa",
    "ip_address",
    "is_attribution_event",
    "language",
    "library",
    "location_lat",
    "location_lng",
    "os_name",
    "os_version",
    "partner_id",
    "paying",
    "platform",
    "processed_time",
    "region",
    "sample_rate",
    "server_received_time",
    "server_upload_time",
    "session_id",
    "source_id",
    "start_version",
    "user_creation_time",
    "user_id",
    "uuid",
    "version_name",
];

impl Property {
    /// An event property.
    pub(in crate::filter) fn of_event(name: &str) -> Self {
        Self::inside("event_properties", name)
    }

    /// A user property that the project defined itself (`gp:…`).
    pub(in crate::filter) fn of_user(name: &str) -> Self {
        Self::inside("user_properties", name)
    }

    /// One of Amplitude's own user properties, or a field of the export; `None` when there is no
    /// such thing.
    pub(in crate::filter) fn own(name: &str) -> Option<Self> {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        if same("os") {
            let way = Way::Joined(Key::new("os_name"), Key::new("os_version"));
            return Some(Self { way, text: "os".to_owned() });
        }
        let renamed = USER_PROPERTIES.iter().find(|(known, _)| same(known)).map(|(_, field)| field);
        let field = renamed.or_else(|| FIELDS.iter().find(|field| same(field)))?;
        Some(Self { way: Way::Field(Key::new(field)), text: (*field).to_owned() })
    }

    /// The names that [`Property::own`] knows.
    pub(in crate::filter) fn own_names() -> impl Iterator<Item = &'static str> {
        let renamed = USER_PROPERTIES.iter().map(|(known, _)| *known);
        std::iter::once("os").chain(renamed).chain(FIELDS)
    }

    /// The groups of a type that the event belongs to.
    pub(in crate::filter) fn groups(group_type: &str) -> Self {
        Self::inside("groups", group_type)
    }

    /// A property of the event's groups (`grp:…`), of one type of them or of all.
    pub(in crate::filter) fn of_groups(group_type: Option<&str>, name: &str) -> Self {
        let shown_type = group_type.map_or_else(|| ".*".to_owned(), shown_step);
        let text = format!("group_properties{shown_type}.*{}", shown_step(name));
        Self { way: Way::OfGroups(group_type.map(Key::new), Key::new(name)), text }
    }

    /// The fields it looks at, as keys from the event on; none for properties of groups, whose
    /// names differ from event to event.
    pub(in crate::filter) fn keys(&self) -> Vec<Vec<String>> {
        let name = |key: &Key| key.name().to_owned();
        match &self.way {
            Way::Field(key) => vec![vec![name(key)]],
            Way::Joined(left, right) => vec![vec![name(left)], vec![name(right)]],
            Way::Inside(object, key) => vec![vec![name(object), name(key)]],
            Way::OfGroups(..) => Vec::new(),
        }
    }

    fn inside(object: &str, name: &str) -> Self {
        let text = format!("{object}{}", shown_step(name));
        Self { way: Way::Inside(Key::new(object), Key::new(name)), text }
    }

    /// The property as a path.
    pub(in crate::filter) fn text(&self) -> &str {
        &self.text
    }

    /// The property's values in an event.
    #[inline]
    pub(in crate::filter) fn elements<'d>(&self, event: Node<'d>) -> Elements<'d> {
        let mut elements = Elements::new();
        self.visit(event, &mut |node| add_value(node, &mut elements));
        if matches!(self.way, Way::Joined(..)) && elements.len() > 1 {
            let words: Vec<String> = elements.iter().map(Element::to_text).collect();
            elements.clear();
            elements.push(Element::Text(Cow::Owned(words.join(" "))));
        }
        elements
    }

    /// What the event holds there, each with its path: one value as a rule, and `None` for one
    /// that isn't there.
    pub(in crate::filter) fn seen(&self, event: Node<'_>) -> Vec<(String, Option<String>)> {
        let field = |key: &Key| event.as_object().and_then(|event| event.get_key(key));
        match &self.way {
            Way::Field(_) | Way::Inside(..) => {
                let mut value = None;
                self.visit(event, &mut |node| value = Some(json_text(node)));
                vec![(self.text.clone(), value)]
            }
            Way::Joined(one, other) => [one, other]
                .map(|key| (shown_key(key.name()), field(key).map(json_text)))
                .into_iter()
                .collect(),
            Way::OfGroups(group_type, key) => {
                let mut seen = Vec::new();
                for_each_group(event, group_type.as_ref(), &mut |group_type, name, group| {
                    if let Some(value) = group.get_key(key) {
                        let way = [group_type, name, key.name()].map(shown_step).concat();
                        seen.push((format!("group_properties{way}"), Some(json_text(value))));
                    }
                });
                if seen.is_empty() {
                    seen.push((self.text.clone(), None));
                }
                seen
            }
        }
    }

    fn visit<'d>(&self, event: Node<'d>, found: &mut dyn FnMut(Node<'d>)) {
        let field = |node: Node<'d>, key: &Key| node.as_object()?.get_key(key);
        match &self.way {
            Way::Field(key) => field(event, key).into_iter().for_each(found),
            Way::Joined(one, other) => {
                [one, other].iter().filter_map(|key| field(event, key)).for_each(found);
            }
            Way::Inside(object, key) => {
                let node = field(event, object).and_then(|object| field(object, key));
                node.into_iter().for_each(found);
            }
            Way::OfGroups(group_type, key) => {
                for_each_group(event, group_type.as_ref(), &mut |_, _, group| {
                    group.get_key(key).into_iter().for_each(&mut *found);
                });
            }
        }
    }
}

/// Calls with group type, group name and properties of each of the event's groups.
fn for_each_group<'d>(
    event: Node<'d>,
    group_type: Option<&Key>,
    found: &mut dyn FnMut(&'d str, &'d str, Object<'d>),
) {
    let types = event.as_object().and_then(|event| event.get("group_properties"));
    let Some(types) = types.and_then(Node::as_object) else { return };
    for (type_name, groups) in types.iter() {
        if group_type.is_some_and(|wanted| wanted.name() != type_name) {
            continue;
        }
        let Some(groups) = groups.as_object() else { continue };
        for (name, group) in groups.iter() {
            if let Some(group) = group.as_object() {
                found(type_name, name, group);
            }
        }
    }
}

/// A name as a step behind the first one.
fn shown_step(name: &str) -> String {
    let shown = shown_key(name);
    if shown.starts_with('[') { shown } else { format!(".{shown}") }
}

/// A name as a step of a path: odd ones in brackets.
fn shown_key(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    let mut shown = "[".to_owned();
    crate::value::write_json_text(name, &mut shown);
    shown.push(']');
    shown
}

fn add_value<'d>(node: Node<'d>, elements: &mut Elements<'d>) {
    match node.view() {
        View::Null => {}
        View::Text(text) => {
            if !text.is_empty() {
                elements.push(Element::Text(Cow::Borrowed(text)));
            }
        }
        View::Object(object) => {
            if !object.is_empty() {
                elements.push(Element::Json(json_text(node)));
            }
        }
        View::List(items) => {
            elements.extend(items.iter().filter_map(|item| match item.view() {
                View::Null => None,
                View::Text(text) => Some(Element::Text(Cow::Borrowed(text))),
                View::Boolean(value) => Some(Element::Boolean(value)),
                View::Number(number) => Some(Element::Number(number, item)),
                View::List(_) | View::Object(_) => Some(Element::Json(json_text(item))),
            }));
        }
        View::Boolean(value) => elements.push(Element::Boolean(value)),
        View::Number(number) => elements.push(Element::Number(number, node)),
    }
}

fn json_text(node: Node<'_>) -> String {
    let mut text = String::new();
    write_json(node, &mut text);
    text
}

impl Element<'_> {
    /// The value as text: a number and an object as JSON spells them.
    #[inline]
    pub(in crate::filter) fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        match self {
            Self::Text(text) => read(text),
            Self::Number(_, node) => read(&json_text(*node)),
            Self::Boolean(value) => read(if *value { "true" } else { "false" }),
            Self::Json(text) => read(text),
        }
    }

    fn to_text(&self) -> String {
        self.with_text(str::to_owned)
    }
}
