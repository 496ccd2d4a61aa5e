//! What built-ins ask of the evaluator.

use crate::ftl::ast::Output;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Patterns;
use crate::ftl::builtins::walk;
use crate::ftl::coerce;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::call::field_by;
use crate::ftl::eval::late::settled;
use crate::ftl::format::Formatting;
use crate::ftl::model::Callable;
use crate::ftl::model::Cursor;
use crate::ftl::model::Hash;
use crate::ftl::model::Lambda;
use crate::ftl::model::Model;
use crate::ftl::model::ScopeHash;
use crate::ftl::model::Sequence;
use crate::ftl::model::Stage;
use crate::ftl::model::Statics;
use crate::ftl::model::Text;
use crate::ftl::model::sort_as_java;
use crate::ftl::statics;
use crate::text::Span;
use crate::value::Node;

/// Items copied in one step: each is as large as a short text, and a template may keep every list.
const ITEMS_A_STEP: usize = 2;

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
                let span = place_of_call(callable);
                self.call_with_values(callable, arguments, span).map(settled)
            }
            other => Err(coerce::wrong_type("a function or method", other)),
        }
    }

    fn next(&mut self, cursor: &mut Cursor<'r>) -> Result<Option<Model<'r>>, Fault> {
        match cursor {
            Cursor::Json(items) => Ok(items.next().map(Model::from_node)),
            // What its function misses isn't what a `(…)!` around the built-in asks about.
            Cursor::Lazy { .. } => {
                let quiet = std::mem::replace(&mut self.quiet, false);
                let item = self.next_computed(cursor);
                self.quiet = quiet;
                item.map_err(Fault::inexcusable)
            }
            _ => walk::advance(self, cursor),
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
            Hash::Statics(of) => match statics::get(*of, key) {
                Some(value) => value,
                None if *of == Statics::Classes => {
                    let message = format!("the Java class `{key}` is not available here");
                    let fault = Fault::new(TemplateErrorKind::NotAvailable, message);
                    return Err(fault.with_hint(format!("there is `{}` only", statics::FTL_UTILS)));
                }
                None => Model::Missing,
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
                let pairs = variables.iter().map(|(key, value)| (key.clone(), value.clone()));
                in_order_of_java(pairs.collect())
            }
            Hash::Scope(ScopeHash::DataModel) => of_nodes(&mut self.data.pairs().into_iter()),
            Hash::Scope(ScopeHash::Locals) => match self.frames.get(self.place.frame as usize) {
                Some(frame) => {
                    let locals = frame.locals.iter();
                    let pairs =
                        locals.map(|(name, value)| (Text::Borrowed(name.text()), value.clone()));
                    in_order_of_java(pairs.collect())
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

/// FreeMarker keeps variables in a `HashMap`.
fn in_order_of_java<'r>(mut pairs: Vec<(Text<'r>, Model<'r>)>) -> Vec<(Text<'r>, Model<'r>)> {
    sort_as_java(&mut pairs, |(name, _)| name);
    pairs
}

/// The place to blame for a call from a built-in: where the lambda stands.
fn place_of_call(callable: &Callable<'_>) -> Span {
    match callable {
        Callable::Lambda(lambda) => lambda.function.body.span,
        _ => Span::default(),
    }
}

impl<'r> Evaluator<'r> {
    /// The next item of a sequence that a function makes.
    pub(in crate::ftl::eval) fn next_computed(
        &mut self,
        cursor: &mut Cursor<'r>,
    ) -> Result<Option<Model<'r>>, Fault> {
        match cursor {
            Cursor::Lazy { inner, lazy, turned } => match &lazy.function {
                Model::Callable(Callable::Lambda(lambda)) => {
                    let lambda = *lambda;
                    self.next_by_lambda(inner, lazy.stage, lambda, turned)
                }
                _ => {
                    self.check_stack(Span::default())?;
                    walk::advance(self, cursor)
                }
            },
            _ => walk::advance(self, cursor),
        }
    }

    /// Adds the items of a sequence to a list. Groups that nobody can have are no error yet.
    pub(in crate::ftl::eval) fn add_items(
        &mut self,
        sequence: &Sequence<'r>,
        items: &mut Vec<Model<'r>>,
        span: Span,
    ) -> Result<(), Failure> {
        match sequence {
            Sequence::Items(more) => {
                self.steps(more.len() / ITEMS_A_STEP, span)?;
                let limit = self.settings.limits.max_items;
                if items.len() + more.len() > limit {
                    let message = format!("a sequence has more than {limit} items (`max_items`)");
                    return Err(self.fail(TemplateErrorKind::Limit, message, span));
                }
                items.extend_from_slice(more);
            }
            Sequence::Groups(matches) if !matches.whole => {
                let group = self.no_group(span);
                items.extend(std::iter::repeat_n(group, matches.groups.len()));
            }
            sequence => items.extend(self.items(sequence, span)?),
        }
        Ok(())
    }

    /// The items of a sequence as a list.
    pub(in crate::ftl::eval) fn items(
        &mut self,
        sequence: &Sequence<'r>,
        span: Span,
    ) -> Result<Vec<Model<'r>>, Failure> {
        let mut items = Vec::with_capacity(sequence.known_length().unwrap_or_default().min(1024));
        let mut cursor = sequence.cursor();
        let limit = self.settings.limits.max_items;
        loop {
            self.step(span)?;
            let next = self.next_computed(&mut cursor);
            match next.map_err(|fault| self.blame(fault, span, span, &[]))? {
                Some(item) => items.push(item),
                None => return Ok(items),
            }
            if items.len() > limit {
                let message = format!("a sequence has more than {limit} items (`max_items`)");
                return Err(self.fail(TemplateErrorKind::Limit, message, span));
            }
        }
    }

    /// [`walk::advance`] for what nearly all lazy sequences are made with, without a list of
    /// arguments.
    fn next_by_lambda(
        &mut self,
        inner: &mut Cursor<'r>,
        stage: Stage,
        lambda: Lambda<'r>,
        turned: &mut bool,
    ) -> Result<Option<Model<'r>>, Fault> {
        self.check_stack(Span::default())?;
        if *turned && stage == Stage::TakeWhile {
            return Ok(None);
        }
        while let Some(item) = self.next(inner)? {
            self.spend(1)?;
            if *turned && stage == Stage::DropWhile {
                return Ok(Some(item));
            }
            if stage == Stage::Map {
                let result = self.call_lambda(lambda, item)?;
                return walk::mapped(result).map(Some);
            }
            let field = field_by(lambda, &item).and_then(|(object, key)| object.get_key(key));
            let plain = field.and_then(Node::as_boolean);
            let holds = match plain {
                Some(holds) => holds,
                None => walk::condition(&self.call_lambda(lambda, item.clone())?, stage)?,
            };
            match stage {
                Stage::TakeWhile if !holds => {
                    *turned = true;
                    return Ok(None);
                }
                Stage::DropWhile if !holds => *turned = true,
                Stage::Filter | Stage::TakeWhile if holds => {}
                _ => continue,
            }
            return Ok(Some(item));
        }
        Ok(None)
    }
}
