//! Generated changes of accounts as Debezium writes them: accounts come, change and go, and come
//! again; all changes of one are in one file.

use std::collections::BTreeMap;
use std::fmt::Write;

use sabot_core::{Random, SeededRandom};
use serde_json::{Value, json};

use crate::sim::SimFile;

/// Where the files of [`account_files`] lie.
pub const ACCOUNTS: &str = "s3://in/accounts";

const FILES: u64 = 5;
/// Changes of a file.
const CHANGES: u64 = 160;
/// Accounts of a file.
const KEYS: u64 = 25;

/// Five files of changes.
pub fn account_files() -> Vec<SimFile> {
    let random = SeededRandom::new(17);
    let below = |n: u64| random.next_u64() % n;
    let file = |number: u64| {
        let mut content = String::new();
        let mut rows: BTreeMap<u64, Value> = BTreeMap::new();
        for change in 0..CHANGES {
            let id = number * 100 + below(KEYS);
            let site = Some(format!("site-{}", below(6))).filter(|_| below(10) > 0);
            let after = json!({"id": id, "site": site, "amount": below(2001) as i64 - 1000});
            let record = match rows.remove(&id) {
                None => {
                    // What was there before Debezium began is read.
                    let op = if change < 20 { "r" } else { "c" };
                    rows.insert(id, after.clone());
                    json!({"before": null, "after": after, "op": op, "ts_ms": change})
                }
                Some(before) if below(3) > 0 => {
                    rows.insert(id, after.clone());
                    json!({"before": before, "after": after, "op": "u", "ts_ms": change})
                }
                Some(before) => json!({"before": before, "after": null, "op": "d"}),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(content, "{record}");
        }
        SimFile { folder: ACCOUNTS.to_string(), name: format!("{number:02}.jsonl"), content }
    };
    (0..FILES).map(file).collect()
}
