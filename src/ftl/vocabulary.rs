//! Every name of the language, read from the tables that the parser and the evaluator go by.
//!
//! For whoever has to know them all: documentation, completion, tests.
//!
//! ```
//! use webhook_stream::ftl::{Vocabulary, names};
//!
//! let built_ins = names(Vocabulary::BuiltIns);
//! assert!(built_ins.iter().any(|name| name == "upper_case"));
//! assert!(built_ins.iter().any(|name| name == "upperCase"));
//! ```

use crate::ftl::builtins;
use crate::ftl::eval;
use crate::ftl::parse;
use crate::ftl::settings;

/// A kind of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Vocabulary {
    /// `<#list>`
    Directives,
    /// `<@compress>`: directives that are variables, which every template has.
    SharedDirectives,
    /// `<#ftl output_format="HTML">`
    HeaderParameters,
    /// `x?upper_case`
    BuiltIns,
    /// `.now`
    SpecialVariables,
    /// `<#setting locale="de">`
    TemplateSettings,
    /// What [`Settings::set`](crate::ftl::Settings::set) knows, those of `<#setting>` among them.
    Settings,
    /// `HTML`
    OutputFormats,
}

impl Vocabulary {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Directives,
        Self::SharedDirectives,
        Self::HeaderParameters,
        Self::BuiltIns,
        Self::SpecialVariables,
        Self::TemplateSettings,
        Self::Settings,
        Self::OutputFormats,
    ];
}

/// The names of a kind, in every spelling that a template may use: `upper_case` and `upperCase`.
pub fn names(kind: Vocabulary) -> Vec<String> {
    match kind {
        Vocabulary::Directives => {
            let names = parse::directives().flat_map(|(name, camel)| [name, camel]);
            names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        Vocabulary::SharedDirectives => owned(&eval::SHARED_DIRECTIVES),
        Vocabulary::HeaderParameters => both_spellings(&parse::HEADER_PARAMETERS),
        Vocabulary::BuiltIns => {
            both_spellings(&builtins::all().map(|line| line.name).collect::<Vec<_>>())
        }
        Vocabulary::SpecialVariables => both_spellings(&parse::SPECIAL_VARIABLES),
        Vocabulary::TemplateSettings => both_spellings(&parse::TEMPLATE_SETTINGS),
        Vocabulary::Settings => owned(&settings::NAMES),
        Vocabulary::OutputFormats => owned(&settings::OUTPUT_FORMATS),
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

fn both_spellings(names: &[&str]) -> Vec<String> {
    let spellings = names.iter().flat_map(|name| {
        let camel = builtins::camel_case(name);
        std::iter::once((*name).to_owned()).chain((camel != **name).then_some(camel))
    });
    spellings.collect()
}

#[cfg(test)]
mod tests {
    use crate::ftl::vocabulary::{Vocabulary, names};

    #[test]
    fn no_name_stands_twice() {
        for kind in Vocabulary::ALL {
            let mut all = names(kind);
            let count = all.len();
            all.sort();
            all.dedup();
            assert!(count > 0 && all.len() == count, "{kind:?}");
        }
    }
}
