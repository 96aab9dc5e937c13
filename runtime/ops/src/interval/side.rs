//! One side of an interval join: its rows by key and time, each behind whether it had a partner
//! where that matters.

use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::plan::{IntervalJoinDesc, PlanNode};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, OperatorUid};

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::keyed::{Keys, UniqueKeys, mask_of_all};
use crate::lists;
use crate::timed::{self, Found, TimedDesc, TimedRows, Written};
use crate::times::{self, check_row_time};

/// The states' names, by port.
const STATE_NAMES: [&str; 2] = ["left", "right"];
/// Slices that the bounds of times reach over, at most, beside the first.
const SLICES: i64 = 4;

pub(super) struct Side {
    pub(super) keys: Keys,
    key_columns: Vec<usize>,
    pub(super) row_time: usize,
    pub(super) codec: RowCodec,
    rows: TimedRows,
    /// Whether rows are told apart by whether they had a partner.
    pub(super) tracked: bool,
    /// How long after its time a row can find a partner.
    pub(super) reach_ms: i64,
}

pub(super) fn slice_ms(desc: &IntervalJoinDesc) -> i64 {
    times::slice_ms(desc.bounds.to_ms.saturating_sub(desc.bounds.from_ms), SLICES)
}

fn described<T>(
    operator: &OperatorUid,
    desc: &IntervalJoinDesc,
    port: usize,
    input: &SchemaRef,
    then: impl FnOnce(&TimedDesc<'_>) -> T,
) -> T {
    let columns: Vec<usize> = (0..input.fields().len()).collect();
    then(&TimedDesc {
        operator,
        name: STATE_NAMES[port],
        keys: &desc.keys[port],
        row_time: desc.times[port],
        columns: &columns,
        mark: if desc.kind.tracks(port) { ", each behind whether it had partners" } else { "" },
        slice_ms: slice_ms(desc),
    })
}

/// Describes the state.
pub(super) fn state_spec(
    operator: &OperatorUid,
    desc: &IntervalJoinDesc,
    port: usize,
    input: &SchemaRef,
) -> StateSpec {
    described(operator, desc, port, input, |desc| timed::state_spec(desc, input))
}

impl Side {
    pub(super) fn open(
        node: &PlanNode,
        desc: &IntervalJoinDesc,
        port: usize,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        check_row_time(&node.name, input, desc.times[port])?;
        let types = input.fields().iter().map(|field| DataType::clone(field.data_type()));
        Ok(Self {
            keys: Keys::new(node, &desc.keys[port], input, config)?,
            key_columns: desc.keys[port].clone(),
            row_time: desc.times[port],
            codec: RowCodec::new(types)?,
            rows: described(&node.uid, desc, port, input, |desc| {
                TimedRows::open(desc, input, state)
            })?,
            tracked: desc.kind.tracks(port),
            reach_ms: desc.bounds.reach_ms(port),
        })
    }

    /// The rows whose keys are all there, and those with a null in them.
    pub(super) fn by_keys(&self, batch: RecordBatch) -> Result<(RecordBatch, Option<RecordBatch>)> {
        match mask_of_all(&self.key_columns, &batch)? {
            None => Ok((batch, None)),
            Some(mask) => {
                let without = filter_record_batch(&batch, &not(&mask)?)?;
                Ok((filter_record_batch(&batch, &mask)?, Some(without)))
            }
        }
    }

    /// Its rows of keys in a range of times, and a little around it.
    pub(super) fn find(
        &self,
        keys: &UniqueKeys,
        (from, to): (i64, i64),
        cx: &mut Cx<'_>,
    ) -> Result<Candidates> {
        let found = self.rows.find(keys, from, to, cx)?;
        let (rows, had_partner) = match self.tracked {
            true => unmarked(&found.rows),
            false => (found.rows.clone(), Vec::new()),
        };
        Ok(Candidates { found, rows, had_partner })
    }

    /// Keeps rows of a batch.
    pub(super) fn keep(
        &mut self,
        keys: &UniqueKeys,
        times: &[i64],
        batch: &RecordBatch,
        had_partner: &[bool],
        which: Vec<usize>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if which.is_empty() {
            return Ok(());
        }
        let mut rows = self.codec.encode(batch.columns(), batch.num_rows())?;
        if self.tracked {
            rows = marked(rows.iter().flatten().zip(had_partner.iter().copied()));
        }
        self.rows.append(Written { keys, times, rows: &rows }, which, cx)
    }

    /// Notes which of the rows that were found have a partner now.
    pub(super) fn note(
        &self,
        keys: &UniqueKeys,
        candidates: &Candidates,
        has_partner: &[bool],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Candidates { found, rows, had_partner } = candidates;
        let (mut pairs, mut all) = (Vec::new(), Vec::new());
        for (key, of_key) in found.of_key.iter().enumerate() {
            let of_key: Vec<usize> = of_key.clone().collect();
            for same in of_key.chunk_by(|a, b| found.times[*a] == found.times[*b]) {
                if !same.iter().any(|row| has_partner[*row] && !had_partner[*row]) {
                    continue;
                }
                let mut list = Vec::new();
                for row in same {
                    lists::push(&mut list, &mark(rows.value(*row), has_partner[*row]));
                }
                pairs.push((key, found.times[same[0]]));
                all.push(list);
            }
        }
        self.rows.rewrite(keys, &pairs, all, cx)
    }

    /// Drops rows that can find no partner later than `watermark`; calls `alone` with those that
    /// never had one, where that matters.
    pub(super) fn expire(
        &mut self,
        watermark: EventTime,
        cx: &mut Cx<'_>,
        mut alone: impl FnMut(Vec<ArrayRef>, &mut Cx<'_>) -> Result<()>,
    ) -> Result<()> {
        let reach_ms = self.reach_ms;
        let is_over =
            |end: &i64| end.saturating_sub(1).saturating_add(reach_ms) <= watermark.millis();
        while let Some(end) = self.rows.first_slice().filter(is_over) {
            if self.tracked {
                let mut parts = Vec::new();
                self.rows.scan(end, cx, |rows| {
                    let (rows, had_partner) = unmarked(&rows);
                    let rows = rows.iter().flatten().zip(had_partner);
                    let rows = rows.filter(|(_, had)| !had).map(|(row, _)| row);
                    parts.push(BinaryArray::from_iter_values(rows.collect::<Vec<_>>()));
                    Ok(())
                })?;
                for rows in parts {
                    alone(self.codec.decode(&rows)?, cx)?;
                }
            }
            self.rows.drop_slice(end, cx)?;
        }
        Ok(())
    }

    pub(super) fn freeze(
        &self,
        cx: &mut Cx<'_>,
    ) -> Result<Box<dyn sabot_core::state::FrozenState>> {
        self.rows.freeze(cx)
    }
}

/// Rows that may be partners, those of a key in the order of their times.
pub(super) struct Candidates {
    pub(super) found: Found,
    /// The rows themselves.
    pub(super) rows: BinaryArray,
    /// Whether each had a partner before; empty where that does not matter.
    pub(super) had_partner: Vec<bool>,
}

fn mark(row: &[u8], has_partner: bool) -> Vec<u8> {
    let mut marked = Vec::with_capacity(row.len() + 1);
    marked.push(u8::from(has_partner));
    marked.extend_from_slice(row);
    marked
}

fn marked<'r>(rows: impl Iterator<Item = (&'r [u8], bool)>) -> BinaryArray {
    BinaryArray::from_iter_values(rows.map(|(row, has_partner)| mark(row, has_partner)))
}

fn unmarked(rows: &BinaryArray) -> (BinaryArray, Vec<bool>) {
    let parts = rows.iter().flatten().filter_map(|row| row.split_first());
    let (marks, rows): (Vec<bool>, Vec<&[u8]>) = parts.map(|(mark, row)| (*mark != 0, row)).unzip();
    (BinaryArray::from_iter_values(rows), marks)
}
