//! Text with interpolations and tags in it.

use crate::ftl::ast::Body;
use crate::ftl::ast::Node;
use crate::ftl::ast::NodeKind;
use crate::ftl::ast::Tree;
use crate::ftl::parse::Parser;
use crate::ftl::parse::expression::Tall;
use crate::ftl::parse::layout::Shape;
use crate::ftl::parse::literal::Literal;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::Stop;
use crate::ftl::parse::stop::Stopped;
use crate::ftl::parse::stop::sure;
use crate::ftl::parse::tag::Tag;
use crate::ftl::parse::token::Lexing;
use crate::ftl::parse::token::State;
use crate::ftl::parse::vocabulary::Directive;
use crate::ftl::parse::whitespace;
use crate::ftl::settings::InterpolationSyntax;
use crate::text::Span;

/// What opens an interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// `${`
    Dollar,
    /// `#{`
    Numeric,
    /// `[=`
    Square,
}

/// What comes next in text.
pub(crate) enum Token<'s> {
    Interpolation(Opening),
    Tag(Tag<'s>),
    End,
}

/// `#{x; m1M2}`
pub(crate) struct Numeric {
    pub(crate) value: Tall,
    pub(crate) min_fraction: u32,
    pub(crate) max_fraction: u32,
}

/// What ended a content: a tag that belongs to somebody around, or nothing more to read.
pub(crate) type Ending<'s> = Option<Tag<'s>>;

impl<'s> Parser<'s, '_> {
    /// The whole text as a template.
    pub(crate) fn template(&self) -> Checked<'s, Tree> {
        self.layout.borrow_mut().start(self.text, self.shared.settings.tab_size);
        let (rest, header) = self.header(self.text)?;
        self.check_forced_escaping(Span::default())?;
        let output = self.output();
        let (_, (mut body, ending)) = sure(self.content(rest))?;
        if let Some(tag) = ending {
            return Err(self.refuse(self.stray(&tag)));
        }
        let strip = self.inside.get().strip_whitespace;
        let layout = self.layout.take();
        match layout.strip(strip) {
            Some(texts) => whitespace::apply(&mut body, &texts),
            None => {
                let message = "a line has too many tags to find its white space in reasonable time";
                return Err(self.refuse(self.limit(Span::default(), message)));
            }
        }
        Ok(Tree { header, body, output })
    }

    /// Content up to a tag that doesn't start something in it.
    pub(crate) fn content(&self, rest: &'s str) -> Parsed<'s, (Body, Ending<'s>)> {
        let mut inside = self.inside.get();
        inside.content += 1;
        self.inside.set(inside);
        let parsed = self.nested(rest, |rest| self.pieces(rest));
        let mut inside = self.inside.get();
        inside.content -= 1;
        self.inside.set(inside);
        parsed
    }

    fn pieces(&self, rest: &'s str) -> Parsed<'s, (Body, Ending<'s>)> {
        let mut body = Body::new();
        let mut rest = rest;
        loop {
            let (tail, token) = self.next_token(rest)?;
            self.text(rest, tail, &mut body);
            let ending;
            (rest, ending) = match token {
                Token::End => return Ok((tail, (body, None))),
                Token::Interpolation(opening) => self.printed(opening, tail, &mut body),
                Token::Tag(tag) => self.directive(tag, &mut body),
            }?;
            if ending.is_some() {
                return Ok((rest, (body, ending)));
            }
        }
    }

    /// Text as it is, unless `strip_text` drops it.
    fn text(&self, start: &'s str, end: &'s str, body: &mut Body) {
        let inside = self.inside.get();
        if start.len() == end.len() || (inside.strip_text && inside.content == 1) {
            return;
        }
        let text = &start[..start.len() - end.len()];
        let (from, to) = (self.at(start), self.at(end));
        self.layout.borrow_mut().text(text, from, to);
        body.push(Node { kind: NodeKind::Text(String::new()), span: self.span(start, end) });
    }

    /// The next thing that isn't text, and the tail from there on.
    pub(crate) fn next_token(&self, rest: &'s str) -> Parsed<'s, Token<'s>> {
        let mut from = rest;
        loop {
            let special = |byte: u8| matches!(byte, b'<' | b'[' | b'$' | b'#');
            let Some(at) = from.bytes().position(special) else {
                let end = &rest[rest.len()..];
                return Ok((end, Token::End));
            };
            from = &from[at..];
            if let Some(opening) = self.opening(from) {
                return Ok((from, Token::Interpolation(opening)));
            }
            if from.starts_with(['<', '['])
                && let Some(tag) = self.tag(from)?
            {
                return Ok((from, Token::Tag(tag)));
            }
            from = &from[1..];
        }
    }

    fn opening(&self, rest: &str) -> Option<Opening> {
        let syntax = self.shared.settings.interpolation_syntax;
        let square = syntax == InterpolationSyntax::SquareBracket;
        if rest.starts_with("${") && !square {
            Some(Opening::Dollar)
        } else if rest.starts_with("#{") && syntax == InterpolationSyntax::Legacy {
            Some(Opening::Numeric)
        } else if rest.starts_with("[=") && square {
            Some(Opening::Square)
        } else {
            None
        }
    }

    /// Where the next interpolation of a text literal opens.
    pub(crate) fn next_opening(&self, rest: &str) -> Option<(usize, Opening)> {
        let mut from = 0;
        loop {
            let at = from + rest[from..].find(['$', '#', '['])?;
            if let Some(opening) = self.opening(&rest[at..]) {
                return Some((at, opening));
            }
            from = at + 1;
        }
    }

    /// An interpolation in text, with `<#escape>` applied.
    fn printed(&self, opening: Opening, start: &'s str, body: &mut Body) -> Parsed<'s, Ending<'s>> {
        let (rest, kind) = if opening == Opening::Numeric {
            let (rest, Numeric { value, min_fraction, max_fraction }) =
                sure(self.numeric_interpolation(start))?;
            let (value, output) = (*value.expr, self.output());
            (rest, NodeKind::NumericInterpolation { value, min_fraction, max_fraction, output })
        } else {
            let (rest, value) = sure(self.interpolation(start))?;
            let value = *self.escaped(rest, value)?.expr;
            (rest, NodeKind::Interpolation { value, output: self.output() })
        };
        self.layout.borrow_mut().leaf(Shape::Printing, self.at(start), self.at(rest));
        body.push(Node { kind, span: self.span(start, rest) });
        Ok((rest, None))
    }

    /// `${x}`, `[=x]`
    pub(crate) fn interpolation(&self, start: &'s str) -> Parsed<'s, Tall> {
        self.enter_interpolation();
        let (rest, value) = sure(self.tall_expression(&start[2..]))?;
        let rest = self.close_interpolation(start, rest)?;
        self.check_printable(&value)?;
        Ok((rest, value))
    }

    /// `#{x}`, `#{x; m1M2}`
    pub(crate) fn numeric_interpolation(&self, start: &'s str) -> Parsed<'s, Numeric> {
        self.enter_interpolation();
        let (rest, value) = sure(self.tall_expression(&start[2..]))?;
        self.check_number(&value.expr)?;
        let (rest, ()) = self.skip(rest)?;
        let (rest, (min_fraction, max_fraction)) = match rest.strip_prefix(';') {
            None => (rest, (0, MAX_FRACTION_WITHOUT_FORMAT)),
            Some(after) => {
                let (rest, (format, span)) = sure(self.name_called(after, "a format like `m1M2`"))?;
                (rest, self.fraction(&format, span)?)
            }
        };
        let rest = self.close_interpolation(start, rest)?;
        Ok((rest, Numeric { value, min_fraction, max_fraction }))
    }

    fn enter_interpolation(&self) {
        let lexing = self.lexing.get();
        self.lexing.set(Lexing { state: State::Free, in_interpolation: true, ..lexing });
    }

    fn close_interpolation(&self, start: &'s str, rest: &'s str) -> Checked<'s, &'s str> {
        let (rest, ()) = self.skip(rest)?;
        let (close, expected) = if start.starts_with('[') { (']', "`]`") } else { ('}', "`}`") };
        match rest.strip_prefix(close) {
            Some(after) => {
                let lexing = self.lexing.get();
                self.lexing.set(Lexing { in_interpolation: false, ..lexing });
                Ok(after)
            }
            None if rest.is_empty() => {
                let message = format!(
                    "expected {expected} for this `{}`, found the end of the template",
                    &start[..2]
                );
                Err(self.refuse(self.mistake(self.span(start, &start[2..]), message)))
            }
            None => Err(nom::Err::Failure(Stop { left: rest, expected })),
        }
    }

    fn check_printable(&self, value: &Tall) -> Checked<'s, ()> {
        const PRINTABLE: [Literal; 3] = [Literal::Text, Literal::Number, Literal::Boolean];
        self.check_literal(&value.expr, &PRINTABLE, "something to print")
    }

    /// `m1M2`: the least and the greatest number of digits behind the point.
    fn fraction(&self, format: &str, span: Span) -> Checked<'s, (u32, u32)> {
        let wrong = |message: &str| {
            let hint = "like `#{x; m1M3}`: at least one digit behind the point, at most three";
            Err(self.refuse(self.mistake(span, message).with_hint(hint)))
        };
        let (mut least, mut most) = (None, None);
        let mut rest = format;
        while let Some(letter @ ('m' | 'M')) = rest.chars().next() {
            let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            let Ok(count) = rest[1..=digits].parse::<u32>() else { break };
            let place = if letter == 'm' { &mut least } else { &mut most };
            if place.replace(count).is_some() {
                break;
            }
            rest = &rest[1 + digits..];
        }
        let bounds = match (least, most) {
            _ if !rest.is_empty() => return wrong("expected a format like `m1M3`"),
            (None, None) => return wrong("expected a format like `m1M3`"),
            (Some(least), None) => (least, least),
            (least, Some(most)) => (least.unwrap_or(0), most),
        };
        match bounds {
            (least, most) if least > most => {
                wrong("expected `m` to be at most `M` in a format of numbers")
            }
            (_, most) if most > MAX_FRACTION => {
                wrong("expected at most 50 digits behind the point")
            }
            bounds => Ok(bounds),
        }
    }

    /// A tag that nothing around is waiting for.
    pub(crate) fn stray(&self, tag: &Tag<'s>) -> crate::ftl::error::TemplateError {
        let shown = tag.shown();
        let span = self.span(tag.start, tag.rest);
        let because = |message: String| self.mistake(span, message);
        match tag.directive {
            Directive::Ftl => {
                because(format!("expected `{shown}` only at the start of a template"))
                    .with_hint("nothing but blanks may stand before it")
            }
            _ if tag.is_end => {
                because(format!("found `{shown}` where nothing is open that it could close"))
            }
            Directive::ElseIf => because(format!("found `{shown}` outside of `<#if>`")),
            Directive::Else => because(format!("found `{shown}` outside of `<#if>` and `<#list>`")),
            Directive::Recover => because(format!("found `{shown}` outside of `<#attempt>`")),
            _ => because(format!("found `{shown}` outside of `<#switch>`")),
        }
    }

    /// Another tag than the one that would close `open`, or the end of the template.
    pub(crate) fn unclosed(
        &self,
        open: &Tag<'s>,
        ending: Ending<'s>,
        expected: &str,
    ) -> Stopped<'s> {
        let opened = self.span(open.start, open.rest);
        let position = self.shared.source.position(opened.start);
        self.refuse(match ending {
            None => {
                let message = format!(
                    "expected {expected} for this `{}`, found the end of the template",
                    open.shown()
                );
                self.mistake(opened, message)
            }
            Some(tag) => {
                let message = format!("expected {expected}, found `{}`", tag.shown());
                self.mistake(self.span(tag.start, tag.rest), message).with_hint(format!(
                    "the `{}` of line {}, column {} is still open",
                    open.shown(),
                    position.line,
                    position.column
                ))
            }
        })
    }
}

/// The digits behind the point that `#{x}` prints at most.
const MAX_FRACTION_WITHOUT_FORMAT: u32 = 50;
/// The most that `#{x; M…}` may ask for.
const MAX_FRACTION: u32 = 50;
