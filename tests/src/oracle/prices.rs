//! Generated prices by site, for joins with the versions that a table had: no site has two prices
//! at one time, and rows are out of order within a watermark's delay.

use std::collections::BTreeSet;
use std::fmt::Write;

use sabot_core::{Random, SeededRandom};
use serde_json::json;

use super::events::{BEGIN_MS, text_of};
use crate::sim::SimFile;

/// Where the files of [`price_files`] lie.
pub const PRICES: &str = "s3://in/prices";

/// Where those of [`csv_files`] do.
pub const CSV: &str = "s3://in/csv";

const FILES: u64 = 5;
/// Rows of a file.
const ROWS: u64 = 150;
/// From one row of a file to the next, before rows are mixed up.
const STEP_MS: u64 = 800;
/// Rows come at most so much too late.
const DISORDER_MS: u64 = 4000;

/// Five files of prices over the two minutes of the events.
pub fn price_files() -> Vec<SimFile> {
    let random = SeededRandom::new(11);
    let mut taken = BTreeSet::new();
    let mut file = |number: u64| {
        let mut content = String::new();
        for row in 0..ROWS {
            let below = |n: u64| random.next_u64() % n;
            let site = below(14);
            let mut ms = BEGIN_MS + (row * STEP_MS + below(DISORDER_MS)) as i64;
            while !taken.insert((site, ms)) {
                ms += 1;
            }
            let mut price = json!({
                "id": number * 1000 + row, "site": format!("site-{site}"), "ts": text_of(ms),
                "amount": below(2001) as i64 - 1000
            });
            match below(12) {
                0 => price["site"] = serde_json::Value::Null,
                1 => price["amount"] = serde_json::Value::Null,
                _ => {}
            }
            // Writing to a String cannot fail.
            let _ = writeln!(content, "{price}");
        }
        SimFile { folder: PRICES.to_string(), name: format!("{number:02}.jsonl"), content }
    };
    (0..FILES).map(&mut file).collect()
}

/// The same prices as CSV, each with a note of several lines; NULL is `-`.
pub fn csv_files() -> Vec<SimFile> {
    let csv = |file: SimFile| {
        let mut content = "# id,note,site,amount,ts\n".to_owned();
        for line in file.content.lines() {
            let price: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let text = |name: &str| price[name].as_str().unwrap_or("-").to_owned();
            let (id, site, ts) = (&price["id"], text("site"), text("ts"));
            let amount = price["amount"].as_i64().map_or("-".to_owned(), |n| n.to_string());
            let _ = writeln!(content, "{id},\"{id},\n\"\"{site}\"\"\n\",{site},{amount},{ts}");
        }
        SimFile { folder: CSV.to_owned(), name: file.name.replace("jsonl", "csv"), content }
    };
    price_files().into_iter().map(csv).collect()
}
