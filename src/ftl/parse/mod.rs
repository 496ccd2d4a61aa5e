//! Text to tree: the grammar, and the way in.
//!
//! Every rule below has a parser function of its name. Parsers take the tail of the text and return
//! the tail they left, so an offset is a subtraction. White space stripping happens at the end, over
//! a sketch of the template's layout (`whitespace`).
//!
//! `tag(x)` is `<#x` or `[#x` (without `#` where `strict_syntax` is off), `end(x)` is `</#x>`; `>` in a
//! rule is `>` or `]` as the tag began, `/>` stands for either close. Blanks and comments may stand
//! between tokens of tags and interpolations.
//!
//! ```text
//! template       = [ blanks header ] content
//! header         = tag(ftl) { name "=" expression } "/>"
//! content        = { text | interpolation | numeric_interpolation | directive }
//! interpolation  = "${" expression "}" | "[=" expression "]"
//! numeric_interpolation = "#{" expression [ ";" name ] "}"
//!
//! directive      = if | list | for_each | items | sep | switch | attempt | jump | stop | flush | trim
//!                | assign | setting | macro | nested_content | return | user_call | call | transform
//!                | include | import | visit | recurse | fallback | escape | no_escape
//!                | output_format | auto_esc | no_auto_esc | compress | no_parse | comment
//! if             = tag(if) expression ">" content { tag(elseif) expression "/>" content }
//!                  [ tag(else) content ] end(if)
//! list           = tag(list) expression [ "as" name [ "," name ] ] ">" content [ tag(else) content ] end(list)
//! for_each       = tag(foreach) name "in" expression ">" content end(foreach)
//! items          = tag(items) "as" name [ "," name ] ">" content end(items)
//! sep            = tag(sep) content [ end(sep) ]
//! switch         = tag(switch) expression ">" { blanks | comment } { case } end(switch)
//! case           = ( tag(case) expression | tag(on) arguments | tag(default) ) ">" content
//! attempt        = tag(attempt) content tag(recover) content ( end(attempt) | end(recover) )
//! assign         = ( tag(assign) | tag(global) | tag(local) )
//!                  ( assignment { [","] assignment } [ "in" expression ] "/>"
//!                  | ( name | string ) [ "in" expression ] ">" content end )
//! assignment     = ( name | string ) ( ( "=" | "+=" | "-=" | "*=" | "/=" | "%=" ) expression | "++" | "--" )
//! setting        = tag(setting) name "=" expression "/>"
//! macro          = ( tag(macro) | tag(function) ) ( name | string ) ["("] { macro_parameter [","] } [")"] ">" content end
//! macro_parameter = name ["..."] [ "=" expression ]
//! nested_content = tag(nested) arguments "/>"
//! return         = tag(return) [ expression ] "/>"
//! user_call      = "<@" expression ( named_arguments | arguments ) [ ";" [ name { "," name } ] ]
//!                  ( "/>" | ">" content "</@" [ name { "." name } ] ">" )
//! call           = tag(call) name ( named_arguments | ["("] arguments [")"] ) "/>"
//! transform      = tag(transform) expression [";"] { name "=" expression } ( "/>" | ">" content end(transform) )
//! include        = tag(include) expression [";"] { name "=" expression } "/>"
//! import         = tag(import) expression "as" name "/>"
//! escape         = tag(escape) name "as" expression ">" content end(escape)
//! no_escape      = tag(noescape) content end(noescape)
//! output_format  = tag(outputformat) expression ">" content end(outputformat)
//! auto_esc       = tag(autoesc) content end(autoesc)
//! no_auto_esc    = tag(noautoesc) content end(noautoesc)
//! compress       = tag(compress) content end(compress)
//! no_parse       = tag(noparse) anything end(noparse)
//! comment        = "<#--" anything "-->" | tag(comment) anything end(comment)
//! jump           = tag(break) | tag(continue)
//! stop           = tag(stop) [ expression ] "/>"
//! trim           = tag(t) | tag(lt) | tag(rt) | tag(nt)
//! visit          = tag(visit) expression [ "using" expression ] "/>"
//! recurse        = tag(recurse) [ expression ] [ "using" expression ] "/>"
//! fallback       = tag(fallback)
//!
//! expression     = or
//! or             = operand { operator operand }   by `token::Level`, loosest first:
//!                  "||" "|" · "&&" "&" · "==" "=" "!=" · "<" "<=" ">" ">=" lt lte gt gte
//!                  · ".." "..<" "..!" "..*" · "+" "-" · "*" "/" "%"
//! operand        = ( "+" | "-" ) primary | { "!" } primary
//! primary        = atom { dot | index | method_call | built_in | default | "??" }
//! dot            = "." ( name | "*" | "**" )
//! index          = "[" expression "]"
//! method_call    = "(" arguments ")"
//! built_in       = "?" name [ "(" ( arguments | lambda { [","] lambda } ) ")" ]
//! default        = "!" [ expression ]
//! lambda         = ( name | "(" [ name { "," name } ] ")" ) "->" or | expression
//! atom           = number | string | raw_string | "true" | "false" | list_literal | hash_literal
//!                | name | special | parenthesis
//! special        = "." name
//! parenthesis    = "(" expression ")"
//! list_literal   = "[" arguments "]"
//! hash_literal   = "{" [ expression ( ":" | "," ) expression { "," expression ( ":" | "," ) expression } ] "}"
//! arguments      = [ expression { [","] expression } ]
//! named_arguments = name "=" expression { name "=" expression }
//! ```

mod built_in;
mod constant;
mod content;
mod directive;
mod escape;
mod expression;
mod header;
mod layout;
mod letters;
mod literal;
mod operation;
mod place;
mod postfix;
mod stop;
mod tag;
mod token;
mod vocabulary;
mod whitespace;

use std::cell::Cell;
use std::cell::RefCell;

use crate::ftl::ast::Expr;
use crate::ftl::ast::Output;
use crate::ftl::ast::Tree;
use crate::ftl::error::TemplateError;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::parse::escape::Escape;
use crate::ftl::parse::layout::Layout;
use crate::ftl::parse::place::Format;
use crate::ftl::parse::place::Inside;
use crate::ftl::parse::place::Loop;
use crate::ftl::parse::place::Places;
use crate::ftl::parse::stop::Checked;
use crate::ftl::parse::stop::Parsed;
use crate::ftl::parse::stop::Stop;
use crate::ftl::parse::stop::stopped;
use crate::ftl::parse::tag::Style;
use crate::ftl::parse::token::Lexing;
use crate::ftl::settings::NamingConvention;
use crate::ftl::settings::Settings;
use crate::text::Source;
use crate::text::Span;

pub(in crate::ftl) use crate::ftl::parse::built_in::SPECIALS as SPECIAL_VARIABLES;
pub(in crate::ftl) use crate::ftl::parse::directive::assign::CHANGEABLE as TEMPLATE_SETTINGS;
pub(in crate::ftl) use crate::ftl::parse::header::PARAMETERS as HEADER_PARAMETERS;

/// How many times the limit of nesting a chain like `a + b + …` or `a.b.c…` may be long: it makes the
/// tree as high as parentheses do, but costs less to walk.
const CHAIN_FACTOR: usize = 2;

/// Reads a template.
///
/// # Errors
/// Of kind `syntax`, with the place and often a hint; `limit` when it is nested too deep.
pub fn parse(source: &Source, settings: &Settings) -> Result<Tree, TemplateError> {
    let shared = Shared::new(source, settings);
    let format = Format::at_start(source, settings);
    let parser = Parser::new(source.text(), Places::Shift(0), &shared, format);
    parser.check_size()?;
    parser.template().map_err(|error| parser.explain(error))
}

/// Reads one expression that makes up the whole text, as for filters and configuration values. `>`
/// compares, as in parentheses.
///
/// # Errors
/// As [`parse`].
pub fn parse_expression(source: &Source, settings: &Settings) -> Result<Expr, TemplateError> {
    parse_expression_until(source, Ending::Text, settings)
}

/// Where an expression may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl) enum Ending {
    /// Where the text ends.
    Text,
    /// Wherever the expression is over.
    Parenthesis,
}

/// The same, for `?eval`, of a text that may go on behind the expression.
pub(in crate::ftl) fn parse_expression_until(
    source: &Source,
    ending: Ending,
    settings: &Settings,
) -> Result<Expr, TemplateError> {
    let shared = Shared::new(source, settings);
    let format = Format::at_start(source, settings);
    let parser = Parser::new(source.text(), Places::Shift(0), &shared, format);
    parser.check_size()?;
    parser.only_expression(ending).map_err(|error| parser.explain(error))
}

/// The directives with a name, each with its camel case spelling or an empty text.
pub(in crate::ftl) fn directives() -> impl Iterator<Item = (&'static str, &'static str)> {
    vocabulary::ENTRIES.iter().map(|entry| (entry.name, entry.camel))
}

/// What a template's parser shares with those of the text literals in it.
pub(crate) struct Shared<'c> {
    source: &'c Source,
    settings: &'c Settings,
    /// The spelling of two-word names, and the place that decided.
    naming: Cell<(NamingConvention, Option<Span>)>,
    /// Loops whose variables may be asked for `?index` and the like, innermost last.
    loops: RefCell<Vec<Loop>>,
    /// Expressions and directives around the place.
    depth: Cell<usize>,
    /// Expressions made by `<#escape>` so far.
    copies: Cell<usize>,
    /// The sentence of a mistake that has one.
    refusal: RefCell<Option<TemplateError>>,
}

impl<'c> Shared<'c> {
    fn new(source: &'c Source, settings: &'c Settings) -> Self {
        Self {
            source,
            settings,
            naming: Cell::new((settings.naming_convention, None)),
            loops: RefCell::default(),
            depth: Cell::new(0),
            copies: Cell::new(0),
            refusal: RefCell::default(),
        }
    }
}

/// Reads one text: a template, an expression, or what a text literal says.
pub(crate) struct Parser<'s, 'c> {
    text: &'s str,
    places: Places<'c>,
    shared: &'c Shared<'c>,
    lexing: Cell<Lexing>,
    style: Cell<Style>,
    strict_syntax: Cell<bool>,
    format: RefCell<Format>,
    escapes: RefCell<Vec<Escape>>,
    inside: Cell<Inside>,
    /// A row of `!` with nothing behind it, as lengths of tails.
    signs_alone: Cell<(usize, usize)>,
    layout: RefCell<Layout<'s>>,
}

impl<'s, 'c> Parser<'s, 'c> {
    fn new(text: &'s str, places: Places<'c>, shared: &'c Shared<'c>, format: Format) -> Self {
        let settings = shared.settings;
        Self {
            text,
            places,
            shared,
            lexing: Cell::new(Lexing::START),
            style: Cell::new(Style::configured(settings.tag_syntax)),
            strict_syntax: Cell::new(settings.strict_syntax),
            format: RefCell::new(format),
            escapes: RefCell::default(),
            inside: Cell::new(Inside {
                strip_whitespace: settings.whitespace_stripping,
                ..Inside::default()
            }),
            signs_alone: Cell::new((0, 1)),
            layout: RefCell::new(Layout::default()),
        }
    }

    /// Places are 32 bits wide.
    fn check_size(&self) -> Result<(), TemplateError> {
        if u32::try_from(self.text.len()).is_ok() {
            return Ok(());
        }
        let message = "expected a template of less than 4 GiB, found a larger one";
        Err(self.limit(Span::default(), message))
    }

    fn limit(&self, span: Span, message: impl Into<String>) -> TemplateError {
        TemplateError::new(TemplateErrorKind::Limit, message, self.shared.source, span)
    }

    /// The offset of a tail in this parser's text.
    fn at(&self, rest: &str) -> usize {
        self.text.len().saturating_sub(rest.len())
    }

    /// The place from one tail up to another.
    fn span(&self, from: &str, to: &str) -> Span {
        Span::new(self.places.find(self.at(from)), self.places.find(self.at(to)))
    }

    /// The output format of the place.
    fn output(&self) -> Output {
        self.format.borrow().output.clone()
    }

    /// Runs a parser one level deeper.
    fn nested<T>(
        &self,
        rest: &'s str,
        parse: impl FnOnce(&'s str) -> Parsed<'s, T>,
    ) -> Parsed<'s, T> {
        let depth = self.shared.depth.get();
        if depth >= self.shared.settings.limits.max_nesting {
            return Err(self.too_deep(rest));
        }
        self.shared.depth.set(depth + 1);
        let parsed = parse(rest);
        self.shared.depth.set(depth);
        parsed
    }

    fn too_deep(&self, rest: &'s str) -> nom::Err<Stop<'s>> {
        let most = self.shared.settings.limits.max_nesting;
        let error = self
            .limit(self.span(rest, rest), format!("nested deeper than {most} levels"))
            .with_hint("the setting `max_nesting` is the limit; macros can take over inner parts");
        self.refuse(error)
    }

    /// Checks that names of two words are spelled one way in the whole template.
    pub(crate) fn check_naming(&self, convention: NamingConvention, span: Span) -> Checked<'s, ()> {
        if convention == NamingConvention::AutoDetect {
            return Ok(());
        }
        let (established, by) = self.shared.naming.get();
        if established == NamingConvention::AutoDetect {
            self.shared.naming.set((convention, Some(span)));
        } else if established != convention {
            return Err(self.refuse(self.mixed_naming(established, by, span)));
        }
        Ok(())
    }

    fn mixed_naming(
        &self,
        established: NamingConvention,
        by: Option<Span>,
        span: Span,
    ) -> TemplateError {
        let source = self.shared.source;
        let spelling = match established {
            NamingConvention::CamelCase => "camel case (`upperCase`)",
            _ => "lower case with underscores (`upper_case`)",
        };
        let found = source.slice(span).trim_matches(['<', '[', '/', '#', '>', ']', ' ']).to_owned();
        let error = self.mistake(span, format!("expected a name in {spelling}, found `{found}`"));
        match by {
            Some(by) => error.with_hint(format!(
                "a template keeps to one spelling, and `{}` in line {} decided",
                source.slice(by).trim_matches(['<', '[', '/', '#', '>', ']', ' ']),
                source.position(by.start).line,
            )),
            None => error.with_hint("the setting `naming_convention` says so"),
        }
    }

    /// The same for the name of something of the language: `_` and capitals tell.
    fn check_name(&self, name: &str, span: Span) -> Checked<'s, ()> {
        let convention = name.bytes().find_map(|byte| match byte {
            b'_' => Some(NamingConvention::Legacy),
            b'A'..=b'Z' => Some(NamingConvention::CamelCase),
            _ => None,
        });
        self.check_naming(convention.unwrap_or(NamingConvention::AutoDetect), span)
    }

    /// The whole text as one expression.
    fn only_expression(&self, ending: Ending) -> Checked<'s, Expr> {
        self.open_parenthesis();
        let (rest, expr) = self.expression(self.text)?;
        let (rest, ()) = self.skip(rest)?;
        let is_over = match ending {
            Ending::Text => rest.is_empty(),
            // Whatever is something of the language may follow.
            Ending::Parenthesis => {
                let follows = |c: char| c.is_alphanumeric() || "),;:{@$_>".contains(c);
                rest.is_empty() || rest.starts_with(follows)
            }
        };
        if is_over { Ok(expr) } else { Err(stopped(rest, "the end of the expression")) }
    }
}
