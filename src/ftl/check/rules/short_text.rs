//! `?substring(0, 500)` and `[0..499]` fail where there is less than that.

use crate::ftl::ast::RangeKind;
use crate::ftl::check::finding::Level;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::rules::Inspector;
use crate::ftl::check::schema;
use crate::ftl::check::schema::Holds;
use crate::ftl::check::visit;
use crate::ftl::program::Application;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::Form;
use crate::ftl::program::INPUT;

/// `2024-03-01 20:00:00`, with or without a fraction behind it.
const TIME_LENGTH: i64 = 19;
const UUID_LENGTH: i64 = 36;

impl<'p> Inspector<'_, '_, 'p> {
    /// `x?substring(from, to)`
    pub(in crate::ftl::check::rules) fn substring(
        &mut self,
        application: &'p Application,
        whole: &'p Expr,
    ) {
        let Application { target, built_in, form, .. } = application;
        let Form::Call(arguments) = form else { return };
        if built_in.name != "substring" {
            return;
        }
        let needed = arguments.iter().map(visit::constant_integer).collect::<Option<Vec<i64>>>();
        let Some(needed) = needed.and_then(|numbers| numbers.into_iter().max()) else { return };
        let from = arguments.first().and_then(visit::constant_integer).unwrap_or_default();
        let shown = self.quote(target);
        let cure = format!("`{shown}[{from}..*{}]` takes what there is", needed - from);
        self.short_text(target, needed, whole, &cure);
    }

    /// `x[from..to]`
    pub(in crate::ftl::check::rules) fn slice(&mut self, target: &'p Expr, index: &'p Expr) {
        let ExprKind::Range { start, end, kind } = &index.bare().kind else { return };
        let Some(start) = visit::constant_integer(start) else { return };
        let end = end.as_ref().map(|end| visit::constant_integer(end));
        let (needed, length) = match (kind, end) {
            (RangeKind::Inclusive, Some(Some(end))) if end >= start => (end + 1, end + 1 - start),
            (RangeKind::Exclusive, Some(Some(end))) if end > start => (end, end - start),
            (RangeKind::Endless, None) if start > 0 => {
                let cure = "test its length before";
                return self.short_text(target, start, index, cure);
            }
            _ => return,
        };
        let cure = format!("`{}[{start}..*{length}]` takes what there is", self.quote(target));
        self.short_text(target, needed, index, &cure);
    }

    fn short_text(&mut self, target: &'p Expr, needed: i64, place: &'p Expr, cure: &str) {
        if needed <= 0 || self.is_guarded(target) || is_long_enough(target, needed) {
            return;
        }
        let keys = visit::path(target).filter(|(root, _)| *root == INPUT).map(|(_, keys)| keys);
        let seen = self.evidence.and_then(|evidence| evidence.shortest(&keys.unwrap_or_default()));
        let short = seen.filter(|shortest| (*shortest as i64) < needed);
        let (shown, hint) = (self.quote(target), cure.to_owned());
        let message = match short {
            Some(shortest) => format!(
                "`{shown}` is shorter than {needed} in the sample events: the shortest has {shortest}"
            ),
            None => format!("`{shown}` may be shorter than {needed}: that is an error then"),
        };
        self.report(Rule::ShortText, place, message, hint);
        if short.is_some()
            && let Some(finding) = self.findings.pop()
        {
            self.findings.push(finding.at_level(Level::Error));
        }
    }

    /// Whether a condition around the place asks for the length.
    fn is_guarded(&self, target: &Expr) -> bool {
        let spelled = self.spelled(target);
        let own = spelled.split(['!', '?']).next().unwrap_or(&spelled);
        self.conditions.iter().any(|condition| {
            condition.contains(own)
                && (condition.contains("?length") || condition.contains("?size"))
        })
    }
}

/// Whether the text always has that many characters.
fn is_long_enough(target: &Expr, needed: i64) -> bool {
    match &target.bare().kind {
        ExprKind::Text(text) => text.chars().count() as i64 >= needed,
        ExprKind::BuiltIn(application) => match (application.built_in.name, &application.form) {
            ("right_pad" | "left_pad", Form::Call(arguments)) => arguments
                .first()
                .and_then(visit::constant_integer)
                .is_some_and(|length| length >= needed),
            // A formatted date or number has a length of its own.
            ("string" | "c", _) => true,
            ("lower_case" | "upper_case" | "cap_first" | "uncap_first", Form::Bare) => {
                is_long_enough(&application.target, needed)
            }
            _ => false,
        },
        // A padding in front of it: `("0000" + x)[…]`.
        ExprKind::Binary { left, right, .. } => {
            is_long_enough(left, needed) || is_long_enough(right, needed)
        }
        // A range or a list that is written out has the length that it says.
        ExprKind::List(_) | ExprKind::Range { .. } => true,
        _ => match visit::path(target) {
            Some((INPUT, keys)) if keys.len() == 1 => match schema::field(keys[0]) {
                Some(Holds::Time) => needed <= TIME_LENGTH,
                Some(Holds::PlainText) if keys[0] == "uuid" => needed <= UUID_LENGTH,
                _ => false,
            },
            _ => false,
        },
    }
}
