//! Variables that nothing sets, parameters that a macro doesn't have, helpers that aren't there.

use crate::ftl::check::Usage;
use crate::ftl::check::finding::Finding;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::printed::is_utilities;
use crate::ftl::check::rules::Inspector;
use crate::ftl::check::visit;
use crate::ftl::program::Arguments;
use crate::ftl::program::Call;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::INPUT;
use crate::ftl::program::Name;
use crate::ftl::statics::FTL_UTILS;
use crate::text::Span;
use crate::text::did_you_mean;
use crate::text::slips;

const STATICS: &str = "statics";
/// The methods of Amplitude's helper class.
const METHODS: [&str; 2] = ["toJson", "toJsonString"];

impl<'p> Inspector<'_, '_, 'p> {
    pub(in crate::ftl::check::rules) fn unknown_name(
        &mut self,
        name: &'p Name,
        span: Span,
        may_miss: bool,
    ) {
        let text = name.text();
        let is_turn = name.loop_state.as_ref().is_some_and(|own| self.names.has(own.0.text()));
        let is_statics = text == STATICS && self.has_statics;
        if may_miss || is_turn || is_statics || self.names.has(text) {
            return;
        }
        let known: &[&str] = match self.usage {
            Usage::Event(known) => known,
            // A template that doesn't read `input` may be given any variables.
            Usage::Any if self.reads_event => &[INPUT],
            Usage::Any if slips(text, INPUT) <= 1 => &[INPUT],
            Usage::Any => return,
        };
        if known.contains(&text) {
            return;
        }
        let message = format!("nothing sets the variable `{text}`");
        let finding = Finding::new(Rule::UnknownName, message, &self.program.source, span);
        let set: Vec<&str> = known.iter().copied().chain(self.names.all()).collect();
        let hint = match did_you_mean(text, set) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("fields of the event stand behind `input`: `input.{text}`"),
        };
        self.findings.push(finding.with_hint(hint));
    }

    /// `<@m x=1>`: whether the macro has such a parameter.
    pub(in crate::ftl::check::rules) fn arguments(&mut self, call: &'p Call) {
        let Arguments::Named(pairs) = &call.arguments else { return };
        let Some((_, definition)) = self.names.find_macro(&call.callee) else { return };
        if definition.catch_all.is_some() {
            return;
        }
        let parameters: Vec<&str> =
            definition.parameters.iter().map(|own| own.name.text()).collect();
        for (name, value) in pairs {
            if parameters.contains(&name.text()) {
                continue;
            }
            let message = format!(
                "the macro `{}` has no parameter `{}`",
                definition.name.text(),
                name.text()
            );
            let hint = match did_you_mean(name.text(), parameters.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if parameters.is_empty() => "it has none".to_owned(),
                None => format!("it has {}", parameters.join(", ")),
            };
            self.report(Rule::UnknownName, value, message, hint);
        }
    }

    /// `statics['…FtlUtils'].toJson`: whether there is such a class and method.
    pub(in crate::ftl::check::rules) fn statics(&mut self, path: &'p Expr) {
        if let Some((STATICS, keys)) = visit::path(path)
            && let Some(class) = keys.first().filter(|class| **class != FTL_UTILS)
            && self.has_statics
        {
            let message = format!("there is no class `{class}` here");
            let hint = format!("the one that is there is `{FTL_UTILS}`");
            return self.report(Rule::UnknownName, path, message, hint);
        }
        let ExprKind::Dot { target, key } = &path.bare().kind else { return };
        if is_utilities(target, self.names) && !METHODS.contains(&key.name()) {
            let message = format!("`FtlUtils` has no method `{}`", key.name());
            let hint = match did_you_mean(key.name(), METHODS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", METHODS.join(" and ")),
            };
            self.report(Rule::UnknownName, path, message, hint);
        }
    }
}
