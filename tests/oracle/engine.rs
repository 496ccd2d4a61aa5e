//! The engine's answers.

use std::panic;
use std::sync::Arc;

use serde_json::Value as Json;
use webhook_stream::ftl::Data;
use webhook_stream::ftl::Library;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::ftl::TemplateError;
use webhook_stream::value::Document;

use crate::request::Answer;
use crate::request::NOW_MILLIS;
use crate::request::Request;

/// What the engine gives. A panic is an answer too: one that FreeMarker never agrees with.
pub(crate) fn ask(request: &Request) -> Answer {
    let answer = panic::catch_unwind(|| render(request));
    answer.unwrap_or_else(|_| error("panic", "panic", "the engine panicked".to_owned(), None))
}

fn render(request: &Request) -> Answer {
    let mut settings = Settings::freemarker();
    for (name, value) in &request.settings {
        if let Err(found) = settings.set(name, value) {
            return error("settings", "settings", found.to_string(), None);
        }
    }
    let library = Arc::new(Library::new(request.templates.clone()));
    let template = Template::compile(&request.name, &request.template, &settings, Some(library));
    let template = match template {
        Ok(template) => template,
        Err(found) => return error("parse", found.kind().name(), found.to_string(), Some(&found)),
    };
    let data = Json::Object(request.data.clone()).to_string();
    let document = match Document::parse(&data) {
        Ok(document) => document,
        Err(found) => return error("data", "data", found.to_string(), None),
    };
    let options = RenderOptions { now_millis: NOW_MILLIS };
    match template.render(Data::variables(document.root()), options) {
        Ok(output) => Answer::Output(output),
        Err(found) => error("render", found.kind().name(), found.to_string(), Some(&found)),
    }
}

fn error(phase: &str, kind: &str, message: String, found: Option<&TemplateError>) -> Answer {
    let position = found.map(TemplateError::position);
    Answer::Error {
        phase: phase.to_owned(),
        kind: kind.to_owned(),
        message,
        line: position.map_or(0, |position| position.line),
        column: position.map_or(0, |position| position.column),
    }
}
