//! Compiled patterns, the flags of the built-ins that take one, and a cache.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use fancy_regex::Regex;
use fancy_regex::RegexBuilder;

use crate::ftl::builtins::Host;
use crate::ftl::builtins::regexp::halves;
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

/// What compiling a pattern costs, in steps of the template.
const COMPILE_STEPS: usize = 500;
const COMPILE_STEPS_A_BYTE: usize = 20;

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
    host.spend(COMPILE_STEPS + source.len() * COMPILE_STEPS_A_BYTE)?;
    let pattern = Rc::new(Pattern::compile(source, flags.modes, max_steps, argument)?);
    let kept = host.patterns().kept.entry(flags.modes).or_default();
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(source.into(), Rc::clone(&pattern));
    Ok(pattern)
}

/// A compiled pattern.
#[derive(Debug)]
pub(in crate::ftl::builtins) struct Pattern {
    anywhere: Search,
    whole: OnceCell<Search>,
    start: OnceCell<Search>,
    /// For a place that is known.
    here: OnceCell<Search>,
    inside: Inside,
    translated: String,
    max_steps: usize,
    /// The number of groups.
    pub(in crate::ftl::builtins) groups: usize,
    /// The names of groups and their numbers.
    pub(in crate::ftl::builtins) names: Vec<(String, usize)>,
}

/// A pattern with a low limit of back-tracking, which nearly all searches stay under, then with
/// higher ones: how far a search got is the only way to know what it took.
#[derive(Debug)]
struct Search {
    pattern: String,
    tiers: [(usize, OnceCell<Regex>); 3],
}

/// What the tiers are smaller than the limit of the settings.
const TIERS: [usize; 3] = [512, 16, 1];
/// Steps of back-tracking that count as one step of the template.
const TRACKS_A_STEP: usize = 50;

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
        let anywhere = Search::new(pattern.clone(), max_steps)
            .map_err(|fault| fault.blaming(Blame::Argument(argument)))?;
        Ok(Self {
            anywhere,
            whole: OnceCell::new(),
            start: OnceCell::new(),
            here: OnceCell::new(),
            inside: Inside::of(source),
            translated: pattern,
            max_steps,
            groups,
            names,
        })
    }

    /// The first match that starts at the byte `from` or behind it; its places may be in the middle
    /// of characters ([`halves`]).
    pub(in crate::ftl::builtins) fn find<'r>(
        &self,
        host: &mut (dyn Host<'r> + '_),
        text: &str,
        from: usize,
    ) -> Result<Option<Places>, Fault> {
        let start = halves::next_boundary(text, from);
        if start != from
            && self.inside != Inside::Never
            && let Some(found) = self.match_inside(host, text, from)?
        {
            return Ok(Some(found));
        }
        let found = self.run(host, &self.anywhere, text, start)?;
        if self.inside != Inside::Anywhere {
            return Ok(found);
        }
        let place = found.as_ref().and_then(|places| places.first()?.as_ref());
        let end = place.map_or(text.len(), |place| place.start);
        let mut at = start;
        while let Some(middle) = halves::first_middle(text, at, end) {
            if let Some(found) = self.match_inside(host, text, middle)? {
                return Ok(Some(found));
            }
            at = halves::next_boundary(text, middle);
        }
        Ok(found)
    }

    /// The match that starts in the middle of a character.
    fn match_inside<'r>(
        &self,
        host: &mut (dyn Host<'r> + '_),
        text: &str,
        middle: usize,
    ) -> Result<Option<Places>, Fault> {
        host.spend(1 + text.len() / 64)?;
        let search = self.search(&self.here, r"\G", "")?;
        let (text, start) = halves::with_halves(text, middle);
        let places = self.run(host, search, &text, start)?;
        let outside = |place| halves::without_halves(place, middle);
        let outside = |place: Range<usize>| outside(place.start)..outside(place.end);
        Ok(places.map(|places| places.into_iter().map(|place| place.map(outside)).collect()))
    }

    /// The match of the whole text.
    pub(in crate::ftl::builtins) fn match_whole<'r>(
        &self,
        host: &mut (dyn Host<'r> + '_),
        text: &str,
    ) -> Result<Option<Places>, Fault> {
        let search = self.search(&self.whole, r"\A", r"\z")?;
        self.run(host, search, text, 0)
    }

    /// Whether the text starts with a match.
    pub(in crate::ftl::builtins) fn matches_start<'r>(
        &self,
        host: &mut (dyn Host<'r> + '_),
        text: &str,
    ) -> Result<bool, Fault> {
        let search = self.search(&self.start, r"\A", "")?;
        self.tier_by_tier(host, search, |regex| regex.is_match(text))
    }

    fn search<'p>(
        &self,
        own: &'p OnceCell<Search>,
        start: &str,
        end: &str,
    ) -> Result<&'p Search, Fault> {
        if let Some(search) = own.get() {
            return Ok(search);
        }
        let built = Search::new(format!(r"{start}(?:{}){end}", self.translated), self.max_steps)?;
        Ok(own.get_or_init(|| built))
    }

    fn run<'r>(
        &self,
        host: &mut (dyn Host<'r> + '_),
        search: &Search,
        text: &str,
        from: usize,
    ) -> Result<Option<Places>, Fault> {
        if from > text.len() {
            return Ok(None);
        }
        if self.groups == 0 {
            let found = self.tier_by_tier(host, search, |regex| regex.find_from_pos(text, from))?;
            return Ok(found.map(|found| vec![Some(found.range())]));
        }
        let found = self.tier_by_tier(host, search, |regex| regex.captures_from_pos(text, from))?;
        Ok(found.map(|found| {
            (0..=self.groups).map(|group| found.get(group).map(|found| found.range())).collect()
        }))
    }

    /// Searches under higher and higher limits, each of which is paid for.
    fn tier_by_tier<'r, T>(
        &self,
        host: &mut (dyn Host<'r> + '_),
        search: &Search,
        find: impl Fn(&Regex) -> Result<T, fancy_regex::Error>,
    ) -> Result<T, Fault> {
        for (limit, tier) in &search.tiers {
            host.spend(limit / TRACKS_A_STEP)?;
            let regex = match tier.get() {
                Some(regex) => regex,
                None => {
                    let built = build(&search.pattern, *limit)?;
                    tier.get_or_init(|| built)
                }
            };
            if let Ok(found) = find(regex) {
                return Ok(found);
            }
        }
        Err(self.too_long())
    }

    fn too_long(&self) -> Fault {
        let message =
            format!("the search took more than {} steps of back-tracking", self.max_steps);
        Fault::new(TemplateErrorKind::Limit, message)
            .with_hint("repetitions inside repetitions, `(a+)+`, are slow; `a++` never goes back")
    }
}

/// Where to look for the next match behind this one: after an empty match a code unit further.
pub(in crate::ftl::builtins) fn next_start(text: &str, found: &Range<usize>) -> usize {
    if found.end > found.start {
        return found.end;
    }
    halves::next_unit(text, found.end)
}

/// Whether a pattern is found between the halves of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// What it wants before it ends with a whole character.
    Never,
    /// Only when the search starts there, behind an empty match before the character.
    AtStart,
    /// Though it isn't found before the character.
    Anywhere,
}

impl Inside {
    /// What doesn't look around is found before a character if it is found inside. Java goes by
    /// whole characters where the pattern has one beyond U+FFFF.
    fn of(source: &str) -> Self {
        let looks_around = ["(?=", "(?!", "(?<!", r"\B"];
        if source.contains("(?<=") {
            Self::Never
        } else if looks_around.iter().any(|sign| source.contains(sign))
            && source.chars().all(|c| c.len_utf16() == 1)
        {
            Self::Anywhere
        } else {
            Self::AtStart
        }
    }
}

/// Where the character behind the one at `at` starts; beyond the end there is one more place.
pub(in crate::ftl::builtins) fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

impl Search {
    fn new(pattern: String, max_steps: usize) -> Result<Self, Fault> {
        let tiers = TIERS.map(|part| (max_steps / part, OnceCell::new()));
        let (limit, tier) = &tiers[0];
        let built = build(&pattern, *limit)?;
        tier.get_or_init(|| built);
        Ok(Self { pattern, tiers })
    }
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
