//! What `SQLite` says, in our words.

use std::fmt::Display;
use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;

/// An error about the file at `path`.
pub(crate) fn failure(
    kind: StoreErrorKind,
    path: &Path,
    what: impl Display,
    hint: &str,
) -> StoreError {
    let path = path.display();
    let message = if hint.is_empty() {
        format!("{path}: {what}")
    } else {
        format!("{path}: {what} ({hint})")
    };
    StoreError { kind, message }
}

/// What went wrong with the database.
pub(crate) fn of_database(path: &Path, error: &rusqlite::Error) -> StoreError {
    if is_not_as_written(error) {
        let what = "expected what was written, found another value";
        let hint = "`webhook-stream recover` saves what can be read";
        let damaged = failure(StoreErrorKind::Damaged, path, what, hint);
        return StoreError {
            message: format!("{}: {}", damaged.message, one_line(error)),
            ..damaged
        };
    }
    let (kind, what, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (
            StoreErrorKind::Full,
            "expected room for what is to be kept, found none",
            "make room on the disk",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            StoreErrorKind::Damaged,
            "expected a whole store, found it damaged",
            "`webhook-stream recover` saves what can be read",
        ),
        Some(ErrorCode::NotADatabase) => (
            StoreErrorKind::Damaged,
            "expected a store, found a file that is none, or one whose beginning is damaged",
            "if it was a store, `webhook-stream recover` saves what can be read",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            StoreErrorKind::InUse,
            "expected to write, found another program writing to it",
            "end what it does there",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => (
            StoreErrorKind::Io,
            "expected to read and write the file and its folder, found that it is not allowed",
            "check the permissions of both",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            StoreErrorKind::Io,
            "expected the disk to work, found that it failed",
            "nothing was accepted; look at the system's log, then open the store again",
        ),
        Some(ErrorCode::TooBig) => (
            StoreErrorKind::Full,
            "expected a payload and event below 1 GB together, found more",
            "send it in parts",
        ),
        _ => (StoreErrorKind::Io, "expected the store to work, found that it failed", ""),
    };
    let mut error_of_file = failure(kind, path, what, hint);
    if matches!(kind, StoreErrorKind::Io | StoreErrorKind::Damaged) {
        error_of_file.message = format!("{}: {}", error_of_file.message, one_line(error));
    }
    error_of_file
}

/// Whether a row, or a column of one, is not of the kind that is always written there.
fn is_not_as_written(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::Utf8Error(..)
    )
}

/// An error may repeat a statement of several lines.
fn one_line(error: &rusqlite::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What went wrong with a file.
pub(crate) fn of_file(path: &Path, what: &str, error: &io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
        _ => StoreErrorKind::Io,
    };
    failure(kind, path, format!("{what}: {error}"), "")
}

/// Whether it may work again by itself, so that what was settled can be noted then.
pub(crate) fn may_pass(error: &StoreError) -> bool {
    matches!(error.kind, StoreErrorKind::Full | StoreErrorKind::InUse)
}
