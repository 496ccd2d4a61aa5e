//! Puts the stripped texts into the tree.

use crate::ftl::ast::Body;
use crate::ftl::ast::NodeKind;
use crate::ftl::parse::layout::Stripped;

/// Fills in what is left of the texts, which `texts` has in order, and drops empty ones.
pub(crate) fn apply(body: &mut Body, texts: &[Stripped]) {
    body.retain_mut(|node| {
        match &mut node.kind {
            NodeKind::Text(text) => {
                let start = node.span.start as usize;
                if let Ok(at) = texts.binary_search_by_key(&start, |(offset, _)| *offset) {
                    text.clone_from(&texts[at].1);
                }
                return !text.is_empty();
            }
            NodeKind::If(branches) => {
                branches.iter_mut().for_each(|branch| apply(&mut branch.body, texts));
            }
            NodeKind::List { body, otherwise, .. } => {
                apply(body, texts);
                otherwise.iter_mut().for_each(|body| apply(body, texts));
            }
            NodeKind::Switch { cases, .. } => {
                cases.iter_mut().for_each(|case| apply(&mut case.body, texts));
            }
            NodeKind::Attempt { body, recover } => {
                apply(body, texts);
                apply(recover, texts);
            }
            NodeKind::Call { body: Some(body), .. }
            | NodeKind::Items { body, .. }
            | NodeKind::Sep(body)
            | NodeKind::Capture { body, .. }
            | NodeKind::Compress(body)
            | NodeKind::Formatted { body, .. } => apply(body, texts),
            NodeKind::Macro(it) => apply(&mut it.body, texts),
            NodeKind::Interpolation { .. }
            | NodeKind::NumericInterpolation { .. }
            | NodeKind::Break
            | NodeKind::Continue
            | NodeKind::Assign { .. }
            | NodeKind::Call { body: None, .. }
            | NodeKind::Nested(_)
            | NodeKind::Return(_)
            | NodeKind::Include { .. }
            | NodeKind::Import { .. }
            | NodeKind::Setting { .. }
            | NodeKind::Stop(_)
            | NodeKind::Flush
            | NodeKind::Unavailable(_) => {}
        }
        true
    });
}
