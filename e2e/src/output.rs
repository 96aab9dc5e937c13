//! Reads what a job has made visible, and compares it with what must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use sabot_core::store::{ObjectMeta, ObjectStore};
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::expect::{Cell, Tally, WINDOW_MS, millis_of};
use crate::failure::{Failure, Outcome, ensure};
use crate::world::now_ms;

/// Objects that are read at a time.
const READS: usize = 8;
/// Between two looks of the watch.
const LOOK: Duration = Duration::from_millis(50);
/// Differences that a message lists.
const SHOWN: usize = 8;

/// A row as the job writes it.
#[derive(Debug, Deserialize)]
struct Row {
    key: i64,
    window_start: String,
    window_end: String,
    cnt: i64,
    total: i64,
    /// The column that a later version adds.
    mean: Option<i64>,
}

/// The visible output of a job; objects that were read are not read again.
pub(crate) struct Output {
    store: Arc<dyn ObjectStore>,
    read: BTreeMap<String, Vec<Line>>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    cell: Cell,
    tally: Tally,
    has_mean: bool,
}

impl Output {
    /// The output below `store`.
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, read: BTreeMap::new() }
    }

    /// Looks for new objects; the number of rows that are visible now.
    pub(crate) async fn refresh(&mut self) -> Outcome<usize> {
        let objects = visible(&self.store).await?;
        let new: Vec<String> = objects
            .iter()
            .filter(|object| !self.read.contains_key(&object.key))
            .map(|object| object.key.clone())
            .collect();
        let store = &self.store;
        let read: Vec<(String, Vec<Line>)> = stream::iter(new)
            .map(|key| async move {
                let object = store.get(&key).await?;
                let lines = parse(&key, &object.bytes)?;
                Ok::<_, Failure>((key, lines))
            })
            .buffer_unordered(READS)
            .try_collect()
            .await?;
        self.read.extend(read);
        Ok(self.rows())
    }

    /// Visible rows as of the last look.
    pub(crate) fn rows(&self) -> usize {
        self.read.values().map(Vec::len).sum()
    }

    /// Rows that carry the column of the second version.
    pub(crate) fn rows_with_mean(&self) -> usize {
        self.read.values().flatten().filter(|line| line.has_mean).count()
    }

    /// Records that the visible rows count.
    pub(crate) fn records(&self) -> i64 {
        self.read.values().flatten().map(|line| line.tally.count).sum()
    }

    /// Compares with what must be there: each cell once, with its count and total, and no other.
    pub(crate) fn compare(&self, expected: &BTreeMap<Cell, Tally>) -> Outcome {
        let mut differences = Vec::new();
        let mut seen = BTreeMap::<Cell, &str>::new();
        for (object, lines) in &self.read {
            for Line { cell, tally, .. } in lines {
                if let Some(other) = seen.insert(*cell, object) {
                    differences.push(format!("{} twice: in {other} and {object}", name(*cell)));
                }
                match expected.get(cell) {
                    Some(right) if right == tally => {}
                    Some(right) => differences
                        .push(format!("{} is {tally:?}, not {right:?}, in {object}", name(*cell))),
                    None => differences.push(format!("{} is extra, in {object}", name(*cell))),
                }
            }
        }
        let missing = expected.keys().filter(|cell| !seen.contains_key(cell));
        differences.extend(missing.map(|cell| format!("{} is missing", name(*cell))));
        ensure(differences.is_empty(), || {
            let shown = differences[..differences.len().min(SHOWN)].join("; ");
            format!("the output is wrong in {} places: {shown}", differences.len())
        })
    }
}

/// Objects that consumers see: those whose path has no part that begins with `_` or `.`.
pub(crate) async fn visible(store: &Arc<dyn ObjectStore>) -> Outcome<Vec<ObjectMeta>> {
    let mut objects = store.list("").await?;
    objects.retain(|object| !object.key.split('/').any(|part| part.starts_with(['_', '.'])));
    Ok(objects)
}

fn parse(object: &str, bytes: &[u8]) -> Outcome<Vec<Line>> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| line_of(line).map_err(|failure| failure.during(object))).collect()
}

fn line_of(bytes: &[u8]) -> Outcome<Line> {
    let text = String::from_utf8_lossy(bytes);
    let row: Row = serde_json::from_slice(bytes)
        .map_err(|error| Failure(format!("row {text} is not as written: {error}")))?;
    let Row { key, window_start, window_end, cnt, total, mean } = row;
    let start = millis_of(&window_start);
    let end = millis_of(&window_end);
    let (Some(start), Some(end)) = (start, end) else {
        return Err(Failure(format!("row {text} has no window")));
    };
    ensure(end - start == WINDOW_MS, || format!("row {text} has another window's length"))?;
    ensure(mean.is_none_or(|mean| cnt > 0 && mean == total / cnt), || {
        format!("row {text} has another mean")
    })?;
    let tally = Tally { count: cnt, total };
    Ok(Line { cell: (key, start), tally, has_mean: mean.is_some() })
}

/// Looks all the time for new objects, and keeps when it first saw each: stores stamp their objects
/// to the second only.
pub(crate) struct OutputWatch {
    times: Arc<Mutex<Vec<i64>>>,
    task: JoinHandle<()>,
}

impl OutputWatch {
    /// Begins to look.
    pub(crate) fn start(store: Arc<dyn ObjectStore>) -> Self {
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&times);
        let task = tokio::spawn(async move {
            let mut known = BTreeSet::new();
            loop {
                // A store that does not answer has nothing new to show.
                for object in visible(&store).await.unwrap_or_default() {
                    if known.insert(object.key) {
                        seen.lock().unwrap_or_else(PoisonError::into_inner).push(now_ms());
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { times, task }
    }

    /// When objects were first seen, in order.
    pub(crate) fn times(&self) -> Vec<i64> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for OutputWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The longest time without a new object that begins or ends between `from` and `to`.
pub(crate) fn longest_gap_ms(times: &[i64], from: i64, to: i64) -> Option<i64> {
    times
        .windows(2)
        .filter(|pair| pair[1] >= from && pair[0] <= to)
        .map(|pair| pair[1] - pair[0])
        .max()
}

fn name((key, start): Cell) -> String {
    format!("key {key} window {}", crate::expect::text_of(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(rows: &[(&str, &str)]) -> Output {
        let store = Arc::new(sabot_snapshot::store::MemoryStore::new("mem://out"));
        let mut output = Output::new(store);
        for (object, text) in rows {
            let lines = parse(object, text.as_bytes()).unwrap();
            output.read.insert((*object).to_owned(), lines);
        }
        output
    }

    fn row(key: i64, count: i64) -> String {
        format!(
            r#"{{"key":{key},"window_start":"1970-01-01 00:00:00","window_end":"1970-01-01 00:00:10","cnt":{count},"total":5}}"#
        )
    }

    #[test]
    fn a_row_twice_wrong_missing_or_extra_is_named() {
        let right = BTreeMap::from([((1, 0), Tally { count: 2, total: 5 })]);
        output(&[("a", &row(1, 2))]).compare(&right).unwrap();
        let twice = output(&[("a", &row(1, 2)), ("b", &row(1, 2))]).compare(&right).unwrap_err();
        assert!(twice.0.contains("twice"), "{twice}");
        let wrong = output(&[("a", &row(1, 3))]).compare(&right).unwrap_err();
        assert!(wrong.0.contains("not Tally"), "{wrong}");
        let missing = output(&[]).compare(&right).unwrap_err();
        assert!(missing.0.contains("missing"), "{missing}");
        let extra = output(&[("a", &row(1, 2)), ("b", &row(7, 2))]).compare(&right).unwrap_err();
        assert!(extra.0.contains("extra"), "{extra}");
    }

    #[test]
    fn a_gap_counts_when_it_overlaps_the_disturbance() {
        let times = [0, 1000, 9000, 10_000, 30_000];
        assert_eq!(longest_gap_ms(&times, 2000, 9500), Some(8000));
        assert_eq!(longest_gap_ms(&times, 500, 600), Some(1000));
        assert_eq!(longest_gap_ms(&[], 0, 1), None);
    }
}
