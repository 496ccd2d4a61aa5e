//! What built-ins ask of the evaluator.

use std::rc::Rc;

use crate::ftl::ast::Output;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Patterns;
use crate::ftl::coerce;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::fault::error;
use crate::ftl::format::Formatting;
use crate::ftl::model::Callable;
use crate::ftl::model::Cursor;
use crate::ftl::model::Hash;
use crate::ftl::model::Lazy;
use crate::ftl::model::Model;
use crate::ftl::model::ScopeHash;
use crate::ftl::model::Sequence;
use crate::ftl::model::Stage;
use crate::ftl::model::Statics;
use crate::ftl::model::Text;
use crate::text::Span;
use crate::value::Number;
use crate::value::write_json;
use crate::value::write_json_text;

/// The class that Amplitude's templates know.
const FTL_UTILS: &str = "com.amplitude.integrations.connector.utils.FtlUtils";
/// The name alone is enough, so that templates don't depend on the package.
const FTL_UTILS_NAME: &str = "FtlUtils";

impl<'r> Host<'r> for Evaluator<'r> {
    fn formatting(&mut self) -> Formatting<'_> {
        Formatting { settings: &self.settings, formats: &mut self.scratch.formats }
    }

    fn output(&self) -> &Output {
        self.output_of_built_in
    }

    fn now_millis(&self) -> i64 {
        self.now_millis
    }

    fn patterns(&mut self) -> &mut Patterns {
        &mut self.scratch.patterns
    }

    fn call(&mut self, callee: &Model<'r>, arguments: Vec<Model<'r>>) -> Result<Model<'r>, Fault> {
        match callee {
            Model::Callable(callable) => {
                let span = self.place_of_call(callable);
                self.call_with_values(callable, arguments, span)
            }
            other => Err(coerce::wrong_type("a function or method", other)),
        }
    }

    fn next(&mut self, cursor: &mut Cursor<'r>) -> Result<Option<Model<'r>>, Fault> {
        match cursor {
            Cursor::Json(items) => Ok(items.next().map(Model::from_node)),
            Cursor::Items(items, at) => {
                let item = items.get(*at).cloned();
                *at += 1;
                Ok(item)
            }
            Cursor::Range(range, at) => {
                let item = range.get(*at);
                *at += 1;
                Ok(item.map(|item| Model::Number(Number::from(item))))
            }
            Cursor::Lazy { inner, lazy, turned } => self.next_lazy(inner, lazy, turned),
        }
    }

    fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        self.steps(steps, Span::default()).map_err(|_| {
            let limit = self.settings.limits.max_steps;
            let message = format!("the template takes more than {limit} steps (`max_steps`)");
            Fault::new(TemplateErrorKind::Limit, message)
        })
    }

    fn get(&mut self, hash: &Hash<'r>, key: &str) -> Result<Model<'r>, Fault> {
        Ok(match hash {
            Hash::Json(object) => object.get(key).map_or(Model::Missing, Model::from_node),
            Hash::Made(map) => map.get(key).cloned().unwrap_or(Model::Missing),
            Hash::Namespace(namespace) => {
                self.wake(namespace)?;
                let variables = namespace.variables.borrow();
                variables.get(key).cloned().unwrap_or(Model::Missing)
            }
            Hash::Scope(ScopeHash::Variables) => self.variable_by_name(key),
            Hash::Scope(ScopeHash::Globals) => self.global_by_name(key),
            Hash::Scope(ScopeHash::DataModel) => self.data_by_name(key),
            Hash::Scope(ScopeHash::Locals) => {
                let frame = self.frames.get(self.place.frame as usize);
                let found = frame
                    .and_then(|frame| frame.locals.iter().find(|(name, _)| name.text() == key));
                found.map_or(Model::Missing, |(_, value)| value.clone())
            }
            Hash::Statics(Statics::Classes) => match key {
                FTL_UTILS | FTL_UTILS_NAME => Model::Hash(Hash::Statics(Statics::FtlUtils)),
                _ => {
                    let message = format!("the Java class `{key}` is not available here");
                    let fault = Fault::new(TemplateErrorKind::NotAvailable, message);
                    return Err(fault.with_hint(format!("there is `{FTL_UTILS}` only")));
                }
            },
            Hash::Statics(Statics::FtlUtils) => match key {
                "toJsonString" => Model::Callable(Callable::Static("toJsonString")),
                "toJson" => Model::Callable(Callable::Static("toJson")),
                _ => Model::Missing,
            },
        })
    }

    fn pairs(&mut self, hash: &Hash<'r>) -> Result<Vec<(Text<'r>, Model<'r>)>, Fault> {
        let of_nodes = |pairs: &mut dyn Iterator<Item = (&'r str, crate::value::Node<'r>)>| {
            pairs.map(|(key, node)| (Text::Borrowed(key), Model::from_node(node))).collect()
        };
        Ok(match hash {
            Hash::Json(object) => of_nodes(&mut object.iter()),
            Hash::Made(map) => {
                map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Hash::Namespace(namespace) => {
                self.wake(namespace)?;
                let variables = namespace.variables.borrow();
                variables.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Hash::Scope(ScopeHash::DataModel) => of_nodes(&mut self.data.pairs().into_iter()),
            Hash::Scope(ScopeHash::Locals) => match self.frames.get(self.place.frame as usize) {
                Some(frame) => {
                    let locals = frame.locals.iter();
                    locals
                        .map(|(name, value)| (Text::Borrowed(name.text()), value.clone()))
                        .collect()
                }
                None => Vec::new(),
            },
            Hash::Scope(ScopeHash::Variables | ScopeHash::Globals) | Hash::Statics(_) => {
                let message =
                    "expected a hash whose keys can be listed, found one that only looks keys up";
                return Err(Fault::new(TemplateErrorKind::WrongType, message));
            }
        })
    }
}

impl<'r> Evaluator<'r> {
    fn next_lazy(
        &mut self,
        inner: &mut Cursor<'r>,
        lazy: &Rc<Lazy<'r>>,
        turned: &mut bool,
    ) -> Result<Option<Model<'r>>, Fault> {
        if *turned && lazy.stage == Stage::TakeWhile {
            return Ok(None);
        }
        self.check_stack(Span::default())?;
        loop {
            self.spend(1)?;
            let Some(item) = self.next(inner)? else { return Ok(None) };
            if *turned && lazy.stage == Stage::DropWhile {
                return Ok(Some(item));
            }
            let result = self.call(&lazy.function, vec![item.clone()])?;
            if lazy.stage == Stage::Map {
                if result.is_missing() {
                    let message = "the function of `?map` gives nothing for an item";
                    return Err(Fault::new(TemplateErrorKind::MissingValue, message));
                }
                return Ok(Some(result));
            }
            let Model::Boolean(holds) = result else {
                return Err(coerce::wrong_type("a boolean from the function", &result));
            };
            match lazy.stage {
                Stage::Filter if holds => return Ok(Some(item)),
                Stage::TakeWhile if holds => return Ok(Some(item)),
                Stage::TakeWhile => {
                    *turned = true;
                    return Ok(None);
                }
                Stage::DropWhile if !holds => {
                    *turned = true;
                    return Ok(Some(item));
                }
                _ => {}
            }
        }
    }

    /// The place to blame for a call from a built-in: where the lambda stands.
    fn place_of_call(&self, callable: &Callable<'r>) -> Span {
        match callable {
            Callable::Lambda(lambda) => lambda.function.body.span,
            _ => Span::default(),
        }
    }

    /// Any value as JSON, as Amplitude's `FtlUtils` writes it.
    pub(in crate::ftl::eval) fn write_as_json(
        &mut self,
        value: &Model<'r>,
        out: &mut String,
    ) -> Result<(), Fault> {
        self.spend(1)?;
        self.check_stack(Span::default())?;
        let program = self.place.program;
        let too_long = |limit: usize| {
            let message = format!("the output is larger than {limit} bytes (`max_output_bytes`)");
            error(TemplateErrorKind::Limit, message, program, Span::default())
        };
        if out.len() > self.settings.limits.max_output_bytes {
            return Err(too_long(self.settings.limits.max_output_bytes).into());
        }
        match value {
            Model::Missing => out.push_str("null"),
            Model::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Model::Number(number) => number.write_plain(out),
            Model::Text(text) => write_json_text(text, out),
            Model::Empty => out.push_str("\"\""),
            Model::Match(found) => write_json_text(&found.text, out),
            Model::Matches(matches) => out.push_str(if matches.whole { "true" } else { "false" }),
            Model::Markup(markup) => {
                let text = crate::ftl::eval::markup::markup_of(markup);
                write_json_text(&text, out);
            }
            Model::Hash(Hash::Json(object)) => write_json(object.node(), out),
            Model::Sequence(Sequence::Json(list)) => write_json(list.node(), out),
            Model::Date(_) => {
                let text = coerce::to_text(value, self.formatting())?;
                write_json_text(&text, out);
            }
            Model::Sequence(sequence) => {
                out.push('[');
                let mut cursor = sequence.cursor();
                let mut is_first = true;
                while let Some(item) = self.next(&mut cursor)? {
                    if !std::mem::take(&mut is_first) {
                        out.push(',');
                    }
                    self.write_as_json(&item, out)?;
                }
                out.push(']');
            }
            Model::Hash(hash) => {
                out.push('{');
                for (index, (key, value)) in self.pairs(hash)?.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_json_text(&key, out);
                    out.push(':');
                    self.write_as_json(&value, out)?;
                }
                out.push('}');
            }
            Model::Callable(_) => return Err(coerce::wrong_type("a value that JSON has", value)),
        }
        Ok(())
    }
}
