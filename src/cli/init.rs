//! `init`: a commented `syncs.toml` with a template and its test, to begin with.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;

use crate::cli::Failure;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Init;

/// The files and what is in them.
const FILES: [(&str, &str); 3] = [
    ("syncs.toml", include_str!("init/syncs.toml")),
    ("payload.ftl", include_str!("init/payload.ftl")),
    ("payload.ftltest.yaml", include_str!("init/payload.ftltest.yaml")),
];

/// Runs the command. Writes all files or none, and never over one that is there.
pub(in crate::cli) fn init(arguments: &Init, world: &mut World<'_>) -> Result<u8, Failure> {
    let folder = &arguments.folder;
    let cannot = |what: &str, error: &io::Error| {
        Failure::Io(format!("{}: {what}: {error}", folder.display()))
    };
    fs::create_dir_all(folder).map_err(|error| cannot("can't be made", &error))?;
    let there: Vec<&str> = FILES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| folder.join(name).symlink_metadata().is_ok())
        .collect();
    if !there.is_empty() {
        return Err(Failure::Io(format!(
            "{}: expected none of the files to be there, found {}\n  \
             = hint: nothing was written; name another folder: webhook-stream init FOLDER",
            folder.display(),
            there.join(", ")
        )));
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| cannot(&format!("{name} can't be written"), &error))?;
        writeln!(world.out, "{}", path.display())?;
    }
    let shown = |name: &str| folder.join(name).display().to_string();
    let syncs = shown("syncs.toml");
    writeln!(world.err, "next:")?;
    writeln!(world.err, "  webhook-stream check {syncs}")?;
    writeln!(world.err, "  webhook-stream test {}", shown("payload.ftltest.yaml"))?;
    writeln!(world.err, "  webhook-stream receive &                 # a receiver on this machine")?;
    writeln!(world.err, "  webhook-stream run {syncs} EVENTS")?;
    Ok(OK)
}
