//! Generated events as JSON lines: NULLs, fields that are left out, skewed keys, a key of NULLs
//! only, and rows that are out of order within a watermark's delay.

use std::fmt::Write;

use sabot_core::{Random, SeededRandom};
use serde_json::{Value, json};

use crate::sim::SimFile;

/// Where the files of [`event_files`] lie.
pub const EVENTS: &str = "s3://in/events";

const FILES: u64 = 12;
/// Rows of the longest file; each is a little shorter than the one before.
const ROWS: u64 = 560;
/// Rows by which a file is shorter than the one before.
const SHORTER: u64 = 10;
/// From the first event on: the begin of a minute.
pub(super) const BEGIN_MS: i64 = 1_700_000_040_000;
/// From one row of a file to the next, before rows are mixed up.
const STEP_MS: u64 = 200;
/// Rows come at most so much too late.
const DISORDER_MS: u64 = 4900;

/// Twelve files of events over two minutes, each with rows from begin to end.
pub fn event_files() -> Vec<SimFile> {
    let random = SeededRandom::new(7);
    let file = |number| {
        let mut lines = String::new();
        for row in 0..ROWS - SHORTER * number {
            let id = number * ROWS + row;
            let at = row * STEP_MS + random.next_u64() % DISORDER_MS;
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{}", event(id, BEGIN_MS + at as i64, &random));
        }
        SimFile { folder: EVENTS.to_string(), name: format!("{number:02}.jsonl"), content: lines }
    };
    (0..FILES).map(file).collect()
}

/// One event. Floats are multiples of 1/8, so that their sums do not depend on an order.
fn event(id: u64, ms: i64, random: &SeededRandom) -> Value {
    let below = |n: u64| random.next_u64() % n;
    let mut event = json!({"id": id, "ms": ms, "ts": text_of(ms)});
    let mut set = |name: &str, nulls: u64, value: Value| match below(nulls) {
        0 => event[name] = Value::Null,
        // Left out.
        1 => {}
        _ => event[name] = value,
    };
    let kind = ["view", "view", "click", "buy", "Return", "void"][below(6) as usize];
    set("kind", 12, json!(kind));
    // Every second row has the same key.
    let site = if below(2) == 0 { 0 } else { below(40) };
    set("site", 30, json!(format!("site-{site}")));
    set("note", 6, json!(["", " a b ", "ä€x", "x,y,,z", "17", "1.5"][below(6) as usize]));
    set("ok", 8, json!(below(3) == 0));
    set("born", 8, json!(format!("2024-02-{:02}", 26 + below(4))));
    if kind != "void" {
        set("small", 6, json!(below(1 << 32) as i64 - (1 << 31)));
        set("amount", 6, json!(below(2001) as i64 - 1000));
        set("ratio", 6, json!((below(8001) as f64 - 4000.0) / 8.0));
        set("fee", 6, json!(f64::from(below(20_001) as u32) / 100.0 - 100.0));
    }
    add_parts(&mut event, &SeededRandom::new(id));
    event
}

/// An array of numbers, one of rows, and the same rows as a map: NULL, empty, or up to five.
fn add_parts(event: &mut Value, random: &SeededRandom) {
    let below = |n: u64| random.next_u64() % n;
    let number = || if below(6) == 0 { Value::Null } else { json!(below(9)) };
    match below(7) {
        0 => event["tags"] = Value::Null,
        1 => {}
        _ => event["tags"] = (0..below(6)).map(|_| number()).collect(),
    }
    if below(7) == 0 {
        return;
    }
    let (mut items, mut labels) = (Vec::new(), serde_json::Map::new());
    for name in ["a", "b", "ä", "d e", ""] {
        match below(4) {
            0 => {
                let n = number();
                items.push(json!({"name": name, "n": n, "day": "2024-02-29"}));
                labels.insert(name.to_owned(), n);
            }
            1 if below(4) == 0 => items.push(Value::Null),
            _ => {}
        }
    }
    event["items"] = items.into();
    event["labels"] = labels.into();
}

/// `yyyy-MM-dd HH:mm:ss.SSS`, of a time on one of two days.
pub(super) fn text_of(ms: i64) -> String {
    // 2023-11-14 00:00:00.
    let of_day = ms - 1_699_920_000_000;
    let (day, of_day) = (14 + of_day / 86_400_000, of_day % 86_400_000);
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("2023-11-{day} {hour:02}:{minute:02}:{second:02}.{millis:03}")
}
