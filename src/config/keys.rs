//! The keys of a sync's table, one by one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeString;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::span;
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

/// The keys of `[sync.NAME]`.
pub(in crate::config) const KEYS: [&str; 24] = [
    "url",
    "method",
    "headers",
    "max_headers",
    "template",
    "filter",
    "filter_file",
    "retry",
    "store",
    "concurrency",
    "timeout_seconds",
    "rate_limit_per_second",
    "event_key",
    "ordering",
    "durability",
    "keep_events",
    "signing_secret",
    "address_policy",
    "allow_addresses",
    "ca_file",
    "client_certificate",
    "client_key",
    "pause_after_failures",
    "enabled",
];

const RETRY_KEYS: [&str; 8] = [
    "schedule",
    "jitter",
    "tries",
    "try_backoff_seconds",
    "try_jitter",
    "try_window_seconds",
    "retry_statuses",
    "respect_retry_after",
];

/// Sets one option.
///
/// # Errors
/// For an unknown key, and a value that the option doesn't take.
pub(in crate::config) fn set_option(
    sync: &mut SyncOptions,
    source: &Source,
    folder: &Path,
    key: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<(), SetupError> {
    let text = || match value.get_ref().as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(wrong_type(source, value, "a text")),
    };
    let wrong = |message: String| {
        ConfigError::new(ConfigErrorKind::BadValue, message).at(source, span(value))
    };
    match &**key.get_ref() {
        "url" => sync.url = text()?,
        "method" => sync.method = text()?,
        "headers" => {
            let table = table(source, value)?;
            for (name, value) in table {
                let Some(text) = value.get_ref().as_str() else {
                    return Err(wrong_type(source, value, "a text").into());
                };
                sync.headers.push((name.get_ref().to_string(), text.to_owned()));
            }
        }
        "max_headers" => sync.max_headers = whole_number(source, value)?,
        "template" => {
            let path = folder.join(text()?);
            let source_text = read(source, value, &path)?;
            let name = path.display().to_string();
            sync.template =
                Some(Template::compile(&name, &source_text, &Settings::amplitude(), None)?);
        }
        "filter" => {
            let name = format!("filter of {}", sync.name);
            sync.filter = Some(Filter::from_expression(&name, &text()?)?);
        }
        "filter_file" => {
            let path = folder.join(text()?);
            let json = read(source, value, &path)?;
            sync.filter = Some(Filter::from_json(&path.display().to_string(), &json)?);
        }
        "retry" => {
            for (key, value) in table(source, value)? {
                set_retry(sync, source, key, value)?;
            }
        }
        "store" => sync.store = text()?,
        "concurrency" => sync.concurrency = whole_number(source, value)?,
        "timeout_seconds" => sync.timeout = seconds(source, value)?,
        "rate_limit_per_second" => sync.rate_limit_per_second = Some(number(source, value)?),
        "event_key" => sync.event_key = Some(text()?),
        "ordering" => sync.ordering = Some(text()?),
        "durability" => sync.durability = text()?.parse().map_err(wrong)?,
        "keep_events" => sync.keep_events = boolean(source, value)?,
        "signing_secret" => match value.get_ref() {
            DeValue::Array(secrets) => {
                for secret in secrets {
                    let Some(text) = secret.get_ref().as_str() else {
                        return Err(wrong_type(source, secret, "a text").into());
                    };
                    sync.signing_secrets.push(text.to_owned());
                }
            }
            _ => sync.signing_secrets = vec![text()?],
        },
        "address_policy" => {
            sync.address_policy = text()?.parse().map_err(|error| wrong(format!("{error}")))?;
        }
        "allow_addresses" => {
            let Some(networks) = value.get_ref().as_array() else {
                return Err(wrong_type(source, value, "a list of networks").into());
            };
            for network in networks {
                let Some(text) = network.get_ref().as_str() else {
                    return Err(wrong_type(source, network, "a text").into());
                };
                sync.allow_addresses.push(text.parse().map_err(|error| {
                    ConfigError::new(ConfigErrorKind::BadValue, format!("{error}"))
                        .at(source, span(network))
                })?);
            }
        }
        "ca_file" => sync.ca_file = Some(beside(folder, &text()?)),
        "client_certificate" => sync.client_certificate = Some(beside(folder, &text()?)),
        "client_key" => sync.client_key = Some(beside(folder, &text()?)),
        "pause_after_failures" => {
            let failures = u32::try_from(whole_number(source, value)?).unwrap_or(u32::MAX);
            sync.pause_after_failures = Some(failures);
        }
        "enabled" => sync.enabled = boolean(source, value)?,
        _ => return Err(unknown_key(source, key, &KEYS).into()),
    }
    Ok(())
}

/// A path as it is seen from the file that names it.
fn beside(folder: &Path, path: &str) -> String {
    folder.join(path).display().to_string()
}

fn set_retry(
    sync: &mut SyncOptions,
    source: &Source,
    key: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<(), ConfigError> {
    let retry = &mut sync.retry;
    match &**key.get_ref() {
        "schedule" => {
            let Some(gaps) = value.get_ref().as_array() else {
                return Err(wrong_type(source, value, "a list of seconds"));
            };
            retry.schedule =
                gaps.iter().map(|gap| seconds(source, gap)).collect::<Result<_, _>>()?;
        }
        "jitter" => retry.jitter = number(source, value)?,
        "tries" => retry.tries = u32::try_from(whole_number(source, value)?).unwrap_or(u32::MAX),
        "try_backoff_seconds" => retry.try_backoff = seconds(source, value)?,
        "try_jitter" => retry.try_jitter = number(source, value)?,
        "try_window_seconds" => retry.try_window = seconds(source, value)?,
        "retry_statuses" => {
            let Some(statuses) = value.get_ref().as_array() else {
                return Err(wrong_type(
                    source,
                    value,
                    "a list of statuses such as 429 or \"500-599\"",
                ));
            };
            let ranges: Result<Vec<(u16, u16)>, ConfigError> =
                statuses.iter().map(|status| status_range(source, status)).collect();
            retry.retry_statuses = StatusSet::new(ranges?).map_err(|error| {
                ConfigError::new(ConfigErrorKind::BadValue, error.message).at(source, span(value))
            })?;
        }
        "respect_retry_after" => retry.respect_retry_after = boolean(source, value)?,
        _ => return Err(unknown_key(source, key, &RETRY_KEYS)),
    }
    retry.check().map_err(|error| {
        ConfigError::new(ConfigErrorKind::BadValue, error.to_string()).at(source, span(value))
    })
}

fn status_range(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<(u16, u16), ConfigError> {
    let expected = "a status such as 429 or \"500-599\"";
    let range = match value.get_ref() {
        DeValue::String(text) => text
            .split_once('-')
            .and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?))),
        DeValue::Integer(_) => {
            let status = u16::try_from(whole_number(source, value)?).unwrap_or(u16::MAX);
            Some((status, status))
        }
        _ => None,
    };
    range.ok_or_else(|| wrong_type(source, value, expected))
}

fn table<'v>(
    source: &Source,
    value: &'v Spanned<DeValue<'_>>,
) -> Result<&'v DeTable<'v>, ConfigError> {
    match value.get_ref().as_table() {
        Some(table) => Ok(table),
        None => Err(wrong_type(source, value, "a table")),
    }
}

fn boolean(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<bool, ConfigError> {
    value.get_ref().as_bool().ok_or_else(|| wrong_type(source, value, "true or false"))
}

fn number(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<f64, ConfigError> {
    let parsed = match value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| wrong_type(source, value, "a number"))
}

fn whole_number(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<usize, ConfigError> {
    let parsed = value
        .get_ref()
        .as_integer()
        .and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok());
    parsed.ok_or_else(|| wrong_type(source, value, "a whole number of 0 or more"))
}

fn seconds(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<Duration, ConfigError> {
    let seconds = number(source, value)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        ConfigError::new(
            ConfigErrorKind::BadValue,
            format!("expected seconds of 0 or more, found {seconds}"),
        )
        .at(source, span(value))
    })
}

fn read(source: &Source, value: &Spanned<DeValue<'_>>, path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| {
        ConfigError::new(
            ConfigErrorKind::File,
            format!("{} can't be read: {error}", path.display()),
        )
        .with_hint("paths are looked for beside the file that names them")
        .at(source, span(value))
    })
}
