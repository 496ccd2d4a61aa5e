//! What each stage of the way to the receiver costs, on one thread:
//! `cargo bench --bench stages -- EVENTS.ndjson.gz [--template FILE] [--filter EXPRESSION] [--json]`.
//!
//! A stage's figure is its own: a stage works on what the one before it left in memory. What comes
//! behind them, delivering, is `benches/deliver.rs`.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "measure.rs"]
mod measure;

use std::fs;
use std::hint::black_box;

use measure::Measure;
use measure::show;
use serde_json::json;
use webhook_stream::events::Block;
use webhook_stream::events::Reader;
use webhook_stream::events::Settings;
use webhook_stream::filter::Filter;
use webhook_stream::ftl;
use webhook_stream::pipeline::Decision;
use webhook_stream::pipeline::Position;
use webhook_stream::pipeline::Sync;
use webhook_stream::pipeline::SyncOptions;
use webhook_stream::value::Buffers;
use webhook_stream::value::Document;

/// Blocks worked on at a time: what they hold is in a core's own caches, as in a run.
const BLOCKS: usize = 2;

fn main() {
    let (mut path, mut template, mut filter, mut json) = (None, None, None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--template" => template = arguments.next(),
            "--filter" => filter = arguments.next(),
            "--json" => json = true,
            "--bench" => {}
            other => path = Some(other.to_owned()),
        }
    }
    let Some(path) = path else {
        println!("stages: give it a file of events, as `make bench` does");
        return;
    };
    let template = template.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        ftl::Template::compile(&path, &text, &ftl::Settings::amplitude(), None).unwrap()
    });
    let filter = filter.map(|text| Filter::from_expression("filter", &text).unwrap());
    let sync = Sync::new(SyncOptions {
        template: template.clone(),
        ..SyncOptions::new("bench", "http://127.0.0.1:9/")
    })
    .unwrap();

    let mut stages = [Stage::default(); 5];
    let mut reader = Reader::open(&[&path], Settings::default()).unwrap();
    loop {
        let begun = Measure::begin();
        let mut blocks = Vec::new();
        while blocks.len() < BLOCKS
            && let Some(block) = reader.next_block()
        {
            blocks.push(block.unwrap());
        }
        stages[0].add(begun);
        if blocks.is_empty() {
            break;
        }
        let begun = Measure::begin();
        let mut count = 0;
        let mut buffers = Buffers::default();
        for line in blocks.iter().flat_map(Block::lines) {
            let event = line.unwrap().parse(std::mem::take(&mut buffers)).unwrap();
            black_box(event.root());
            buffers = event.into_buffers();
            count += 1;
        }
        stages[1].add(begun);
        let parsed: Vec<(&str, Document<'_>)> = blocks
            .iter()
            .flat_map(Block::lines)
            .map(|line| {
                let line = line.unwrap();
                (line.text(), line.parse(Buffers::default()).unwrap())
            })
            .collect();
        let begun = Measure::begin();
        let kept: Vec<&(&str, Document<'_>)> = parsed
            .iter()
            .filter(|(_, event)| {
                filter.as_ref().is_none_or(|filter| filter.matches(event.root()).unwrap())
            })
            .collect();
        stages[2].add(begun);
        stages[2].events += count;
        let begun = Measure::begin();
        for (_, event) in &kept {
            if let Some(template) = &template {
                let data = ftl::Data::event(event.root());
                black_box(template.render(data, ftl::RenderOptions::default()).unwrap());
            }
        }
        stages[3].add(begun);
        let begun = Measure::begin();
        for (number, (text, event)) in kept.iter().enumerate() {
            let position = Position::Source("bench", number as u64);
            let decision = sync.decide(event.root(), text, &position, 0);
            assert!(matches!(black_box(decision), Decision::Send { .. }));
        }
        stages[4].add(begun);
        for stage in [0, 1] {
            stages[stage].events += count;
        }
        for stage in [3, 4] {
            stages[stage].events += kept.len();
        }
        drop(kept);
        drop(parsed);
        blocks.into_iter().for_each(|block| reader.reuse(block));
    }
    let names = ["unpack and cut", "parse", "filter", "render", "render, key, id, request"];
    for (name, stage) in names.iter().zip(stages) {
        show(json, name, stage.events, (stage.wall, stage.cpu), json!({}));
    }
}

#[derive(Clone, Copy, Default)]
struct Stage {
    events: usize,
    wall: std::time::Duration,
    cpu: std::time::Duration,
}

impl Stage {
    fn add(&mut self, begun: Measure) {
        let (wall, cpu) = begun.end();
        self.wall += wall;
        self.cpu += cpu;
    }
}
