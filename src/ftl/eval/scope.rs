//! Which variable a name means: loop variables, locals, the namespace, globals, data.
//!
//! Loops, lambdas and nested content put a [`Context`] on a stack; each knows the one that is
//! visible behind it, so that a macro hides the loops around its call and nested content sees them
//! again. Macros have a [`Frame`] with their local variables.

use std::rc::Rc;
use std::sync::Arc;

use crate::ftl::eval::Evaluator;
use crate::ftl::eval::Failure;
use crate::ftl::eval::list::Walk;
use crate::ftl::model::Hash;
use crate::ftl::model::Map;
use crate::ftl::model::Model;
use crate::ftl::model::Namespace;
use crate::ftl::model::Statics;
use crate::ftl::model::Text;
use crate::ftl::program::Body;
use crate::ftl::program::Expr;
use crate::ftl::program::ExprKind;
use crate::ftl::program::INPUT;
use crate::ftl::program::Name;
use crate::ftl::program::Program;
use crate::value::Key;
use crate::value::Node;
use crate::value::Number;
use crate::value::Object;

/// No context, no frame.
pub(in crate::ftl::eval) const NONE: u32 = u32::MAX;

/// Where the evaluator is, and what is visible there.
#[derive(Clone, Debug)]
pub(in crate::ftl::eval) struct Place<'r> {
    /// The template that is run, in the sense of the text: `.current_template_name`.
    pub(in crate::ftl::eval) program: &'r Program,
    /// The innermost visible context.
    pub(in crate::ftl::eval) context: u32,
    /// The macro's frame.
    pub(in crate::ftl::eval) frame: u32,
    /// The variables of the template.
    pub(in crate::ftl::eval) namespace: Rc<Namespace<'r>>,
}

/// A loop, the parameter of a lambda or of nested content.
#[derive(Debug)]
pub(in crate::ftl::eval) struct Context<'r> {
    /// The context that is visible behind it.
    pub(in crate::ftl::eval) next: u32,
    /// The variable; `None` while it is not visible.
    pub(in crate::ftl::eval) name: Option<&'r Name>,
    pub(in crate::ftl::eval) value: Model<'r>,
    /// The value of `as key, value`.
    pub(in crate::ftl::eval) second: Option<(&'r Name, Model<'r>)>,
    /// Whether a missing value hides outer variables of its name.
    pub(in crate::ftl::eval) hides: bool,
    /// For `<#list>` and `<#items>`.
    pub(in crate::ftl::eval) turn: Option<Turn>,
    /// What `<#items>` walks over.
    pub(in crate::ftl::eval) walk: Option<Box<Walk<'r>>>,
}

/// The state of a loop.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ftl::eval) struct Turn {
    /// From 0.
    pub(in crate::ftl::eval) index: usize,
    pub(in crate::ftl::eval) has_next: bool,
}

/// A running macro or function.
#[derive(Debug)]
pub(in crate::ftl::eval) struct Frame<'r> {
    /// Its local variables. A handful: looking at each is quickest.
    pub(in crate::ftl::eval) locals: Vec<(&'r Name, Model<'r>)>,
    /// `.args`
    pub(in crate::ftl::eval) arguments: Option<Model<'r>>,
    /// Nested content of the call and its variables.
    pub(in crate::ftl::eval) body: Option<(&'r Body, &'r [Arc<Name>])>,
    /// Where it was called.
    pub(in crate::ftl::eval) caller: Place<'r>,
}

impl<'r> Frame<'r> {
    pub(in crate::ftl::eval) fn local(&self, name: &Name) -> Option<&Model<'r>> {
        self.locals.iter().find(|(own, _)| own.is(name)).map(|(_, value)| value)
    }

    pub(in crate::ftl::eval) fn set_local(&mut self, name: &'r Name, value: Model<'r>) {
        match self.locals.iter_mut().find(|(own, _)| own.is(name)) {
            Some((_, old)) => *old = value,
            None => self.locals.push((name, value)),
        }
    }
}

/// The data of one rendering.
#[derive(Clone, Copy, Debug)]
pub struct Data<'d> {
    root: Root<'d>,
    extra: &'d [(Key, Node<'d>)],
}

#[derive(Clone, Copy, Debug)]
enum Root<'d> {
    /// Bound to `input`.
    Event(Node<'d>),
    /// Its keys are the variables.
    Variables(Object<'d>),
    Nothing,
}

impl<'d> Data<'d> {
    /// An event: templates read it as `input`.
    pub fn event(event: Node<'d>) -> Self {
        Self { root: Root::Event(event), extra: &[] }
    }

    /// An object whose keys are the variables. Any other value has none.
    pub fn variables(variables: Node<'d>) -> Self {
        let root = variables.as_object().map_or(Root::Nothing, Root::Variables);
        Self { root, extra: &[] }
    }

    /// The same data with more variables, such as `secrets`.
    #[must_use]
    pub fn with(self, extra: &'d [(Key, Node<'d>)]) -> Self {
        Self { extra, ..self }
    }

    /// The value of a variable.
    #[inline]
    pub(in crate::ftl::eval) fn get(&self, name: &Name) -> Option<Node<'d>> {
        match self.root {
            Root::Event(event) if name.is_input => return Some(event),
            Root::Variables(object) => {
                if let Some(node) = object.get_key(&name.key) {
                    return Some(node);
                }
            }
            Root::Event(_) | Root::Nothing => {}
        }
        self.extra(name.text())
    }

    /// The value of a variable by its name.
    pub(in crate::ftl::eval) fn get_by_name(&self, name: &str) -> Option<Node<'d>> {
        let found = match self.root {
            Root::Event(event) => (name == INPUT).then_some(event),
            Root::Variables(object) => object.get(name),
            Root::Nothing => None,
        };
        found.or_else(|| self.extra(name))
    }

    fn extra(&self, name: &str) -> Option<Node<'d>> {
        self.extra.iter().find(|(own, _)| own.name() == name).map(|(_, node)| *node)
    }

    /// Every variable.
    pub(in crate::ftl::eval) fn pairs(&self) -> Vec<(&'d str, Node<'d>)> {
        let mut pairs = match self.root {
            Root::Event(event) => vec![(INPUT, event)],
            Root::Variables(object) => object.iter().collect(),
            Root::Nothing => Vec::new(),
        };
        pairs.extend(self.extra.iter().map(|(key, node)| (key.name(), *node)));
        pairs
    }
}

impl<'r> Evaluator<'r> {
    /// The value of a name as `${name}` sees it.
    pub(in crate::ftl::eval) fn variable(&mut self, name: &'r Name) -> Model<'r> {
        if self.place.context != NONE || self.place.frame != NONE {
            match self.local_variable(name) {
                Lookup::Found(value) => return value,
                Lookup::Hidden => return Model::Missing,
                Lookup::Nowhere => {}
            }
        }
        if let Some(value) = lookup(&self.place.namespace, name) {
            return value;
        }
        if let Some(value) = self.globals.get_hashed(name.hash, name.text()) {
            return value.clone();
        }
        match self.data.get(name) {
            Some(node) if !node.is_null() => Model::from_node(node),
            _ => self.shared_variable(name.text()),
        }
    }

    /// The JSON object that a path of names and keys leads to, when it is one. `None` says nothing:
    /// the path may lead to something else, or nowhere.
    #[inline]
    pub(in crate::ftl::eval) fn object(&self, expression: &'r Expr) -> Option<Object<'r>> {
        match &expression.kind {
            ExprKind::Variable(name) => self.object_variable(name),
            ExprKind::Dot { target, key, .. } => {
                self.object_inside(target)?.get_key(key)?.as_object()
            }
            _ => None,
        }
    }

    /// [`Evaluator::object`] one level down. Paths this long are rare.
    fn object_inside(&self, expression: &'r Expr) -> Option<Object<'r>> {
        self.object(expression)
    }

    fn object_variable(&self, name: &'r Name) -> Option<Object<'r>> {
        let of = |value: &Model<'r>| match value {
            Model::Hash(Hash::Json(object)) => Some(*object),
            _ => None,
        };
        self.look(name, of, Node::as_object)
    }

    /// The JSON value that a path of names and keys leads to, when it is behind a key. `None` says
    /// nothing.
    #[inline]
    pub(in crate::ftl::eval) fn json(&self, expression: &'r Expr) -> Option<Node<'r>> {
        match &expression.kind {
            ExprKind::Dot { target, key } => self.object(target)?.get_key(key),
            _ => None,
        }
    }

    /// The number that an expression is, when it takes no more than a look to know.
    #[inline]
    pub(in crate::ftl::eval) fn plain_number(&self, expression: &'r Expr) -> Option<Number> {
        let of = |value: &Model<'r>| match value {
            Model::Number(number) => Some(number.clone()),
            _ => None,
        };
        match &expression.kind {
            ExprKind::Number(number) => Some(number.clone()),
            ExprKind::Variable(name) => self.look(name, of, Node::as_number),
            _ => self.json(expression)?.as_number(),
        }
    }

    /// Something about the value of a variable, without a copy of it. `None` when the variable has
    /// no value there, which says nothing: another of its name may be visible behind it.
    #[inline]
    fn look<T>(
        &self,
        name: &'r Name,
        of: impl Fn(&Model<'r>) -> Option<T>,
        of_json: impl Fn(Node<'r>) -> Option<T>,
    ) -> Option<T> {
        let mut at = self.place.context;
        while let Some(context) = self.contexts.get(at as usize) {
            at = context.next;
            let Some(own) = context.name else { continue };
            if own.is(name) {
                return of(&context.value);
            }
            if let Some((second, value)) = &context.second
                && second.is(name)
            {
                return of(value);
            }
            if name.loop_state.is_some() {
                return None;
            }
        }
        if let Some(frame) = self.frames.get(self.place.frame as usize)
            && let Some(value) = frame.local(name)
        {
            return of(value);
        }
        let variables = self.place.namespace.variables.borrow();
        if let Some(value) = variables.get_hashed(name.hash, name.text()) {
            return of(value);
        }
        if let Some(value) = self.globals.get_hashed(name.hash, name.text()) {
            return of(value);
        }
        of_json(self.data.get(name)?)
    }

    /// The value of a local or loop variable.
    fn local_variable(&mut self, name: &Name) -> Lookup<'r> {
        let mut at = self.place.context;
        while let Some(context) = self.contexts.get(at as usize) {
            at = context.next;
            let Some(own) = context.name else { continue };
            if own.is(name) {
                if !context.value.is_missing() {
                    return Lookup::Found(context.value.clone());
                }
                if context.hides {
                    return Lookup::Hidden;
                }
            }
            if let Some((second, value)) = &context.second
                && second.is(name)
            {
                if !value.is_missing() {
                    return Lookup::Found(value.clone());
                }
                if context.hides {
                    return Lookup::Hidden;
                }
            }
            if let (Some(state), Some(turn)) = (&name.loop_state, context.turn)
                && own.is(&state.0)
            {
                return Lookup::Found(turn.answer(state.1));
            }
        }
        let frame = self.frames.get(self.place.frame as usize);
        match frame.and_then(|frame| frame.local(name)) {
            Some(value) if !value.is_missing() => Lookup::Found(value.clone()),
            _ => Lookup::Nowhere,
        }
    }

    /// The value of a name that was computed (`.vars[name]`).
    pub(in crate::ftl::eval) fn variable_by_name(&mut self, text: &str) -> Model<'r> {
        let name = Name::new(text);
        match self.local_variable(&name) {
            Lookup::Found(value) => return value,
            Lookup::Hidden => return Model::Missing,
            Lookup::Nowhere => {}
        }
        match lookup(&self.place.namespace, &name) {
            Some(value) => value,
            None => self.global_by_name(text),
        }
    }

    /// The value of a global variable or of data (`.globals[name]`).
    pub(in crate::ftl::eval) fn global_by_name(&mut self, name: &str) -> Model<'r> {
        match self.globals.get(name) {
            Some(value) => value.clone(),
            None => self.data_by_name(name),
        }
    }

    /// A variable of the data (`.data_model[name]`).
    pub(in crate::ftl::eval) fn data_by_name(&mut self, name: &str) -> Model<'r> {
        match self.data.get_by_name(name) {
            Some(node) if !node.is_null() => Model::from_node(node),
            _ => self.shared_variable(name),
        }
    }

    /// What every template has: `statics`, and FreeMarker's directives.
    fn shared_variable(&mut self, name: &str) -> Model<'r> {
        if name == "statics" && self.settings.statics {
            return Model::Hash(Hash::Statics(Statics::Classes));
        }
        self.shared_directive(name)
    }

    /// The local variable of the macro, for `<#local x += 1>`: loop variables count, as they do
    /// in FreeMarker.
    pub(in crate::ftl::eval) fn local(&mut self, name: &Name) -> Model<'r> {
        match self.local_variable(name) {
            Lookup::Found(value) => value,
            _ => Model::Missing,
        }
    }

    /// Puts a context before those that are visible.
    pub(in crate::ftl::eval) fn push_context(&mut self, context: Context<'r>) -> u32 {
        let index = u32::try_from(self.contexts.len()).unwrap_or(NONE);
        self.contexts.push(context);
        self.place.context = index;
        index
    }

    /// Takes the context at `index` away, and what is on top of it.
    pub(in crate::ftl::eval) fn pop_context(&mut self, index: u32) {
        if let Some(context) = self.contexts.get(index as usize) {
            self.place.context = context.next;
        }
        self.contexts.truncate(index as usize);
    }

    /// A context with a variable and nothing else.
    pub(in crate::ftl::eval) fn binding(&self, name: &'r Name, value: Model<'r>) -> Context<'r> {
        Context {
            next: self.place.context,
            name: Some(name),
            value,
            second: None,
            hides: true,
            turn: None,
            walk: None,
        }
    }

    /// The innermost visible loop.
    pub(in crate::ftl::eval) fn innermost_loop(&self) -> Option<u32> {
        let mut at = self.place.context;
        while let Some(context) = self.contexts.get(at as usize) {
            if context.turn.is_some() {
                return Some(at);
            }
            at = context.next;
        }
        None
    }

    /// The state of the loop with that variable.
    pub(in crate::ftl::eval) fn turn_of(&self, name: &Name) -> Option<Turn> {
        let mut at = self.place.context;
        while let Some(context) = self.contexts.get(at as usize) {
            let is = |own: Option<&Name>| own.is_some_and(|own| own.is(name));
            let second = context.second.as_ref().map(|(name, _)| *name);
            if context.turn.is_some() && (is(context.name) || is(second)) {
                return context.turn;
            }
            at = context.next;
        }
        None
    }

    /// The macro that runs.
    pub(in crate::ftl::eval) fn frame(&mut self) -> Option<&mut Frame<'r>> {
        self.frames.get_mut(self.place.frame as usize)
    }

    /// Every name that is visible, for messages.
    pub(in crate::ftl::eval) fn visible_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = self.place.context;
        while let Some(context) = self.contexts.get(at as usize) {
            names.extend(context.name.map(|name| name.text().to_owned()));
            names.extend(context.second.iter().map(|(name, _)| name.text().to_owned()));
            at = context.next;
        }
        if let Some(frame) = self.frames.get(self.place.frame as usize) {
            names.extend(frame.locals.iter().map(|(name, _)| name.text().to_owned()));
        }
        let keys = |map: &Map<'r>| map.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>();
        names.extend(keys(&self.place.namespace.variables.borrow()));
        names.extend(keys(&self.globals));
        names.extend(self.data.pairs().iter().map(|(key, _)| (*key).to_owned()));
        names
    }

    /// Sets a variable of a namespace, whose template runs first if it is still waiting.
    pub(in crate::ftl::eval) fn set_in(
        &mut self,
        namespace: &Rc<Namespace<'r>>,
        name: &'r Name,
        value: Model<'r>,
    ) -> Result<(), Failure> {
        self.wake(namespace)?;
        let mut variables = namespace.variables.borrow_mut();
        variables.insert_hashed(name.hash, Text::Borrowed(name.text()), value);
        Ok(())
    }
}

enum Lookup<'r> {
    Found(Model<'r>),
    /// A loop variable without a value hides outer ones.
    Hidden,
    Nowhere,
}

#[inline]
fn lookup<'r>(namespace: &Namespace<'r>, name: &Name) -> Option<Model<'r>> {
    let variables = namespace.variables.borrow();
    if variables.is_empty() {
        return None;
    }
    variables.get_hashed(name.hash, name.text()).cloned()
}
