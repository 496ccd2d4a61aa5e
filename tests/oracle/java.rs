//! FreeMarker in a JVM of its own, which answers a request a line.

use std::env;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::thread;

use serde_json::Value as Json;

use crate::request::Answer;
use crate::request::Reply;
use crate::request::Request;

/// The version the engine follows.
pub(crate) const FREEMARKER: &str = "2.3.34";

/// A running JVM.
pub(crate) struct Oracle {
    child: Child,
    requests: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Fetches FreeMarker by Maven, compiles the Java side and starts it.
    pub(crate) fn start() -> Result<Self, String> {
        let jar = jar()?;
        let classes = target().join("classes");
        fs::create_dir_all(&classes).map_err(|error| format!("{}: {error}", classes.display()))?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/Oracle.java");
        let mut javac = Command::new("javac");
        javac.args(["-nowarn", "-Xlint:none", "-encoding", "UTF-8", "-cp"]).arg(&jar);
        run(javac.arg("-d").arg(&classes).arg(&source))?;
        let path = env::join_paths([&classes, &jar]).map_err(|error| error.to_string())?;
        let mut child = Command::new("java")
            .args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC"])
            .args(["-Dfile.encoding=UTF-8", "-Duser.language=en", "-Duser.country=US", "-cp"])
            .arg(path)
            .arg("Oracle")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("java: {error}"))?;
        let requests = child.stdin.take().map(BufWriter::new);
        let answers = child.stdout.take().expect("its output was asked for");
        Ok(Self { child, requests, answers: BufReader::new(answers) })
    }

    /// FreeMarker's answers, in the order of the requests; `meanwhile` runs while it works.
    pub(crate) fn ask<T>(
        &mut self,
        requests: &[Request],
        meanwhile: impl FnOnce() -> T,
    ) -> Result<(Vec<Reply>, T), String> {
        let lines: String =
            requests.iter().map(|request| format!("{}\n", request.json())).collect();
        let mut input = self.requests.take().ok_or("the JVM has ended")?;
        let answers = &mut self.answers;
        thread::scope(|scope| {
            let writer = scope.spawn(move || {
                let result = input.write_all(lines.as_bytes()).and_then(|()| input.flush());
                result.map(|()| input)
            });
            let reader = scope.spawn(move || {
                requests.iter().map(|_| read_answer(answers)).collect::<Result<Vec<_>, _>>()
            });
            let found = meanwhile();
            let input = writer.join().map_err(|_| "writing to the JVM failed")?;
            self.requests = Some(input.map_err(|error| format!("the JVM has ended: {error}"))?);
            let answers = reader.join().map_err(|_| "reading from the JVM failed")??;
            Ok((answers, found))
        })
    }

    /// The answer to one request.
    pub(crate) fn ask_one(&mut self, request: &Request) -> Result<Reply, String> {
        let (mut answers, ()) = self.ask(std::slice::from_ref(request), || ())?;
        answers.pop().ok_or_else(|| "the JVM has ended".to_owned())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_answer(answers: &mut BufReader<ChildStdout>) -> Result<Reply, String> {
    let mut line = String::new();
    let read = answers.read_line(&mut line).map_err(|error| error.to_string())?;
    if read == 0 {
        return Err("the JVM has ended".to_owned());
    }
    let json: Json = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let caught = text("caught");
    if json.get("output").is_some() {
        return Ok(Reply {
            answer: Answer::Output(
                text("output").replace("oracle_now", ".now").replace("ORACLE_NOW", ".NOW"),
            ),
            caught,
        });
    }
    let number = |key: &str| json[key].as_u64().unwrap_or_default() as usize;
    let message = format!("{}: {}", text("class"), text("message"));
    let (line, column) = (number("line"), number("column"));
    let answer = Answer::Error { phase: text("phase"), kind: text("class"), message, line, column };
    Ok(Reply { answer, caught })
}

/// Where Maven puts the jar, and `javac` the classes.
fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oracle")
}

fn jar() -> Result<PathBuf, String> {
    let jar = target().join(format!("freemarker-{FREEMARKER}.jar"));
    if !jar.exists() {
        let artifact = format!("-Dartifact=org.freemarker:freemarker:{FREEMARKER}");
        let folder = format!("-DoutputDirectory={}", target().display());
        run(Command::new("mvn").args(["-q", "dependency:get", &artifact, "-Dtransitive=false"]))?;
        run(Command::new("mvn").args(["-q", "dependency:copy", &artifact, &folder]))?;
    }
    Ok(jar)
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{name} failed:\n{}", String::from_utf8_lossy(&said)))
}
