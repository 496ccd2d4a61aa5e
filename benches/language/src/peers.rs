//! minijinja and handlebars, each as its documentation says to use it for speed.

use std::path::Path;

use handlebars::Handlebars;
use jiff::civil::DateTime;
use minijinja::Environment;
use minijinja::ErrorKind;
use minijinja::context;
use minijinja::syntax::SyntaxConfig;

use crate::Contender;
use crate::Result;
use crate::event_lines;
use crate::read;

/// An engine by its name.
pub fn open(
    engine: &str,
    folder: &Path,
    events: &Path,
    workload: &str,
) -> Result<Box<dyn Contender>> {
    let templates = folder.join("templates");
    let texts = event_lines(events, workload)?;
    Ok(match engine {
        "minijinja" => Box::new(Minijinja::open(&templates, texts, workload)?),
        "handlebars" => Box::new(InHandlebars::open(&templates, texts, workload)?),
        other => return Err(format!("unknown engine {other}").into()),
    })
}

struct Minijinja {
    template: minijinja::Template<'static, 'static>,
    texts: Vec<String>,
    models: Vec<minijinja::Value>,
}

impl Minijinja {
    fn open(templates: &Path, texts: Vec<String>, workload: &str) -> Result<Self> {
        // Kept until the process ends, as the template borrows from them.
        let text = Box::leak(read(templates, &format!("{workload}.jinja"))?.into_boxed_str());
        let environment = Box::leak(Box::new(Environment::new()));
        let mut syntax = SyntaxConfig::builder();
        environment.set_syntax(syntax.trim_blocks(true).lstrip_blocks(true).build()?);
        environment.add_filter("json_string", |text: &str| {
            let mut quoted = serde_json::to_string(text).unwrap_or_default();
            quoted.pop();
            quoted.split_off(1)
        });
        environment.add_filter("parse_time", |text: &str, pattern: &str| {
            let time = DateTime::strptime(pattern, text).map_err(wrong)?;
            Ok::<_, minijinja::Error>(minijinja::Value::from_object(Time(time)))
        });
        environment.add_filter("decimals", |value: f64| format!("{value:.2}"));
        environment.add_template("w", text)?;
        let environment: &'static Environment<'static> = environment;
        let template = environment.get_template("w")?;
        let models = texts.iter().map(|text| Self::model(text)).collect::<Result<_>>()?;
        Ok(Self { template, texts, models })
    }

    fn model(text: &str) -> Result<minijinja::Value> {
        let input: minijinja::Value = serde_json::from_slice(text.as_bytes())?;
        Ok(context! { input })
    }
}

fn wrong(error: jiff::Error) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string())
}

/// A time that templates print by `time.format(pattern)`.
#[derive(Debug)]
struct Time(DateTime);

impl minijinja::value::Object for Time {
    fn call_method(
        self: &std::sync::Arc<Self>,
        _: &mut minijinja::State<'_, '_>,
        method: &str,
        arguments: &[minijinja::Value],
    ) -> std::result::Result<minijinja::Value, minijinja::Error> {
        match (method, arguments) {
            ("strftime", [pattern]) => {
                let pattern = pattern.as_str().unwrap_or_default();
                Ok(minijinja::Value::from(self.0.strftime(pattern).to_string()))
            }
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }
}

impl Contender for Minijinja {
    fn events(&self) -> usize {
        self.texts.len()
    }

    fn render(&mut self, event: usize, out: &mut Vec<u8>) {
        let text = self.template.render(&self.models[event]);
        *out = text.unwrap_or_else(|error| panic!("{error:#}")).into_bytes();
    }

    fn parse_and_render(&mut self, event: usize, out: &mut Vec<u8>) {
        let model = Self::model(&self.texts[event]).unwrap_or_else(|error| panic!("{error}"));
        let text = self.template.render(model);
        *out = text.unwrap_or_else(|error| panic!("{error:#}")).into_bytes();
    }
}

struct InHandlebars {
    registry: Handlebars<'static>,
    texts: Vec<String>,
    models: Vec<handlebars::Context>,
}

impl InHandlebars {
    fn open(templates: &Path, texts: Vec<String>, workload: &str) -> Result<Self> {
        let mut registry = Handlebars::new();
        registry.register_escape_fn(handlebars::no_escape);
        registry.register_template_string("w", read(templates, &format!("{workload}.hbs"))?)?;
        let models = texts.iter().map(|text| Self::model(text)).collect::<Result<_>>()?;
        Ok(Self { registry, texts, models })
    }

    fn model(text: &str) -> Result<handlebars::Context> {
        let mut root = serde_json::Map::new();
        root.insert("input".to_owned(), serde_json::from_slice(text.as_bytes())?);
        Ok(handlebars::Context::from(serde_json::Value::Object(root)))
    }

    fn write(&self, model: &handlebars::Context, out: &mut Vec<u8>) {
        let text = self.registry.render_with_context("w", model);
        *out = text.unwrap_or_else(|error| panic!("{error}")).into_bytes();
    }
}

impl Contender for InHandlebars {
    fn events(&self) -> usize {
        self.texts.len()
    }

    fn render(&mut self, event: usize, out: &mut Vec<u8>) {
        self.write(&self.models[event], out);
    }

    fn parse_and_render(&mut self, event: usize, out: &mut Vec<u8>) {
        let model = Self::model(&self.texts[event]).unwrap_or_else(|error| panic!("{error}"));
        self.write(&model, out);
    }
}
