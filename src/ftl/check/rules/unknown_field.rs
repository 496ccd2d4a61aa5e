//! Fields of the event that are spelled almost like one that events have.

use crate::ftl::check::finding::Level;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::rules::Inspector;
use crate::ftl::check::schema;
use crate::ftl::check::visit;
use crate::ftl::program::Expr;
use crate::ftl::program::INPUT;
use crate::text::did_you_mean;

impl<'p> Inspector<'_, '_, 'p> {
    pub(in crate::ftl::check::rules) fn unknown_field(&mut self, path: &'p Expr) {
        let Some((INPUT, keys)) = visit::path(path) else { return };
        let Some(first) = keys.first() else { return };
        let shown = self.quote(path);
        if let Some(evidence) = self.evidence {
            let Some((depth, siblings)) = evidence.unseen(&keys) else { return };
            let key = keys[depth];
            let message = format!(
                "none of the {} sample events has `{key}` where `{shown}` reads it",
                evidence.events()
            );
            // Without a name that is close it may just be rare.
            if let Some(near) = did_you_mean(key, siblings).filter(|near| *near != key) {
                let hint = format!("did you mean `{near}`?");
                self.report(Rule::UnknownField, path, message, hint);
            }
            return;
        }
        if schema::field(first).is_some() {
            return;
        }
        let near = match schema::nearest(first) {
            Some(near) => Some(near),
            // Other events have `userId` and the like.
            None if self.knows_amplitude => schema::same_letters(first),
            None => None,
        };
        if let Some(near) = near {
            let message = format!("exported events have no field `{first}`");
            self.report(Rule::UnknownField, path, message, format!("did you mean `{near}`?"));
            if let Some(finding) = self.findings.pop() {
                self.findings.push(finding.at_level(Level::Warning));
            }
        }
    }
}
