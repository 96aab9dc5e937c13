//! Windows whose results change: those that have fired, by rows behind the watermark, but not further
//! than the allowed lateness; and those that give results before they fire.
//!
//! What a window that fires has added up to is kept by key, under the window's end, until the
//! watermark is the lateness beyond it. A row that comes for such a window is merged into it, and
//! the result that was emitted is replaced. Slices know nothing of that: they go as they go without
//! lateness, and a row is put into its slice for those of its windows that have not fired.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, RecordBatch, TimestampMillisecondArray,
    UInt32Array,
};
use arrow::compute::{concat, filter, is_not_null, or, take, take_arrays};
use arrow::datatypes::SchemaRef;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{Window, WindowAggregateDesc};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{FrozenState, Namespace, StateBackend, StateHandle, StateSpec};
use sabot_core::{Cx, Error, Result};
use sabot_types::{EventTime, OperatorUid};

use super::flush::CHUNK_ROWS;
use super::gone::{self, Gone};
use super::progress::Progress;
use super::slices::{self, is_over};
use super::table::Partials;
use super::{WindowAggregate, input};
use crate::OperatorConfig;
use crate::codec::slice_all;
use crate::group::differ;

/// The state's name within the operator.
const RESULTS: &str = "results";

/// The windows of an operator that have fired and can still change.
pub(super) struct Updates {
    gone: Gone,
    results: StateHandle,
    /// The ends of windows that the state has rows of.
    kept: BTreeSet<i64>,
}

/// Describes the states; none where results do not change.
pub(super) fn state_specs(
    operator: &OperatorUid,
    desc: &WindowAggregateDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    if desc.lateness_ms.is_none() {
        return Vec::new();
    }
    let windows = match desc.window {
        Window::Hop(steps) => Window::HopResults(steps),
        Window::Cumulate(steps) => Window::CumulateResults(steps),
        other => other,
    };
    let namespace = slices::namespace_of(windows);
    let results = StateSpec {
        name: RESULTS.to_owned(),
        namespace: namespace.clone(),
        ..super::state_spec(operator, desc, input)
    };
    vec![results, gone::state_spec(operator, namespace)]
}

/// Where the rows of a batch belong.
#[derive(Default)]
struct Sorted {
    /// Those that lie in a window that has not fired.
    open: Vec<u32>,
    /// Those that lie in windows that have fired and can change, by the windows' ends.
    fired: BTreeMap<i64, Vec<u32>>,
    /// Those of both.
    kept: Vec<u32>,
}

impl Updates {
    pub(super) fn open(
        specs: &[StateSpec],
        lateness_ms: i64,
        progress: &Progress,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let [results, gone] = specs else {
            return Err(Error::user("windows that change have two states".to_owned()));
        };
        let results = state.open(results)?;
        let fired = |group| progress.watermark_of(group);
        let gone = Gone::open(gone, lateness_ms, fired, config, state)?;
        let kept = state.namespaces(results)?.into_iter().map(|end| end.0).collect();
        Ok(Self { gone, results, kept })
    }

    /// Goes on to a watermark.
    pub(super) fn advance(&mut self, watermark: EventTime) {
        self.gone.advance(watermark);
    }

    /// Forgets what can no longer change.
    pub(super) fn forget(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let until = self.gone.until();
        while let Some(end) = self.kept.first().copied().filter(|end| is_over(*end, until)) {
            self.kept.remove(&end);
            cx.state.drop_namespace(self.results, Namespace(end))?;
        }
        Ok(())
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<[Box<dyn FrozenState>; 2]> {
        Ok([cx.state.freeze(self.results)?, self.gone.snapshot(cx)?])
    }
}

impl WindowAggregate {
    /// Takes in rows of which some may be behind the watermark.
    pub(super) fn update_late(
        &mut self,
        times: &TimestampMillisecondArray,
        batch: &RecordBatch,
        columns: &[ArrayRef],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Sorted { open, fired, kept } = self.sort(times.values(), columns)?;
        let late = batch.num_rows() - kept.len();
        OperatorMetrics::add(&cx.metrics.rows_late, late);
        if late > 0 && cx.keeps_late() {
            cx.late(input::without(batch, &kept)?);
        }
        for (end, rows) in fired {
            let columns = input::take(columns, &rows)?;
            let mut table = self.shape.table()?;
            table.update(&self.input.rows(&columns, rows.len()), &mut self.scratch)?;
            self.add_to_fired(end, &table.partials()?, cx)?;
        }
        let columns = input::take(columns, &open)?;
        let times: Vec<i64> = open.iter().map(|row| times.value(*row as usize)).collect();
        let split = self.slices.split(&times, EventTime::MIN);
        let columns = input::take(&columns, &split.rows)?;
        let mut offset = 0;
        for (end, rows) in split.slices {
            self.update(end, &slice_all(&columns, offset, rows), rows)?;
            offset += rows;
        }
        Ok(())
    }

    fn sort(&self, times: &[i64], columns: &[ArrayRef]) -> Result<Sorted> {
        let mut sorted = Sorted::default();
        let (Some(updates), Some(progress)) = (&self.updates, &self.progress) else {
            return Ok(sorted);
        };
        // After a restore some key groups can be ahead of the others.
        let alike = progress.newest() <= self.watermark && updates.gone.is_alike();
        let groups = if alike {
            None
        } else {
            let keys = self.input.rows(columns, times.len()).keys;
            Some(self.owner.groups_of(self.shape.keys(), &keys, times.len())?)
        };
        for (row, time) in (0_u32..).zip(times) {
            let (fired, gone) = match &groups {
                None => (self.watermark, updates.gone.until()),
                Some(groups) => {
                    let group = groups[row as usize];
                    (
                        self.watermark.max(progress.watermark_of(group)),
                        updates.gone.until_for(group),
                    )
                }
            };
            let slice = self.slices.end_of(*time);
            let last = self.slices.last_window_of(slice);
            let mut is_kept = !is_over(last, fired);
            if is_kept {
                sorted.open.push(row);
            }
            let mut end = self.slices.next_window_of(slice, gone);
            while end <= last && is_over(end, fired) {
                if !is_over(end, gone) {
                    sorted.fired.entry(end).or_default().push(row);
                    is_kept = true;
                }
                end += self.slices.step();
            }
            if is_kept {
                sorted.kept.push(row);
            }
        }
        Ok(sorted)
    }

    /// Adds to the results of a window that has fired, or fires now, and emits how they change.
    pub(super) fn add_to_fired(
        &mut self,
        end: i64,
        partials: &Partials,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Some(updates) = &mut self.updates else { return Ok(()) };
        let state = updates.results;
        let is_stored = updates.kept.contains(&end);
        // A window that is gone when it fires is not kept at all.
        let keeps = partials.rows > 0 && !is_over(end, updates.gone.until());
        if keeps {
            updates.kept.insert(end);
        }
        for offset in (0..partials.rows).step_by(CHUNK_ROWS) {
            let rows = CHUNK_ROWS.min(partials.rows - offset);
            let keys = slice_all(&partials.keys, offset, rows);
            let mut values = slice_all(&partials.values, offset, rows);
            let groups = self.owner.groups_of(self.shape.keys(), &keys, rows)?;
            let encoded = self.key_codec.encode(&keys, rows)?;
            let mut before = BinaryArray::new_null(rows);
            if is_stored {
                before = cx.state.get(state, Namespace(end), &groups, &encoded)?;
                OperatorMetrics::add(&cx.metrics.state_reads, rows);
            }
            let known: Vec<usize> = (0..rows).filter(|row| before.is_valid(*row)).collect();
            let mut was = Vec::new();
            if !known.is_empty() {
                let found = filter(&before, &is_not_null(&before)?)?;
                was = self.value_codec.decode(found.as_binary::<i32>())?;
                let all: Vec<usize> = (0..rows).collect();
                values = self.shape.merged(rows, &[(&values, &all), (&was, &known)])?;
            }
            if keeps {
                let bytes = self.value_codec.encode(&values, rows)?;
                cx.state.put(state, Namespace(end), &groups, &encoded, &bytes)?;
                OperatorMetrics::add(&cx.metrics.state_writes, rows);
            }
            self.emit_changes(end, &keys, (&was, &known), &values, rows, cx)?;
        }
        Ok(())
    }

    /// Emits how the results of keys have changed: `was` is what those at the places `known` had
    /// added up to, the others had no result.
    fn emit_changes(
        &self,
        end: i64,
        keys: &[ArrayRef],
        (was, known): (&[ArrayRef], &[usize]),
        is: &[ArrayRef],
        rows: usize,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let is = self.shape.results(is)?;
        if known.is_empty() {
            let kinds = row_kind::column(std::iter::repeat_n(RowKind::Insert, rows));
            return self.emit(end, rows, keys.to_vec(), is, Some(kinds), cx);
        }
        let was = self.shape.results(was)?;
        let places = UInt32Array::from_iter_values(known.iter().map(|row| *row as u32));
        let mut changed = BooleanArray::from(vec![false; known.len()]);
        for (was, is) in was.iter().zip(&is) {
            changed = or(&changed, &differ(was, &take(is, &places, None)?)?)?;
        }
        let (mut kinds, mut from, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        let mut push = |kind, row: usize, version: usize| {
            kinds.push(kind);
            from.push(row as u32);
            versions.push(version as u32);
        };
        let mut next = 0;
        for row in 0..rows {
            let new = known.len() + row;
            if known.get(next) != Some(&row) {
                push(RowKind::Insert, row, new);
                continue;
            }
            if changed.value(next) {
                push(RowKind::UpdateBefore, row, next);
                push(RowKind::UpdateAfter, row, new);
            }
            next += 1;
        }
        let count = kinds.len();
        let keys = take_arrays(keys, &UInt32Array::from(from), None)?;
        let versions = UInt32Array::from(versions);
        let results = was.iter().zip(&is).map(|(was, is)| {
            let both = concat(&[was.as_ref(), is.as_ref()])?;
            Ok(take(&both, &versions, None)?)
        });
        let results = results.collect::<Result<_>>()?;
        self.emit(end, count, keys, results, Some(row_kind::column(kinds)), cx)
    }
}
