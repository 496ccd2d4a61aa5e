//! Where the code that others wrote comes from, and under which licences.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Licences that ask for nothing but a notice.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // Lists of certificates.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What Cargo knows of the packages that a build here takes; none when some were never downloaded.
fn packages() -> Option<Vec<Value>> {
    let version = Command::new("rustc").arg("-vV").output().ok()?;
    let version = String::from_utf8(version.stdout).ok()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "))?.to_owned();
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform"])
        .arg(host)
        .output()
        .ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    Some(metadata["packages"].as_array()?.clone())
}

/// Whether one of the licences to choose from is allowed as a whole.
fn is_allowed(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    // `AND` binds closer but for parentheses, which then all have to be allowed.
    let needs_all = |text: &str| text.split(" AND ").all(|name| LICENCES.contains(&name.trim()));
    if expression.contains('(') {
        return plain
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|name| LICENCES.contains(&name.trim())));
    }
    plain.split(" OR ").any(needs_all)
}

#[test]
fn licences_are_read_as_they_are_meant() {
    for good in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR X) AND Unicode-3.0"] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in ["GPL-3.0", "", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", "MPL-2.0"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed_and_comes_from_the_registry() {
    let packages = packages().expect("cargo knows the packages of this build");
    assert!(packages.len() > 50, "{}", packages.len());
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence), "{name}: {licence}");
        let source = package["source"].as_str();
        let own = name == env!("CARGO_PKG_NAME");
        assert!(own && source.is_none() || source == Some(CRATES_IO), "{name}: {source:?}");
    }
}

#[test]
fn every_dependency_is_pinned_with_its_checksum() {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let mut own = BTreeSet::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        match package.get("source").and_then(toml::Value::as_str) {
            None => drop(own.insert(name)),
            Some(source) => {
                assert_eq!(source, CRATES_IO, "{name}");
                assert_eq!(package["checksum"].as_str().map(str::len), Some(64), "{name}");
            }
        }
    }
    assert_eq!(own, BTreeSet::from([env!("CARGO_PKG_NAME")]));
}

#[test]
fn our_own_code_holds_nothing_unsafe() {
    let manifest: toml::Table =
        fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
}
