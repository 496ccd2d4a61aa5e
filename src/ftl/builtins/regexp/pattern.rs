//! Compiled patterns, the flags of the built-ins that take one, and a cache.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use fancy_regex::Regex;
use fancy_regex::RegexBuilder;

use crate::ftl::builtins::Host;
use crate::ftl::builtins::regexp::java;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;

/// Patterns kept; templates have a few, events may bring new ones for ever.
const MAX_KEPT: usize = 200;

/// Regular expressions compiled while rendering.
#[derive(Debug, Default)]
pub struct Patterns {
    kept: HashMap<java::Modes, HashMap<Box<str>, Rc<Pattern>>>,
}

/// The flags of `?replace` and its kin, as a text of letters.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ftl::builtins) struct Flags {
    /// `r`: the text to look for is a regular expression.
    pub(in crate::ftl::builtins) regexp: bool,
    /// `f`: only the first one.
    pub(in crate::ftl::builtins) first_only: bool,
    /// `i`, `m`, `c`, `s`.
    pub(in crate::ftl::builtins) modes: java::Modes,
}

impl Flags {
    /// Only `r`.
    pub(in crate::ftl::builtins) const REGEXP: Self =
        Self { regexp: true, first_only: false, modes: java::Modes::NONE };

    /// Reads flags. Letters that are no flag are ignored, as FreeMarker does (it logs them).
    pub(in crate::ftl::builtins) fn parse(text: &str) -> Self {
        let mut flags = Self::default();
        for letter in text.chars() {
            match letter {
                'r' => flags.regexp = true,
                'f' => flags.first_only = true,
                'i' => flags.modes.ignore_case = true,
                'm' => flags.modes.multi_line = true,
                'c' => flags.modes.comments = true,
                's' => flags.modes.dot_all = true,
                _ => {}
            }
        }
        flags
    }

    /// The first flag that means nothing without `r`.
    pub(in crate::ftl::builtins) fn needs_regexp(self) -> Option<char> {
        let Self { regexp, modes, .. } = self;
        let given = [(modes.multi_line, 'm'), (modes.dot_all, 's'), (modes.comments, 'c')];
        given.iter().find(|(given, _)| *given && !regexp).map(|(_, letter)| *letter)
    }
}

/// The pattern of an argument, compiled or from the cache.
pub(in crate::ftl::builtins) fn pattern<'r>(
    host: &mut (dyn Host<'r> + '_),
    source: &str,
    flags: Flags,
    argument: usize,
) -> Result<Rc<Pattern>, Fault> {
    let max_steps = host.formatting().settings.limits.max_regex_steps;
    let kept = host.patterns().kept.entry(flags.modes).or_default();
    if let Some(pattern) = kept.get(source) {
        return Ok(Rc::clone(pattern));
    }
    let pattern = Rc::new(Pattern::compile(source, flags.modes, max_steps, argument)?);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(source.into(), Rc::clone(&pattern));
    Ok(pattern)
}

/// A compiled pattern.
#[derive(Debug)]
pub(in crate::ftl::builtins) struct Pattern {
    anywhere: Regex,
    whole: OnceCell<Regex>,
    start: OnceCell<Regex>,
    translated: String,
    max_steps: usize,
    /// The number of groups.
    pub(in crate::ftl::builtins) groups: usize,
    /// The names of groups and their numbers.
    pub(in crate::ftl::builtins) names: Vec<(String, usize)>,
}

/// A match: the place of the whole, then of the groups that took part.
pub(in crate::ftl::builtins) type Places = Vec<Option<Range<usize>>>;

impl Pattern {
    fn compile(
        source: &str,
        modes: java::Modes,
        max_steps: usize,
        argument: usize,
    ) -> Result<Self, Fault> {
        let translated = java::translate(source, modes).map_err(|malformed| {
            let java::Malformed { message, at } = malformed;
            let message = format!("malformed regular expression, at character {at}: {message}");
            Fault::new(TemplateErrorKind::BadArgument, message)
                .blaming(Blame::Argument(argument))
                .with_hint("in a raw string, `r\"\\d+\"`, backslashes need no doubling")
        })?;
        let java::Translated { pattern, groups, names } = translated;
        let anywhere =
            build(&pattern, max_steps).map_err(|fault| fault.blaming(Blame::Argument(argument)))?;
        let (whole, start) = (OnceCell::new(), OnceCell::new());
        Ok(Self { anywhere, whole, start, translated: pattern, max_steps, groups, names })
    }

    /// The first match that starts at the byte `from` or behind it.
    pub(in crate::ftl::builtins) fn find(
        &self,
        text: &str,
        from: usize,
    ) -> Result<Option<Places>, Fault> {
        self.run(&self.anywhere, text, from)
    }

    /// The match of the whole text.
    pub(in crate::ftl::builtins) fn match_whole(
        &self,
        text: &str,
    ) -> Result<Option<Places>, Fault> {
        let regex = if let Some(regex) = self.whole.get() {
            regex
        } else {
            let built = build(&format!(r"\A(?:{})\z", self.translated), self.max_steps)?;
            self.whole.get_or_init(|| built)
        };
        self.run(regex, text, 0)
    }

    /// Whether the text starts with a match.
    pub(in crate::ftl::builtins) fn matches_start(&self, text: &str) -> Result<bool, Fault> {
        let regex = if let Some(regex) = self.start.get() {
            regex
        } else {
            let built = build(&format!(r"\A(?:{})", self.translated), self.max_steps)?;
            self.start.get_or_init(|| built)
        };
        regex.is_match(text).map_err(|_| self.too_long())
    }

    fn run(&self, regex: &Regex, text: &str, from: usize) -> Result<Option<Places>, Fault> {
        if from > text.len() {
            return Ok(None);
        }
        if self.groups == 0 {
            let found = regex.find_from_pos(text, from).map_err(|_| self.too_long())?;
            return Ok(found.map(|found| vec![Some(found.range())]));
        }
        let found = regex.captures_from_pos(text, from).map_err(|_| self.too_long())?;
        Ok(found.map(|found| {
            (0..=self.groups).map(|group| found.get(group).map(|found| found.range())).collect()
        }))
    }

    fn too_long(&self) -> Fault {
        let message =
            format!("the search took more than {} steps of back-tracking", self.max_steps);
        Fault::new(TemplateErrorKind::Limit, message)
            .with_hint("repetitions inside repetitions, `(a+)+`, are slow; `a++` never goes back")
    }
}

/// Where to look for the next match behind this one: after an empty match a character further.
pub(in crate::ftl::builtins) fn next_start(text: &str, found: &Range<usize>) -> usize {
    if found.end > found.start {
        return found.end;
    }
    next_char(text, found.end)
}

/// Where the character behind the one at `at` starts; beyond the end there is one more place.
pub(in crate::ftl::builtins) fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

fn build(pattern: &str, max_steps: usize) -> Result<Regex, Fault> {
    RegexBuilder::new(pattern).backtrack_limit(max_steps).build().map_err(|error| {
        let message = match error {
            fancy_regex::Error::CompileError(_) => {
                "the regular expression is too large, or uses what is not available here"
            }
            _ => "the regular expression uses what is not available here",
        };
        Fault::new(TemplateErrorKind::BadArgument, format!("{message}: {error}"))
    })
}
