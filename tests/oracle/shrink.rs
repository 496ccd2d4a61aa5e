//! Makes a case that differs smaller, as long as it still differs in the same way.

use crate::engine;
use crate::explain::explain;
use crate::java::Oracle;
use crate::request::Answer;
use crate::request::Reply;
use crate::request::Request;

/// Smaller cases that are asked about at once.
const BATCH: usize = 24;
/// Rounds of questions, at most.
const MAX_ROUNDS: usize = 150;

/// The smallest case found that differs as this one does.
pub(crate) fn shrink(oracle: &mut Oracle, request: &Request) -> Result<Request, String> {
    let mut best = request.clone();
    let first = answers(oracle, std::slice::from_ref(&best))?;
    let Some(nature) = first.first().and_then(|(theirs, ours)| nature(&best, theirs, ours)) else {
        return Ok(best);
    };
    let mut rounds = 0;
    loop {
        let size = size_of(&best);
        let mut smaller = candidates(&best);
        smaller.retain(|candidate| size_of(candidate) < size);
        let mut found = None;
        for batch in smaller.chunks(BATCH) {
            rounds += 1;
            let answers = answers(oracle, batch)?;
            let same = batch.iter().zip(&answers).filter(|(candidate, (theirs, ours))| {
                self::nature(candidate, theirs, ours).as_ref() == Some(&nature)
            });
            found = same.map(|(candidate, _)| candidate.clone()).min_by_key(size_of);
            if found.is_some() || rounds > MAX_ROUNDS {
                break;
            }
        }
        match found {
            Some(candidate) if rounds <= MAX_ROUNDS => best = candidate,
            _ => return Ok(best),
        }
    }
}

fn answers(oracle: &mut Oracle, requests: &[Request]) -> Result<Vec<(Reply, Answer)>, String> {
    let ours = || requests.iter().map(engine::ask).collect::<Vec<_>>();
    let (theirs, ours) = oracle.ask(requests, ours)?;
    Ok(theirs.into_iter().zip(ours).collect())
}

/// In what way two answers differ; `None` when they agree or the difference is explained.
fn nature(request: &Request, theirs: &Reply, ours: &Answer) -> Option<(String, String)> {
    if ours.agrees_with(&theirs.answer) || explain(request, theirs, ours).is_some() {
        return None;
    }
    let of = |answer: &Answer| match answer {
        Answer::Output(_) => "output".to_owned(),
        Answer::Error { phase, .. } => phase.clone(),
    };
    Some((of(&theirs.answer), of(ours)))
}

fn size_of(request: &Request) -> usize {
    let texts = request.templates.iter().map(|(name, text)| name.len() + text.len() + 20);
    let settings = request.settings.iter().map(|(name, value)| name.len() + value.len() + 20);
    let data = request.data.iter().map(|(name, value)| name.len() + value.to_string().len() + 10);
    request.template.len() * 3 + texts.chain(settings).chain(data).sum::<usize>()
}

/// Smaller cases, those that lose most first.
fn candidates(request: &Request) -> Vec<Request> {
    let mut smaller = Vec::new();
    let mut add = |change: &dyn Fn(&mut Request)| {
        let mut candidate = request.clone();
        change(&mut candidate);
        smaller.push(candidate);
    };
    if request.data.len() > 1 {
        add(&|candidate| candidate.data.clear());
        let unused = |name: &str| !request.template.contains(name);
        add(&|candidate| candidate.data.retain(|name, _| !unused(name)));
    }
    if request.settings.len() > 1 {
        add(&|candidate| candidate.settings.clear());
    }
    for at in 0..request.templates.len() {
        add(&|candidate| drop(candidate.templates.remove(at)));
    }
    for at in 0..request.settings.len() {
        add(&|candidate| drop(candidate.settings.remove(at)));
    }
    for text in smaller_texts(&request.template) {
        add(&|candidate| candidate.template.clone_from(&text));
    }
    for at in 0..request.templates.len() {
        for text in smaller_texts(&request.templates[at].1) {
            add(&|candidate| candidate.templates[at].1.clone_from(&text));
        }
    }
    for name in request.data.keys() {
        add(&|candidate| drop(candidate.data.shift_remove(name)));
    }
    for (name, value) in &request.data {
        if let Some(text) = value.as_str() {
            for text in smaller_texts(text) {
                add(&|candidate| {
                    candidate.data.insert(name.clone(), text.clone().into());
                });
            }
        }
        if let Some(items) = value.as_array() {
            for at in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(at);
                add(&|candidate| {
                    candidate.data.insert(name.clone(), fewer.clone().into());
                });
            }
        }
    }
    smaller
}

/// The text without a stretch, and without the two halves of a pair.
fn smaller_texts(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut texts = Vec::new();
    let without = |from: usize, to: usize| -> String {
        letters[..from].iter().chain(&letters[to..]).collect()
    };
    let mut stretch = letters.len() / 2;
    while stretch > 0 {
        let step = (stretch / 2).max(1);
        for from in (0..=letters.len() - stretch).step_by(step) {
            texts.push(without(from, from + stretch));
        }
        stretch = if stretch > 24 { stretch / 2 } else { stretch - 1 };
    }
    for (open, close) in pairs(&letters) {
        let inner: String = letters[open.1..close.0].iter().collect();
        let before: String = letters[..open.0].iter().collect();
        let behind: String = letters[close.1..].iter().collect();
        texts.push(format!("{before}{behind}"));
        texts.push(format!("{before}{inner}{behind}"));
    }
    texts.sort_by_key(String::len);
    texts.dedup();
    texts
}

type Stretch = (usize, usize);

/// Where pairs open and close: brackets, and tags with their end tags.
fn pairs(letters: &[char]) -> Vec<(Stretch, Stretch)> {
    let mut pairs = Vec::new();
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut tags: Vec<(String, Stretch)> = Vec::new();
    for (at, &c) in letters.iter().enumerate() {
        match c {
            '(' | '[' | '{' => open.push((c, at)),
            ')' | ']' | '}' => {
                let partner = match c {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if let Some(index) = open.iter().rposition(|(c, _)| *c == partner) {
                    let (_, start) = open[index];
                    open.truncate(index);
                    pairs.push(((start, start + 1), (at, at + 1)));
                }
            }
            '<' => {
                let Some(length) = letters[at..].iter().position(|c| *c == '>') else { continue };
                let end = at + length + 1;
                let tag: String = letters[at + 1..end - 1].iter().collect();
                let name = |tag: &str| -> String {
                    tag.chars()
                        .take_while(|c| c.is_alphanumeric() || matches!(c, '#' | '@' | '_'))
                        .collect()
                };
                if let Some(closed) = tag.strip_prefix('/') {
                    let closed = name(closed);
                    let matches =
                        |open: &String| *open == closed || (closed == "@" && open.starts_with('@'));
                    if let Some(index) = tags.iter().rposition(|(name, _)| matches(name)) {
                        let (_, start) = tags[index].clone();
                        tags.truncate(index);
                        pairs.push((start, (at, end)));
                    }
                } else if tag.starts_with(['#', '@']) {
                    tags.push((name(&tag), (at, end)));
                }
            }
            _ => {}
        }
    }
    pairs
}
