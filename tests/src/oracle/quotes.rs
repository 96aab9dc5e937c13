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
    files(QUOTES, 23, |number, change, changes| {
        let site = number * SITES + changes.below(SITES);
        let after = json!({
            "id": number * 1000 + change, "site": format!("site-{site}"),
            "ts": changes.time(change), "amount": changes.below(2001) as i64 - 1000
        });
        let before = changes.rows.insert(site, after.clone());
        changes.push(before.as_ref(), Some(&after));
        if before.is_some() && changes.below(4) == 0 {
            changes.rows.remove(&site);
            changes.push(Some(&after), None);
        }
    })
}

/// Four files of orders; one that changes gets the time at which it does, one that goes does not.
pub fn order_files() -> Vec<SimFile> {
    files(ORDERS, 29, |number, change, changes| {
        let id = number * 100 + changes.below(OPEN);
        let site = Some(format!("site-{}", changes.below(14))).filter(|_| changes.below(12) > 0);
        let after = json!({
            "id": id, "site": site, "amount": changes.below(2001) as i64 - 1000,
            "ts": changes.time(change)
        });
        let before = changes.rows.remove(&id);
        if before.is_some() && changes.below(3) == 0 {
            changes.push(before.as_ref(), None);
        } else {
            changes.push(before.as_ref(), Some(&after));
            changes.rows.insert(id, after);
        }
    })
}

/// The changes of a file.
struct Changes<'r> {
    random: &'r SeededRandom,
    /// The rows that are there.
    rows: BTreeMap<u64, Value>,
    content: String,
}

impl Changes<'_> {
    fn below(&self, n: u64) -> u64 {
        self.random.next_u64() % n
    }

    /// A time at the file's change of this number.
    fn time(&self, change: u64) -> String {
        text_of(BEGIN_MS + (change * STEP_MS + self.below(STEP_MS)) as i64)
    }

    fn push(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let op = match (before, after) {
            (None, _) => "c",
            (Some(_), Some(_)) => "u",
            (Some(_), None) => "d",
        };
        let record = json!({"before": before, "after": after, "op": op});
        // Writing to a String cannot fail.
        let _ = writeln!(self.content, "{record}");
    }
}

/// Files of what `change` adds, given the file's number and its own.
fn files(folder: &str, seed: u64, change: impl Fn(u64, u64, &mut Changes<'_>)) -> Vec<SimFile> {
    let random = SeededRandom::new(seed);
    let file = |number: u64| {
        let (rows, content) = (BTreeMap::new(), String::new());
        let mut changes = Changes { random: &random, rows, content };
        (0..CHANGES).for_each(|at| change(number, at, &mut changes));
        let content = changes.content;
        SimFile { folder: folder.to_owned(), name: format!("{number:02}.jsonl"), content }
    };
    (0..FILES).map(file).collect()
}
