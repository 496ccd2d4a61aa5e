//! Damage to a store's files: it opens or refuses in one line, never gives out wrong bytes, and
//! `recover` saves what is whole.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use webhook_stream::delivery::request::Request;
use webhook_stream::delivery::request::Target;
use webhook_stream::delivery::store::Change;
use webhook_stream::delivery::store::Discarded;
use webhook_stream::delivery::store::Job;
use webhook_stream::delivery::store::NewDelivery;
use webhook_stream::delivery::store::Reason;
use webhook_stream::delivery::store::Store;
use webhook_stream::delivery::store::StoreError;
use webhook_stream::delivery::store::StoreErrorKind;
use webhook_stream::delivery::store::sqlite::Access;
use webhook_stream::delivery::store::sqlite::OpenOptions;
use webhook_stream::delivery::store::sqlite::SqliteStore;
use webhook_stream::delivery::store::sqlite::check;
use webhook_stream::delivery::store::sqlite::recover;
use webhook_stream::pipeline::has_store;
use webhook_stream::pipeline::recover_store;

use crate::support::deliveries;
use crate::support::number_from;
use crate::support::stored::NOW;
use crate::support::stored::die;
use crate::support::stored::record;
use crate::support::stored::retry;
use crate::support::stored::second;
use crate::support::target;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("braze.db");
    (folder, path)
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, "braze", OpenOptions::default())
}

fn take_over(store: &SqliteStore) -> u64 {
    store.take_over(NOW, &|_| second(7200)).unwrap()
}

/// A store with pending ones, waiting ones and dead letters, and how many of each.
fn filled(path: &Path, count: usize) {
    let store = open(path).unwrap();
    take_over(&store);
    let target = target("http://a.example/");
    let given = store.accept((0..count).map(|number| numbered(&target, number)).collect()).unwrap();
    for (number, job) in given.iter().enumerate() {
        match number % 5 {
            0 => retry(&store, job, 1, second(number as u64)),
            1 => die(&store, job),
            2 => store.settle(job, Change::Delivered).unwrap(),
            _ => {}
        }
    }
    let bury = Discarded {
        key: String::from("bad"),
        reason: Reason::Render,
        message: String::from("x is missing"),
        event: Some(String::from("{}")),
        at: NOW,
        place: None,
    };
    store.bury(vec![bury]).unwrap();
}

/// Its payload is a function of its number, so that damage shows; every seventh is long, and every
/// fiftieth longer than a page.
fn numbered(target: &Arc<Target>, number: usize) -> NewDelivery {
    let request = Request::new(Arc::clone(target), format!("msg_{number}"), body(number)).unwrap();
    let event = Some(format!("{{\"e\": {number}}}"));
    let mut new = NewDelivery::new(format!("{number}"), request, event);
    new.accepted_at = NOW;
    new
}

fn body(number: usize) -> Vec<u8> {
    let mut dice = fastrand::Rng::with_seed(number as u64);
    let length = match number {
        n if n % 50 == 0 => 20_000,
        n if n % 7 == 0 => 1500,
        _ => 100,
    };
    (0..length).map(|_| dice.u8(b' '..b'~')).collect()
}

/// Whatever a store gives out has the bytes that were accepted.
fn check_bytes(job: &Job) {
    if !job.damaged {
        let number: usize = job.delivery.key.parse().unwrap();
        assert_eq!(job.delivery.request.body, body(number), "{number}");
        assert_eq!(job.delivery.request.id, format!("msg_{number}"));
    }
}

#[test]
fn recover_saves_everything_of_a_store_that_is_whole() {
    let (folder, path) = folder();
    filled(&path, 300);
    let into = folder.path().join("new.db");
    let salvage = recover(&path, &into, None).unwrap();
    assert_eq!((salvage.pending, salvage.dead_letters), (180, 61));
    assert_eq!((salvage.damaged, salvage.lost, salvage.unreadable_pages), (0, Some(0), 0));
    let counts = open(&path).unwrap().counts().unwrap();
    let store = open(&into).unwrap();
    assert_eq!(store.counts().unwrap(), counts);
    assert_eq!(take_over(&store), 180);
    let jobs = store.claim(second(1000), 1000).unwrap();
    assert_eq!(jobs.len(), 180);
    jobs.iter().for_each(check_bytes);
    assert_eq!(store.dead_letters(0, 1000).unwrap().len(), 61);
    assert!(store.dead_letters(0, 1).unwrap()[0].attempts == [record(1)]);
    let refused = recover(&path, &into, None).unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Io, "what is there is not overwritten: {refused}");
}

#[test]
fn deliveries_whose_sync_has_lost_its_name_get_one_again() {
    for (left, named, names) in [
        (2, Some("other"), ["other"].as_slice()),
        (2, None, &["recovered-2"]),
        (0, Some("other"), &["recovered-1", "recovered-2"]),
    ] {
        let (folder, path) = folder();
        for name in ["braze", "other"] {
            let store = SqliteStore::open(&path, name, OpenOptions::default()).unwrap();
            take_over(&store);
            store.accept(deliveries(&target("http://a.example/"), 3)).unwrap();
        }
        let sql = Connection::open(&path).unwrap();
        sql.execute("DELETE FROM sync", []).unwrap();
        if left > 0 {
            sql.execute("DELETE FROM delivery WHERE sync <> ?1", [left]).unwrap();
        }
        drop(sql);
        let into = folder.path().join("recovered.db");
        let salvage = recover(&path, &into, named).unwrap();
        assert_eq!(salvage.pending, 3 * names.len() as u64);
        assert_eq!(SqliteStore::sync_names(&into).unwrap(), names);
        for name in names {
            let store = SqliteStore::open(&into, name, OpenOptions::default()).unwrap();
            assert_eq!(take_over(&store), 3, "{name}");
        }
    }
}

/// Bytes that are damaged at once.
const PAGE: usize = 4096;

/// Pages of a file with so many that are damaged, and how: all of them in the long run, each turned
/// around, zeroed, and the first that is cut off; in the short one some, taken at random.
fn damages(pages: usize) -> Vec<(usize, usize)> {
    if number_from("STORE_PAGES").is_some() {
        return (0..3 * pages).map(|round| (round / 3, round % 3)).collect();
    }
    let mut dice = fastrand::Rng::with_seed(11);
    (0..12).map(|round| (dice.usize(..pages), round % 3)).collect()
}

fn damage(bytes: &mut Vec<u8>, page: usize, how: usize) {
    let range = page * PAGE..bytes.len().min((page + 1) * PAGE);
    match how {
        0 => bytes[range].iter_mut().for_each(|byte| *byte ^= 0x55),
        1 => bytes[range].fill(0),
        _ => bytes.truncate(range.start),
    }
}

#[expect(clippy::print_stdout, reason = "it prints its figures")]
#[test]
fn damage_to_any_page_is_confined_and_recover_saves_the_rest() {
    let (folder, path) = folder();
    filled(&path, 300);
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut opened, mut lost) = (0, 0, 0);
    let rounds = damages(whole.len() / PAGE);
    let pages = rounds.len();
    for (round, (page, how)) in rounds.into_iter().enumerate() {
        let mut bytes = whole.clone();
        damage(&mut bytes, page, how);
        let damaged = folder.path().join(format!("damaged-{round}.db"));
        fs::write(&damaged, &bytes).unwrap();
        match deliver_all(&damaged) {
            Ok(()) => opened += 1,
            Err(error) => {
                refused += 1;
                assert!(!error.message.contains('\n'), "{error}");
                assert_ne!(error.kind, StoreErrorKind::InUse, "{error}");
            }
        }
        fs::write(&damaged, &bytes).unwrap();
        let into = folder.path().join(format!("saved-{round}.db"));
        if bytes.is_empty() {
            let refused = recover(&damaged, &into, Some("braze")).unwrap_err();
            assert_eq!(refused.kind, StoreErrorKind::Place, "nothing is left: {refused}");
            continue;
        }
        let salvage = recover(&damaged, &into, Some("braze")).unwrap();
        let store = open(&into).unwrap();
        take_over(&store);
        let jobs = store.claim(second(10_000), 10_000).unwrap();
        assert_eq!(jobs.len() as u64, salvage.pending);
        jobs.iter().for_each(check_bytes);
        let missing = 241_u64.saturating_sub(salvage.pending + salvage.dead_letters);
        if let Some(told) = salvage.lost {
            assert_eq!(told, missing, "page {page}, round {round}: {salvage:?}");
        }
        lost += missing;
        fs::remove_file(into).unwrap();
        fs::remove_file(damaged).unwrap();
    }
    println!(
        "figure: A7 | Damage to each page of the file: refused, or no wrong byte given out | \
         pages damaged {pages}, opened {opened}, refused {refused}, wrong bytes 0, \
         rows lost with their pages {lost}"
    );
}

/// Delivers whatever a store gives out, and checks it.
fn deliver_all(path: &Path) -> Result<(), StoreError> {
    let store = open(path)?;
    store.take_over(NOW, &|_| second(7200))?;
    loop {
        let jobs = store.claim(second(10_000), 50)?;
        if jobs.is_empty() {
            return Ok(());
        }
        for job in &jobs {
            check_bytes(job);
            store.settle(job, Change::Delivered)?;
        }
    }
}

/// Transactions of the store in [`killed`], and rows in each.
const COMMITS: usize = 12;
const ROWS: usize = 5;

/// The file and its log as a kill leaves them: all is in the log.
fn killed(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let path = folder.join("killed.db");
    let store = open(&path).unwrap();
    take_over(&store);
    let target = target("http://a.example/");
    for commit in 0..COMMITS {
        let numbers = commit * ROWS..(commit + 1) * ROWS;
        store.accept(numbers.map(|number| numbered(&target, number + 1)).collect()).unwrap();
    }
    let log = fs::read(path.with_file_name("killed.db-wal")).unwrap();
    assert!(log.len() > 20 * PAGE, "all is in the log");
    (fs::read(&path).unwrap(), log)
}

#[test]
fn a_check_reads_every_page_and_every_row() {
    let (_folder, path) = folder();
    filled(&path, 300);
    check(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let refused = |words: &str| {
        let error = check(&path).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Damaged, "{error}");
        assert!(error.message.contains(words) && error.message.contains("recover"), "{error}");
        assert!(!error.message.contains('\n'), "{error}");
    };
    let sql = Connection::open(&path).unwrap();
    let root: u32 = sql
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'delivery'", [], |r| r.get(0))
        .unwrap();
    let changed = sql
        .execute("UPDATE delivery SET payload = 'other' WHERE packed = 0 AND id % 5 = 4", [])
        .unwrap();
    drop(sql);
    assert!(changed > 10);
    refused(&format!("found {changed} damaged"));
    // A page of rows that nobody looks at before they are due.
    let mut bytes = whole.clone();
    let leaf = (root as usize..whole.len() / 8192).find(|page| bytes[page * 8192] == 0x0d).unwrap();
    bytes[leaf * 8192..(leaf + 1) * 8192].fill(0);
    fs::write(&path, bytes).unwrap();
    refused("expected a whole store");
    fs::write(&path, &whole).unwrap();
    check(&path).unwrap();
    let sql = Connection::open(&path).unwrap();
    sql.execute("DELETE FROM target", []).unwrap();
    drop(sql);
    refused("damaged");
}

#[test]
fn a_damaged_row_that_was_given_up_is_told_as_a_dead_letter_only() {
    let (_folder, path) = folder();
    filled(&path, 10);
    let sql = Connection::open(&path).unwrap();
    sql.execute(
        "UPDATE delivery SET payload = 'other' WHERE id = (SELECT min(id) FROM delivery)",
        [],
    )
    .unwrap();
    drop(sql);
    assert!(check(&path).unwrap_err().message.contains("found 1 damaged"));
    let store = open(&path).unwrap();
    take_over(&store);
    let jobs = store.claim(second(10_000), 100).unwrap();
    let damaged: Vec<&Job> = jobs.iter().filter(|job| job.damaged).collect();
    assert_eq!(damaged.len(), 1);
    let (reason, message) = (Reason::Damaged, String::from("damaged"));
    store.settle(damaged[0], Change::Dead { record: None, reason, message, at: NOW }).unwrap();
    store.flush().unwrap();
    check(&path).unwrap();
}

#[test]
fn recover_leaves_alone_what_is_no_store_and_what_is_newer() {
    let (folder, path) = folder();
    let into = folder.path().join("new.db");
    let refused = |expected: StoreErrorKind| {
        let before = fs::read(&path).unwrap();
        let error = recover(&path, &into, Some("braze")).unwrap_err();
        assert_eq!(error.kind, expected, "{error}");
        assert!(!error.message.contains('\n'), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "nothing is made beside it");
    };
    fs::write(&path, "").unwrap();
    refused(StoreErrorKind::Place);
    fs::write(&path, "events that are no database\n".repeat(999)).unwrap();
    refused(StoreErrorKind::Place);
    fs::remove_file(&path).unwrap();
    let theirs = Connection::open(&path).unwrap();
    theirs
        .execute_batch(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INTEGER);
             INSERT INTO t(name, n) VALUES ('a', 1), ('b', 2)",
        )
        .unwrap();
    drop(theirs);
    refused(StoreErrorKind::Place);
    fs::remove_file(&path).unwrap();
    filled(&path, 20);
    let sql = Connection::open(&path).unwrap();
    sql.pragma_update(None, "user_version", 2).unwrap();
    drop(sql);
    refused(StoreErrorKind::Newer);
}

#[test]
fn a_store_without_its_first_page_is_known_by_any_of_its_rows() {
    let tables = ["store", "target", "delivery", "dead_letter"];
    for kept in tables.into_iter().chain(["none"]) {
        let (folder, path) = folder();
        filled(&path, 20);
        let sql = Connection::open(&path).unwrap();
        for table in tables.iter().filter(|table| **table != kept) {
            sql.execute(&format!("DELETE FROM {table}"), []).unwrap();
        }
        drop(sql);
        let mut bytes = fs::read(&path).unwrap();
        bytes[..8192].fill(0);
        fs::write(&path, bytes).unwrap();
        let recovered = recover(&path, &folder.path().join("new.db"), Some("braze"));
        assert_eq!(recovered.is_ok(), kept != "none", "{kept}: {recovered:?}");
    }
}

#[test]
fn a_file_that_was_emptied_is_damaged_while_its_log_is_there() {
    let (folder, path) = folder();
    let (_, log) = killed(folder.path());
    fs::write(&path, "").unwrap();
    let log_path = path.with_file_name("braze.db-wal");
    fs::write(&log_path, &log).unwrap();
    let reading = OpenOptions { access: Access::Read, ..OpenOptions::default() };
    for options in [OpenOptions::default(), reading] {
        let error = SqliteStore::open(&path, "braze", options).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Damaged, "{error}");
        assert!(error.message.contains("recover"), "{error}");
        assert_eq!(fs::read(&log_path).unwrap(), log, "it is left as it is");
    }
    let salvage = recover(&path, &folder.path().join("new.db"), None).unwrap();
    assert_eq!(salvage.pending, (COMMITS * ROWS) as u64);
    fs::remove_file(&log_path).unwrap();
    assert_eq!(open(&path).unwrap().counts().unwrap().accepted, 0, "empty and alone it is new");
}

#[test]
fn a_recovery_that_was_cut_is_begun_again_and_until_then_there_is_no_new_store() {
    let (_folder, path) = folder();
    let with = |end: &str| path.with_file_name(format!("braze.db{end}"));
    filled(&path, 20);
    let pending = recover_store(&path, Some("braze")).unwrap().salvage.pending;
    assert!(with(".damaged").exists() && !with(".recovered").exists());
    // As it was between two renames, and an older recovery before.
    fs::rename(&path, with(".damaged-2")).unwrap();
    fs::write(with(".recovered"), "what was saved").unwrap();
    for access in [Access::Deliver, Access::Read] {
        let options = OpenOptions { access, ..OpenOptions::default() };
        let error = SqliteStore::open(&path, "braze", options).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Damaged, "{error}");
        assert!(error.message.contains("`webhook-stream recover` finishes it"), "{error}");
    }
    assert!(has_store(&path) && !path.exists());
    let again = recover_store(&path, Some("braze")).unwrap();
    assert_eq!((again.salvage.pending, again.salvage.lost), (pending, Some(0)));
    assert_eq!(again.damaged, with(".damaged-2"));
    assert_eq!(take_over(&open(&path).unwrap()), pending);
    for end in ["", ".damaged", ".damaged-2"] {
        fs::remove_file(with(end)).unwrap();
    }
    fs::write(with(".recovered"), "what was saved").unwrap();
    let error = recover_store(&path, Some("braze")).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Place, "{error}");
}

#[expect(clippy::print_stdout, reason = "it prints its figures")]
#[test]
fn damage_to_the_log_is_refused_or_loses_its_end_only() {
    let (folder, path) = folder();
    let (file, log) = killed(folder.path());
    let (mut refused, mut opened, mut cut_off) = (0, 0, 0);
    let rounds = damages(log.len().div_ceil(PAGE));
    let pages = rounds.len();
    for (page, how) in rounds {
        let lay_out = || {
            let mut bytes = log.clone();
            damage(&mut bytes, page, how);
            fs::write(&path, &file).unwrap();
            fs::write(path.with_file_name("braze.db-wal"), bytes).unwrap();
            let _ = fs::remove_file(path.with_file_name("braze.db-shm"));
        };
        lay_out();
        let saved = folder.path().join("saved.db");
        let _ = fs::remove_file(&saved);
        match recover(&path, &saved, Some("braze")) {
            Ok(salvage) => {
                let store = open(&saved).unwrap();
                assert_eq!(take_over(&store), salvage.pending);
                store.claim(second(10_000), 10_000).unwrap().iter().for_each(check_bytes);
            }
            Err(error) => {
                assert_eq!((page, error.kind), (0, StoreErrorKind::Place), "all was lost: {error}");
            }
        }
        match open(&path) {
            Ok(store) => {
                opened += 1;
                let pending = take_over(&store) as usize;
                let jobs = store.claim(second(10_000), 10_000).unwrap();
                jobs.iter().for_each(check_bytes);
                assert_eq!(jobs.len(), pending);
                // The end of a log that was cut off looks like one that was never longer. A page of
                // damage spoils three frames; what they ended, and one more, may be its end.
                if how < 2 {
                    assert!(
                        pending + 4 * ROWS >= COMMITS * ROWS,
                        "page {page}: {pending} are left"
                    );
                }
                cut_off += COMMITS * ROWS - pending;
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.kind, StoreErrorKind::Damaged, "page {page}, {how}: {error}");
                assert!(error.message.contains("recover"), "{error}");
                assert!(!error.message.contains('\n'), "{error}");
            }
        }
    }
    assert!(refused > 0 && opened > 0, "{refused} {opened}");
    println!(
        "figure: A7 | Damage to each page of the log beside the file | pages damaged {pages}, \
         opened {opened}, refused {refused}, wrong bytes 0, rows at the log's end lost {cut_off}"
    );
}

#[test]
fn what_is_in_the_shared_memory_beside_the_file_does_not_matter() {
    let (folder, path) = folder();
    let (file, log) = killed(folder.path());
    let mut dice = fastrand::Rng::with_seed(3);
    for round in 0..12 {
        fs::write(&path, &file).unwrap();
        fs::write(path.with_file_name("braze.db-wal"), &log).unwrap();
        let length = [0, 1, 136, 32_768, 65_536][round % 5];
        let bytes: Vec<u8> = (0..length).map(|_| dice.u8(..)).collect();
        fs::write(path.with_file_name("braze.db-shm"), bytes).unwrap();
        let store = open(&path).unwrap();
        assert_eq!(take_over(&store), (COMMITS * ROWS) as u64, "{length} bytes");
        store.claim(second(10_000), 10_000).unwrap().iter().for_each(check_bytes);
    }
}
