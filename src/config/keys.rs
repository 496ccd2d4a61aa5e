//! The keys of a sync's table, one by one: checked by the table of keys, then set.

use std::fs;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeString;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::span;
use crate::config::table::KEYS;
use crate::config::table::Key;
use crate::config::table::Kind;
use crate::config::table::RETRY_KEYS;
use crate::config::table::find;
use crate::config::unknown_key;
use crate::config::wrong_type;
use crate::delivery::policy::StatusSet;
use crate::filter::Filter;
use crate::ftl::Settings;
use crate::ftl::Template;
use crate::pipeline::ConfigError;
use crate::pipeline::ConfigErrorKind;
use crate::pipeline::SetupError;
use crate::pipeline::SyncOptions;
use crate::text::Source;
use crate::text::did_you_mean;

type KeyText<'f> = Spanned<DeString<'f>>;
type Value<'f> = Spanned<DeValue<'f>>;

/// Sets one option.
///
/// # Errors
/// For an unknown key, and a value that the option doesn't take.
pub(in crate::config) fn set_option(
    sync: &mut SyncOptions,
    source: &Source,
    folder: &Path,
    key: &KeyText<'_>,
    value: &Value<'_>,
) -> Result<(), SetupError> {
    checked(source, KEYS, key, value)?;
    let wrong = |message: String| bad_value(message).at(source, span(value));
    let path = || folder.join(text(value));
    match &**key.get_ref() {
        "url" => sync.url = text(value),
        "method" => sync.method = text(value),
        "headers" => {
            for (name, value) in entries(value) {
                sync.headers.push((name.get_ref().to_string(), text(value)));
            }
        }
        "max_headers" => sync.max_headers = whole(value),
        "template" => {
            let path = path();
            let source_text = read(source, value, &path)?;
            let name = path.display().to_string();
            let file = std::path::absolute(&path).unwrap_or(path).display().to_string();
            let own = Source::new(name, source_text).of_file(file);
            sync.template = Some(Template::compile_source(&own, &Settings::amplitude(), None)?);
        }
        "filter" | "filter_file" if sync.filter.is_some() => {
            let message = "expected either `filter` or `filter_file`, found both";
            return Err(bad_value(message).at(source, span(key)).into());
        }
        "filter" => {
            let name = format!("filter of {}", sync.name);
            sync.filter = Some(Filter::from_expression(&name, &text(value))?);
        }
        "filter_file" => {
            let path = path();
            let json = read(source, value, &path)?;
            sync.filter = Some(Filter::from_json(&path.display().to_string(), &json)?);
        }
        "retry" => {
            for (key, value) in entries(value) {
                set_retry(sync, source, key, value)?;
            }
        }
        "store" => sync.store = text(value),
        "concurrency" => sync.concurrency = whole(value),
        "timeout_seconds" => sync.timeout = seconds(value),
        "rate_limit_per_second" => sync.rate_limit_per_second = Some(number(value)),
        "event_key" => sync.event_key = Some(text(value)),
        "ordering" => sync.ordering = Some(text(value)),
        "durability" => sync.durability = text(value).parse().map_err(wrong)?,
        "keep_events" => sync.keep_events = boolean(value),
        "signing_secret" => {
            sync.signing_secrets = match value.get_ref() {
                DeValue::Array(secrets) => secrets.iter().map(text).collect(),
                _ => vec![text(value)],
            };
        }
        "address_policy" => {
            sync.address_policy = text(value).parse().map_err(|error| wrong(format!("{error}")))?;
        }
        "allow_addresses" => {
            for network in items(value) {
                sync.allow_addresses.push(
                    text(network)
                        .parse()
                        .map_err(|error| bad_value(format!("{error}")).at(source, span(network)))?,
                );
            }
        }
        "ca_file" => sync.ca_file = Some(path().display().to_string()),
        "client_certificate" => sync.client_certificate = Some(path().display().to_string()),
        "client_key" => sync.client_key = Some(path().display().to_string()),
        "pause_after_failures" => {
            sync.pause_after_failures = Some(u32::try_from(whole(value)).unwrap_or(u32::MAX));
        }
        "enabled" => sync.enabled = boolean(value),
        _ => return Err(unknown_key(source, key, names(KEYS)).into()),
    }
    Ok(())
}

fn set_retry(
    sync: &mut SyncOptions,
    source: &Source,
    key: &KeyText<'_>,
    value: &Value<'_>,
) -> Result<(), ConfigError> {
    let retry = &mut sync.retry;
    match &**key.get_ref() {
        "schedule" => retry.schedule = items(value).map(seconds).collect(),
        "jitter" => retry.jitter = number(value),
        "tries" => retry.tries = u32::try_from(whole(value)).unwrap_or(u32::MAX),
        "try_backoff_seconds" => retry.try_backoff = seconds(value),
        "try_jitter" => retry.try_jitter = number(value),
        "try_window_seconds" => retry.try_window = seconds(value),
        "retry_statuses" => {
            let ranges = items(value).filter_map(status_range);
            retry.retry_statuses = StatusSet::new(ranges)
                .map_err(|error| bad_value(error.message).at(source, span(value)))?;
        }
        "respect_retry_after" => retry.respect_retry_after = boolean(value),
        "expire_after_seconds" => retry.expire_after = Some(seconds(value)),
        "gone" => retry.stop_when_gone = text(value) == "stop",
        _ => return Err(unknown_key(source, key, names(RETRY_KEYS))),
    }
    retry.check().map_err(|error| bad_value(error.to_string()).at(source, span(value)))
}

/// Checks that the key is known, and its value of the kind that the table says.
fn checked(
    source: &Source,
    keys: &'static [Key],
    key: &KeyText<'_>,
    value: &Value<'_>,
) -> Result<(), ConfigError> {
    match find(keys, key.get_ref()) {
        Some(key) => of_kind(source, &key.kind, value),
        None => Err(unknown_key(source, key, names(keys))),
    }
}

fn of_kind(source: &Source, kind: &Kind, value: &Value<'_>) -> Result<(), ConfigError> {
    let found = value.get_ref();
    let wrong = |expected: &str| Err(wrong_type(source, value, expected));
    let out_of_range = |message: String| Err(bad_value(message).at(source, span(value)));
    match kind {
        Kind::Text if found.is_str() => Ok(()),
        Kind::Text => wrong("a text"),
        Kind::Choice(words) => match found.as_str() {
            Some(word) if words.contains(&word) => Ok(()),
            Some(word) => {
                let message = format!("expected one of {}, found `{word}`", words.join(", "));
                let error = bad_value(message).at(source, span(value));
                Err(match did_you_mean(word, words.iter().copied()) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error,
                })
            }
            None => wrong(&format!("one of the texts {}", words.join(", "))),
        },
        Kind::Boolean if found.is_bool() => Ok(()),
        Kind::Boolean => wrong("true or false"),
        Kind::Whole { min, max } => match whole_number(value) {
            None if found.is_integer() => {
                out_of_range(format!("expected a whole number of {min} or more, found another"))
            }
            None => wrong(&format!("a whole number of {min} or more")),
            Some(number) => match max {
                Some(max) if !(*min..=*max).contains(&number) => {
                    out_of_range(format!("expected {min} to {max}, found {number}"))
                }
                None if number < *min => {
                    out_of_range(format!("expected {min} or more, found {number}"))
                }
                _ => Ok(()),
            },
        },
        Kind::Number { min, more, max } => match float(value) {
            None => wrong("a number"),
            Some(number) => {
                let is_enough = if *more { number > *min } else { number >= *min };
                // Not a number is neither.
                if is_enough && number <= *max {
                    return Ok(());
                }
                let least = if *more { "more than " } else { "" };
                let most = if *more { "and at most" } else { "to" };
                out_of_range(format!("expected {least}{min} {most} {max}, found {number}"))
            }
        },
        Kind::Status => match status_range(value) {
            Some(_) => Ok(()),
            None => wrong("a status such as 429 or \"500-599\""),
        },
        Kind::List(of, most) => match found.as_array() {
            None => wrong("a list"),
            Some(list) if list.len() > *most => {
                out_of_range(format!("expected at most {most} of them, found {}", list.len()))
            }
            Some(list) => list.iter().try_for_each(|item| of_kind(source, of, item)),
        },
        Kind::Texts => match found.as_array() {
            Some(list) => list.iter().try_for_each(|item| of_kind(source, &Kind::Text, item)),
            None => of_kind(source, &Kind::Text, value),
        },
        Kind::FreeTable => match found.as_table() {
            Some(table) => {
                table.iter().try_for_each(|(_, value)| of_kind(source, &Kind::Text, value))
            }
            None => wrong("a table"),
        },
        Kind::Table(keys) => match found.as_table() {
            Some(table) => {
                table.iter().try_for_each(|(key, value)| checked(source, keys, key, value))
            }
            None => wrong("a table"),
        },
    }
}

fn names(keys: &'static [Key]) -> impl Iterator<Item = &'static str> + Clone {
    keys.iter().map(|key| key.name)
}

fn bad_value(message: impl Into<String>) -> ConfigError {
    ConfigError::new(ConfigErrorKind::BadValue, message)
}

// What follows reads values that were checked: another kind reads as nothing.

fn text(value: &Value<'_>) -> String {
    value.get_ref().as_str().unwrap_or_default().to_owned()
}

fn boolean(value: &Value<'_>) -> bool {
    value.get_ref().as_bool().unwrap_or_default()
}

fn whole(value: &Value<'_>) -> usize {
    whole_number(value).unwrap_or_default()
}

fn number(value: &Value<'_>) -> f64 {
    float(value).unwrap_or_default()
}

fn seconds(value: &Value<'_>) -> Duration {
    Duration::try_from_secs_f64(number(value)).unwrap_or_default()
}

fn items<'v, 'f>(value: &'v Value<'f>) -> impl Iterator<Item = &'v Value<'f>> {
    value.get_ref().as_array().into_iter().flat_map(|list| list.iter())
}

fn entries<'v, 'f>(value: &'v Value<'f>) -> impl Iterator<Item = (&'v KeyText<'f>, &'v Value<'f>)> {
    value.get_ref().as_table().into_iter().flat_map(DeTable::iter)
}

fn whole_number(value: &Value<'_>) -> Option<usize> {
    let number = value.get_ref().as_integer()?;
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}

fn float(value: &Value<'_>) -> Option<f64> {
    match value.get_ref() {
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
        }
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
}

fn status_range(value: &Value<'_>) -> Option<(u16, u16)> {
    match value.get_ref() {
        DeValue::String(text) => {
            let (low, high) = text.split_once('-')?;
            Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
        }
        DeValue::Integer(_) => {
            let status = u16::try_from(whole_number(value)?).ok()?;
            Some((status, status))
        }
        _ => None,
    }
}

fn read(source: &Source, value: &Value<'_>, path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| {
        ConfigError::new(
            ConfigErrorKind::File,
            format!("{} can't be read: {error}", path.display()),
        )
        .with_hint("paths are looked for beside the file that names them")
        .at(source, span(value))
    })
}
