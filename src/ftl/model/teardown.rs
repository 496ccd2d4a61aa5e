//! Values inside values inside values are let go one by one: a list that holds a list a million times
//! over would take the stack with it otherwise.

use std::mem;
use std::rc::Rc;

use crate::ftl::model::BoundArguments;
use crate::ftl::model::Callable;
use crate::ftl::model::Hash;
use crate::ftl::model::ListItems;
use crate::ftl::model::Map;
use crate::ftl::model::Method;
use crate::ftl::model::Model;
use crate::ftl::model::Sequence;
use crate::ftl::model::WithArguments;

impl Drop for ListItems<'_> {
    fn drop(&mut self) {
        if self.items.iter().any(holds_values) {
            take_apart(mem::take(&mut self.items));
        }
    }
}

impl Drop for Map<'_> {
    fn drop(&mut self) {
        if self.iter().any(|(_, value)| holds_values(value)) {
            take_apart(self.take_values());
        }
    }
}

impl Drop for Method<'_> {
    fn drop(&mut self) {
        if holds_values(&self.target) {
            take_apart(vec![mem::replace(&mut self.target, Model::Missing)]);
        }
    }
}

impl Drop for WithArguments<'_> {
    fn drop(&mut self) {
        let mut values = self.take_arguments();
        if holds_values(&self.callee) {
            values.push(mem::replace(&mut self.callee, Model::Missing));
        }
        take_apart(values);
    }
}

impl<'r> WithArguments<'r> {
    fn take_arguments(&mut self) -> Vec<Model<'r>> {
        match mem::replace(&mut self.arguments, BoundArguments::Positional(Vec::new())) {
            BoundArguments::Positional(values) => values,
            BoundArguments::Named(pairs) => pairs.into_iter().map(|(_, value)| value).collect(),
        }
    }
}

/// Whether letting go of the value lets go of other values.
fn holds_values(model: &Model<'_>) -> bool {
    matches!(
        model,
        Model::Sequence(Sequence::Items(_))
            | Model::Hash(Hash::Made(_))
            | Model::Callable(Callable::Method(_) | Callable::WithArguments(_))
    )
}

/// Lets go of values, and of what only they hold.
fn take_apart(mut rest: Vec<Model<'_>>) {
    while let Some(model) = rest.pop() {
        match model {
            Model::Sequence(Sequence::Items(items)) => {
                if let Some(mut items) = Rc::into_inner(items) {
                    rest.append(&mut items.items);
                }
            }
            Model::Hash(Hash::Made(map)) => {
                if let Some(mut map) = Rc::into_inner(map) {
                    rest.append(&mut map.take_values());
                }
            }
            Model::Callable(Callable::Method(method)) => {
                if let Some(mut method) = Rc::into_inner(method) {
                    rest.push(mem::replace(&mut method.target, Model::Missing));
                }
            }
            Model::Callable(Callable::WithArguments(bound)) => {
                if let Some(mut bound) = Rc::into_inner(bound) {
                    rest.append(&mut bound.take_arguments());
                    rest.push(mem::replace(&mut bound.callee, Model::Missing));
                }
            }
            _ => {}
        }
    }
}
