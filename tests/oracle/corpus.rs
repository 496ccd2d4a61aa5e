//! Cases from a file, changed: what lies near to templates that people wrote.

use std::fs;

use serde_json::Value as Json;
use webhook_stream::ftl::builtins;

use crate::generate::Case;
use crate::request::Request;

/// Cases to change, as `ask` reads them.
pub(crate) struct Corpus {
    requests: Vec<Request>,
    /// All words and signs of their templates.
    tokens: Vec<String>,
}

impl Corpus {
    /// Reads a file of one case a line.
    pub(crate) fn read(file: &str) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let mut requests = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let json: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let request = Request::from_json(&json);
            if !request.template.is_empty() {
                requests.push(request);
            }
        }
        let tokens = requests.iter().flat_map(|request| tokens(&request.template)).collect();
        Ok(Self { requests, tokens })
    }

    /// A changed case.
    pub(crate) fn case(&self, seed: u64) -> Case {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut request = self.requests[random.usize(..self.requests.len())].clone();
        let mut parts = tokens(&request.template);
        let count = if random.bool() { 1 } else { random.usize(1..4) };
        let gently = random.u8(..4) > 0;
        for _ in 0..count {
            if parts.is_empty() {
                break;
            }
            let at = random.usize(..parts.len());
            if gently {
                self.replace_by_kind(&mut parts, &mut random);
                continue;
            }
            match random.u8(..8) {
                0 => drop(parts.remove(at)),
                1 => parts.insert(at, parts[at].clone()),
                2 | 3 => {
                    let other = &self.tokens[random.usize(..self.tokens.len())];
                    parts.insert(at, other.clone());
                }
                4 => {
                    let other = &self.tokens[random.usize(..self.tokens.len())];
                    parts[at].clone_from(other);
                }
                5 => {
                    let to = random.usize(..parts.len());
                    parts.swap(at, to);
                }
                6 => {
                    let names: Vec<&str> = builtins::all().map(|line| line.name).collect();
                    if let Some(mark) = parts.iter().rposition(|part| part == "?")
                        && let Some(name) = parts.get_mut(mark + 1)
                    {
                        names[random.usize(..names.len())].clone_into(name);
                    }
                }
                _ => {
                    let other = &self.requests[random.usize(..self.requests.len())];
                    let more = tokens(&other.template);
                    if !more.is_empty() {
                        let start = random.usize(..more.len());
                        let end = (start + random.usize(1..12)).min(more.len());
                        parts.splice(at..at, more[start..end].iter().cloned());
                    }
                }
            }
        }
        request.template = parts.concat();
        Case { request, used: Vec::new() }
    }

    /// Puts another word, number, sign or blank in the place of one.
    fn replace_by_kind(&self, parts: &mut [String], random: &mut fastrand::Rng) {
        const SIGNS: [&str; 12] =
            ["+", "-", "*", "/", "%", "==", "!=", "&&", "||", "..", "!", "??"];
        const BLANKS: [&str; 8] = [" ", "\n", "", "  ", "\t", "\r\n", "\n\n", "<#-- c -->"];
        let at = random.usize(..parts.len());
        let is_word = |part: &str| part.starts_with(|c: char| c.is_alphabetic());
        let is_number = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
        let fits: &dyn Fn(&str) -> bool = if is_word(&parts[at]) {
            if at > 0 && parts[at - 1] == "?" {
                let names: Vec<&str> = builtins::all().map(|line| line.name).collect();
                names[random.usize(..names.len())].clone_into(&mut parts[at]);
                return;
            }
            &is_word
        } else if is_number(&parts[at]) {
            &is_number
        } else {
            let list: &[&str] = match parts[at].trim() {
                "" => &BLANKS,
                sign if SIGNS.contains(&sign) => &SIGNS,
                _ => return,
            };
            list[random.usize(..list.len())].clone_into(&mut parts[at]);
            return;
        };
        // Half of the time a word of the same template.
        let own: Vec<String> = parts.iter().filter(|part| fits(part)).cloned().collect();
        if random.bool() {
            parts[at].clone_from(&own[random.usize(..own.len())]);
        } else if let Some(other) = (0..50)
            .map(|_| &self.tokens[random.usize(..self.tokens.len())])
            .find(|token| fits(token))
        {
            parts[at].clone_from(other);
        }
    }
}

/// The words, strings and signs of a template.
fn tokens(template: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in template.chars() {
        let word = c.is_alphanumeric() || c == '_';
        match tokens.last_mut() {
            Some(last) if word && in_word => last.push(c),
            Some(last) if c == ' ' && last.ends_with(' ') => last.push(c),
            _ => tokens.push(c.to_string()),
        }
        in_word = word;
    }
    tokens
}
