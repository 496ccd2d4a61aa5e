//! Makes up templates and data: whatever the language has, from a seed.

mod directive;
mod document;
mod expression;
mod macros;
mod mutate;
mod oddity;
pub(crate) mod signatures;
#[rustfmt::skip]
mod words;

use crate::generate::signatures::Signature;
use crate::request::Request;

/// A made-up case.
pub(crate) struct Case {
    pub(crate) request: Request,
    /// The built-ins that its expressions use, with the expressions.
    pub(crate) used: Vec<(&'static str, String)>,
}

/// What a case is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// Uses of one built-in, each behind an `<#attempt>`.
    BuiltIns,
    /// Directives inside directives.
    Document,
    /// Numbers, dates and booleans in formats, locales and zones.
    Formats,
    /// Lines of tags and blanks.
    WhiteSpace,
    /// Several templates.
    Modules,
    /// A document with letters and tags changed.
    Mutated,
    /// Expressions alone, with their operators.
    Expressions,
    /// Operators without regard to types.
    Operators,
    /// Odd spellings.
    Oddities,
}

/// The state of a template in the making.
pub(crate) struct Generator {
    random: fastrand::Rng,
    /// The built-ins used so far.
    used: Vec<(&'static str, String)>,
    /// Parameters of lambdas, with their kinds.
    locals: Vec<(String, char)>,
    /// Loop variables in sight, innermost last.
    loops: Vec<String>,
    /// `upperCase` instead of `upper_case`.
    camel_case: bool,
    /// `[#if]` instead of `<#if>`.
    square_tags: bool,
    /// `[=x]` instead of `${x}`.
    square_interpolations: bool,
    /// Whether the case is to have mistakes.
    mistakes: bool,
    /// Inside a macro or function, where `<#local>` and `<#return>` may stand.
    in_macro: bool,
    /// Whether it uses what only markup formats have.
    wants_markup: bool,
    /// Nodes that the template may still get.
    budget: usize,
}

/// The case of a seed. `subject` is the built-in it is about, if its style is about one.
pub(crate) fn case(seed: u64, subject: &'static str) -> Case {
    let mut random = fastrand::Rng::with_seed(seed);
    let mistakes = random.u8(..100) < 10;
    let style = match random.u8(..100) {
        0..=31 => Style::BuiltIns,
        32..=50 => Style::Document,
        51..=62 => Style::Formats,
        63..=70 => Style::WhiteSpace,
        71..=77 => Style::Modules,
        78..=81 => Style::Mutated,
        82..=88 => Style::Operators,
        89..=91 => Style::Oddities,
        _ => Style::Expressions,
    };
    let budget = if random.u8(..8) == 0 { 80 } else { 24 };
    let mut generator = Generator {
        camel_case: random.u8(..100) < 15,
        square_tags: random.u8(..100) < 7 && !matches!(style, Style::Oddities),
        square_interpolations: false,
        random,
        used: Vec::new(),
        locals: Vec::new(),
        loops: Vec::new(),
        mistakes,
        in_macro: false,
        wants_markup: matches!(style, Style::BuiltIns)
            && matches!(subject, "esc" | "no_esc" | "markup_string" | "is_markup_output")
            || subject.starts_with("truncate") && subject.ends_with("_m"),
        budget,
    };
    generator.make(style, subject)
}

impl Generator {
    fn make(&mut self, style: Style, subject: &'static str) -> Case {
        let mut request = Request { name: "case.ftl".to_owned(), ..Request::default() };
        request.data = self.data();
        self.settings(&mut request, style);
        let header = self.header();
        let prelude = self.prelude();
        let body = match style {
            Style::BuiltIns => self.uses_of(subject),
            Style::Document if self.one_in(6) => (0..3).map(|_| self.macros(3)).collect(),
            Style::Document => self.document(),
            Style::Formats => self.formats(),
            Style::WhiteSpace => self.lines(),
            Style::Modules => self.modules(&mut request),
            Style::Mutated => {
                let text = if self.one_in(2) { self.document() } else { self.lines() };
                self.mutated(&text)
            }
            Style::Operators => self.operators(),
            Style::Oddities => self.oddities(),
            Style::Expressions => (0..self.between(1, 5)).map(|_| self.shown()).collect(),
        };
        request.template = format!("{header}{prelude}{body}");
        Case { request, used: std::mem::take(&mut self.used) }
    }

    /// A few uses of a built-in.
    fn uses_of(&mut self, subject: &'static str) -> String {
        let signatures = signatures::of(subject);
        let mut out = String::new();
        for _ in 0..self.between(1, 5) {
            let Some(signature) = self.one(&signatures) else { break };
            out.push_str(&self.guarded_use(signature));
            out.push('\n');
        }
        out
    }

    fn guarded_use(&mut self, signature: &'static Signature) -> String {
        if signature.target == 'V' {
            return self.list_with(|this| {
                let use_ = this.built_in(signature, 2);
                this.show(&use_, signature.gives)
            });
        }
        let depth = self.between(0, 2);
        let use_ = self.built_in(signature, depth);
        let shown = self.show(&use_, signature.gives);
        if self.one_in(10) { shown } else { self.attempted(&shown) }
    }

    /// The name of a directive, built-in or special variable in the spelling of the template.
    pub(crate) fn word(&mut self, name: &str) -> String {
        let camel =
            if self.mistakes && self.one_in(60) { !self.camel_case } else { self.camel_case };
        if camel { webhook_stream::ftl::builtins::camel_case(name) } else { name.to_owned() }
    }

    /// Whether a mistake is to be made here.
    pub(crate) fn slips(&mut self) -> bool {
        self.mistakes && self.one_in(14)
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.random.usize(..count.max(1)) == 0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.usize(..end.max(1))
    }

    /// From `first` to `last`, both included.
    pub(crate) fn between(&mut self, first: usize, last: usize) -> usize {
        self.random.usize(first..=last)
    }

    /// One of a list that isn't empty.
    pub(crate) fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.random.usize(..list.len())].clone()
    }

    /// One of a list, if it has any.
    pub(crate) fn one<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        if list.is_empty() { None } else { Some(self.pick(list)) }
    }
}
