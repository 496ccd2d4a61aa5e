//! `render`: a template to standard output.

use std::fs;
use std::io::Read as _;

use crate::cli::Failure;
use crate::cli::OK;
use crate::cli::World;
use crate::cli::arguments::Render;
use crate::delivery::clock::Clock as _;
use crate::delivery::clock::SystemClock;
use crate::ftl::Data;
use crate::ftl::RenderOptions;
use crate::ftl::Settings;
use crate::ftl::Template;
use crate::value::Document;

/// Runs the command.
pub(in crate::cli) fn render(arguments: &Render, world: &mut World<'_>) -> Result<u8, Failure> {
    let path = &arguments.template;
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::Io(format!("{} can't be read: {error}", path.display())))?;
    let template =
        Template::compile(&path.display().to_string(), &text, &Settings::amplitude(), None)?;
    let data = match arguments.event.as_ref().or(arguments.data.as_ref()) {
        Some(path) => read_event(path)?,
        None => "{}".to_owned(),
    };
    let document = parse(&data)?;
    let data = match &arguments.data {
        Some(_) => Data::variables(document.root()),
        None => Data::event(document.root()),
    };
    let options = RenderOptions { now_millis: SystemClock::new().wall().as_millis() };
    let rendered = template.render(data, options)?;
    world.out.write_all(rendered.as_bytes())?;
    Ok(OK)
}

/// The text of a file with one event; `-` is standard input.
pub(in crate::cli) fn read_event(path: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == "-" {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        fs::read_to_string(path).map(|read| text = read)
    };
    match read {
        Ok(()) => Ok(text.trim().to_owned()),
        Err(error) => Err(Failure::Io(format!("{path} can't be read: {error}"))),
    }
}

/// The JSON of an event.
pub(in crate::cli) fn parse(text: &str) -> Result<Document<'_>, Failure> {
    Document::parse(text).map_err(|error| Failure::Io(format!("expected a JSON event: {error}")))
}
