//! Compares the state in a savepoint with what was produced up to the offsets that it holds.

use std::collections::BTreeMap;

use sabot_core::Stores;
use sabot_core::state::StateSpec;
use sabot_snapshot::inspect::{dump, write_json_lines};
use sabot_snapshot::restore::load_savepoint;
use sabot_snapshot::{LoadedManifest, UriStores};
use serde_json::Value;

use crate::expect::{self, Cell, PARTITIONS, Tally, WINDOW_MS};
use crate::failure::{Failure, Outcome, ensure, fail};

/// What a savepoint holds.
#[derive(Debug)]
pub(crate) struct StateSummary {
    /// Records of all partitions that it includes.
    pub(crate) records: u64,
    /// Records of the partition of which it includes the fewest.
    pub(crate) records_min: u64,
    /// Open (key, window) cells.
    pub(crate) cells: usize,
}

/// Checks the savepoint at `location`; `count` is the number of records of each partition, once
/// they have ended.
pub(crate) async fn check(
    stores: &UriStores,
    location: &str,
    count: Option<u64>,
) -> Outcome<StateSummary> {
    let loaded = load_savepoint(stores as &dyn Stores, location).await?;
    let offsets = offsets(&loaded)?;
    let watermark = watermark(&loaded)?;
    let found = cells(&loaded).await?;
    let expected = expect::open_cells(&offsets, count, watermark);
    ensure(found == expected, || {
        let differing: Vec<String> = expected
            .keys()
            .chain(found.keys())
            .filter(|cell| expected.get(cell) != found.get(cell))
            .take(4)
            .map(|cell| format!("{cell:?}: {:?}, not {:?}", found.get(cell), expected.get(cell)))
            .collect();
        format!(
            "the state of {location} (offsets {offsets:?}, watermark {watermark}) is wrong: {}",
            differing.join("; ")
        )
    })?;
    let records_min = offsets.iter().copied().min().unwrap_or_default();
    Ok(StateSummary { records: offsets.iter().sum(), records_min, cells: found.len() })
}

/// How far each partition was read.
fn offsets(loaded: &LoadedManifest) -> Outcome<Vec<u64>> {
    let mut offsets = vec![None; PARTITIONS as usize];
    for split in loaded.manifest.operators.values().flat_map(|operator| &operator.splits) {
        let part = split.split.rsplit('-').next().and_then(|part| part.parse::<usize>().ok());
        let slot = part.and_then(|part| offsets.get_mut(part));
        let Some(slot) = slot else { return fail(format!("split {:?} is not ours", split.split)) };
        *slot = number(&split.position);
    }
    offsets
        .iter()
        .enumerate()
        .map(|(part, offset)| {
            offset.ok_or_else(|| Failure(format!("no offset of partition {part}")))
        })
        .collect()
}

fn number(position: &Value) -> Option<u64> {
    match position {
        Value::Object(fields) => fields.values().find_map(Value::as_u64),
        other => other.as_u64(),
    }
}

/// Whether the state holds the cells that are compared (and not those of a large state).
fn is_of_cells(spec: &StateSpec) -> bool {
    spec.key.iter().any(|field| field.name == "key")
}

/// The watermark of the operator that keeps the cells.
fn watermark(loaded: &LoadedManifest) -> Outcome<i64> {
    let with_state =
        loaded.manifest.operators.values().find(|operator| operator.states.iter().any(is_of_cells));
    match with_state {
        Some(operator) => Ok(operator.watermark.map_or(i64::MIN, sabot_types::EventTime::millis)),
        None => fail("no operator with keyed state is in the savepoint"),
    }
}

async fn cells(loaded: &LoadedManifest) -> Outcome<BTreeMap<Cell, Tally>> {
    let mut text = Vec::new();
    dump(loaded, is_of_cells, |batch| write_json_lines(&batch, &mut text)).await?;
    let mut cells = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let row: BTreeMap<String, Value> = serde_json::from_slice(line)?;
        let column = |prefix: &str| {
            let found = row.iter().find(|(name, _)| name.starts_with(prefix));
            found.and_then(|(_, value)| value.as_i64()).ok_or_else(|| {
                Failure(format!("{} has no column {prefix}", String::from_utf8_lossy(line)))
            })
        };
        let start = column("namespace")? - WINDOW_MS;
        let tally = Tally { count: column("value.COUNT(")?, total: column("value.SUM(")? };
        if cells.insert((column("key.")?, start), tally).is_some() {
            return fail(format!("{} is there twice", String::from_utf8_lossy(line)));
        }
    }
    Ok(cells)
}
