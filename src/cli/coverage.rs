//! `test --coverage`: which lines and branches of templates no case has run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::Failure;
use crate::cli::World;
use crate::cli::arguments::Test;
use crate::ftl::Measured;
use crate::ftl::Recorder;
use crate::ftl::Settings;
use crate::ftl::coverage_map;
use crate::text::Source;

/// What a report is wanted as.
#[derive(Debug)]
pub(in crate::cli) struct Coverage {
    recorder: Recorder,
    /// On standard output, for people.
    is_shown: bool,
    file: Option<(PathBuf, Format)>,
    least_percent: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Json,
    Lcov,
}

/// A template, and how much of it ran.
struct Figures {
    name: String,
    measured: Measured,
    lines: usize,
    lines_missed: usize,
    ways: usize,
    ways_missed: usize,
}

impl Coverage {
    /// What the options ask for; from then on templates that are compiled count what runs.
    pub(in crate::cli) fn wanted(options: &Test) -> Result<Option<Self>, Failure> {
        let Test { coverage, coverage_file, coverage_fail_under, json, .. } = options;
        if !coverage && coverage_file.is_none() && coverage_fail_under.is_none() {
            return Ok(None);
        }
        let file = match coverage_file {
            Some(path) => Some((path.clone(), format_of(path)?)),
            None => None,
        };
        Ok(Some(Self {
            recorder: Recorder::of_process(),
            is_shown: *coverage && !json,
            file,
            least_percent: *coverage_fail_under,
        }))
    }

    /// Reports; false when less ran than has to.
    pub(in crate::cli) fn report(
        &self,
        paths: &[PathBuf],
        world: &mut World<'_>,
    ) -> Result<bool, Failure> {
        let figures = self.figures(paths)?;
        let percent = percent(
            figures.iter().map(|own| own.lines + own.ways).sum(),
            figures.iter().map(|own| own.lines_missed + own.ways_missed).sum(),
        );
        if self.is_shown {
            world.out.write_all(table(&figures, percent).as_bytes())?;
        }
        if let Some((path, format)) = &self.file {
            let text = match format {
                Format::Json => format!("{:#}\n", as_json(&figures, percent)),
                Format::Lcov => as_lcov(&figures),
            };
            fs::write(path, text).map_err(|error| {
                Failure::Io(format!("{} can't be written: {error}", path.display()))
            })?;
        }
        match self.least_percent {
            Some(least) if percent < least => {
                let message = format!(
                    "expected at least {least}% of the templates to run, found {percent:.1}%"
                );
                writeln!(world.err, "{message}")?;
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// Of the templates that ran, and of those in the folders that nobody has run.
    fn figures(&self, paths: &[PathBuf]) -> Result<Vec<Figures>, Failure> {
        let here = std::env::current_dir().unwrap_or_default();
        let shown = |path: &str| {
            let path = Path::new(path);
            path.strip_prefix(&here).unwrap_or(path).display().to_string()
        };
        let mut all: BTreeMap<String, Measured> = BTreeMap::new();
        for measured in self.recorder.measured() {
            // `./a.ftl` and `a.ftl` are one file.
            let path = fs::canonicalize(&measured.path).unwrap_or_else(|_| (&measured.path).into());
            all.insert(path.display().to_string(), measured);
        }
        let mut found = Vec::new();
        paths.iter().for_each(|path| templates(path, &mut found));
        for path in found {
            let Ok(path) = fs::canonicalize(path) else { continue };
            let name = path.display().to_string();
            if all.contains_key(&name) {
                continue;
            }
            let text = fs::read_to_string(&path)
                .map_err(|error| Failure::Io(format!("{name} can't be read: {error}")))?;
            let map = coverage_map(&Source::new(shown(&name), text), &Settings::amplitude())?;
            all.insert(name.clone(), Measured::untouched(&name, map));
        }
        let figures = all.into_iter().map(|(path, measured)| Figures {
            name: shown(&path),
            lines: measured.lines().count(),
            lines_missed: measured.lines().filter(|(_, count)| *count == 0).count(),
            ways: measured.ways().count(),
            ways_missed: measured.ways().filter(|(_, count)| *count == 0).count(),
            measured,
        });
        Ok(figures.collect())
    }
}

impl Figures {
    fn percent(&self) -> f64 {
        percent(self.lines + self.ways, self.lines_missed + self.ways_missed)
    }

    /// What never happened, with its line.
    fn missed(&self) -> Vec<(usize, String)> {
        let lines = self.measured.lines().filter(|(_, count)| *count == 0);
        let mut missed: Vec<(usize, String)> =
            lines.map(|(line, _)| (line, "never ran".to_owned())).collect();
        let ways = self.measured.ways().filter(|(_, count)| *count == 0);
        // Of a line that never ran, nobody has to hear where it never led.
        let never_ran: Vec<usize> = missed.iter().map(|(line, _)| *line).collect();
        let ways = ways.filter(|(way, _)| !never_ran.contains(&way.from));
        missed.extend(ways.map(|(way, _)| (way.from, way.missing.clone())));
        missed.sort_by_key(|(line, _)| *line);
        missed
    }
}

fn percent(all: usize, missed: usize) -> f64 {
    if all == 0 { 100.0 } else { 100.0 * (all - missed) as f64 / all as f64 }
}

fn format_of(path: &Path) -> Result<Format, Failure> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => Ok(Format::Json),
        Some("lcov" | "info") => Ok(Format::Lcov),
        _ => Err(Failure::Usage(format!(
            "expected a file that ends with .json, .lcov or .info for --coverage-file, found {}",
            path.display()
        ))),
    }
}

fn templates(path: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().as_encoded_bytes();
        if entry.is_dir() && !name.starts_with(b".") && !entry.is_symlink() {
            templates(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "ftl") {
            found.push(entry);
        }
    }
}

fn table(figures: &[Figures], total: f64) -> String {
    let mut out = String::from("\n");
    let width = figures.iter().map(|own| own.name.chars().count()).max().unwrap_or(0).max(8);
    let _ = writeln!(
        out,
        "{:width$}  {:>5}  {:>6}  {:>8}  {:>6}  covered",
        "template", "lines", "missed", "branches", "missed"
    );
    for own in figures {
        let Figures { name, lines, lines_missed, ways, ways_missed, .. } = own;
        let _ = writeln!(
            out,
            "{name:width$}  {lines:>5}  {lines_missed:>6}  {ways:>8}  {ways_missed:>6}  {:>6.0}%",
            own.percent().floor()
        );
    }
    let _ = writeln!(out, "{:width$}  {:>39.0}%", "all", total.floor());
    for own in figures {
        for (line, what) in own.missed() {
            let _ = writeln!(out, "{}:{line}: {what}", own.name);
        }
    }
    out
}

fn as_json(figures: &[Figures], percent: f64) -> serde_json::Value {
    let files = figures.iter().map(|own| {
        let lines: serde_json::Map<_, _> =
            own.measured.lines().map(|(line, count)| (line.to_string(), json!(count))).collect();
        let branches = own.measured.ways().map(
            |(way, count)| json!({"line": way.from, "to": way.to, "branch": way.name, "count": count}),
        );
        let missed = own.missed().into_iter();
        json!({
            "file": own.name,
            "percent": own.percent(),
            "lines": lines,
            "branches": branches.collect::<Vec<_>>(),
            "excluded": own.measured.map.excluded,
            "missed": missed.map(|(line, what)| json!({"line": line, "what": what})).collect::<Vec<_>>(),
        })
    });
    json!({"percent": percent, "files": files.collect::<Vec<_>>()})
}

fn as_lcov(figures: &[Figures]) -> String {
    let mut out = String::new();
    for own in figures {
        let _ = writeln!(out, "SF:{}", own.name);
        for (way, count) in own.measured.ways() {
            let _ = writeln!(out, "BRDA:{},0,{},{count}", way.from, way.name);
        }
        let _ = writeln!(out, "BRF:{}\nBRH:{}", own.ways, own.ways - own.ways_missed);
        for (line, count) in own.measured.lines() {
            let _ = writeln!(out, "DA:{line},{count}");
        }
        let _ = writeln!(out, "LF:{}\nLH:{}", own.lines, own.lines - own.lines_missed);
        out.push_str("end_of_record\n");
    }
    out
}
