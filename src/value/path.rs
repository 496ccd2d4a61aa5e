//! `user.emails[0]`: the way from one value to another inside it.

use std::fmt;

use crate::value::document::{Key, Node, View};

/// A path as people write it: names joined by dots, indexes and odd names in brackets
/// (`event_properties["Total Price"]`, `items[0].sku`).
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(Key),
    Index(usize),
}

/// A text is not a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PathError {}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// When a name is empty, or a bracket is not closed or holds neither a number nor a quoted name.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let wrong = |what: &str| PathError { message: format!("path `{text}`: {what}") };
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() || steps.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, behind) = bracket(inside).ok_or_else(|| {
                    wrong("expected an index or a quoted name, and `]` behind it")
                })?;
                steps.push(step);
                rest = behind;
                continue;
            }
            if !steps.is_empty() {
                rest = rest.strip_prefix('.').ok_or_else(|| wrong("expected `.` or `[`"))?;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err(wrong("expected a name"));
            }
            steps.push(Step::Key(Key::new(&rest[..end])));
            rest = &rest[end..];
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// The path as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value at the end of the path; `None` when a step leads nowhere or to `null`.
    pub fn find<'d>(&self, root: Node<'d>) -> Option<Node<'d>> {
        let found = self.steps.iter().try_fold(root, |node, step| match (step, node.view()) {
            (Step::Key(key), View::Object(object)) => object.get_key(key),
            (Step::Index(index), View::List(list)) => list.get(*index),
            _ => None,
        });
        found.filter(|node| !node.is_null())
    }
}

fn bracket(inside: &str) -> Option<(Step, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, behind) = quoted.split_once(quote)?;
            return Some((Step::Key(Key::new(name)), behind.strip_prefix(']')?));
        }
    }
    let (index, behind) = inside.split_once(']')?;
    Some((Step::Index(index.trim().parse().ok()?), behind))
}

#[cfg(test)]
mod tests {
    use crate::value::{Document, Path};

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let document =
            Document::parse(r#"{"a":{"b c":[10,{"d":20}]},"n":null}"#).unwrap_or_default();
        let at = |text: &str| {
            let path = Path::parse(text).ok()?;
            path.find(document.root()).map(|node| format!("{node:?}"))
        };
        assert_eq!(at(r#"a["b c"][1].d"#).as_deref(), Some("20"));
        assert_eq!(at("a['b c'][0]").as_deref(), Some("10"));
        assert_eq!(at("n"), None);
        assert_eq!(at("a.x"), None);
        assert!(
            ["", "a.", "a[", "a[x]", ".a", "a[0]b"].iter().all(|text| Path::parse(text).is_err())
        );
    }
}
