//! How fast events are read and filtered, one thread: `cargo bench --bench read`.
//!
//! The events are made here, in the shape of an export's; `WEBHOOK_STREAM_EVENTS=file.ndjson.gz`
//! reads others instead.
#![expect(clippy::unwrap_used, reason = "a bench that can't run shall stop")]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use flate2::Compression;
use flate2::write::GzEncoder;
use webhook_stream::events::{Block, Reader, Settings};
use webhook_stream::filter::Filter;
use webhook_stream::value::Buffers;

const EVENTS: usize = 20_000;

fn main() {
    divan::main();
}

/// The events as a gzip file, and what it holds.
struct Sample {
    path: String,
    plain: String,
    blocks: Vec<Block>,
    events: usize,
    bytes: usize,
}

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = std::env::var("WEBHOOK_STREAM_EVENTS").unwrap_or_else(|_| {
            let path = folder.join("events.ndjson.gz");
            let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::new(6));
            encoder.write_all(lines().as_bytes()).unwrap();
            encoder.finish().unwrap();
            path.display().to_string()
        });
        let reader = Reader::open(&[&path], Settings::default()).unwrap();
        let blocks: Vec<Block> = reader.map(Result::unwrap).collect();
        let plain = folder.join("events.ndjson");
        let mut file = fs::File::create(&plain).unwrap();
        for line in blocks.iter().flat_map(Block::lines) {
            writeln!(file, "{}", line.unwrap().text()).unwrap();
        }
        let events = blocks.iter().map(|block| block.lines().count()).sum();
        let bytes = blocks.iter().map(Block::len).sum();
        Sample { path, plain: plain.display().to_string(), blocks, events, bytes }
    })
}

/// Lines of the size and shape of an export's.
fn lines() -> String {
    let mut dice = fastrand::Rng::with_seed(1);
    let mut text = String::new();
    for number in 0..EVENTS {
        let user = dice.u32(..50_000);
        let (one, other, price) =
            (dice.u128(..), dice.u128(..), f64::from(dice.u32(..30_000)) / 100.0);
        let event_type = ["Login", "click event", "Order Completed"][number % 3];
        write!(
            text,
            r#"{{"$insert_id":"{one:032x}","$insert_key":null,"$schema":null,"adid":null,"amplitude_attribution_ids":null,"amplitude_event_type":null,"amplitude_id":{},"app":636686,"city":"München","client_event_time":"2024-03-01 20:07:{:02}.{:06}","client_upload_time":"2024-03-01 20:07:02.123456","country":"Germany","data":{{"path":"/2/httpapi","group_first_event":{{}},"group_ids":{{}}}},"data_type":"event","device_brand":"Apple","device_carrier":null,"device_family":"Apple iPhone","device_id":"{:08X}-0000-4000-8000-{user:012X}","device_manufacturer":"Apple","device_model":"iPhone15,2","device_type":"Apple iPhone 14 Pro","dma":null,"event_id":{number},"event_properties":{{"[Amplitude] Page Path":"/shop/hats/{user}","price":{price},"quantity":{},"discount":true,"category":"home \"decor\"","coupon":null,"experiment":{{"key":"checkout_v2","variant":"treatment"}}}},"event_time":"2024-03-01 20:07:01.234567","event_type":"{event_type}","global_user_properties":null,"group_properties":{{}},"groups":{{"company":["org {}"]}},"idfa":null,"ip_address":"203.0.113.{}","is_attribution_event":null,"language":"German","library":"amplitude-swift/1.4.3","location_lat":48.1,"location_lng":11.5,"os_name":"ios","os_version":"17.4","partner_id":null,"paying":null,"plan":{{}},"platform":"iOS","processed_time":"2024-03-01 20:07:04.000001","region":"Bavaria","sample_rate":null,"server_received_time":"2024-03-01 20:07:02.500000","server_upload_time":"2024-03-01 20:07:03.100000","session_id":17093236{:05},"source_id":null,"start_version":"1.0.0","user_creation_time":"2021-03-04 05:06:07.000000","user_id":"usr_{user:08}","user_properties":{{"plan":"{}","age":{},"cohorts":["newsletter","beta"],"first name":"Ana-María {user}","email":"user{user}@example.com"}},"uuid":"{other:032x}","version_name":"4.12.1"}}"#,
            1_238_554_000_000_u64 + u64::from(user),
            number % 60,
            dice.u32(..1_000_000),
            user.wrapping_mul(2_654_435_761),
            dice.u32(1..6),
            user % 997,
            user % 256,
            dice.u32(..100_000),
            ["free", "pro", "team"][user as usize % 3],
            18 + user % 60,
        )
        .unwrap();
        text.push('\n');
    }
    text
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(sample().events))
}

fn read(path: &str, mut each: impl FnMut(&Block)) {
    let mut reader = Reader::open(&[path], Settings::default()).unwrap();
    while let Some(block) = reader.next_block() {
        let block = block.unwrap();
        each(&block);
        reader.reuse(block);
    }
}

fn parse(block: &Block, buffers: &mut Buffers, filter: Option<&Filter>) {
    for line in block.lines() {
        let event = line.unwrap().parse(std::mem::take(buffers)).unwrap();
        if let Some(filter) = filter {
            black_box(filter.matches(event.root()).unwrap());
        }
        *buffers = event.into_buffers();
    }
}

/// Stage 1 alone: gunzip, and the cut into blocks.
#[divan::bench]
fn stage_1_of_gz(bencher: Bencher<'_, '_>) {
    counted(bencher).counter(BytesCount::new(sample().bytes)).bench(|| {
        read(&sample().path, |block| {
            black_box(block.len());
        });
    });
}

/// Stage 1 of a file that is not packed.
#[divan::bench]
fn stage_1_of_ndjson(bencher: Bencher<'_, '_>) {
    counted(bencher).counter(BytesCount::new(sample().bytes)).bench(|| {
        read(&sample().plain, |block| {
            black_box(block.len());
        });
    });
}

/// The start of stage 2: lines and their check for UTF-8.
#[divan::bench]
fn stage_2_lines(bencher: Bencher<'_, '_>) {
    counted(bencher).bench(|| sample().blocks.iter().flat_map(Block::lines).count());
}

/// Stage 2: lines, and the JSON in them.
#[divan::bench]
fn stage_2_parse(bencher: Bencher<'_, '_>) {
    let mut buffers = Buffers::default();
    counted(bencher).bench_local(|| {
        sample().blocks.iter().for_each(|block| parse(block, &mut buffers, None));
    });
}

/// The same lines to trees of `serde_json`, for comparison.
#[divan::bench]
fn stage_2_trees_of_serde_json(bencher: Bencher<'_, '_>) {
    counted(bencher).bench_local(|| {
        for line in sample().blocks.iter().flat_map(Block::lines) {
            let tree: serde_json::Value = serde_json::from_str(line.unwrap().text()).unwrap();
            black_box(&tree);
        }
    });
}

const FILTER: &str = r#"{"event_type": "click event", "filters": [
    {"subprop_type": "user", "subprop_key": "gp:plan", "subprop_op": "is", "subprop_value": ["pro", "team"]},
    {"subprop_type": "event", "subprop_key": "[Amplitude] Page Path", "subprop_op": "contains", "subprop_value": ["HATS"]},
    {"subprop_type": "event", "subprop_key": "quantity", "subprop_op": "greater", "subprop_value": ["1"]}]}"#;

/// Stage 2 with a filter of four conditions.
#[divan::bench]
fn stage_2_parse_and_filter(bencher: Bencher<'_, '_>) {
    let filter = Filter::from_json("filter.json", FILTER).unwrap();
    let mut buffers = Buffers::default();
    counted(bencher).bench_local(|| {
        sample().blocks.iter().for_each(|block| parse(block, &mut buffers, Some(&filter)));
    });
}

/// Both stages on one thread, from gzip.
#[divan::bench]
fn read_and_parse_gz(bencher: Bencher<'_, '_>) {
    let mut buffers = Buffers::default();
    counted(bencher).bench_local(|| read(&sample().path, |block| parse(block, &mut buffers, None)));
}
