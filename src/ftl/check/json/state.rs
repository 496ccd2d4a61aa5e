//! One of the ways a rendering can have come to a place: where its JSON stands, and what was assumed.

use crate::ftl::check::json::machine::Machine;
use crate::text::Source;
use crate::text::Span;

/// Assumptions that a way remembers.
const MAX_ASSUMED: usize = 48;

/// A way to come to a place of the template.
#[derive(Clone, Debug)]
pub(in crate::ftl::check) struct State {
    /// Where the JSON stands.
    pub(in crate::ftl::check) json: Machine,
    /// Variables whose values are known.
    pub(in crate::ftl::check) known: Vec<(String, Known)>,
    /// What the way needs of the data.
    pub(in crate::ftl::check) assumed: Vec<Assumption>,
    /// Whether the way may be one that no data takes: then nothing is said about its JSON.
    pub(in crate::ftl::check) is_doubtful: bool,
    /// The last comma between values.
    pub(in crate::ftl::check) comma: Option<(Source, Span)>,
    /// The call of a macro that has not written anything yet.
    pub(in crate::ftl::check) called: Option<(Source, Span)>,
}

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Known {
    Text(String),
    Boolean(bool),
    Zero,
    Positive,
}

/// A condition on the data that holds, or doesn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) struct Assumption {
    /// The value it is about, as the template spells it.
    pub(in crate::ftl::check) subject: String,
    pub(in crate::ftl::check) question: Question,
    pub(in crate::ftl::check) holds: bool,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Question {
    /// `x??`
    Exists,
    /// `x?has_content`, `x?size > 0`, and whether `<#list x>` has a turn.
    HasContent,
    /// `x == "a"`
    Is(String),
    /// Something else, as the template spells it.
    Other(String),
}

/// Whether an assumption can be made beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Fit {
    /// It is known already.
    Known,
    /// It contradicts them.
    Never,
    /// It says something new.
    New,
    /// It may contradict them in a way that isn't understood here.
    Doubtful,
}

impl State {
    pub(in crate::ftl::check) fn new() -> Self {
        let (known, assumed) = (Vec::new(), Vec::new());
        Self { json: Machine::new(), known, assumed, is_doubtful: false, comma: None, called: None }
    }

    pub(in crate::ftl::check) fn known(&self, name: &str) -> Option<&Known> {
        self.known.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// A variable gets another value: what was assumed of it is void.
    pub(in crate::ftl::check) fn set(&mut self, name: &str, value: Option<Known>) {
        self.known.retain(|(own, _)| own != name);
        self.assumed.retain(|own| root(&own.subject) != name);
        self.known.extend(value.map(|value| (name.to_owned(), value)));
        self.known.sort_by(|left, right| left.0.cmp(&right.0));
    }

    /// The state in which the assumption holds too; `None` when no data can be like that.
    pub(in crate::ftl::check) fn assume(mut self, assumption: Assumption) -> Option<Self> {
        match self.fit(&assumption) {
            Fit::Known => return Some(self),
            Fit::Never => return None,
            Fit::New => {}
            Fit::Doubtful => self.is_doubtful = true,
        }
        // What was assumed long ago is seldom asked again.
        if self.assumed.len() >= MAX_ASSUMED {
            self.assumed.remove(0);
        }
        self.assumed.push(assumption);
        Some(self)
    }

    fn fit(&self, new: &Assumption) -> Fit {
        let mut fit = Fit::New;
        for old in &self.assumed {
            match relation(old, new) {
                Fit::Known => return Fit::Known,
                Fit::Never => return Fit::Never,
                Fit::Doubtful => fit = Fit::Doubtful,
                Fit::New => {}
            }
        }
        fit
    }

    /// Whether the ways can be followed as one: they can't be told apart from here on.
    fn joins(&self, other: &Self) -> bool {
        self.json == other.json && self.known == other.known
    }
}

/// The ways without those that can't be told apart.
pub(in crate::ftl::check) fn joined(states: Vec<State>) -> Vec<State> {
    let mut joined: Vec<State> = Vec::new();
    for state in states {
        match joined.iter_mut().find(|other| other.joins(&state)) {
            Some(other) if other.is_doubtful && !state.is_doubtful => *other = state,
            Some(other) if other.is_doubtful == state.is_doubtful => {
                other.assumed.retain(|own| state.assumed.contains(own));
            }
            Some(_) => {}
            None => joined.push(state),
        }
    }
    joined
}

/// What an old assumption says about a new one.
fn relation(old: &Assumption, new: &Assumption) -> Fit {
    if old.subject == new.subject {
        if old.question == new.question {
            return if old.holds == new.holds { Fit::Known } else { Fit::Never };
        }
        return match (&old.question, old.holds, &new.question, new.holds) {
            // What has content or a value is there.
            (Question::HasContent | Question::Is(_), true, Question::Exists, holds) => {
                if holds {
                    Fit::Known
                } else {
                    Fit::Never
                }
            }
            (Question::Exists, false, Question::HasContent | Question::Is(_), holds) => {
                if holds {
                    Fit::Never
                } else {
                    Fit::Known
                }
            }
            (Question::Is(_), true, Question::Is(_), holds) => {
                if holds {
                    Fit::Never
                } else {
                    Fit::Known
                }
            }
            (Question::Other(_), ..) | (_, _, Question::Other(_), _) => Fit::Doubtful,
            _ => Fit::New,
        };
    }
    // `a.b` is there only if `a` is.
    let (outer, inner) = if is_inside(&new.subject, &old.subject) {
        (old, new)
    } else if is_inside(&old.subject, &new.subject) {
        (new, old)
    } else {
        return Fit::New;
    };
    match (&outer.question, outer.holds, &inner.question, inner.holds) {
        (
            Question::Exists | Question::HasContent,
            false,
            Question::Exists | Question::HasContent | Question::Is(_),
            true,
        ) => Fit::Never,
        (Question::Other(_), ..) | (_, _, Question::Other(_), _) => Fit::Doubtful,
        _ => Fit::New,
    }
}

/// Whether a subject lies inside another: `a.b` in `a`.
fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// The variable at the start of a subject.
fn root(subject: &str) -> &str {
    subject.split(['.', '[', '?', '!', ' ']).next().unwrap_or(subject)
}
