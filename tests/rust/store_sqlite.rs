//! The store on disk as a file: what is left of it when a process ends, what it refuses, who may
//! read it, and that a damaged one never gives out wrong bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use webhook_stream::delivery::request::MaskedText;
use webhook_stream::delivery::request::Part;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Durability;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::KnownSource;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::SourcePlace;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::StoreError;
use webhook_stream::delivery::store::StoreErrorKind;
use webhook_stream::delivery::store::sqlite::Access;
use webhook_stream::delivery::store::sqlite::OpenOptions;
use webhook_stream::delivery::store::sqlite::SqliteStore;

use crate::support::deliveries;
use crate::support::delivery;
use crate::support::stored::NOW;
use crate::support::stored::die;
use crate::support::stored::record;
use crate::support::stored::retry;
use crate::support::stored::second;
use crate::support::target;
use crate::support::target_with;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("braze.db");
    (folder, path)
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, "braze", OpenOptions::default())
}

fn read(path: &Path) -> SqliteStore {
    let options = OpenOptions { access: Access::Read, ..OpenOptions::default() };
    SqliteStore::open(path, "braze", options).unwrap()
}

fn take_over(store: &SqliteStore) -> u64 {
    store.take_over(NOW, &|_| second(7200)).unwrap()
}

fn accept(store: &SqliteStore, count: usize) -> Vec<Job> {
    store.accept(deliveries(&target("http://a.example/hook?token=x"), count)).unwrap()
}

fn kind<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (StoreErrorKind, String) {
    let error = result.unwrap_err();
    assert!(!error.message.contains('\n'), "{error}");
    (error.kind, error.message)
}

#[test]
fn what_was_accepted_and_settled_is_there_after_reopening() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    take_over(&store);
    let secret = MaskedText::new(vec![Part::Plain("Bearer ".into()), Part::Secret("T".into())]);
    let target = target_with("https://a.example/", "Authorization", secret);
    let long = "ein langer Text, der sich wiederholt; ".repeat(100);
    let request = Request::new(target, "msg_long", long.clone()).unwrap();
    let mut batch = vec![NewDelivery::new("long", request, Some(long.clone()))];
    batch[0].accepted_at = NOW;
    let given = store.accept(batch).unwrap();
    let others = accept(&store, 4);
    retry(&store, &others[0], 1, second(60));
    store.settle(&others[1], Change::Delivered).unwrap();
    die(&store, &others[2]);
    drop(store);
    let names: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["braze.db"], "a closed store is one file");

    let store = open(&path).unwrap();
    let counts = store.counts().unwrap();
    assert_eq!((counts.accepted, counts.delivered, counts.expired), (5, 1, 1));
    assert_eq!((counts.pending, counts.next_due), (3, Some(second(60))));
    assert_eq!(take_over(&store), 3);
    let jobs = store.claim(second(0), 10).unwrap();
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[0].delivery.request, given[0].delivery.request);
    assert_eq!(jobs[0].delivery.event.as_deref(), Some(long.as_str()));
    assert_eq!(jobs[0].delivery.accepted_at, NOW);
    assert!(!jobs[0].first_turn && !jobs[0].damaged);
    let later = store.claim(second(60), 10).unwrap().remove(0);
    assert_eq!((later.attempts, later.first_attempt_at), (1, Some(second(1))));
    let letter = store.dead_letters(0, 10).unwrap().remove(0);
    assert_eq!(letter.attempts, [record(1)]);
    assert_eq!(letter.request.as_ref(), Some(&others[2].delivery.request));
    // The first two wait or were delivered.
    let fresh = accept(&store, 3).remove(0);
    assert!(fresh.delivery.id > later.delivery.id.max(letter.id));
}

#[test]
fn positions_and_what_was_delivered_are_there_after_reopening() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    take_over(&store);
    let source = store.begin_source(&KnownSource::default()).unwrap();
    let mut batch = deliveries(&target("http://a.example/"), 5);
    for (new, position) in batch.iter_mut().zip(0..) {
        new.place = Some(SourcePlace { source, position });
    }
    let given = store.accept(batch.clone()).unwrap();
    store.settle(&given[0], Change::Delivered).unwrap();
    retry(&store, &given[2], 1, second(10));
    drop(store);

    let store = open(&path).unwrap();
    assert_eq!(take_over(&store), 1, "what was only read is read again");
    let known = store.sources().unwrap().remove(0);
    assert_eq!((known.finished.to_text().as_str(), known.accepted), ("0-0,2-2", 2));
    let again = store.accept(batch).unwrap();
    let positions: Vec<u64> =
        again.iter().map(|job| job.delivery.place.unwrap().position).collect();
    assert_eq!(positions, [1, 3, 4], "what was delivered or waits is left out");
    drop(store);

    let options = OpenOptions { remember: Duration::ZERO, ..OpenOptions::default() };
    let store = SqliteStore::open(&path, "braze", options).unwrap();
    take_over(&store);
    assert_eq!(accept(&store, 1).len(), 1, "nothing is remembered, so nothing is left out");
}

#[test]
fn what_was_delivered_is_forgotten_after_its_time() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    take_over(&store);
    let job = accept(&store, 1).remove(0);
    store.settle(&job, Change::Delivered).unwrap();
    let days = |days: u64| NOW + Duration::from_hours(24 * days);
    store.take_over(days(6), &|_| days(6)).unwrap();
    assert_eq!(accept(&store, 1).len(), 0);
    store.take_over(days(8), &|_| days(8)).unwrap();
    assert_eq!(accept(&store, 1).len(), 1);
}

#[test]
fn many_small_rows_of_what_was_delivered_are_put_together_and_none_is_forgotten() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    take_over(&store);
    for job in accept(&store, 1200) {
        store.settle(&job, Change::Delivered).unwrap();
        store.flush().unwrap();
    }
    take_over(&store);
    assert_eq!(accept(&store, 1200).len(), 0);
    store.flush().unwrap();
    let rows: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM delivered", [], |row| row.get(0))
        .unwrap();
    assert!(rows < 10, "{rows}");
    take_over(&store);
    assert_eq!(accept(&store, 1200).len(), 0);
}

#[test]
fn one_file_serves_several_syncs_and_each_is_opened_once() {
    let (_folder, path) = folder();
    let first = open(&path).unwrap();
    let other = SqliteStore::open(&path, "other", OpenOptions::default()).unwrap();
    assert_eq!(accept(&first, 3).len() + accept(&other, 2).len(), 5);
    assert_eq!(first.counts().unwrap().pending, 3);
    assert_eq!(take_over(&other), 2);
    assert_eq!(other.claim(second(0), 10).unwrap().len(), 2);
    assert!(first.claim(second(0), 10).unwrap().is_empty());
    let (kind, message) = kind(open(&path));
    assert_eq!(kind, StoreErrorKind::InUse, "{message}");
    drop(first);
    assert_eq!(take_over(&open(&path).unwrap()), 3);
    assert_eq!(SqliteStore::sync_names(&path).unwrap(), ["braze", "other"]);
}

#[test]
fn nothing_is_acknowledged_into_a_file_that_was_removed_renamed_or_replaced() {
    let (_folder, path) = folder();
    let beside = |end: &str| path.with_file_name(format!("braze.db{end}"));
    let aside = path.with_file_name("aside.db");
    for how in ["removed", "renamed", "replaced"] {
        for is_idle in [false, true] {
            let store = open(&path).unwrap();
            accept(&store, 1);
            match how {
                "removed" => fs::remove_file(&path).unwrap(),
                "renamed" => fs::rename(&path, &aside).unwrap(),
                _ => {
                    fs::copy(&path, &aside).unwrap();
                    fs::rename(&aside, &path).unwrap();
                    fs::remove_file(beside("-wal")).unwrap();
                    fs::write(beside("-wal"), "of the copy").unwrap();
                }
            }
            for _ in 0..if is_idle { 0 } else { 2 } {
                let new = deliveries(&target("http://a.example/"), 2);
                let (kind, message) = kind(store.accept(new));
                assert_eq!(kind, StoreErrorKind::Io, "{how}: {message}");
                assert!(message.contains("removed or replaced"), "{how}: {message}");
                assert!(!message.contains('\n'), "{message}");
            }
            drop(store);
            if how == "replaced" {
                let log = fs::read_to_string(beside("-wal")).unwrap();
                assert_eq!(log, "of the copy", "what belongs to the other file is left alone");
            }
            for file in [path.clone(), beside("-wal"), beside("-shm")] {
                let _ = fs::remove_file(file);
            }
        }
    }
}

#[test]
fn a_store_goes_on_after_a_program_in_this_process_let_its_lock_go() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    // Closing any file of that kind lets go what the process has locked of it.
    drop(fs::File::open(&path).unwrap());
    accept(&store, 1);
    assert_eq!(store.counts().unwrap().pending, 1);
}

#[test]
fn another_may_read_while_one_delivers() {
    let (_folder, path) = folder();
    assert_eq!(
        kind(SqliteStore::open(
            &path,
            "braze",
            OpenOptions { access: Access::Read, ..OpenOptions::default() }
        ))
        .0,
        StoreErrorKind::Place
    );
    let store = open(&path).unwrap();
    let given = accept(&store, 3);
    die(&store, &given[0]);
    retry(&store, &given[1], 1, second(60));
    store.flush().unwrap();
    let reader = read(&path);
    assert_eq!(reader.counts().unwrap(), store.counts().unwrap());
    assert_eq!(reader.dead_letters(0, 9).unwrap().len(), 1);
    assert_eq!(reader.next_due().unwrap(), Some(second(60)));
    assert_eq!(kind(reader.claim(NOW, 1)).0, StoreErrorKind::Closed);
    assert_eq!(kind(reader.accept(Vec::new())).0, StoreErrorKind::Closed);
    drop(store);
    assert_eq!(reader.counts().unwrap().pending, 2, "and after it was closed");
}

#[cfg(target_os = "linux")]
#[test]
fn another_copy_of_sqlite_in_this_process_sees_that_the_file_is_in_use() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    accept(&store, 1);
    // What SQLite asks for when it closes a file, and when it opens one: locks of the process,
    // which do not see those that the process has already.
    for (name, start, length) in [("braze.db", 0x4000_0002, 510), ("braze.db-shm", 128, 1)] {
        let file =
            fs::File::options().read(true).write(true).open(path.with_file_name(name)).unwrap();
        let wanted = nix::libc::flock {
            l_type: i16::try_from(nix::libc::F_WRLCK).unwrap(),
            l_whence: 0,
            l_start: start,
            l_len: length,
            l_pid: 0,
        };
        let locked = nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETLK(&wanted));
        assert_eq!(locked, Err(nix::errno::Errno::EAGAIN), "{name}");
    }
    drop(store);
    assert!(!path.with_file_name("braze.db-wal").exists(), "it closes as ever");
}

#[test]
fn the_file_is_the_owners_alone_and_so_are_folders_that_are_made() {
    let (folder, _) = folder();
    let path = folder.path().join("a/b/braze.db");
    let store = open(&path).unwrap();
    accept(&store, 1);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in ["braze.db", "braze.db-wal", "braze.db-shm", "braze.db.lock"] {
        assert_eq!(mode(path.with_file_name(file)), 0o600, "{file}");
    }
    assert_eq!(mode(folder.path().join("a")), 0o700);
    assert_eq!(mode(folder.path().join("a/b")), 0o700);
}

#[test]
fn a_copy_that_others_can_read_or_write_is_closed_to_them() {
    let (_folder, path) = folder();
    drop(open(&path).unwrap());
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    for (found, kept) in [(0o644, 0o640), (0o666, 0o640), (0o777, 0o750), (0o640, 0o640)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(found)).unwrap();
        read(&path).counts().unwrap();
        assert_eq!(mode(), found, "who only looks changes nothing");
        let store = open(&path).unwrap();
        accept(&store, 1);
        for file in ["braze.db", "braze.db-wal", "braze.db-shm"] {
            let found = fs::metadata(path.with_file_name(file)).unwrap().permissions().mode();
            assert_eq!(found & 0o777, kept, "{file}");
        }
    }
}

#[test]
fn links_in_place_of_the_files_beside_a_store_are_not_followed() {
    let (folder, path) = folder();
    let victim = folder.path().join("victim");
    for end in ["-wal", "-shm", ".lock"] {
        drop(open(&path).unwrap());
        fs::write(&victim, "precious").unwrap();
        let link = path.with_file_name(format!("braze.db{end}"));
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        let opened = open(&path).and_then(|store| store.counts());
        if let Err(error) = opened {
            assert!(!error.message.contains('\n'), "{error}");
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{end}");
        let _ = fs::remove_file(&link);
    }
}

#[test]
fn what_is_no_place_for_a_store_is_refused_in_one_line() {
    let (folder, path) = folder();
    let path_in = |name: &str| folder.path().join(name);
    drop(open(&path).unwrap());
    std::os::unix::fs::symlink(&path, path_in("link.db")).unwrap();
    fs::create_dir(path_in("folder.db")).unwrap();
    fs::write(path_in("text.db"), "not a database, but long enough to be read as one".repeat(99))
        .unwrap();
    Connection::open(path_in("theirs.db")).unwrap().execute_batch("CREATE TABLE t(x)").unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let table = [
        ("link.db", StoreErrorKind::Place, "found a symbolic link"),
        ("folder.db", StoreErrorKind::Place, "expected a file"),
        ("text.db", StoreErrorKind::Damaged, "recover"),
        ("theirs.db", StoreErrorKind::Place, "a database of something else"),
        ("braze.db", StoreErrorKind::Newer, "update webhook_stream"),
    ];
    for (name, expected, words) in table {
        let (kind, message) = kind(open(&path_in(name)));
        assert_eq!(kind, expected, "{message}");
        assert!(message.contains(words) && message.contains(name), "{message}");
        assert!(!path_in(&format!("{name}.lock")).exists(), "{name} is left as it was");
    }
}

#[test]
fn the_tables_hold_no_secret_and_are_readable_with_sql() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    take_over(&store);
    let given = accept(&store, 3);
    die(&store, &given[0]);
    retry(&store, &given[1], 1, second(60));
    store.flush().unwrap();
    let sql = Connection::open(&path).unwrap();
    let texts = |query: &str| -> Vec<String> {
        let mut statement = sql.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(
        texts(
            "SELECT event_key || ' ' || state || ' ' || ifnull(next_attempt_at, '-') FROM pending"
        ),
        ["key-1 waiting 2026-01-01T00:01:00.000Z", "key-2 accepted -"]
    );
    assert_eq!(texts("SELECT payload FROM pending"), ["{\"n\": 1}", "{\"n\": 2}"]);
    assert_eq!(
        texts("SELECT reason || ' ' || attempts || ' ' || url || ' ' || event FROM dead_letters"),
        ["exhausted 1 http://a.example/hook?... event 0"]
    );
    assert_eq!(texts("SELECT json_extract(headers, '$[0][1]') FROM target"), ["application/json"]);
}

#[test]
fn a_damaged_payload_is_never_given_out_and_the_others_are() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let given = accept(&store, 5);
    die(&store, &given[4]);
    drop(store);
    let sql = Connection::open(&path).unwrap();
    sql.execute_batch(
        "UPDATE delivery SET payload = '{\"n\": 7}' WHERE event_key = 'key-1';
         UPDATE delivery SET webhook_id = 'msg_0' WHERE event_key = 'key-2';
         UPDATE dead_letter SET payload = 'x';",
    )
    .unwrap();
    drop(sql);
    let store = open(&path).unwrap();
    take_over(&store);
    let jobs = store.claim(NOW, 10).unwrap();
    assert_eq!(jobs.iter().filter(|job| job.damaged).count(), 2);
    for job in &jobs {
        if job.damaged {
            assert!(job.delivery.request.body.is_empty());
            let change = Change::Dead {
                record: None,
                reason: Reason::Damaged,
                message: String::from("damaged"),
                at: NOW,
            };
            store.settle(job, change).unwrap();
        }
    }
    let counts = store.counts().unwrap();
    assert_eq!((counts.pending, counts.discarded, counts.expired), (2, 2, 1));
    let letters = store.dead_letters(0, 10).unwrap();
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().all(|letter| letter.reason == Reason::Damaged));
    assert!(letters.iter().all(|letter| letter.request.is_none()));
}

#[test]
fn a_damaged_target_is_never_sent_to() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    accept(&store, 1);
    drop(store);
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE target SET url = 'http://evil.example/'")
        .unwrap();
    let store = open(&path).unwrap();
    take_over(&store);
    assert!(store.claim(NOW, 10).unwrap()[0].damaged);
}

#[test]
fn durability_is_a_matter_of_waiting() {
    for durability in [Durability::Disk, Durability::Process, Durability::None] {
        let (_folder, path) = folder();
        let options = OpenOptions { durability, ..OpenOptions::default() };
        let store = SqliteStore::open(&path, "braze", options).unwrap();
        accept(&store, 100);
        drop(store);
        assert_eq!(take_over(&open(&path).unwrap()), 100, "{durability:?}");
    }
}

#[test]
fn what_nobody_waits_for_is_settled_even_before_it_is_written() {
    let (_folder, path) = folder();
    let options = OpenOptions { durability: Durability::None, ..OpenOptions::default() };
    let store = SqliteStore::open(&path, "braze", options).unwrap();
    take_over(&store);
    for round in 1..=200 {
        let given = accept(&store, 4);
        // At once: the writer has hardly heard of them.
        store.settle(&given[0], Change::Delivered).unwrap();
        die(&store, &given[1]);
        retry(&store, &given[2], 1, second(round));
        store.settle(&given[3], Change::PutOff { due: second(round) }).unwrap();
        assert_eq!(store.claim(second(round), 10).unwrap().len(), 2, "round {round}");
        let counts = store.counts().unwrap();
        let found = (counts.accepted, counts.delivered, counts.expired, counts.pending);
        assert_eq!(found, (4 * round, round, round, 2 * round));
    }
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(store.counts().unwrap().dead, 200);
    assert_eq!(take_over(&store), 400);
}

#[test]
fn callers_on_many_threads_share_transactions_and_lose_nothing() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    take_over(&store);
    let target = target("http://a.example/");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (store, target) = (&store, &target);
            scope.spawn(move || {
                for number in 0..20 {
                    let new = delivery(target, thread * 100 + number);
                    let job = store.accept(vec![new]).unwrap().remove(0);
                    if number % 2 == 0 {
                        store.settle(&job, Change::Delivered).unwrap();
                    } else {
                        retry(store, &job, 1, second(1));
                    }
                }
            });
        }
    });
    let counts = store.counts().unwrap();
    assert_eq!((counts.accepted, counts.delivered, counts.waiting), (160, 80, 80));
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(take_over(&store), 80);
    assert_eq!(store.claim(second(1), 1000).unwrap().len(), 80);
}
