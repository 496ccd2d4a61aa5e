//! Built-ins of hashes.

use crate::ftl::builtins::BuiltIn;
use crate::ftl::builtins::Host;
use crate::ftl::builtins::Outcome;
use crate::ftl::builtins::operands;
use crate::ftl::model::Hash;
use crate::ftl::model::MadeBy;
use crate::ftl::model::Model;
use crate::ftl::model::Text;

/// The lines of this group.
pub(in crate::ftl) const TABLE: &[BuiltIn] = &[
    BuiltIn::value("keys", "hash", "a sequence of its keys", |host, target| match operands::hash(
        "keys", &target,
    )? {
        Hash::Json(object) => {
            host.spend(object.len())?;
            let keys = object.iter().map(|(key, _)| Model::Text(Text::Borrowed(key)));
            Ok(Model::collection(keys.collect(), MadeBy::Hash))
        }
        hash => {
            let pairs = host.pairs(&hash)?;
            host.spend(pairs.len())?;
            Ok(Model::collection(
                pairs.into_iter().map(|(key, _)| Model::Text(key)).collect(),
                MadeBy::Hash,
            ))
        }
    }),
    BuiltIn::value("values", "hash", "a sequence of its values", |host, target| {
        values(host, &target)
    }),
];

/// `null` values of JSON have their place in the list, as missing items.
fn values<'r>(host: &mut (dyn Host<'r> + '_), target: &Model<'r>) -> Outcome<'r> {
    match operands::hash("values", target)? {
        Hash::Json(object) => {
            host.spend(object.len())?;
            Ok(Model::collection(
                object.iter().map(|(_, value)| Model::from_node(value)).collect(),
                MadeBy::Hash,
            ))
        }
        hash => {
            let pairs = host.pairs(&hash)?;
            host.spend(pairs.len())?;
            Ok(Model::collection(pairs.into_iter().map(|(_, value)| value).collect(), MadeBy::Hash))
        }
    }
}
