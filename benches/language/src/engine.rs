//! `webhook_stream` itself.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use webhook_stream::ftl::Data;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::value::Buffers;
use webhook_stream::value::Document;

use crate::Contender;
use crate::Result;
use crate::event_lines;
use crate::read;

/// A compiled template, and events as text and as documents.
pub struct Engine {
    template: Template,
    texts: &'static [String],
    documents: Vec<Document<'static>>,
    buffers: Buffers,
}

impl Engine {
    /// The engine with a workload.
    pub fn open(folder: &Path, events: &Path, workload: &str) -> Result<Self> {
        let file = format!("{workload}.ftl");
        let text = read(&folder.join("templates"), &file)?;
        let template = Template::compile(&file, &text, &Settings::freemarker(), None)?;
        // Kept until the process ends, as the documents borrow from them.
        let texts: &[String] = event_lines(events, workload)?.leak();
        let documents = texts
            .iter()
            .map(|text| Document::parse(text))
            .collect::<std::result::Result<_, _>>()?;
        Ok(Self { template, texts, documents, buffers: Buffers::default() })
    }

    fn write(&self, document: &Document<'_>, out: &mut Vec<u8>) {
        let mut text = String::from_utf8(std::mem::take(out)).expect("the harness gives it empty");
        let rendered = self.template.render_into(
            Data::event(document.root()),
            RenderOptions::default(),
            &mut text,
        );
        rendered.unwrap_or_else(|error| panic!("{error}"));
        *out = text.into_bytes();
    }
}

impl Contender for Engine {
    fn events(&self) -> usize {
        self.texts.len()
    }

    fn render(&mut self, event: usize, out: &mut Vec<u8>) {
        self.write(&self.documents[event], out);
    }

    fn parse_and_render(&mut self, event: usize, out: &mut Vec<u8>) {
        // Events arrive as bytes: that they are UTF-8 is checked here as it is in a pipeline.
        let text = str::from_utf8(self.texts[event].as_bytes()).expect("events are UTF-8");
        let document = Document::parse_with(text, std::mem::take(&mut self.buffers));
        let document = document.unwrap_or_else(|(error, _)| panic!("{error}"));
        self.write(&document, out);
        self.buffers = document.into_buffers();
    }

    fn render_on_threads(&mut self, threads: usize, span: Duration) -> u64 {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut out, mut renders) = (Vec::new(), 0);
                        while !stop.load(Ordering::Relaxed) {
                            for document in &self.documents {
                                out.clear();
                                self.write(document, &mut out);
                            }
                            renders += self.documents.len() as u64;
                        }
                        renders
                    })
                })
                .collect();
            thread::sleep(span);
            stop.store(true, Ordering::Relaxed);
            workers
                .into_iter()
                .map(|worker| worker.join().expect("a worker renders to the end"))
                .sum()
        })
    }
}
