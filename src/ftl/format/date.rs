//! The value of `date_format`, `time_format` and `datetime_format`: a style, a pattern, `iso` or
//! `xs`.

use std::rc::Rc;

use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::iso::IsoFormat;
use crate::ftl::format::locale::Locale;
use crate::ftl::format::parse;
use crate::ftl::format::pattern::Pattern;
use crate::ftl::format::zone::Zone;
use crate::ftl::model::Date;
use crate::ftl::model::DateKind;

/// How dates are printed and read.
#[derive(Clone, Debug)]
pub struct DateFormat {
    text: String,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Pattern { pattern: Pattern, locale: Rc<Locale>, zone: Zone },
    Iso(IsoFormat),
}

impl DateFormat {
    /// The format of a text for one kind of dates.
    ///
    /// # Errors
    /// For a pattern or options that are none, and for dates of unknown kind, unless a pattern says
    /// what to show.
    pub fn new(
        text: &str,
        kind: DateKind,
        locale: &Rc<Locale>,
        zone: &Zone,
    ) -> Result<Self, Fault> {
        let rule = if text.starts_with("xs") || text.starts_with("iso") {
            if kind == DateKind::Unknown {
                return Err(unknown_kind());
            }
            Rule::Iso(IsoFormat::new(text, kind, zone)?)
        } else {
            let pattern = match style(text, kind, locale)? {
                Some(pattern) => Pattern::new(&pattern)?,
                None => Pattern::new(text)?,
            };
            Rule::Pattern { pattern, locale: Rc::clone(locale), zone: zone.clone() }
        };
        Ok(Self { text: text.to_owned(), rule })
    }

    /// Writes a date.
    #[inline]
    pub fn write(&self, date: Date, out: &mut String) {
        match &self.rule {
            Rule::Pattern { pattern, locale, zone } => {
                pattern.write(date.millis, zone, locale, out);
            }
            Rule::Iso(format) => format.write(date.millis, out),
        }
    }

    /// Reads a date; `now` (milliseconds since 1970) decides which century a year of two digits is
    /// in.
    ///
    /// # Errors
    /// For a text that doesn't look like the format.
    pub fn parse(&self, text: &str, kind: DateKind, now: i64) -> Result<Date, Fault> {
        let what = match kind {
            DateKind::Date => "a date",
            DateKind::Time => "a time",
            DateKind::DateTime | DateKind::Unknown => "a datetime",
        };
        let fault = |format: &str, why: String| {
            let message = format!("expected {what} in the format `{format}`, found `{text}`");
            Fault::new(TemplateErrorKind::BadFormat, message).with_hint(why)
        };
        let millis = match &self.rule {
            Rule::Iso(format) => format.parse(text, kind).map_err(|why| fault(&self.text, why))?,
            Rule::Pattern { pattern, locale, zone } => {
                parse::parse(pattern, text, zone, locale, now).map_err(|at| {
                    let iso = IsoFormat::new("iso", kind, zone);
                    if iso.is_ok_and(|iso| iso.parse(text, kind).is_ok()) {
                        let built_in = &what[2..];
                        let hint = format!("it is in ISO 8601: read it with `?{built_in}.iso`");
                        return fault(&pattern.text, hint);
                    }
                    let rest: String =
                        text.get(at..).unwrap_or_default().chars().take(20).collect();
                    let place =
                        if rest.is_empty() { "its end".into() } else { format!("`{rest}`") };
                    fault(&pattern.text, format!("it does not fit from {place} on"))
                })?
            }
        };
        Ok(Date { millis, kind })
    }
}

/// The pattern of a style (`short`, `medium_long`, or nothing for the locale's usual one); `None`
/// when the text is a pattern itself.
fn style(text: &str, kind: DateKind, locale: &Locale) -> Result<Option<String>, Fault> {
    const MEDIUM: usize = 2;
    const STYLES: [&str; 4] = ["full", "long", "medium", "short"];
    let mut tokens = text.split('_').filter(|token| !token.is_empty());
    let index = |token: &str| STYLES.iter().position(|style| *style == token);
    let first = match tokens.next() {
        None => MEDIUM,
        Some(token) => match index(token) {
            Some(style) => style,
            None => return Ok(None),
        },
    };
    let pattern = |patterns: &[String], style: usize| {
        patterns.get(style).map_or_else(String::new, Clone::clone)
    };
    Ok(Some(match kind {
        DateKind::Unknown => return Err(unknown_kind()),
        DateKind::Date => pattern(&locale.dates, first),
        DateKind::Time => pattern(&locale.times, first),
        DateKind::DateTime => {
            let second = match tokens.next() {
                None => first,
                Some(token) => match index(token) {
                    Some(style) => style,
                    None => return Ok(None),
                },
            };
            // The plainer of the two styles decides how they are joined.
            pattern(&locale.both, first.max(second))
                .replace("{1}", &pattern(&locale.dates, first))
                .replace("{0}", &pattern(&locale.times, second))
        }
    }))
}

/// Nobody said which parts of a date count.
pub fn unknown_kind() -> Fault {
    let message =
        "can't print a date of which it is not known whether it is a date, a time or both";
    Fault::new(TemplateErrorKind::BadFormat, message)
        .with_hint("say it with `?date`, `?time` or `?datetime`, or print it by a pattern")
}
