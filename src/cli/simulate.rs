//! `simulate`: what an outage of the receiver would mean, forecast by the engine itself.

use std::time::Duration;

use serde_json::json;

use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Simulate;
use crate::cli::syncs;
use crate::delivery::EngineError;
use crate::pipeline::Outage;
use crate::pipeline::OutageKind;
use crate::pipeline::Sync;

/// Runs the command `simulate`.
pub(in crate::cli) fn simulate(arguments: &Simulate, world: &mut World<'_>) -> Result<u8, Failure> {
    let outage = Outage {
        lasts: arguments.outage,
        kind: arguments.failure,
        rate: arguments.rate,
        latency: arguments.latency,
    };
    let mut forecasts = Vec::new();
    for options in syncs(&arguments.syncs, arguments.name.as_deref())? {
        let name = options.name.clone();
        let sync = Sync::new(options)?;
        if !sync.options().enabled {
            writeln!(world.err, "{name}: disabled, skipped")?;
            continue;
        }
        let forecast = match sync.forecast(outage, world.go_on) {
            Ok(forecast) => forecast,
            Err(EngineError::Interrupted) => return Ok(INTERRUPTED),
            Err(error @ EngineError::Options(_)) => return Err(Failure::Usage(error.to_string())),
            Err(error) => return Err(Failure::Io(format!("{name}: {error}"))),
        };
        if arguments.json {
            forecasts.push(json!({"sync": name, "forecast": forecast.to_json()}));
        } else {
            writeln!(world.out, "{name}")?;
            for line in forecast.to_string().lines() {
                writeln!(world.out, "{}", format!("  {line}").trim_end())?;
            }
            writeln!(world.out)?;
        }
    }
    if arguments.json {
        writeln!(world.out, "{:#}", serde_json::Value::Array(forecasts))?;
    }
    Ok(OK)
}

/// A time as one types it: `90m`, `1h30m`, `45s`, `50ms`; a bare number is seconds.
pub(in crate::cli) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a time such as 90m, 1h30m, 45s or 50ms, found {text:?}");
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit_and_more = &rest[digits..];
        let letters =
            unit_and_more.find(|c: char| c.is_ascii_digit()).unwrap_or(unit_and_more.len());
        let seconds = match &unit_and_more[..letters] {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return Err(wrong()),
        };
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = &unit_and_more[letters..];
    }
    Ok(total)
}

/// A kind of outage by its name.
pub(in crate::cli) fn failure(text: &str) -> Result<OutageKind, String> {
    OutageKind::from_name(text)
        .ok_or_else(|| format!("expected 503, refused or timeout, found {text:?}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::cli::simulate::duration;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90m", 5400.0),
            ("1h30m", 5400.0),
            ("45s", 45.0),
            ("50ms", 0.05),
            ("7", 7.0),
            ("1.5h", 5400.0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "m", "5x", "-5s", "5 m", "1e9d", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
