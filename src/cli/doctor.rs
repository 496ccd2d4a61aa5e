//! `doctor`: whether this machine can deliver, and what stands in the way. Sends nothing.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::cli::FINDINGS;
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::cli::OK;
use crate::cli::PythonFacts;
use crate::cli::World;
use crate::cli::arguments::Doctor;
use crate::cli::syncs;
use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::delivery::clock::Timestamp;
use crate::delivery::machine;
use crate::delivery::machine::Roots;
use crate::delivery::request::Secrets as _;
use crate::delivery::store::sqlite::check;
use crate::pipeline::Access;
use crate::pipeline::EnvironmentSecrets;
use crate::pipeline::Sync;
use crate::pipeline::has_store;

/// Before this version was written: 2026-01-01. A clock that shows less is wrong.
const BUILT: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// Files that are open beside one connection for each request under way.
const OTHER_FILES: u64 = 64;
/// A store on a disk with less room than this may stop a run.
const ENOUGH_BYTES: u64 = 1 << 30;
/// How long a name may take to be found.
const LOOK_UP: Duration = Duration::from_secs(5);
/// The variables that other programs take a proxy from.
const PROXY_VARIABLES: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok,
    /// Worth knowing, and no fault.
    Note,
    Finding,
}

/// One check and what it came to.
#[derive(Debug)]
struct Check {
    name: &'static str,
    sync: Option<String>,
    status: Status,
    message: String,
    hint: Option<String>,
}

impl Check {
    fn new(name: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self { name, sync: None, status, message: message.into(), hint: None }
    }

    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, message)
    }

    fn note(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Note, message)
    }

    fn finding(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Finding, message)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Runs the command: exit status 1 when something stands in the way.
pub(in crate::cli) fn doctor(arguments: &Doctor, world: &mut World<'_>) -> Result<u8, Failure> {
    let mut all = Vec::new();
    if let Some(path) = &arguments.syncs {
        for options in syncs(path, None)? {
            all.push(Sync::new(options)?);
        }
    }
    let enabled = || all.iter().filter(|sync| sync.options().enabled);
    let hosts: Vec<&str> = enabled().filter_map(|sync| sync.host()).collect();
    let senders: u64 = enabled().map(|sync| sync.options().concurrency as u64).sum();
    let mut checks = vec![
        versions((world.python)()),
        clock(SystemClock::new().wall()),
        open_files(machine::open_file_limit(), senders + OTHER_FILES),
        roots(&machine::trusted_roots()),
    ];
    let variable = |name: &str| {
        let lower = std::env::var(name.to_ascii_lowercase()).ok();
        lower.or_else(|| std::env::var(name).ok()).filter(|value| !value.is_empty())
    };
    checks.push(proxies(variable, &hosts));
    for sync in &all {
        if !(world.go_on)() {
            return Ok(INTERRUPTED);
        }
        let own = of_sync(sync, world.go_on);
        let name = &sync.options().name;
        checks.extend(own.into_iter().map(|check| Check { sync: Some(name.clone()), ..check }));
    }
    if arguments.json {
        let rows: Vec<_> = checks.iter().map(to_json).collect();
        writeln!(world.out, "{:#}", serde_json::Value::Array(rows))?;
    } else {
        print(&checks, world)?;
    }
    let healthy = checks.iter().all(|check| check.status != Status::Finding);
    Ok(if healthy { OK } else { FINDINGS })
}

fn versions(python: Option<PythonFacts>) -> Check {
    let core = env!("CARGO_PKG_VERSION");
    let Some(PythonFacts { version, package }) = python else {
        return Check::ok("versions", format!("webhook-stream {core}, without Python"));
    };
    match package {
        Some(package) if package != core => {
            Check::finding("versions", format!("the package is {package}, and its core {core}"))
                .hint("pip install --force-reinstall webhook-stream")
        }
        None => Check::note(
            "versions",
            format!("webhook-stream {core} is not installed as a package; Python {version}"),
        ),
        Some(_) => Check::ok("versions", format!("webhook-stream {core}, Python {version}")),
    }
}

fn clock(wall: Timestamp) -> Check {
    if wall < BUILT {
        return Check::finding("clock", format!("it shows {wall}, which is in the past"))
            .hint("set the clock: signatures and certificates are refused at a wrong time");
    }
    Check::ok("clock", wall.to_string())
}

fn open_files(limit: Option<u64>, needed: u64) -> Check {
    match limit {
        Some(limit) if limit < needed => Check::finding(
            "open files",
            format!("at most {limit} may be open, and {needed} may be needed"),
        )
        .hint(format!("ulimit -n {needed}, or a lower concurrency")),
        Some(limit) => Check::ok("open files", format!("{limit} may be open, {needed} are needed")),
        None => Check::ok("open files", "no limit"),
    }
}

fn roots(found: &Roots) -> Check {
    let hint = "install ca-certificates, or name a PEM file in SSL_CERT_FILE or ca_file";
    match found {
        Roots::System => Check::ok("certificates", "the system verifies"),
        Roots::Files(0, errors) => {
            let why = errors.first().map_or_else(String::new, |error| format!(": {error}"));
            Check::finding("certificates", format!("no certificate is trusted{why}")).hint(hint)
        }
        Roots::Files(count, errors) => match errors.first() {
            None => Check::ok("certificates", format!("{count} are trusted")),
            Some(error) => {
                Check::finding("certificates", format!("{count} are trusted, but {error}"))
                    .hint(hint)
            }
        },
    }
}

/// Proxies that other programs would use. A finding where a request would pass one by; the value is
/// not shown, because it may hold a password.
fn proxies(variable: impl Fn(&str) -> Option<String>, hosts: &[&str]) -> Check {
    let set: Vec<&str> =
        PROXY_VARIABLES.into_iter().filter(|name| variable(name).is_some()).collect();
    if set.is_empty() {
        return Check::ok("proxies", "none is set");
    }
    let excepted = variable("NO_PROXY").unwrap_or_default();
    let names = set.join(", ");
    let passed_by: Vec<&str> =
        hosts.iter().copied().filter(|host| !is_excepted(host, &excepted)).collect();
    if passed_by.is_empty() {
        return Check::note("proxies", format!("{names} is ignored: requests go directly"));
    }
    let hosts = passed_by.join(", ");
    Check::finding("proxies", format!("{names} is ignored: requests to {hosts} go directly"))
        .hint("if they can, say so: put the hosts into NO_PROXY")
}

/// Whether a proxy is not for this host: it is this machine, or `NO_PROXY` names it or its domain.
fn is_excepted(host: &str, no_proxy: &str) -> bool {
    let is_this_machine =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_named = |name: &str| {
        let name = name.trim().trim_start_matches(['*', '.']);
        let domain = format!(".{name}");
        !name.is_empty() && (host.eq_ignore_ascii_case(name) || host.ends_with(&domain))
    };
    is_this_machine || no_proxy.trim() == "*" || no_proxy.split(',').any(is_named)
}

fn of_sync(sync: &Arc<Sync>, go_on: &dyn Fn() -> bool) -> Vec<Check> {
    let mut checks = vec![host(sync, go_on), secrets(sync)];
    if let Err(error) = sync.tls_options() {
        let check = Check::finding("own certificates", error.message());
        checks.push(match error.hint() {
            Some(hint) => check.hint(hint),
            None => check,
        });
    }
    match sync.options().store_file() {
        None => checks.push(Check::ok("store", "in memory: what is pending ends with the process")),
        Some(file) => {
            checks.push(place(file));
            if has_store(file) {
                checks.push(store(sync, file));
            }
        }
    }
    checks
}

fn host(sync: &Sync, go_on: &dyn Fn() -> bool) -> Check {
    let Some(host) = sync.host() else {
        return Check::note("host", "comes from a secret: not looked up");
    };
    let rules = sync.address_rules();
    match machine::resolve(host, LOOK_UP, go_on) {
        Err(message) => Check::finding("host", format!("{host} was not found: {message}"))
            .hint("check its spelling, and the name service of this machine"),
        Ok(addresses) => match rules.first_forbidden(addresses.iter().copied()) {
            Some(address) => Check::finding(
                "host",
                format!(
                    "{host} is {address}, which address_policy = \"{}\" forbids",
                    rules.policy.name()
                ),
            )
            .hint(format!("if that is meant: allow_addresses = [\"{address}\"]")),
            None if host.parse::<IpAddr>().is_ok() => {
                Check::ok("host", format!("{host}, as it is written"))
            }
            None => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                Check::ok("host", format!("{host} is {}", addresses.join(", ")))
            }
        },
    }
}

fn secrets(sync: &Sync) -> Check {
    let mut names: Vec<&str> = sync.secret_names().collect();
    names.dedup();
    let missing: Vec<&str> =
        names.iter().copied().filter(|name| EnvironmentSecrets.get(name).is_none()).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Check::finding("secrets", format!("not set: {missing}"))
            .hint("set these variables of the environment");
    }
    if names.is_empty() {
        return Check::ok("secrets", "none is needed");
    }
    Check::ok("secrets", format!("set: {}", names.join(", ")))
}

/// Where the store is, or will be made.
fn place(file: &Path) -> Check {
    let above = file.ancestors().skip(1);
    let folder = above
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .find(|folder| folder.exists());
    let folder = folder.unwrap_or(Path::new("."));
    let shown = folder.display();
    match machine::network(folder) {
        Ok(Some(name)) => {
            return Check::finding("store's disk", format!("{shown} is a network disk, {name}"))
                .hint("name a file on a local disk");
        }
        Ok(None) => {}
        Err(error) => return Check::finding("store's disk", format!("{shown}: {error}")),
    }
    if let Err(error) = machine::write_safely(folder) {
        return Check::finding("store's disk", format!("{shown} can't be written to: {error}"))
            .hint("the store needs a folder where files can be made and synced");
    }
    match machine::free_bytes(folder) {
        Ok(Some(bytes)) if bytes < ENOUGH_BYTES => {
            Check::finding("store's disk", format!("{shown} has room for {}", size(bytes))).hint(
                format!(
                    "make room: a store needs some; here less than {} counts as full",
                    size(ENOUGH_BYTES)
                ),
            )
        }
        Ok(Some(bytes)) => Check::ok(
            "store's disk",
            format!("{shown} is local, can be synced, has {} free", size(bytes)),
        ),
        Ok(None) => Check::ok("store's disk", format!("{shown} is local and can be synced")),
        Err(error) => Check::finding("store's disk", format!("{shown}: {error}")),
    }
}

/// The store that is there.
fn store(sync: &Arc<Sync>, file: &Path) -> Check {
    let shown = file.display();
    if let Err(error) = check(file) {
        return Check::finding("store", error.to_string());
    }
    match machine::others_may_read(file) {
        Ok(true) => {
            return Check::finding(
                "store",
                format!("others may read {shown}, and the events in it"),
            )
            .hint(format!("chmod 600 {shown}"));
        }
        Ok(false) => {}
        Err(error) => return Check::finding("store", format!("{shown}: {error}")),
    }
    let counts = sync.open_store(Access::Read).map_err(|error| error.to_string());
    let counts = counts.and_then(|store| store.counts().map_err(|error| error.to_string()));
    match counts {
        Err(error) => Check::finding("store", error),
        Ok(counts) => {
            let now = SystemClock::new().wall();
            match counts.oldest_pending.filter(|oldest| *oldest > now) {
                Some(oldest) => {
                    Check::finding("store", format!("{shown} has events of the future, {oldest}"))
                        .hint("the clock was set back: attempts come late until it is right")
                }
                None => Check::ok(
                    "store",
                    format!(
                        "{shown} is sound: {} pending, {} dead letters",
                        counts.pending, counts.dead
                    ),
                ),
            }
        }
    }
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes >= GIB { format!("{} GiB", bytes / GIB) } else { format!("{} MiB", bytes >> 20) }
}

fn to_json(check: &Check) -> serde_json::Value {
    let status = match check.status {
        Status::Ok => "ok",
        Status::Note => "note",
        Status::Finding => "finding",
    };
    json!({
        "check": check.name,
        "sync": check.sync,
        "status": status,
        "message": check.message,
        "hint": check.hint,
    })
}

fn print(checks: &[Check], world: &mut World<'_>) -> Result<(), Failure> {
    let mut last = &None;
    for check in checks {
        if check.sync != *last {
            last = &check.sync;
            writeln!(world.out, "\n{}", check.sync.as_deref().unwrap_or_default())?;
        }
        let mark = match check.status {
            Status::Ok => "ok",
            Status::Note => "note",
            Status::Finding => "FINDING",
        };
        writeln!(world.out, "  {mark:<7}  {:<16}  {}", check.name, check.message)?;
        if let Some(hint) = &check.hint {
            writeln!(world.out, "           {:<16}  hint: {hint}", "")?;
        }
    }
    let findings = checks.iter().filter(|check| check.status == Status::Finding).count();
    writeln!(world.err, "{} checks, {findings} findings", checks.len())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cli::PythonFacts;
    use crate::cli::doctor::Status;
    use crate::cli::doctor::clock;
    use crate::cli::doctor::open_files;
    use crate::cli::doctor::proxies;
    use crate::cli::doctor::roots;
    use crate::cli::doctor::versions;
    use crate::delivery::clock::Timestamp;
    use crate::delivery::machine::Roots;

    #[test]
    fn what_stands_in_the_way_is_a_finding() {
        let facts = |package: Option<&str>| {
            let package = package.map(ToOwned::to_owned);
            versions(Some(PythonFacts { version: "3.11.7".to_owned(), package })).status
        };
        assert_eq!(facts(Some("0.0.1")), Status::Finding);
        assert_eq!(facts(Some(env!("CARGO_PKG_VERSION"))), Status::Ok);
        assert_eq!(facts(None), Status::Note);
        assert_eq!(versions(None).status, Status::Ok);
        assert_eq!(clock(Timestamp::from_millis(0)).status, Status::Finding);
        assert_eq!(open_files(Some(95), 96).status, Status::Finding);
        assert_eq!(open_files(Some(96), 96).status, Status::Ok);
        assert_eq!(open_files(None, 96).status, Status::Ok);
        assert_eq!(roots(&Roots::Files(0, Vec::new())).status, Status::Finding);
        assert_eq!(roots(&Roots::Files(9, vec!["bad".to_owned()])).status, Status::Finding);
        assert_eq!(roots(&Roots::Files(9, Vec::new())).status, Status::Ok);
    }

    #[test]
    fn a_proxy_matters_where_a_request_would_pass_it_by() {
        let with = |no_proxy: &'static str| {
            move |name: &str| match name {
                "HTTPS_PROXY" => Some("http://user:password@proxy".to_owned()),
                "NO_PROXY" => Some(no_proxy.to_owned()),
                _ => None,
            }
        };
        let hosts = ["hooks.example.com"];
        assert_eq!(proxies(|_| None, &hosts).status, Status::Ok);
        let found = proxies(with(""), &hosts);
        assert_eq!(found.status, Status::Finding);
        assert!(!found.message.contains("password"), "{}", found.message);
        for no_proxy in ["a, .example.com", "example.com", "*", "HOOKS.example.com"] {
            assert_eq!(proxies(with(no_proxy), &hosts).status, Status::Note, "{no_proxy}");
        }
        assert_eq!(proxies(with("ample.com"), &hosts).status, Status::Finding);
        assert_eq!(proxies(with(""), &["localhost", "127.0.0.1", "::1"]).status, Status::Note);
        assert_eq!(proxies(with(""), &[]).status, Status::Note);
    }
}
