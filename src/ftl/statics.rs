//! `statics['com.amplitude.integrations.connector.utils.FtlUtils']`: the helpers that Amplitude's
//! own templates call.
//!
//! `toJsonString(x)` and `toJson(x)` write any value as JSON, quotes included. Data that came as
//! JSON is written as it came; what a template makes is written by its type, dates as ISO 8601 in
//! the time zone of the settings.

use std::ops::ControlFlow;

use crate::ftl::builtins::Host;
use crate::ftl::builtins::escaping::markup_text;
use crate::ftl::builtins::operands;
use crate::ftl::builtins::walk;
use crate::ftl::coerce::wrong_type;
use crate::ftl::error::Blame;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::format::Formatting;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Statics;
use crate::value::write_json;
use crate::value::write_json_text;

/// The class of Amplitude's helpers, by which `statics` knows it.
pub const FTL_UTILS: &str = "com.amplitude.integrations.connector.utils.FtlUtils";

/// What stands under a key of `statics` or of the class.
pub fn get<'r>(of: Statics, key: &str) -> Option<Model<'r>> {
    match (of, key) {
        (Statics::Classes, FTL_UTILS) => Some(Model::Hash(Hash::Statics(Statics::FtlUtils))),
        (Statics::FtlUtils, "toJsonString") => {
            Some(Model::Callable(Callable::Static("toJsonString")))
        }
        (Statics::FtlUtils, "toJson") => Some(Model::Callable(Callable::Static("toJson"))),
        _ => None,
    }
}

/// Calls a method by its name: `FtlUtils.toJson(x)`.
///
/// # Errors
/// For another number of arguments than one, and for values that have no JSON form: macros,
/// functions, endless ranges, infinity, and values that hold themselves.
pub fn call<'r>(
    host: &mut (dyn Host<'r> + '_),
    method: &str,
    arguments: &[Model<'r>],
) -> Result<Model<'r>, Fault> {
    let [value] = arguments else {
        let message = format!("expected one argument of `{method}`, found {}", arguments.len());
        return Err(Fault::new(TemplateErrorKind::BadArgument, message));
    };
    let mut out = String::new();
    let mut writer = Writer { out: &mut out, method, depth: 0 };
    writer.write(host, value)?;
    Ok(Model::Text(out.into()))
}

/// Deeper than any event; a value this deep was built in a loop by mistake.
const MAX_DEPTH: usize = 127;

struct Writer<'o, 'm> {
    out: &'o mut String,
    method: &'m str,
    depth: usize,
}

impl Writer<'_, '_> {
    fn write<'r>(
        &mut self,
        host: &mut (dyn Host<'r> + '_),
        value: &Model<'r>,
    ) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message =
                format!("`{}`: the value nests deeper than {MAX_DEPTH} levels", self.method);
            return Err(Fault::new(TemplateErrorKind::Limit, message).blaming(Blame::Argument(0)));
        }
        let before = self.out.len();
        match value {
            Model::Missing => self.out.push_str("null"),
            Model::Boolean(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Model::Number(number) => {
                if number.as_double().is_some_and(|value| !value.is_finite()) {
                    let message = format!("`{}`: JSON has no infinity and no NaN", self.method);
                    return Err(Fault::new(TemplateErrorKind::BadArgument, message)
                        .blaming(Blame::Argument(0)));
                }
                number.write_plain(self.out);
            }
            Model::Text(text) => write_json_text(text, self.out),
            Model::Empty | Model::Nothing => self.out.push_str("\"\""),
            Model::Match(found) => write_json_text(&found.text, self.out),
            Model::Markup(markup) => write_json_text(&markup_text(markup), self.out),
            Model::Date(date) => {
                let Formatting { settings, formats } = host.formatting();
                self.out.push('"');
                formats.date(settings, date.kind, "iso")?.write(*date, self.out);
                self.out.push('"');
            }
            Model::Late(late) => self.write(host, late.value()?)?,
            Model::Sequence(Sequence::Json(list)) => write_json(list.node(), self.out),
            Model::Hash(Hash::Json(object)) => write_json(object.node(), self.out),
            Model::Sequence(_) | Model::Matches(_) => self.write_items(host, value)?,
            Model::Hash(hash) if operands::is_listable(hash) => self.write_pairs(host, hash)?,
            Model::Hash(_) | Model::Callable(_) => {
                let expected = format!("data as argument of `{}`", self.method);
                return Err(wrong_type(&expected, value).blaming(Blame::Argument(0)));
            }
        }
        host.spend(1 + (self.out.len() - before) / 64)?;
        self.depth -= 1;
        Ok(())
    }

    fn write_items<'r>(
        &mut self,
        host: &mut (dyn Host<'r> + '_),
        value: &Model<'r>,
    ) -> Result<(), Fault> {
        let sequence = operands::sequence(self.method, value)?;
        if sequence.known_length().is_none() && matches!(sequence, Sequence::Range(_)) {
            let message = format!("`{}` needs an end, found an endless range", self.method);
            return Err(
                Fault::new(TemplateErrorKind::BadArgument, message).blaming(Blame::Argument(0))
            );
        }
        self.out.push('[');
        walk::visit(host, &sequence, |host, index, item| {
            if index > 0 {
                self.out.push(',');
            }
            self.write(host, &item)?;
            Ok(ControlFlow::<()>::Continue(()))
        })?;
        self.out.push(']');
        Ok(())
    }

    fn write_pairs<'r>(
        &mut self,
        host: &mut (dyn Host<'r> + '_),
        hash: &Hash<'r>,
    ) -> Result<(), Fault> {
        self.out.push('{');
        let mut first = true;
        for (key, value) in host.pairs(hash)? {
            if !first {
                self.out.push(',');
            }
            first = false;
            write_json_text(&key, self.out);
            self.out.push(':');
            self.write(host, &value)?;
        }
        self.out.push('}');
        Ok(())
    }
}
