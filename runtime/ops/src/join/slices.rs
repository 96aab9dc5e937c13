//! The rows of a side that are over some time after their own: by slices of time, which are dropped as
//! a whole. They only come and are rarely looked for, so none of them is at hand.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use arrow::array::BinaryArray;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::KeptUntil;
use sabot_core::state::{Namespace, StateBackend, StateHandle, number};
use sabot_core::{Cx, Result};
use sabot_types::EventTime;

use super::entries::{Entries, Entry};
use crate::keyed::UniqueKeys;
use crate::numbers::Numbers;
use crate::times::{self, slice_end};

/// Slices of the time that rows are kept for, beside the first.
const SLICES: i64 = 4;

/// The rows of one side.
pub(super) struct Slices {
    state: StateHandle,
    until: KeptUntil,
    slice_ms: i64,
    /// The ends of the slices that have rows.
    live: BTreeSet<i64>,
    watermark: EventTime,
}

/// Rows that were found, and where those of each key begin and end.
pub(super) type Sliced = (BinaryArray, Vec<Range<usize>>);

/// The length of slices in milliseconds.
pub(super) fn slice_ms(until: KeptUntil) -> i64 {
    times::slice_ms(until.reach_ms, SLICES)
}

impl Slices {
    pub(super) fn new(
        state: StateHandle,
        until: KeptUntil,
        backend: &mut dyn StateBackend,
    ) -> Result<Self> {
        // A number stands behind the key.
        backend.expect_prefixes(state, number::BYTES);
        let live = backend.namespaces(state)?.into_iter().map(|end| end.0).collect();
        let slice_ms = slice_ms(until);
        Ok(Self { state, until, slice_ms, live, watermark: EventTime::MIN })
    }

    pub(super) fn state(&self) -> StateHandle {
        self.state
    }

    /// The column of the rows' times.
    pub(super) fn row_time(&self) -> usize {
        self.until.row_time
    }

    /// The last time that rows have that are over at a watermark.
    fn over(&self, watermark: EventTime) -> i64 {
        watermark.millis().saturating_sub(self.until.reach_ms)
    }

    /// Writes rows with their times.
    pub(super) fn append(
        &mut self,
        keys: &UniqueKeys,
        times: &[i64],
        rows: &BinaryArray,
        numbers: &mut Numbers,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let over = self.over(self.watermark);
        let slice = |row: &usize| slice_end(times[*row], self.slice_ms);
        let mut kept: Vec<usize> = (0..times.len()).filter(|row| times[*row] > over).collect();
        kept.sort_by_key(slice);
        for kept in kept.chunk_by(|a, b| slice(a) == slice(b)) {
            let mut entries = Entries::default();
            for row in kept {
                let key = keys.of_row[*row];
                let of = (keys.groups[key], keys.bytes.value(key));
                let entry = Entry { count: 1, partners: None, row: rows.value(*row) };
                entries.push(of, numbers.next(), Some(entry));
            }
            let end = slice(&kept[0]);
            entries.put(self.state, Namespace(end), cx)?;
            self.live.insert(end);
        }
        Ok(())
    }

    /// The rows of these keys.
    pub(super) fn find(&self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Sliced> {
        let mut found: Vec<(usize, Vec<u8>)> = Vec::new();
        for end in &self.live {
            cx.state.scan_prefixes(
                self.state,
                Namespace(*end),
                &keys.groups,
                &keys.bytes,
                &mut |key, _, value| {
                    found.push((key, Entry::read(value, false).row.to_vec()));
                    Ok(ControlFlow::Continue(()))
                },
            )?;
        }
        OperatorMetrics::add(&cx.metrics.state_reads, found.len());
        found.sort_by_key(|(key, _)| *key);
        let mut of_key = Vec::with_capacity(keys.len());
        let mut begin = 0;
        for key in 0..keys.len() {
            let end = begin + found[begin..].iter().take_while(|(of, _)| *of == key).count();
            of_key.push(begin..end);
            begin = end;
        }
        Ok((BinaryArray::from_iter_values(found.into_iter().map(|(_, row)| row)), of_key))
    }

    /// Drops the slices of which all rows are over.
    pub(super) fn expire(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        self.watermark = watermark;
        let over = self.over(watermark);
        while let Some(end) = self.live.first().copied()
            && end.saturating_sub(1) <= over
        {
            cx.state.drop_namespace(self.state, Namespace(end))?;
            self.live.pop_first();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMillisecondArray,
    };
    use arrow::datatypes::{
        DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
    };
    use sabot_core::plan::{JoinDesc, JoinKind, NodeKind, PlanNode};
    use sabot_core::{Random, SeededRandom};
    use sabot_state::Backend;

    use super::*;
    use crate::testing::{Driver, computed, config, load, node};

    /// Key, id and time.
    type Row = (i64, i64, i64);

    const REACH_MS: i64 = 9000;

    fn input(side: &str) -> SchemaRef {
        let time = DataType::Timestamp(TimeUnit::Millisecond, None);
        let fields = [("k", DataType::Int64), ("id", DataType::Int64), ("ts", time)];
        let field = |(name, data_type)| Field::new(format!("{side}.{name}"), data_type, false);
        Arc::new(Schema::new(fields.map(field).to_vec()))
    }

    fn batch(side: &str, rows: &[Row]) -> RecordBatch {
        let times = rows.iter().map(|row| row.2);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(TimestampMillisecondArray::from_iter_values(times)),
        ];
        RecordBatch::try_new(input(side), columns).unwrap()
    }

    fn is_near(times: (i64, i64), side: usize) -> bool {
        let (kept, other) = if side == 0 { times } else { (times.1, times.0) };
        (0..=REACH_MS).contains(&(other - kept))
    }

    fn near(batch: &RecordBatch, side: usize) -> ArrayRef {
        let times = |column: usize| {
            batch.column(column).as_primitive::<TimestampMillisecondType>().values()
        };
        let times = times(2).iter().copied().zip(times(5).iter().copied());
        Arc::new(times.map(|times| Some(is_near(times, side))).collect::<BooleanArray>())
    }

    /// A join whose rows of `side` are over after a time.
    fn plan(side: usize) -> PlanNode {
        let near = [|batch: &_| near(batch, 0), |batch: &_| near(batch, 1)][side];
        let condition = computed(DataType::Boolean, near);
        let mut until = [None; 2];
        until[side] = Some(KeptUntil { row_time: 2, reach_ms: REACH_MS });
        let (keys, condition, ttl_ms) = ([vec![0], vec![0]], Some(condition), [None; 2]);
        let fields = [input("l"), input("r")];
        let fields = fields.iter().flat_map(|side| side.fields().iter().cloned());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let kind = JoinKind::Inner;
        node(NodeKind::Join(JoinDesc { kind, keys, condition, ttl_ms, until, first: None }), schema)
    }

    fn slices(plan: &PlanNode, side: usize, driver: &mut Driver) -> usize {
        let specs = crate::state_specs(plan, &[input("l"), input("r")]);
        let state = driver.backend.open(&specs[side]).unwrap();
        driver.backend.namespaces(state).unwrap().len()
    }

    /// Rows of the side come at any time, those of the other one only behind the watermark.
    fn run(side: usize, seed: u64) {
        let random = SeededRandom::new(seed);
        let below = |n: u64| (random.next_u64() % n) as i64;
        let dir = tempfile::tempdir().unwrap();
        let backend = |step: i64| {
            let dir = dir.path().join(step.to_string());
            let rocks = Backend::RocksDb { dir, cache_size_mb: 8 };
            let backend = if step % 2 == 0 { Backend::Memory } else { rocks };
            sabot_state::open(backend).unwrap()
        };
        let (plan, inputs, names) = (plan(side), [input("l"), input("r")], ["l", "r"]);
        let mut driver = Driver::with_inputs(&plan, &inputs, &config(), backend(seed as i64));
        let mut all: [Vec<Row>; 2] = Default::default();
        let mut watermark = 0;
        let mut found = BTreeMap::new();
        for step in 1..=200 {
            let now = step * 500;
            let rows = |earliest: i64| -> Vec<Row> {
                (0..below(6)).map(|n| (below(4), step * 10 + n, earliest + below(3000))).collect()
            };
            // Some are late by more than they are kept for.
            let kept = rows(now - below(2) * below(30_000));
            let other = rows(watermark + 1);
            for (port, rows) in [(side, kept), (1 - side, other)] {
                driver.process_from(port, batch(names[port], &rows)).unwrap();
                all[port].extend(rows);
            }
            if below(3) == 0 {
                watermark = now;
                driver.watermark(watermark);
                let most =
                    (REACH_MS + 3000) / slice_ms(KeptUntil { row_time: 2, reach_ms: REACH_MS });
                assert!(slices(&plan, side, &mut driver) <= most as usize + 2);
            }
            for batch in driver.batches() {
                let ids = |column: usize| batch.column(column).as_primitive::<Int64Type>();
                for pair in ids(1).values().iter().zip(ids(4).values()) {
                    *found.entry((*pair.0, *pair.1)).or_insert(0) += 1;
                }
            }
            driver.out.clear();
            if below(12) == 0 {
                let snapshot = driver.snapshot();
                let mut fresh = backend(step);
                snapshot.keyed.into_iter().for_each(|frozen| load(frozen, &mut *fresh));
                driver = Driver::with_inputs(&plan, &inputs, &config(), fresh);
                driver.watermark(watermark);
                driver.out.clear();
            }
        }
        let mut expected = BTreeMap::new();
        for l in &all[0] {
            for r in all[1].iter().filter(|r| l.0 == r.0 && is_near((l.2, r.2), side)) {
                *expected.entry((l.1, r.1)).or_insert(0) += 1;
            }
        }
        assert!(expected.len() > 100);
        assert_eq!(found, expected, "side {side}, seed {seed}");
        driver.watermark(i64::MAX);
        assert_eq!(slices(&plan, side, &mut driver), 0);
    }

    #[test]
    fn rows_find_the_partners_that_come_in_time_and_then_go() {
        for side in [0, 1] {
            for seed in 0..10 {
                run(side, seed);
            }
        }
    }
}
