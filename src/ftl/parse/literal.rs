//! Numbers, texts with their interpolations, lists and hashes; and which of them may stand where.

use crate::ftl::ast::BinaryOperator;
use crate::ftl::ast::Expr;
use crate::ftl::ast::ExprKind;
use crate::ftl::ast::TextPart;
use crate::ftl::parse::Parser;
use crate::ftl::parse::content::Opening;
use crate::ftl::parse::expression::Tall;
use crate::ftl::parse::place::Places;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::Stop;
use crate::ftl::parse::stop::stop;
use crate::ftl::parse::stop::sure;
use crate::ftl::settings::InterpolationSyntax;
use crate::value::Number;

/// No number in a template needs more digits; reading millions of them takes long.
const MAX_DIGITS: usize = 10_000;
/// A text of at most so many UTF-16 units has no interpolations, not even `${}`: as FreeMarker does.
const MAX_UNREAD_UNITS: usize = 3;

/// The kinds of literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Text,
    Number,
    Boolean,
    List,
    Hash,
}

impl Literal {
    fn of(expr: &Expr) -> Option<Self> {
        match expr.kind {
            ExprKind::Text(_) | ExprKind::TextTemplate(_) => Some(Self::Text),
            ExprKind::Number(_) => Some(Self::Number),
            ExprKind::Boolean(_) => Some(Self::Boolean),
            ExprKind::List(_) => Some(Self::List),
            ExprKind::Hash(_) => Some(Self::Hash),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::List => "a list",
            Self::Hash => "a hash",
        }
    }
}

impl<'s> Parser<'s, '_> {
    /// Refuses a literal of a kind that can't be meant here.
    pub(crate) fn check_literal(
        &self,
        expr: &Expr,
        allowed: &[Literal],
        expected: &str,
    ) -> Checked<'s, ()> {
        match Literal::of(expr).filter(|found| !allowed.contains(found)) {
            None => Ok(()),
            Some(found) => {
                let message = format!("expected {expected}, found {}", found.name());
                Err(self.refuse(self.mistake(expr.span, message)))
            }
        }
    }

    pub(crate) fn check_number(&self, expr: &Expr) -> Checked<'s, ()> {
        self.check_literal(expr, &[Literal::Number], "a number")
    }

    /// Refuses literals that an operator can't take.
    pub(crate) fn check_operands(
        &self,
        operator: BinaryOperator,
        left: &Expr,
        right: &Expr,
    ) -> Checked<'s, ()> {
        const COMPARABLE: [Literal; 3] = [Literal::Text, Literal::Number, Literal::Boolean];
        let expected = "a string, a number or a boolean to compare";
        for side in [left, right] {
            match operator {
                BinaryOperator::Add => {}
                BinaryOperator::Equal | BinaryOperator::NotEqual => {
                    self.check_literal(side, &COMPARABLE, expected)?;
                }
                _ => self.check_ordered(operator, side)?,
            }
        }
        Ok(())
    }

    fn check_ordered(&self, operator: BinaryOperator, side: &Expr) -> Checked<'s, ()> {
        let compares = matches!(
            operator,
            BinaryOperator::Less
                | BinaryOperator::LessOrEqual
                | BinaryOperator::Greater
                | BinaryOperator::GreaterOrEqual
        );
        if !compares || Literal::of(side) != Some(Literal::Text) {
            return self.check_number(side);
        }
        let error = self.mistake(side.span, "expected a number to compare, found a string");
        Err(self.refuse(
            error.with_hint("strings have no order, only `==` and `!=`; `?sort` orders them"),
        ))
    }

    /// `1`, `1.5`
    pub(crate) fn number(&self, start: &'s str) -> Parsed<'s, Tall> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let whole = digits(start);
        let fraction = start[whole..].strip_prefix('.').map_or(0, digits);
        let length = if fraction == 0 { whole } else { whole + 1 + fraction };
        let (text, rest) = start.split_at(length);
        let span = self.span(start, rest);
        let number = if length > MAX_DIGITS { None } else { Number::parse(text) };
        match number {
            Some(number) => Ok((rest, Tall::leaf(ExprKind::Number(number), span))),
            None => {
                let message = format!("expected a number of at most {MAX_DIGITS} digits");
                Err(self.refuse(self.limit(span, message)))
            }
        }
    }

    /// `r"…"`: as it is.
    pub(crate) fn raw_string(&self, start: &'s str) -> Parsed<'s, Tall> {
        let (rest, text) = self.raw_text(start)?;
        Ok((rest, Tall::leaf(ExprKind::Text(text.to_owned()), self.span(start, rest))))
    }

    fn raw_text(&self, start: &'s str) -> Parsed<'s, &'s str> {
        let inside = &start[2..];
        let quote = if start[1..].starts_with('"') { '"' } else { '\'' };
        match inside.find(quote) {
            Some(end) => Ok((&inside[end + 1..], &inside[..end])),
            None => Err(self.unclosed_text(start, inside)),
        }
    }

    fn unclosed_text(&self, start: &'s str, inside: &'s str) -> nom::Err<Stop<'s>> {
        let quote = &start[start.len() - inside.len() - 1..][..1];
        let message = format!("expected `{quote}` to end this text, found the end of the template");
        self.refuse(self.mistake(self.span(start, inside), message))
    }

    /// A text that is just a name: `<#assign "a-b" = 1>`.
    pub(crate) fn plain_text(&self, rest: &'s str) -> Parsed<'s, String> {
        let (start, ()) = self.skip(rest)?;
        if start.starts_with("r\"") || start.starts_with("r'") {
            return self.raw_text(start).map(|(rest, text)| (rest, text.to_owned()));
        }
        if !start.starts_with(['"', '\'']) {
            return stop(start, "a string in quotes");
        }
        let (rest, inside) = self.quoted(start)?;
        let (text, _) = self.unescape(start, inside)?;
        Ok((rest, text.unwrap_or_else(|| inside.to_owned())))
    }

    /// `"text"`, `"text with ${x}"`.
    pub(crate) fn string(&self, start: &'s str) -> Parsed<'s, Tall> {
        let (rest, inside) = self.quoted(start)?;
        let (text, jumps) = self.unescape(start, inside)?;
        let span = self.span(start, rest);
        let syntax = self.shared.settings.interpolation_syntax;
        let has_interpolation = |text: &str| match syntax {
            InterpolationSyntax::Legacy => text.contains("${") || text.contains("#{"),
            InterpolationSyntax::Dollar => text.contains("${"),
            InterpolationSyntax::SquareBracket => text.contains("[="),
        };
        let value = text.as_deref().unwrap_or(inside);
        // Both the text as written and the text as meant must look like it, as in FreeMarker.
        let is_template = has_interpolation(inside)
            && has_interpolation(value)
            && value.encode_utf16().count() > MAX_UNREAD_UNITS;
        if !is_template {
            let kind = ExprKind::Text(text.unwrap_or_else(|| inside.to_owned()));
            return Ok((rest, Tall::leaf(kind, span)));
        }
        let places = Places::Jumps(jumps, &self.places);
        let format = self.format.borrow().in_text();
        let inner = Parser::new(value, places, self.shared, format);
        let (parts, height) = match inner.nested(value, |text| inner.text_parts(text)) {
            Ok((_, parts)) => parts,
            Err(error) => return Err(self.refuse(inner.explain(error))),
        };
        let height = self.taller(rest, height)?;
        Ok((rest, Tall::new(ExprKind::TextTemplate(parts), span, height)))
    }

    /// The inside of a text in quotes.
    fn quoted(&self, start: &'s str) -> Parsed<'s, &'s str> {
        let inside = &start[1..];
        let quote = start.as_bytes()[0];
        let mut bytes = inside.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            if byte == quote {
                return Ok((&inside[at + 1..], &inside[..at]));
            }
            if byte == b'\\' {
                bytes.next();
            }
        }
        Err(self.unclosed_text(start, inside))
    }

    /// A text without its escapes, and where its parts come from. Nothing when there are none.
    #[expect(clippy::type_complexity, reason = "two things that belong together for one caller")]
    fn unescape(
        &self,
        quote: &'s str,
        inside: &'s str,
    ) -> Checked<'s, (Option<String>, Vec<(usize, usize)>)> {
        let start = self.at(quote) + 1;
        let mut jumps = vec![(0, start)];
        if !inside.contains('\\') {
            return Ok((None, jumps));
        }
        let mut units = Units::default();
        let mut rest = inside;
        while let Some(at) = rest.find('\\') {
            units.push_str(&rest[..at]);
            let escape = &rest[at..];
            let mut after = &escape[1..];
            let code = after.chars().next();
            after = &after[code.map_or(0, char::len_utf8)..];
            let plain = match code {
                Some(c @ ('"' | '\'' | '\\' | '{' | '=')) => c,
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('f') => '\u{c}',
                Some('b') => '\u{8}',
                Some('g') => '>',
                Some('l') => '<',
                Some('a') => '&',
                Some('x') if after.starts_with(|c: char| c.is_ascii_hexdigit()) => {
                    let digits = after.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
                    let unit = u16::from_str_radix(&after[..digits], 16).unwrap_or_default();
                    rest = &after[digits..];
                    units.push_unit(unit);
                    jumps.push((units.len(), start + (inside.len() - rest.len())));
                    continue;
                }
                _ => return Err(self.bad_escape(start + (inside.len() - escape.len()), code)),
            };
            units.push(plain);
            rest = after;
            jumps.push((units.len(), start + (inside.len() - rest.len())));
        }
        units.push_str(rest);
        Ok((Some(units.finish()), jumps))
    }

    fn bad_escape(&self, offset: usize, code: Option<char>) -> nom::Err<Stop<'s>> {
        let rest = &self.text[offset..];
        let length = 1 + code.map_or(0, char::len_utf8);
        let message =
            format!("expected an escape like `\\n` or `\\\"`, found `{}`", &rest[..length]);
        let hint = match code {
            Some('u') => "a character by its code is written `\\x20AC`",
            Some('x') => "`\\x` needs one to four hexadecimal digits",
            Some('$') => "write `$\\{` for a literal `${`",
            _ => "a backslash is written `\\\\`, or the whole text as `r\"…\"`",
        };
        self.refuse(self.mistake(self.span(rest, &rest[length..]), message).with_hint(hint))
    }

    /// What a text with interpolations is made of.
    fn text_parts(&self, text: &'s str) -> Parsed<'s, (Vec<TextPart>, usize)> {
        let mut parts = Vec::new();
        let mut height = 0;
        let mut rest = text;
        while let Some((at, opening)) = self.next_opening(rest) {
            if at > 0 {
                parts.push(TextPart::Text(rest[..at].to_owned()));
            }
            let part;
            (rest, part) = if opening == Opening::Numeric {
                let (tail, numeric) = sure(self.numeric_interpolation(&rest[at..]))?;
                height = height.max(numeric.value.height);
                let value = *numeric.value.expr;
                let (min_fraction, max_fraction) = (numeric.min_fraction, numeric.max_fraction);
                (tail, TextPart::Numeric { value, min_fraction, max_fraction })
            } else {
                let (tail, value) = sure(self.interpolation(&rest[at..]))?;
                height = height.max(value.height);
                (tail, TextPart::Interpolation(*value.expr))
            };
            parts.push(part);
        }
        if !rest.is_empty() {
            parts.push(TextPart::Text(rest.to_owned()));
        }
        Ok(("", (parts, height)))
    }

    /// `[a, b]`
    pub(crate) fn list_literal(&self, start: &'s str) -> Parsed<'s, Tall> {
        let (rest, items) = self.arguments(&start[1..], false)?;
        let expected = if items.items.is_empty() { "an expression or `]`" } else { "`,` or `]`" };
        let (rest, ()) = sure(self.sign(rest, "]", expected))?;
        let height = self.taller(rest, items.height)?;
        Ok((rest, Tall::new(ExprKind::List(items.items), self.span(start, rest), height)))
    }

    /// `{"k": v}`
    pub(crate) fn hash_literal(&self, start: &'s str) -> Parsed<'s, Tall> {
        let mut entries = Vec::new();
        let mut height = 0;
        let (mut rest, ()) = self.skip(&start[1..])?;
        let mut more = !rest.starts_with('}');
        while more {
            let (tail, key) = sure(self.tall_expression(rest))?;
            let (tail, ()) = self.skip(tail)?;
            let Some(tail) = tail.strip_prefix([':', ',']) else {
                return sure(stop(tail, "`:` and a value"));
            };
            let (tail, value) = sure(self.tall_expression(tail))?;
            self.check_literal(&key.expr, &[Literal::Text], "a string as key")?;
            height = height.max(key.height).max(value.height);
            entries.push((*key.expr, *value.expr));
            (rest, ()) = self.skip(tail)?;
            more = rest.starts_with(',');
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        let (rest, ()) = sure(self.sign(rest, "}", "`,` or `}`"))?;
        let height = self.taller(rest, height)?;
        Ok((rest, Tall::new(ExprKind::Hash(entries), self.span(start, rest), height)))
    }
}

/// A text under construction that may be given in UTF-16 units.
#[derive(Default)]
struct Units {
    text: String,
    high: Option<u16>,
}

impl Units {
    fn len(&self) -> usize {
        self.text.len()
    }

    fn push_str(&mut self, text: &str) {
        if !text.is_empty() {
            self.settle();
            self.text.push_str(text);
        }
    }

    fn push(&mut self, c: char) {
        self.settle();
        self.text.push(c);
    }

    fn push_unit(&mut self, unit: u16) {
        if let Some(high) = self.high.take() {
            if let Some(Ok(c)) = char::decode_utf16([high, unit]).next() {
                self.text.push(c);
                return;
            }
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        match char::from_u32(u32::from(unit)) {
            Some(c) => self.text.push(c),
            None if unit < 0xDC00 => self.high = Some(unit),
            None => self.text.push(char::REPLACEMENT_CHARACTER),
        }
    }

    /// Half a pair that stays alone can't be kept.
    fn settle(&mut self) {
        if self.high.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn finish(mut self) -> String {
        self.settle();
        self.text
    }
}
