//! Nothing is lost, whatever happens to the process or its disk: a worker is killed, cut off from
//! power, refused by its disk; then its store is opened and every event asked after.
//!
//! The worker (`worker.rs`) is a process of its own. What it acknowledged and what it delivered it
//! tells over a pipe, which outlives it; this process keeps those books. Payloads are a function of
//! the event's number, so that damage shows.
//!
//! `cargo test --test crash` runs a small selection; `STORE_TORTURE=1` the long one, and
//! `STORE_KILLS`, `STORE_POINTS` and `STORE_IMAGES` set sizes. With `STORE_SECONDS`, none of these
//! three takes longer than that, and says how far it got. Each scenario prints one line of figures. Without `strace` or
//! without the right to mount, the scenarios that need them say that they were left out.
#![expect(clippy::print_stdout, reason = "it prints its figures")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is how to fail")]
#![expect(clippy::disallowed_methods, reason = "it waits for other processes")]

mod books;
mod power;
mod worker;

use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::books::Books;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == "worker") {
        return worker::work(&arguments[2..]);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return println!("crash: test");
    }
    let began = Instant::now();
    random_kills(size("STORE_KILLS", 12, 1000));
    crash_points(size("STORE_POINTS", 16, 100_000));
    power::cuts(size("STORE_IMAGES", 40, 10_000));
    failing_disk();
    full_disk();
    two_processes();
    println!("crash tests passed in {:.0?}", began.elapsed());
}

/// How much of a scenario to run: in CI, and in the long run.
fn size(name: &str, short: usize, long: usize) -> usize {
    let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
    let torture = std::env::var_os("STORE_TORTURE").is_some();
    set.unwrap_or(if torture { long } else { short })
}

/// Says when a scenario took so long that it should come to its end.
fn patience() -> impl Fn() -> bool {
    let began = Instant::now();
    let limit = std::env::var("STORE_SECONDS").ok().and_then(|text| text.parse().ok());
    move || limit.is_some_and(|limit| began.elapsed() > Duration::from_secs(limit))
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("crash.db");
    (folder, path)
}

/// A worker on that store: `first` is the first number it may give to an event, `steps` how much it
/// does before it closes the store and ends; 0: it goes on for ever.
fn worker(path: &Path, seed: u64, first: u64, steps: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("worker").arg(path);
    command.args([seed, first, steps].map(|number| number.to_string()));
    command
}

fn start(mut command: Command) -> (Child, std::thread::JoinHandle<Vec<String>>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    let lines =
        std::thread::spawn(move || BufReader::new(out).lines().map(Result::unwrap).collect());
    (child, lines)
}

/// Kills at any moment, also while the store is recovered from the kill before, and while it is closed.
fn random_kills(kills: usize) {
    let (_folder, path) = folder();
    let mut books = Books::default();
    let mut dice = fastrand::Rng::with_seed(20_261_123);
    let (mut in_recovery, mut in_close) = (0, 0);
    let (planned, is_over) = (kills, patience());
    let mut kills = 0;
    while kills < planned && !is_over() {
        let kill = kills;
        kills += 1;
        // Every third is killed soon, when it has hardly opened the store.
        let patience = if kill % 3 == 2 { dice.u64(0..30) } else { dice.u64(20..600) };
        let (mut child, lines) = start(worker(&path, dice.u64(..), books.next(), 0));
        std::thread::sleep(Duration::from_millis(patience));
        child.kill().unwrap();
        child.wait().unwrap();
        let lines = lines.join().unwrap();
        let last = lines.last().map_or("", String::as_str);
        in_recovery += usize::from(lines.is_empty());
        in_close += usize::from(last == "closing");
        books.enter(&lines);
        if kill % 10 == 9 {
            books.check_integrity(&path);
        }
    }
    if kills < planned {
        println!("cut: the store's random kills | {kills} of {planned}");
    }
    let bound = kills * worker::MAY_REPEAT;
    let audit = books.audit(&path);
    assert!(audit.repeated <= bound as u64, "{audit:?}");
    println!(
        "random kills: {kills} kills ({in_recovery} in recovery, {in_close} in close), {} accepted, \
         {} delivered, {} dead letters, 0 lost, {} repeated (bound {bound})",
        audit.accepted, audit.delivered, audit.dead, audit.repeated
    );
}

/// Kills at the n-th system call of each kind that changes a file, one run for each.
fn crash_points(limit: usize) {
    if !has_strace() {
        return println!("crash points: left out, there is no strace");
    }
    let calls = ["pwrite64", "fdatasync", "fsync", "unlink", "ftruncate", "openat"];
    let (mut points, mut hit) = (0, 0);
    let share = (limit / calls.len()).max(1);
    let is_over = patience();
    for call in calls {
        // A short run takes some points of each kind, far apart; the long one takes all.
        let step = if limit < 1000 { 7 } else { 1 };
        for at in (1..).step_by(step).take(share) {
            if is_over() {
                println!("cut: the store's crash points | up to the {at}th {call}");
                break;
            }
            let (_folder, path) = folder();
            let killed =
                injected(&path, &format!("{call}:signal=SIGKILL:when={at}"), |books, path| {
                    books.check_integrity(path);
                    books.audit(path);
                });
            points += 1;
            hit += usize::from(killed);
            if !killed {
                break;
            }
        }
    }
    println!("crash points: {points} enumerated, {hit} hit, 0 lost");
}

/// Runs a worker with something injected, and checks the store afterwards. Whether it was killed.
fn injected(path: &Path, inject: &str, check: impl FnOnce(&mut Books, &Path)) -> bool {
    let plain = worker(path, 5, 1, 40);
    let call = inject.split(':').next().unwrap_or_default();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={inject}")]);
    command.arg(plain.get_program()).args(plain.get_args());
    let (child, lines) = start(command);
    let ended = child.wait_with_output().unwrap();
    let lines = lines.join().unwrap();
    let mut books = Books::default();
    books.enter(&lines);
    check(&mut books, path);
    !ended.status.success()
}

/// The disk fails once, or for ever: what failed is not acknowledged, nothing is after it, and the
/// next process has all that was acknowledged.
fn failing_disk() {
    if !has_strace() {
        return println!("failing disk: left out, there is no strace");
    }
    let mut refused = 0;
    for inject in [
        "fdatasync:error=EIO:when=3",
        "fdatasync:error=EIO:when=6",
        "fdatasync:error=EIO:when=9+",
        "fdatasync:error=ENOSPC:when=5",
        "pwrite64:error=EIO:when=40",
        "pwrite64:error=EIO:when=60+",
    ] {
        let (_folder, path) = folder();
        injected(&path, inject, |books, path| {
            refused += books.refused;
            assert!(!books.acknowledged_after_refusal, "{inject}");
            books.audit(path);
        });
    }
    assert!(refused > 0, "no failure of the disk was seen");
    println!("failing disk: 6 runs, {refused} refused, 0 acknowledged after a failure, 0 lost");
}

/// A disk that is full: nothing is acknowledged that is not kept, and when there is room, it goes on
/// without being opened again.
fn full_disk() {
    let (folder, _) = folder();
    let script = "mount -t tmpfs -o size=8m tmpfs \"$0\" && head -c 4000000 /dev/zero > \"$0/ballast\" \
                  && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["-r", "-m", "sh", "-c", script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["worker", "full"])
        .arg(folder.path().join("crash.db"))
        .output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("mount") => {
            return println!("full disk: left out, nothing may be mounted");
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => return println!("full disk: left out, {error}"),
    };
    print!("full disk: {}", String::from_utf8_lossy(&output.stdout));
}

/// A store that one process delivers from is refused to all others, by name of the holder, under
/// whatever name and with or without the file that is its lock.
fn two_processes() {
    let (_folder, path) = folder();
    let store = worker::open(&path).unwrap();
    let last_word = |path: &Path| {
        let (mut child, lines) = start(worker(path, 1, 1, 1));
        assert!(child.wait().unwrap().success());
        lines.join().unwrap().pop().unwrap_or_default()
    };
    let refused = |path: &Path| {
        let last = last_word(path);
        let holder = format!("process {} ", std::process::id());
        assert!(last.starts_with("refused InUse") && last.contains(&holder), "{last}");
    };
    refused(&path);
    let with = |name: &str, end: &str| path.with_file_name(format!("{name}{end}"));
    std::fs::remove_file(with("crash.db", ".lock")).unwrap();
    refused(&path);
    assert!(!with("crash.db", ".lock").exists(), "who is refused leaves nothing behind");
    let moved = path.with_file_name("moved.db");
    for end in ["", "-wal", "-shm"] {
        std::fs::rename(with("crash.db", end), with("moved.db", end)).unwrap();
    }
    refused(&moved);
    drop(store);
    assert_eq!(last_word(&moved), "closed");
    assert_eq!(last_word(&path), "closed", "its old name is free");
    println!("two processes: one delivers, the other is refused and told who does");
}

fn has_strace() -> bool {
    let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}
