//! What a job has to have written, computed without the engine, and what it has written.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use sabot_connectors::open_source;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{JobPlan, NodeKind};
use sabot_core::{Doorbell, SeededRandom, SourceContext, SourcePoll};
use serde_json::Value;

use super::env::{SimStores, StoreFaults, clock, process_env};

/// The windows' size.
const WINDOW_MS: i64 = 10_000;

/// How a simulation ended.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that happened.
    pub log: String,
    /// The visible rows of each sink's folder, sorted by their text.
    pub rows: BTreeMap<String, Vec<Value>>,
    /// Rows that were dropped as late, in all processes.
    pub rows_late: u64,
    /// Why the outcome is wrong, apart from the rows.
    pub faults: Vec<String>,
}

/// What [`super::SimJob::counts`] has to write, straight from the generator, without any of the
/// engine: sorted lines `auction window-start count total`.
pub async fn expected(plan: &JobPlan) -> Vec<String> {
    let NodeKind::Source(desc) = &plan.nodes[0].kind else {
        unreachable!("the first node of the simulated job is its source")
    };
    let random = Arc::new(SeededRandom::new(0));
    let stores =
        SimStores::new(Arc::clone(&random), StoreFaults { per_mille: 0, conditional: true });
    let (_, env) = process_env(&stores, &random, &clock());
    let mut options = (*desc.options).clone();
    options.remove("rows-per-second");
    let mut source = open_source(SourceContext {
        uid: plan.nodes[0].uid.clone(),
        table: desc.table.clone(),
        options: Arc::new(options),
        schema: Arc::clone(&desc.physical_schema),
        filter: desc.filter.clone(),
        subtask: 0,
        parallelism: 1,
        restored: Arc::default(),
        max_batch_rows: 1000,
        doorbell: Doorbell::new(),
        metrics: Arc::new(OperatorMetrics::default()),
        env,
    })
    .await
    .expect("the generator opens");
    let mut windows: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
    loop {
        match source.poll(1000).expect("the generator generates") {
            SourcePoll::Batch { rows, .. } => count(&rows, &mut windows),
            SourcePoll::Finished => break,
            SourcePoll::Pending | SourcePoll::SplitFinished(_) => {}
        }
    }
    let line = |((auction, start), (count, total)): (&(i64, i64), &(i64, i64))| {
        format!("{auction} {start} {count} {total}")
    };
    let mut lines: Vec<String> = windows.iter().map(line).collect();
    lines.sort();
    lines
}

fn count(rows: &RecordBatch, windows: &mut BTreeMap<(i64, i64), (i64, i64)>) {
    let column = |name: &str| rows.column_by_name(name).expect("the plan has the column");
    let auctions = column("auction").as_primitive::<Int64Type>();
    let prices = column("price").as_primitive::<Int64Type>();
    let times = column("dateTime").as_primitive::<TimestampMillisecondType>();
    for row in 0..rows.num_rows() {
        let start = times.value(row).div_euclid(WINDOW_MS) * WINDOW_MS;
        let entry = windows.entry((auctions.value(row), start)).or_default();
        entry.0 += 1;
        entry.1 += prices.value(row);
    }
}

/// The visible output in `uri` as JSON objects, with the texts that folders such as `dt=2024-01-01`
/// stand for, sorted by their text; and the names of what should not be there.
pub(crate) async fn written(stores: &SimStores, uri: &str) -> (Vec<Value>, Vec<String>) {
    let store = stores.plain(uri).await.expect("memory opens");
    let mut rows = Vec::new();
    let mut hidden = Vec::new();
    for object in store.list("").await.expect("memory lists") {
        if object.key.split('/').any(|part| part.starts_with('.') || part.starts_with('_')) {
            hidden.push(format!("hidden output was left: {uri}/{}", object.key));
            continue;
        }
        let content = store.get(&object.key).await.expect("memory reads").bytes;
        for line in String::from_utf8_lossy(&content).lines() {
            let mut row: Value = serde_json::from_str(line).expect("the sink writes JSON");
            for (column, value) in object.key.split('/').filter_map(|part| part.split_once('=')) {
                row[unescaped(column)] = match value {
                    "__DEFAULT_PARTITION__" => Value::Null,
                    text => Value::String(unescaped(text)),
                };
            }
            rows.push(row);
        }
    }
    rows.sort_by_cached_key(Value::to_string);
    (rows, hidden)
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = u8::from_str_radix(&part[..2], 16).expect("two hex digits follow");
        plain.push(char::from(code));
        plain.push_str(&part[2..]);
    }
    plain
}
