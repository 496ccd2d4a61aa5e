//! URL and headers of a sync's requests, rendered per event where they depend on it.
//!
//! Secrets are never rendered: what a template gets for `secrets.NAME` is a mark that only this
//! file can know, and every mark in the result becomes a reference that is filled in at each try.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use crate::delivery::request::MaskedText;
use crate::delivery::request::Part;
use crate::delivery::request::Target;
use crate::ftl::Data;
use crate::ftl::Finding;
use crate::ftl::RenderOptions;
use crate::ftl::Settings;
use crate::ftl::Template;
use crate::ftl::Usage;
use crate::pipeline::error::ConfigError;
use crate::pipeline::error::ConfigErrorKind;
use crate::pipeline::error::SetupError;
use crate::pipeline::options::SyncOptions;
use crate::value::Document;
use crate::value::Key;
use crate::value::Node;
use crate::value::write_json_text;

/// Ends a mark; printable text of an event can't be mistaken for it.
const MARK_END: char = '\u{2}';

/// What a request starts with.
#[derive(Debug)]
pub(in crate::pipeline) struct Head {
    method: String,
    max_headers: usize,
    url: Template,
    /// Host and port as the URL has them written out, when the rest of it comes from events.
    authority: Option<String>,
    /// The URL, when it does not come from events.
    fixed_url: Option<MaskedText>,
    headers: Vec<(String, Template)>,
    /// When neither URL nor headers read the event: the one target of all requests.
    fixed: Option<Arc<Target>>,
    secrets: Secrets,
}

/// The marks that stand for secrets while URL and headers are rendered.
#[derive(Debug)]
struct Secrets {
    names: Vec<String>,
    mark: String,
    json: String,
}

impl Head {
    /// Compiles URL and headers.
    pub(in crate::pipeline) fn new(options: &SyncOptions) -> Result<Self, SetupError> {
        let mut settings = Settings::amplitude();
        // So that `?url` works: URLs are in UTF-8.
        settings
            .set("url_escaping_charset", "UTF-8")
            .map_err(|error| ConfigError::new(ConfigErrorKind::BadValue, error.to_string()))?;
        let compile = |what: &str, text: &str| {
            Template::compile(&format!("{what} of {}", options.name), text, &settings, None)
        };
        let url = compile("url", &options.url)?;
        let headers = options
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), compile(name, value)?)))
            .collect::<Result<Vec<_>, SetupError>>()?;
        let url_reads_events = !url.reads().is_empty();
        let authority = if url_reads_events { Some(static_authority(&options.url)?) } else { None };
        let secrets =
            Secrets::new(std::iter::once(&url).chain(headers.iter().map(|(_, value)| value)));
        let depends =
            url_reads_events || headers.iter().any(|(_, value)| !value.reads().is_empty());
        let mut head = Self {
            method: options.method.clone(),
            max_headers: options.max_headers,
            url,
            authority,
            fixed_url: None,
            headers,
            fixed: None,
            secrets,
        };
        let nothing = Document::parse("{}").unwrap_or_default();
        if !url_reads_events {
            // Once and for all, so that no event can have a say in it.
            head.fixed_url = Some(head.render_text(&head.url, nothing.root())?);
        }
        if !depends {
            head.fixed = Some(Arc::new(head.render(nothing.root())?));
        }
        Ok(head)
    }

    /// What will hurt in URL and headers.
    pub(in crate::pipeline) fn check(&self) -> Vec<Finding> {
        let usage = Usage::Event(&["input", "secrets"]);
        let templates = std::iter::once(&self.url).chain(self.headers.iter().map(|(_, own)| own));
        templates.flat_map(|template| template.check(&usage)).collect()
    }

    /// Whether the URL's text comes from events, so that only public addresses may be dialled.
    pub(in crate::pipeline) fn url_reads_events(&self) -> bool {
        self.authority.is_some()
    }

    /// The names of the secrets that URL and headers use.
    pub(in crate::pipeline) fn secret_names(&self) -> &[String] {
        &self.secrets.names
    }

    /// URL and headers for an event.
    pub(in crate::pipeline) fn target(&self, event: Node<'_>) -> Result<Arc<Target>, SetupError> {
        match &self.fixed {
            Some(target) => Ok(Arc::clone(target)),
            None => self.render(event).map(Arc::new),
        }
    }

    /// One text for an event, secrets as references.
    fn render_text(&self, template: &Template, event: Node<'_>) -> Result<MaskedText, SetupError> {
        let secrets = Document::parse(&self.secrets.json).unwrap_or_default();
        let extra = [(Key::new("secrets"), secrets.root())];
        let data = Data::event(event).with(&extra);
        self.secrets.unmark(&template.render(data, RenderOptions::default())?)
    }

    fn render(&self, event: Node<'_>) -> Result<Target, SetupError> {
        let url = match &self.fixed_url {
            Some(url) => url.clone(),
            None => self.render_text(&self.url, event)?,
        };
        if let Some(written) = &self.authority
            && authority(&url.to_string()) != Some(written.as_str())
        {
            return Err(moved_host().into());
        }
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.render_text(value, event)?)))
            .collect::<Result<Vec<_>, SetupError>>()?;
        Target::new(&self.method, url, headers, self.max_headers)
            .map_err(|error| ConfigError::from(error).into())
    }
}

impl Secrets {
    fn new<'t>(templates: impl Iterator<Item = &'t Template>) -> Self {
        // A number nobody can guess, so that no event can name a secret by writing its mark.
        let random = RandomState::new();
        let mark = format!("\u{1}{:016x}{:016x}:", random.hash_one(1), random.hash_one(2));
        let mut names: Vec<String> =
            templates.flat_map(|template| template.reads_of("secrets")).collect();
        names.sort();
        names.dedup();
        let mut json = String::from("{");
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            write_json_text(name, &mut json);
            json.push(':');
            write_json_text(&format!("{mark}{name}{MARK_END}"), &mut json);
        }
        json.push('}');
        Self { names, mark, json }
    }

    /// A rendered text with its marks as references.
    fn unmark(&self, text: &str) -> Result<MaskedText, SetupError> {
        let mut parts = Vec::new();
        let mut pieces = text.split(self.mark.as_str());
        let mut plain = |text: &str| {
            if !text.is_empty() {
                parts.push(Part::Plain(text.to_owned()));
            }
        };
        plain(pieces.next().unwrap_or_default());
        let mut all = Vec::new();
        all.append(&mut parts);
        for piece in pieces {
            let Some((name, behind)) = piece.split_once(MARK_END) else {
                return Err(changed_secret().into());
            };
            all.push(Part::Secret(name.to_owned()));
            if !behind.is_empty() {
                all.push(Part::Plain(behind.to_owned()));
            }
        }
        // A mark that a built-in cut or changed is no mark any more, and must not go out.
        let inside = self.mark.trim_matches(['\u{1}', ':']);
        let leaks = all.iter().any(|part| match part {
            Part::Plain(text) => text.to_lowercase().contains(inside) || text.contains('\u{1}'),
            Part::Secret(_) => false,
        });
        if leaks {
            return Err(changed_secret().into());
        }
        Ok(MaskedText::new(all))
    }
}

fn changed_secret() -> ConfigError {
    ConfigError::new(ConfigErrorKind::Header, "a secret can only be printed as it is").with_hint(
        "put the finished value into the secret: built-ins see a reference, not its text",
    )
}

/// Host and port of a URL that reads events, which it must name itself.
fn static_authority(url: &str) -> Result<String, ConfigError> {
    match (written_host(url), authority(url)) {
        (Some(_), Some(authority)) => Ok(authority.to_owned()),
        _ => Err(moved_host()),
    }
}

fn moved_host() -> ConfigError {
    ConfigError::new(ConfigErrorKind::Url, "expected a host that is written out, found one that comes from events")
        .with_hint("text from events may fill the path and the query, as in https://example.com/${input.user_id}")
}

/// What stands between `://` and the path: host and port.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    // `?` and `#` inside an interpolation would end it too early, which is caught by `${`, or when
    // the rendered URL has another one.
    Some(rest.split(['/', '\\', '?', '#']).next().unwrap_or(rest))
}

/// The host of a URL that is a template, if it is written out.
pub(in crate::pipeline) fn written_host(url: &str) -> Option<&str> {
    let authority = authority(url)?;
    if authority.is_empty() || authority.contains("${") || authority.contains('<') {
        return None;
    }
    match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next(),
        None => authority.split(':').next(),
    }
}
