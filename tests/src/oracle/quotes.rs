//! Generated changes with times, as Debezium writes them: quotes, which are versions by site, and
//! orders, which change and go after they were answered.

use std::collections::BTreeMap;
use std::fmt::Write;

use sabot_core::{Random, SeededRandom};
use serde_json::{Value, json};

use super::events::{BEGIN_MS, text_of};
use crate::sim::SimFile;

/// Where the files of [`quote_files`] lie.
pub const QUOTES: &str = "s3://in/quotes";
/// Where those of [`order_files`] do.
pub const ORDERS: &str = "s3://in/orders";

const FILES: u64 = 4;
/// Changes of a file.
const CHANGES: u64 = 500;
/// Sites of a file of quotes.
const SITES: u64 = 3;
/// Orders of a file that can be there at once.
const OPEN: u64 = 40;
/// From one change of a file to the next.
const STEP_MS: u64 = 240;

/// Four files of quotes by site. Before a quote goes it gets the time at which it does.
pub fn quote_files() -> Vec<SimFile> {
    let random = SeededRandom::new(23);
    let below = |n: u64| random.next_u64() % n;
    let file = |number: u64| {
        let mut content = String::new();
        let mut rows: BTreeMap<u64, Value> = BTreeMap::new();
        for change in 0..CHANGES {
            let site = number * SITES + below(SITES);
            let after = json!({
                "id": number * 1000 + change, "site": format!("site-{site}"),
                "ts": text_of(BEGIN_MS + (change * STEP_MS + below(STEP_MS)) as i64),
                "amount": below(2001) as i64 - 1000
            });
            match rows.remove(&site) {
                None => push(&mut content, "c", &Value::Null, &after),
                Some(before) => {
                    push(&mut content, "u", &before, &after);
                    if below(4) == 0 {
                        push(&mut content, "d", &after, &Value::Null);
                        continue;
                    }
                }
            }
            rows.insert(site, after);
        }
        SimFile { folder: QUOTES.to_owned(), name: format!("{number:02}.jsonl"), content }
    };
    (0..FILES).map(file).collect()
}

/// Four files of orders; one that changes gets the time at which it does, one that goes does not.
pub fn order_files() -> Vec<SimFile> {
    let random = SeededRandom::new(29);
    let below = |n: u64| random.next_u64() % n;
    let file = |number: u64| {
        let mut content = String::new();
        let mut rows: BTreeMap<u64, Value> = BTreeMap::new();
        for change in 0..CHANGES {
            let id = number * 100 + below(OPEN);
            let site = Some(format!("site-{}", below(14))).filter(|_| below(12) > 0);
            let after = json!({
                "id": id, "site": site, "amount": below(2001) as i64 - 1000,
                "ts": text_of(BEGIN_MS + (change * STEP_MS + below(STEP_MS)) as i64)
            });
            match rows.remove(&id) {
                None => push(&mut content, "c", &Value::Null, &after),
                Some(before) if below(3) == 0 => {
                    push(&mut content, "d", &before, &Value::Null);
                    continue;
                }
                Some(before) => push(&mut content, "u", &before, &after),
            }
            rows.insert(id, after);
        }
        SimFile { folder: ORDERS.to_owned(), name: format!("{number:02}.jsonl"), content }
    };
    (0..FILES).map(file).collect()
}

fn push(content: &mut String, op: &str, before: &Value, after: &Value) {
    // Writing to a String cannot fail.
    let _ = writeln!(content, "{}", json!({"before": before, "after": after, "op": op}));
}
