//! `<#list>`, `<#items>`, `<#sep>`, and what can be asked of a loop variable.

use std::rc::Rc;
use std::vec;

use crate::ftl::builtins::Host;
use crate::ftl::builtins::LoopQuestion;
use crate::ftl::builtins::walk;
use crate::ftl::builtins::walk::mapped;
use crate::ftl::error::Fault;
use crate::ftl::error::TemplateErrorKind;
use crate::ftl::eval::Evaluated;
use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::Flow;
use crate::ftl::eval::scope::Context;
use crate::ftl::eval::scope::Turn;
use crate::ftl::model::Callable;
use crate::ftl::model::Cursor;
use crate::ftl::model::Hash;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::Stage;
use crate::ftl::model::Text;
use crate::ftl::program::Expr;
use crate::ftl::program::List;
use crate::ftl::program::LoopVariables;
use crate::ftl::program::Name;
use crate::ftl::program::Node;
use crate::text::Span;
use crate::value::Items;
use crate::value::Pairs;

/// A walk over what is listed, one item ahead of the loop, so that it knows whether there is more.
#[derive(Debug)]
pub(in crate::ftl::eval) struct Walk<'r> {
    source: Source<'r>,
    /// The functions of `?map` at the end of a lazy sequence, innermost first. They run when an item's
    /// turn comes, not when it is looked at ahead.
    maps: Vec<Model<'r>>,
    ahead: Option<Item<'r>>,
    index: usize,
}

/// An item, or a key and a value.
type Item<'r> = (Model<'r>, Option<Model<'r>>);

#[derive(Debug)]
enum Source<'r> {
    Items(Cursor<'r>),
    Object(Pairs<'r>),
    Pairs(vec::IntoIter<(Text<'r>, Model<'r>)>),
}

impl Walk<'_> {
    fn put_maps_off(&mut self) {
        while let Source::Items(Cursor::Lazy { inner, lazy, .. }) = &mut self.source
            && lazy.stage == Stage::Map
        {
            self.maps.insert(0, lazy.function.clone());
            let inner = std::mem::replace(&mut **inner, Cursor::Items(Rc::default(), 0));
            self.source = Source::Items(inner);
        }
    }
}

impl Turn {
    /// The answer to `x?index` and its kin.
    pub(in crate::ftl::eval) fn answer<'r>(self, question: LoopQuestion) -> Model<'r> {
        let Self { index, has_next } = self;
        let is_odd = index % 2 == 0;
        let word = |odd, even| Model::Text(Text::Borrowed(if is_odd { odd } else { even }));
        match question {
            LoopQuestion::Index => Model::from(index),
            LoopQuestion::Counter => Model::from(index + 1),
            LoopQuestion::HasNext => Model::Boolean(has_next),
            LoopQuestion::IsFirst => Model::Boolean(index == 0),
            LoopQuestion::IsLast => Model::Boolean(!has_next),
            LoopQuestion::IsOdd => Model::Boolean(is_odd),
            LoopQuestion::IsEven => Model::Boolean(!is_odd),
            LoopQuestion::Parity => word("odd", "even"),
            LoopQuestion::ParityCapitalized => word("Odd", "Even"),
            LoopQuestion::Cycle => Model::Missing,
        }
    }
}

impl<'r> Evaluator<'r> {
    /// `<#list>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn list(&mut self, list: &'r List) -> Result<Flow, Failure> {
        let span = list.source.span;
        let value = self.evaluate(&list.source)?;
        if let (Model::Sequence(Sequence::Json(items)), Some(name), false) =
            (&value, &list.variables.first, list.pairs)
        {
            return self.list_json(items.iter(), name, list);
        }
        let Some(source) = self.listed(value, list)? else {
            return list.otherwise.as_ref().map_or(Ok(Flow::Next), |body| self.run(body));
        };
        let mut walk = Walk { source, maps: Vec::new(), ahead: None, index: 0 };
        walk.put_maps_off();
        self.advance(&mut walk, span)?;
        if walk.ahead.is_none() {
            return list.otherwise.as_ref().map_or(Ok(Flow::Next), |body| self.run(body));
        }
        let mut context = Context {
            next: self.place.context,
            name: None,
            value: Model::Missing,
            second: None,
            hides: !self.settings.fallback_on_null_loop_variable,
            turn: Some(Turn::default()),
            walk: None,
        };
        if list.variables.first.is_none() {
            context.walk = Some(Box::new(walk));
            let at = self.push_context(context);
            let flow = self.run(&list.body);
            self.pop_context(at);
            // A `<#break>` outside `<#items>` belongs to this list as well.
            return flow.map(|flow| if flow == Flow::Return { flow } else { Flow::Next });
        }
        let at = self.push_context(context);
        let flow = self.turns(at, &mut walk, &list.variables, &list.body, span);
        self.pop_context(at);
        flow
    }

    /// `<#list x.y as item>` over a JSON array: nothing runs between two turns, so nothing has to be
    /// fetched ahead.
    fn list_json(
        &mut self,
        mut items: Items<'r>,
        name: &'r Name,
        list: &'r List,
    ) -> Result<Flow, Failure> {
        self.step(list.source.span)?;
        if items.is_empty() {
            return list.otherwise.as_ref().map_or(Ok(Flow::Next), |body| self.run(body));
        }
        let hides = !self.settings.fallback_on_null_loop_variable;
        let at = self.push_context(Context { hides, ..self.binding(name, Model::Missing) });
        let mut index = 0;
        let mut result = Ok(Flow::Next);
        while let Some(node) = items.next() {
            if let Some(context) = self.contexts.get_mut(at as usize) {
                context.value = Model::from_node(node);
                context.turn = Some(Turn { index, has_next: !items.is_empty() });
            }
            let flow = self.step(list.source.span).and_then(|()| self.run(&list.body));
            match flow {
                Ok(Flow::Next | Flow::Continue) => index += 1,
                Ok(Flow::Break) => break,
                Ok(Flow::Return) | Err(_) => {
                    result = flow;
                    break;
                }
            }
        }
        self.pop_context(at);
        result
    }

    /// `<#items>`
    #[inline(never)]
    pub(in crate::ftl::eval) fn list_items(
        &mut self,
        variables: &'r LoopVariables,
        body: &'r [Node],
        span: Span,
    ) -> Result<Flow, Failure> {
        let at = self.innermost_loop();
        let context = at.and_then(|at| self.contexts.get_mut(at as usize));
        let (Some(at), Some(mut walk)) = (at, context.and_then(|context| context.walk.take()))
        else {
            let message = "`<#items>` was reached a second time in its `<#list>`";
            return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
        };
        self.turns(at, &mut walk, variables, body, span)
    }

    fn turns(
        &mut self,
        at: u32,
        walk: &mut Walk<'r>,
        variables: &'r LoopVariables,
        body: &'r [Node],
        span: Span,
    ) -> Result<Flow, Failure> {
        while let Some((mut first, second)) = walk.ahead.take() {
            for function in &walk.maps {
                let result = match function {
                    Model::Callable(Callable::Lambda(lambda)) => {
                        self.call_lambda(*lambda, first).map_err(Fault::from)
                    }
                    _ => walk::call(self, function, first),
                };
                first =
                    result.and_then(mapped).map_err(|fault| self.blame(fault, span, span, &[]))?;
            }
            self.advance(walk, span)?;
            let has_next = walk.ahead.is_some();
            if let Some(context) = self.contexts.get_mut(at as usize) {
                context.name = variables.first.as_deref();
                context.value = first;
                context.second = variables.second.as_deref().zip(second);
                context.turn = Some(Turn { index: walk.index, has_next });
            }
            let flow = self.run(body);
            // Between two turns the variables are not visible: functions that make the next item
            // must not see them.
            if let Some(context) = self.contexts.get_mut(at as usize) {
                context.name = None;
                context.second = None;
            }
            match flow? {
                Flow::Break => break,
                Flow::Return => return Ok(Flow::Return),
                Flow::Next | Flow::Continue => {}
            }
            walk.index += 1;
        }
        Ok(Flow::Next)
    }

    /// Fetches the next item.
    fn advance(&mut self, walk: &mut Walk<'r>, span: Span) -> Result<(), Failure> {
        self.step(span)?;
        walk.ahead = match &mut walk.source {
            Source::Items(Cursor::Json(items)) => {
                items.next().map(|node| (Model::from_node(node), None))
            }
            Source::Items(cursor) => {
                let next = self.next(cursor);
                let next = next.map_err(|fault| self.blame(fault, span, span, &[]))?;
                next.map(|item| (item, None))
            }
            Source::Object(pairs) => pairs.next().map(|(key, value)| {
                (Model::Text(Text::Borrowed(key)), Some(Model::from_node(value)))
            }),
            Source::Pairs(pairs) => {
                pairs.next().map(|(key, value)| (Model::Text(key), Some(value)))
            }
        };
        Ok(())
    }

    /// What a value is walked over as; `None` for nothing at all.
    fn listed(&mut self, value: Model<'r>, list: &'r List) -> Result<Option<Source<'r>>, Failure> {
        let expression = &list.source;
        Ok(Some(match (value, list.pairs) {
            (Model::Empty | Model::Nothing, _) => return Ok(None),
            (Model::Missing, false) if self.settings.classic_compatible => return Ok(None),
            (Model::Sequence(sequence), false) => Source::Items(sequence.cursor()),
            (Model::Matches(matches), false) => {
                let items = matches.matches.iter().map(|found| Model::Match(Rc::clone(found)));
                Source::Items(Sequence::Items(Rc::new(items.collect())).cursor())
            }
            (Model::Hash(Hash::Json(object)), true) => Source::Object(object.iter()),
            (Model::Hash(hash), true) => {
                let pairs = self.pairs(&hash);
                let span = expression.span;
                let pairs = pairs.map_err(|fault| self.blame(fault, span, span, &[]))?;
                Source::Pairs(pairs.into_iter())
            }
            (value, false) if self.settings.classic_compatible => {
                Source::Items(Cursor::Items(Rc::new(vec![value].into()), 0))
            }
            (value @ Model::Hash(_), false) => {
                let failure = self.wrong_type("a sequence", &value, expression);
                return Err(failure.with_hint("a hash needs two variables: `as key, value`"));
            }
            (value @ (Model::Sequence(_) | Model::Matches(_)), true) => {
                let failure = self.wrong_type("a hash", &value, expression);
                return Err(failure.with_hint("a sequence has one variable only: `as item`"));
            }
            (value @ Model::Text(_), false) => {
                let failure = self.wrong_type("a sequence", &value, expression);
                return Err(failure.with_hint(
                    "`?split(\",\")` cuts a string at commas, `?split(\"\")` into its characters",
                ));
            }
            (value, pairs) => {
                let expected = if pairs { "a hash" } else { "a sequence" };
                return Err(self.wrong_type(expected, &value, expression));
            }
        }))
    }

    /// `<#sep>`
    pub(in crate::ftl::eval) fn separate(&mut self, body: &'r [Node]) -> Result<Flow, Failure> {
        let context = self.innermost_loop().and_then(|at| self.contexts.get(at as usize));
        let has_next = context.and_then(|context| context.turn).is_some_and(|turn| turn.has_next);
        if has_next { self.run(body) } else { Ok(Flow::Next) }
    }

    /// `x?index` and its kin.
    pub(in crate::ftl::eval) fn ask_loop(
        &mut self,
        name: &'r Name,
        question: LoopQuestion,
        arguments: &'r [Expr],
        span: Span,
    ) -> Evaluated<'r> {
        let Some(turn) = self.turn_of(name) else {
            let message = format!("`{}` is no loop variable here", name.text());
            return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
        };
        if question != LoopQuestion::Cycle {
            return Ok(turn.answer(question));
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.evaluate_late(argument)?);
        }
        if values.is_empty() {
            let message = "`?item_cycle` takes at least 1 argument, found none";
            return Err(self.fail(TemplateErrorKind::BadArgument, message, span));
        }
        let index = turn.index % values.len();
        Ok(values.swap_remove(index))
    }
}
