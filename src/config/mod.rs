//! `syncs.toml`: the file that describes syncs, as [`SyncOptions`].
//!
//! Every mistake is pointed at in the file, and a key that nothing reads is a mistake: a misspelt
//! option must not be a silent default.

mod keys;
mod schema;
mod table;

pub use crate::config::schema::schema;
pub use crate::config::table::KEYS;
pub use crate::config::table::Key;
pub use crate::config::table::Kind;
pub use crate::config::table::RETRY_KEYS;

use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::keys::set_option;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::SetupError;
use crate::pipeline::SyncOptions;
use crate::text::Source;
use crate::text::Span;
use crate::text::did_you_mean;

/// Reads the syncs of a file, in its order. Templates and filter files are looked for beside it.
///
/// # Errors
/// When the file can't be read or is no TOML, has an unknown key or a value out of range, or names
/// a template or filter that does not load.
pub fn load(path: &Path) -> Result<Vec<SyncOptions>, SetupError> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let source = Source::new(path.display().to_string(), text);
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&source, folder)
}

/// Reads the syncs of a text; `folder` is where its templates and filter files lie.
///
/// # Errors
/// As [`load`].
pub fn parse(source: &Source, folder: &Path) -> Result<Vec<SyncOptions>, SetupError> {
    let file = DeTable::parse(source.text()).map_err(|error| {
        let span = error.span().map_or(Span::default(), |span| Span::new(span.start, span.end));
        ConfigError::new(ConfigErrorKind::Syntax, error.message().to_owned()).at(source, span)
    })?;
    let mut syncs = Vec::new();
    for (key, value) in file.get_ref() {
        if key.get_ref() != "sync" {
            return Err(outside(source, key).into());
        }
        let Some(tables) = value.get_ref().as_table() else {
            return Err(wrong_type(source, value, "tables such as [sync.braze]").into());
        };
        for (name, table) in tables {
            syncs.push(one_sync(source, folder, name, table)?);
        }
    }
    if syncs.is_empty() {
        return Err(ConfigError::new(
            ConfigErrorKind::BadValue,
            "expected at least one sync, found none",
        )
        .with_hint("a sync is a table: [sync.braze] with url = \"https://…\"")
        .at(source, Span::default())
        .into());
    }
    Ok(syncs)
}

fn one_sync(
    source: &Source,
    folder: &Path,
    name: &Spanned<toml::de::DeString<'_>>,
    table: &Spanned<DeValue<'_>>,
) -> Result<SyncOptions, SetupError> {
    let Some(options) = table.get_ref().as_table() else {
        let error = wrong_type(source, table, "a table such as [sync.braze]");
        let is_option = KEYS.iter().any(|key| key.name == name.get_ref());
        return Err(if is_option { error.with_hint(NAMELESS) } else { error }.into());
    };
    let mut sync = SyncOptions::new(name.get_ref(), "");
    sync.store = format!("{}.db", name.get_ref());
    let mut has_url = false;
    for (key, value) in options {
        has_url |= key.get_ref() == "url";
        set_option(&mut sync, source, folder, key, value)?;
    }
    if !has_url {
        let message = format!("expected a `url` in [sync.{}], found none", name.get_ref());
        return Err(ConfigError::new(ConfigErrorKind::Url, message).at(source, span(name)).into());
    }
    if sync.store != "memory" && Path::new(&sync.store).is_relative() && !sync.store.contains("://")
    {
        sync.store = folder.join(&sync.store).display().to_string();
    }
    sync.check().map_err(|error| error.of_sync(name.get_ref()).at(source, span(name)))?;
    Ok(sync)
}

pub(in crate::config) fn span<T>(spanned: &Spanned<T>) -> Span {
    let span = spanned.span();
    Span::new(span.start, span.end)
}

/// What to do about options that stand in no sync.
const NAMELESS: &str = "options belong to a sync with a name: put [sync.braze] above them";

/// A key beside `sync`: misspelt, or an option that stands in no sync.
fn outside(source: &Source, key: &Spanned<toml::de::DeString<'_>>) -> ConfigError {
    let name: &str = key.get_ref();
    if did_you_mean(name, ["sync"]).is_some() {
        return unknown_key(source, key, ["sync"].into_iter());
    }
    let message = format!("unknown key `{name}`");
    let error = ConfigError::new(ConfigErrorKind::UnknownKey, message).at(source, span(key));
    let hint = match KEYS.iter().any(|key| key.name == name) {
        true => NAMELESS,
        false => "the file holds syncs, tables such as [sync.braze]",
    };
    error.with_hint(hint)
}

pub(in crate::config) fn unknown_key(
    source: &Source,
    key: &Spanned<toml::de::DeString<'_>>,
    known: impl Iterator<Item = &'static str> + Clone,
) -> ConfigError {
    let name = key.get_ref();
    let error = ConfigError::new(ConfigErrorKind::UnknownKey, format!("unknown key `{name}`"));
    let near = did_you_mean(name, known.clone()).or_else(|| part_of(name, known.clone()));
    let error = match near {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint(format!("the keys are {}", known.collect::<Vec<_>>().join(", "))),
    };
    error.at(source, span(key))
}

/// Words shorter than this are part of too many keys.
const MIN_PART: usize = 4;

/// The one key that a word is the beginning or the end of: `timeout` for `timeout_seconds`.
fn part_of(word: &str, keys: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if word.len() < MIN_PART {
        return None;
    }
    let mut found = keys.filter(|key| key.starts_with(word) || key.ends_with(word));
    found.next().filter(|_| found.next().is_none())
}

pub(in crate::config) fn wrong_type(
    source: &Source,
    value: &Spanned<DeValue<'_>>,
    expected: &str,
) -> ConfigError {
    let found = value.get_ref().type_str();
    let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
    let message = format!("expected {expected}, found {article} {found}");
    ConfigError::new(ConfigErrorKind::BadValue, message).at(source, span(value))
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    let message = format!("{} can't be read: {error}", path.display());
    let siblings: Vec<String> = fs::read_dir(path.parent().unwrap_or(Path::new(".")))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "toml"))
        .collect();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let error = ConfigError::new(ConfigErrorKind::File, message);
    match did_you_mean(&name, siblings.iter().map(String::as_str)) {
        Some(near) if near != name => error.with_hint(format!("did you mean `{near}`?")),
        _ => error,
    }
}
