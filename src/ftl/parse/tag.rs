//! Tags in text: which `<…>` and `[…]` are FreeMarker's, and which directive they are.

use crate::ftl::parse::Parser;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::shown;
use crate::ftl::parse::token::BLANKS;
use crate::ftl::parse::token::bare_close;
use crate::ftl::parse::token::word;
use crate::ftl::parse::vocabulary::Bare;
use crate::ftl::parse::vocabulary::Directive;
use crate::ftl::parse::vocabulary::ENTRIES;
use crate::ftl::parse::vocabulary::MEANT;
use crate::ftl::settings::NamingConvention;
use crate::ftl::settings::TagSyntax;
use crate::text::did_you_mean;

/// How tags are written, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// `[#if]`
    pub(crate) square: bool,
    /// The first tag decides.
    pub(crate) detects: bool,
    /// A tag was seen.
    pub(crate) established: bool,
}

impl Style {
    pub(crate) fn configured(syntax: TagSyntax) -> Self {
        Self {
            square: syntax == TagSyntax::SquareBracket,
            detects: syntax == TagSyntax::AutoDetect,
            established: false,
        }
    }
}

/// A tag, read up to its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'s> {
    pub(crate) directive: Directive,
    /// `</#x>`
    pub(crate) is_end: bool,
    /// It has no parameters and is closed already.
    pub(crate) is_bare: bool,
    /// The tail from its first character on.
    pub(crate) start: &'s str,
    /// The tail behind what was read.
    pub(crate) rest: &'s str,
}

impl Tag<'_> {
    /// The tag as it was begun, for messages.
    pub(crate) fn shown(&self) -> String {
        self.spelled(self.is_end)
    }

    /// The end tag that belongs to it.
    pub(crate) fn shown_end(&self) -> String {
        self.spelled(true)
    }

    fn spelled(&self, end: bool) -> String {
        let (open, close) = if self.start.starts_with('[') { ('[', ']') } else { ('<', '>') };
        let slash = if end { "/" } else { "" };
        match self.directive {
            Directive::UserCall => format!("{open}{slash}@{}{close}", if end { "" } else { "…" }),
            Directive::Comment => format!("{open}#--"),
            directive => format!("{open}{slash}#{}{close}", directive.name()),
        }
    }
}

impl<'s> Parser<'s, '_> {
    /// The tag at `start`, which is a `<` or `[`; nothing when it is just text.
    pub(crate) fn tag(&self, start: &'s str) -> Checked<'s, Option<Tag<'s>>> {
        let inner = &start[1..];
        if inner.starts_with('@') {
            return Ok(self.user_call_tag(start));
        }
        if inner.starts_with("/@") {
            return Ok(self.user_call_end_tag(start));
        }
        let (inner, is_end) = inner.strip_prefix('/').map_or((inner, false), |rest| (rest, true));
        let (inner, is_strict) =
            inner.strip_prefix('#').map_or((inner, false), |rest| (rest, true));
        if is_strict && !is_end && inner.starts_with("--") {
            let tag = Tag {
                directive: Directive::Comment,
                is_end,
                is_bare: true,
                start,
                rest: &inner[2..],
            };
            return self.accept(tag, is_strict, NamingConvention::AutoDetect);
        }
        if !is_strict && start.starts_with('[') {
            return Ok(None);
        }
        let length = inner.bytes().take_while(|b| b.is_ascii_alphabetic() || *b == b'_').count();
        let (name, rest) = inner.split_at(length);
        if let Some((tag, convention)) = known_tag(start, name, rest, is_end) {
            if tag.directive == Directive::Ftl {
                return Ok(is_strict.then(|| self.header_tag(tag)).flatten());
            }
            if tag.directive == Directive::Sep
                && !is_end
                && !self.shared.settings.improves_since(34)
            {
                return Ok(Some(tag));
            }
            return self.accept(tag, is_strict, convention);
        }
        if is_strict && !name.is_empty() { self.unknown_tag(start, name, is_end) } else { Ok(None) }
    }

    /// Whether the tag is one in the template's way of writing tags, which the first one may decide.
    fn accept(
        &self,
        tag: Tag<'s>,
        is_strict: bool,
        convention: NamingConvention,
    ) -> Checked<'s, Option<Tag<'s>>> {
        let strict_syntax = self.strict_syntax.get();
        if !strict_syntax && convention == NamingConvention::CamelCase && !is_strict {
            return Ok(None);
        }
        let square = tag.start.starts_with('[');
        let mut style = self.style.get();
        if style.detects && !style.established {
            style.square = square;
            self.style.set(style);
        }
        if square != style.square || (strict_syntax && !is_strict) {
            return Ok(None);
        }
        let span = self.span(tag.start, tag.rest);
        if strict_syntax {
            style.established = true;
            self.style.set(style);
            let text = &tag.start[..tag.start.len() - tag.rest.len()];
            let wrong = if square { '>' } else { ']' };
            if self.checks_closing_brackets() && text.ends_with(wrong) {
                let right = if square { ']' } else { '>' };
                let message = format!("expected `{right}` to close this tag, found `{wrong}`");
                return Err(self.refuse(self.mistake(span, message)));
            }
        }
        self.check_naming(convention, span)?;
        Ok(Some(tag))
    }

    /// `<#ftl`, which may also decide how tags are written when settings say otherwise.
    fn header_tag(&self, tag: Tag<'s>) -> Option<Tag<'s>> {
        let mut style = self.style.get();
        let square = tag.start.starts_with('[');
        if !style.established {
            style = Style { square, detects: false, established: true };
            self.style.set(style);
        }
        (square == style.square).then_some(tag)
    }

    /// `<@`
    fn user_call_tag(&self, start: &'s str) -> Option<Tag<'s>> {
        let mut style = self.style.get();
        let square = start.starts_with('[');
        if style.detects && !style.established {
            style.square = square;
        }
        if square != style.square {
            self.style.set(style);
            return None;
        }
        style.established = true;
        self.style.set(style);
        let directive = Directive::UserCall;
        Some(Tag { directive, is_end: false, is_bare: false, start, rest: &start[2..] })
    }

    /// `</@>`, `</@a.b>`
    fn user_call_end_tag(&self, start: &'s str) -> Option<Tag<'s>> {
        if start.starts_with('[') != self.style.get().square {
            return None;
        }
        let mut rest = &start[3..];
        if let Some((_, tail)) = word(rest) {
            rest = tail;
            while let Some((_, tail)) = rest.strip_prefix('.').and_then(word) {
                rest = tail;
            }
        }
        let (rest, _) = bare_close(rest, false)?;
        Some(Tag { directive: Directive::UserCall, is_end: true, is_bare: true, start, rest })
    }

    /// `<#x` where there is no directive `x`, or not in this form.
    fn unknown_tag(
        &self,
        start: &'s str,
        name: &str,
        is_end: bool,
    ) -> Checked<'s, Option<Tag<'s>>> {
        let mut style = self.style.get();
        if !style.established && !self.shared.settings.improves_since(19) {
            return Ok(None);
        }
        let square = start.starts_with('[');
        if !style.established && style.detects {
            style.square = square;
            style.established = true;
            self.style.set(style);
        }
        if square != style.square {
            return Ok(None);
        }
        let slash = usize::from(is_end);
        let head = &start[2 + slash + name.len()..];
        let span = self.span(start, head);
        let written = format!("{}#{name}", &start[..=slash]);
        let known = ENTRIES.iter().find(|entry| entry.name == name || entry.camel == name);
        let Some(entry) = known else {
            return Err(self.refuse(self.unknown_directive(span, &written, name)));
        };
        let close = if square { ']' } else { '>' };
        let open = &start[..1];
        let found = &head[..head.chars().next().map_or(0, char::len_utf8)];
        let found = shown(found);
        let (expected, hint) = if is_end && !entry.end {
            ("a tag that exists".to_owned(), format!("`#{name}` has no end tag"))
        } else if is_end {
            (format!("`{close}`"), "an end tag has no parameters".to_owned())
        } else if entry.directive == Directive::Else && head.trim_start().starts_with("if") {
            (format!("`{close}`"), format!("write `{open}#elseif condition{close}` in one word"))
        } else if entry.directive == Directive::Items {
            ("` as` and a name".to_owned(), format!("like `{open}#items as item{close}`"))
        } else if entry.parameters && entry.bare == Bare::Never {
            let hint = format!("`{open}#{name}` needs a blank and then its parameters");
            ("a blank and parameters".to_owned(), hint)
        } else if entry.parameters {
            (format!("a blank or `{close}`"), format!("like `{open}#{name} …{close}`"))
        } else {
            (format!("`{close}`"), format!("`{open}#{name}{close}` has no parameters"))
        };
        let message = format!("expected {expected} after `{written}`, found {found}");
        Err(self.refuse(self.mistake(span, message).with_hint(hint)))
    }

    fn unknown_directive(
        &self,
        span: crate::text::Span,
        shown: &str,
        name: &str,
    ) -> crate::ftl::error::TemplateError {
        let error = self.mistake(span, format!("expected a directive, found `{shown}`"));
        let names = ENTRIES.iter().flat_map(|entry| [entry.name, entry.camel]);
        let near = did_you_mean(name, names.filter(|name| !name.is_empty()));
        match MEANT.iter().find(|(wrong, _)| *wrong == name) {
            Some((_, meant)) if meant.contains(' ') => {
                error.with_hint(format!("there is no `#{name}`; write {meant}"))
            }
            Some((_, meant)) => {
                let meant = meant.strip_prefix('/').map_or(format!("<#{meant}"), |m| format!("</#{m}"));
                error.with_hint(format!("there is no `#{name}`; FreeMarker has `{meant}>`"))
            }
            None => match near {
                Some(near) => error.with_hint(format!("did you mean `#{near}`?")),
                None => error.with_hint(
                    "a macro is called with `<@name>`; text that isn't a tag goes into `<#noparse>`",
                ),
            },
        }
    }
}

/// A directive's tag in a form that it has.
fn known_tag<'s>(
    start: &'s str,
    name: &str,
    rest: &'s str,
    is_end: bool,
) -> Option<(Tag<'s>, NamingConvention)> {
    let entry = ENTRIES.iter().find(|entry| entry.name == name || entry.camel == name)?;
    let convention = match (entry.camel, name == entry.name) {
        ("", _) => NamingConvention::AutoDetect,
        (_, true) => NamingConvention::Legacy,
        (_, false) => NamingConvention::CamelCase,
    };
    if name.is_empty() {
        return None;
    }
    let directive = entry.directive;
    let tag = |is_bare, rest| Tag { directive, is_end, is_bare, start, rest };
    if is_end {
        let close = bare_close(rest, false).filter(|_| entry.end)?;
        return Some((tag(true, close.0), convention));
    }
    let may_close =
        entry.bare != Bare::Never && (directive != Directive::Ftl || !rest.starts_with(BLANKS));
    if may_close && let Some((rest, _)) = bare_close(rest, entry.bare == Bare::Slash) {
        return Some((tag(true, rest), convention));
    }
    let after = rest.strip_prefix(BLANKS).filter(|_| entry.parameters)?;
    if directive != Directive::Items {
        return Some((tag(false, after), convention));
    }
    let after = after.trim_start_matches(BLANKS).strip_prefix("as")?.strip_prefix(BLANKS)?;
    Some((tag(false, after), convention))
}
