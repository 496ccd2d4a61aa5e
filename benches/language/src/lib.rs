//! Template engines on one workload, asked by run.py: a JSON line in, a JSON line out.

#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "peers")]
pub mod peers;

use std::error::Error;
use std::fs;
use std::io::BufRead;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde_json::Value;
use serde_json::json;

/// What goes wrong ends the program: a bench has nobody to tell but its reader.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// An engine with a template and its events.
pub trait Contender {
    /// How many events there are.
    fn events(&self) -> usize;
    /// Renders an event that was parsed before.
    fn render(&mut self, event: usize, out: &mut Vec<u8>);
    /// Parses an event's text and renders it.
    fn parse_and_render(&mut self, event: usize, out: &mut Vec<u8>);
    /// Renders on so many threads for a while; gives the number of renderings.
    fn render_on_threads(&mut self, _threads: usize, _span: Duration) -> u64 {
        0
    }
}

/// Reads a file of the bench's folder.
pub fn read(folder: &Path, name: &str) -> Result<String> {
    fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}").into())
}

/// The lines of the workload's events.
pub fn event_lines(events: &Path, workload: &str) -> Result<Vec<String>> {
    let text = read(events, &format!("{workload}.ndjson"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Answers requests until there are no more. `open` makes an engine with a workload, once.
pub fn serve(mut open: impl FnMut(&str, &str) -> Result<Box<dyn Contender>>) -> Result<()> {
    let mut contenders: Vec<((String, String), Box<dyn Contender>)> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let field = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let name = (field("engine"), field("workload"));
        let known = contenders.iter().position(|(own, _)| *own == name);
        let at = match known {
            Some(at) => at,
            None => {
                let contender = open(&name.0, &name.1)?;
                contenders.push((name, contender));
                contenders.len() - 1
            }
        };
        let contender = &mut *contenders[at].1;
        let span = Duration::from_secs_f64(request["seconds"].as_f64().unwrap_or(1.0));
        let answer = match &*field("task") {
            "outputs" => outputs(contender),
            "render" => {
                timed(contender, span, |contender, event, out| contender.render(event, out))
            }
            "parse_render" => timed(contender, span, |contender, event, out| {
                contender.parse_and_render(event, out);
            }),
            "threads" => {
                let threads = request["threads"].as_u64().unwrap_or(1) as usize;
                let (wall, cpu) = (Instant::now(), cpu_time());
                let renders = contender.render_on_threads(threads, span);
                answer(renders, wall.elapsed(), cpu_time() - cpu)
            }
            other => return Err(format!("unknown task {other}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// What each event gives, parsed from its text.
fn outputs(contender: &mut dyn Contender) -> Value {
    let mut out = Vec::new();
    let mut texts = Vec::new();
    for event in 0..contender.events() {
        out.clear();
        contender.render(event, &mut out);
        let rendered = out.clone();
        out.clear();
        contender.parse_and_render(event, &mut out);
        assert_eq!(rendered, out, "an event renders the same parsed now or before");
        texts.push(String::from_utf8_lossy(&out).into_owned());
    }
    json!({ "outputs": texts })
}

/// Goes round the events until the process has used so much CPU time.
fn timed(
    contender: &mut dyn Contender,
    span: Duration,
    run: impl Fn(&mut dyn Contender, usize, &mut Vec<u8>),
) -> Value {
    let mut out = Vec::new();
    let mut renders = 0;
    let (wall, cpu) = (Instant::now(), cpu_time());
    loop {
        for event in 0..contender.events() {
            out.clear();
            run(contender, event, &mut out);
        }
        renders += contender.events() as u64;
        let used = cpu_time() - cpu;
        if used >= span {
            return answer(renders, wall.elapsed(), used);
        }
    }
}

fn answer(renders: u64, wall: Duration, cpu: Duration) -> Value {
    json!({ "renders": renders, "wall_ns": wall.as_nanos() as u64, "cpu_ns": cpu.as_nanos() as u64 })
}

/// The CPU time of the process so far, all threads.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
