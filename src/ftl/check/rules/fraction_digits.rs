//! `S` in a pattern counts milliseconds, however many digits there are: `.846000` is 846 seconds.

use crate::ftl::check::finding::Level;
use crate::ftl::check::finding::Rule;
use crate::ftl::check::rules::Inspector;
use crate::ftl::check::rules::constant_format;
use crate::ftl::check::schema;
use crate::ftl::check::schema::Holds;
use crate::ftl::check::visit;
use crate::ftl::program::Application;
use crate::ftl::program::INPUT;

/// Milliseconds have three.
const MAX_DIGITS: usize = 3;

impl<'p> Inspector<'_, '_, 'p> {
    pub(in crate::ftl::check::rules) fn fraction_digits(&mut self, application: &'p Application) {
        let Application { target, built_in, form, .. } = application;
        if !matches!(built_in.name, "datetime" | "time") {
            return;
        }
        let format = constant_format(form).unwrap_or(&self.datetime_format);
        if !counts_milliseconds(format) {
            return;
        }
        let Some((INPUT, keys)) = visit::path(target) else { return };
        let seen = self.evidence.and_then(|evidence| evidence.fraction_digits(&keys));
        let is_time = keys.len() == 1 && schema::field(keys[0]) == Some(Holds::Time);
        let (says, level) = match seen {
            Some(digits) if digits > MAX_DIGITS => {
                (format!("has {digits} digits there in the sample events"), Level::Error)
            }
            Some(_) => return,
            None if is_time => {
                ("has six digits there in exported events".to_owned(), Level::Warning)
            }
            None => return,
        };
        let shown = self.quote(target);
        let message = format!(
            "`S` reads the digits behind the second as milliseconds, and `{shown}` {says}: times \
             are off by up to 16 minutes"
        );
        self.report(
            Rule::FractionDigits,
            &application.target,
            message,
            format!("leave the fraction out of the pattern, or read `{shown}?replace(\" \", \"T\")?datetime.iso`"),
        );
        if let Some(finding) = self.findings.pop() {
            self.findings.push(finding.at_level(level));
        }
    }
}

/// Whether a date pattern has `S` outside of quotes.
fn counts_milliseconds(pattern: &str) -> bool {
    if pattern.starts_with("iso") || pattern.starts_with("xs") || pattern.starts_with('@') {
        return false;
    }
    let mut outside = pattern.split('\'').step_by(2);
    outside.any(|part| part.contains('S'))
}
