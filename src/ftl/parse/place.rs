//! What holds at a place in a template: the loops and macros around, the output format, and where
//! the place lies in the template's text.

use crate::ftl::ast::Output;
use crate::ftl::settings::AutoEscaping;
use crate::ftl::settings::OutputFormat;
use crate::ftl::settings::Settings;
use crate::text::Source;
/// A loop that the place is in.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    /// `as x`; none in `<#list>` outside of its `<#items>`.
    pub(crate) variable: Option<String>,
    /// The second of `as k, v`.
    pub(crate) second: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    List,
    ForEach,
    Items,
    /// A variable of `<@x ; v>` that hides a loop variable.
    Call,
}

/// Where the offsets of a parser's text lie in the template.
pub(crate) enum Places<'c> {
    /// The text is a part of the template that starts there.
    Shift(usize),
    /// The text is a literal without its escapes: from each offset on, it comes from there in the
    /// outer text.
    Jumps(Vec<(usize, usize)>, &'c Places<'c>),
}

impl Places<'_> {
    pub(crate) fn find(&self, offset: usize) -> usize {
        match self {
            Self::Shift(start) => start + offset,
            Self::Jumps(jumps, outer) => {
                let after = jumps.partition_point(|(from, _)| *from <= offset);
                let (from, to) = after.checked_sub(1).map_or((0, 0), |at| jumps[at]);
                outer.find(to + (offset - from))
            }
        }
    }
}

/// The output format of a place, and the policy that decides about escaping.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    pub(crate) output: Output,
    pub(crate) policy: AutoEscaping,
    /// The policy a text literal starts from, as FreeMarker does it.
    pub(crate) initial_policy: AutoEscaping,
}

impl Format {
    /// What the settings and the file extension say.
    pub(crate) fn at_start(source: &Source, settings: &Settings) -> Self {
        let recognize = settings
            .recognize_standard_file_extensions
            .unwrap_or_else(|| settings.improves_since(24));
        let name = source.name().to_ascii_lowercase();
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        let (format, policy) = match extension.filter(|_| recognize) {
            Some("ftlh") => (OutputFormat::Html, AutoEscaping::EnableIfDefault),
            Some("ftlx") => (OutputFormat::Xml, AutoEscaping::EnableIfDefault),
            _ => (settings.output_format.clone(), settings.auto_escaping),
        };
        let output = Output { format, auto_escape: false, never_escapes: false };
        Self { output, policy, initial_policy: policy }.settled()
    }

    /// How a text literal begins here: with the policy of the start, as FreeMarker has it.
    pub(crate) fn in_text(&self) -> Self {
        Self { policy: self.initial_policy, ..self.clone() }.settled()
    }

    /// The same with `auto_escape` as format and policy have it.
    pub(crate) fn settled(mut self) -> Self {
        self.output.auto_escape = self.policy.escapes(&self.output.format);
        self.output.never_escapes = self.policy == AutoEscaping::Disable;
        self
    }
}

/// What the place is inside of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inside {
    pub(crate) in_macro: bool,
    pub(crate) in_function: bool,
    /// Directives around that `<#break>` may leave.
    pub(crate) breakable: usize,
    /// Directives around that `<#continue>` may go on with.
    pub(crate) continuable: usize,
    /// `content` inside `content`; 1 at the top.
    pub(crate) content: usize,
    pub(crate) strip_text: bool,
    pub(crate) strip_whitespace: bool,
}
