//! Rows whose time has not come.
//!
//! They wait in the batches that they came in, sorted by time, so that what is due is the head of
//! each. A snapshot moves them to the backend, in slices of time; a slice comes back as a whole when
//! the watermark enters it. With too many of them they are moved earlier.

use std::sync::Arc;

use arrow::array::{RecordBatch, TimestampMillisecondArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Element, Result};
use sabot_types::{EventTime, OperatorUid};

use crate::codec::RowCodec;
use crate::keyed::Keys;
use crate::timed::{self, TimedDesc, TimedRows, Written};
use crate::times::row_times;

/// The name of the state of rows.
pub(crate) const WAITING: &str = "waiting";
/// The length of a slice: short, since the rest of one that is entered is written anew.
const SLICE_MS: i64 = 1000;
/// What waits in memory at most, in bytes.
const BYTES_MAX: usize = 64 << 20;

pub(crate) struct Buffer {
    row_time: usize,
    schema: SchemaRef,
    codec: RowCodec,
    /// In the order of arrival.
    runs: Vec<Run>,
    bytes: usize,
    stored: TimedRows,
}

/// Rows sorted by time; those of one time in the order of arrival.
struct Run {
    rows: RecordBatch,
    times: TimestampMillisecondArray,
    /// The rows before this one are gone.
    begin: usize,
    bytes: usize,
}

/// Describes the state.
pub(crate) fn state_spec(
    (operator, name): (&OperatorUid, &str),
    keys: &[usize],
    row_time: usize,
    input: &SchemaRef,
) -> StateSpec {
    let columns: Vec<usize> = (0..input.fields().len()).collect();
    timed::state_spec(&described((operator, name), keys, row_time, &columns), input)
}

fn described<'a>(
    (operator, name): (&'a OperatorUid, &'a str),
    keys: &'a [usize],
    row_time: usize,
    columns: &'a [usize],
) -> TimedDesc<'a> {
    let (mark, slice_ms) = ("", SLICE_MS);
    TimedDesc { operator, name, keys, row_time, columns, mark, slice_ms }
}

impl Buffer {
    pub(crate) fn open(
        of: (&OperatorUid, &str),
        keys: &[usize],
        row_time: usize,
        input: &SchemaRef,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let columns: Vec<usize> = (0..input.fields().len()).collect();
        let described = described(of, keys, row_time, &columns);
        Ok(Self {
            row_time,
            schema: Arc::clone(input),
            codec: RowCodec::new(input.fields().iter().map(|f| f.data_type().clone()))?,
            runs: Vec::new(),
            bytes: 0,
            stored: TimedRows::open(&described, input, state)?,
        })
    }

    /// Adds rows, at least one, none of them late.
    pub(crate) fn add(&mut self, rows: RecordBatch, keys: &Keys, cx: &mut Cx<'_>) -> Result<()> {
        let run = self.sorted(rows)?;
        self.bytes += run.bytes;
        self.runs.push(run);
        if self.bytes > BYTES_MAX { self.flush(keys, cx) } else { Ok(()) }
    }

    fn sorted(&self, rows: RecordBatch) -> Result<Run> {
        let mut rows = rows;
        let mut times = row_times(&rows, self.row_time)?.clone();
        if !times.values().is_sorted() {
            let mut order: Vec<u32> = (0..times.len() as u32).collect();
            order.sort_by_key(|row| times.value(*row as usize));
            rows = take_record_batch(&rows, &UInt32Array::from(order))?;
            times = row_times(&rows, self.row_time)?.clone();
        }
        let bytes = Element::Batch(rows.clone()).bytes();
        Ok(Run { rows, times, begin: 0, bytes })
    }

    /// The next time up to which all that waits can be in memory at once, up to `watermark`, and the
    /// rows up to it, those of one time in the order of arrival; none when there are none.
    pub(crate) fn next_due(
        &mut self,
        watermark: EventTime,
        cx: &mut Cx<'_>,
    ) -> Result<(EventTime, Option<RecordBatch>)> {
        let time = self.recall(watermark, cx)?;
        Ok((time, self.take_due(time)?))
    }

    /// The next time up to which all that waits can be in memory at once, up to `watermark`;
    /// brings the rows back that the backend has up to it.
    fn recall(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<EventTime> {
        let begins = |end: &i64| end.saturating_sub(SLICE_MS) <= watermark.millis();
        let Some(end) = self.stored.first_slice().filter(begins) else { return Ok(watermark) };
        let mut recalled = Vec::new();
        self.stored.scan(end, cx, |rows| {
            let columns = self.codec.decode(&rows)?;
            recalled.push(RecordBatch::try_new(Arc::clone(&self.schema), columns)?);
            Ok(())
        })?;
        self.stored.drop_slice(end, cx)?;
        let recalled = concat_batches(&self.schema, &recalled)?;
        if recalled.num_rows() > 0 {
            // What was moved to the backend came before what is in memory.
            let run = self.sorted(recalled)?;
            self.bytes += run.bytes;
            self.runs.insert(0, run);
        }
        Ok(watermark.min(EventTime::from_millis(end.saturating_sub(1))))
    }

    /// Takes the rows in memory up to `time`.
    fn take_due(&mut self, time: EventTime) -> Result<Option<RecordBatch>> {
        let mut due = Vec::new();
        for run in &mut self.runs {
            let waiting = &run.times.values()[run.begin..];
            let count = waiting.partition_point(|t| *t <= time.millis());
            if count > 0 {
                due.push(run.rows.slice(run.begin, count));
                run.begin += count;
            }
        }
        if due.is_empty() {
            return Ok(None);
        }
        self.runs.retain(|run| {
            let waits = run.begin < run.times.len();
            if !waits {
                self.bytes -= run.bytes;
            }
            waits
        });
        Ok(Some(concat_batches(&self.schema, &due)?))
    }

    /// A time before which nothing is due.
    pub(crate) fn first_time(&self) -> Option<i64> {
        let waiting = self.runs.iter().map(|run| run.times.value(run.begin));
        let stored = self.stored.first_slice().map(|end| end.saturating_sub(SLICE_MS));
        waiting.chain(stored).min()
    }

    /// Moves everything to the backend.
    fn flush(&mut self, keys: &Keys, cx: &mut Cx<'_>) -> Result<()> {
        let runs = std::mem::take(&mut self.runs);
        self.bytes = 0;
        if runs.is_empty() {
            return Ok(());
        }
        let waiting =
            runs.iter().map(|run| run.rows.slice(run.begin, run.rows.num_rows() - run.begin));
        let waiting = concat_batches(&self.schema, &waiting.collect::<Vec<_>>())?;
        let times = row_times(&waiting, self.row_time)?.values();
        let rows = self.codec.encode(waiting.columns(), waiting.num_rows())?;
        let written = Written { keys: &keys.of(&waiting)?, times, rows: &rows };
        self.stored.append(written, (0..times.len()).collect(), cx)
    }

    pub(crate) fn snapshot(
        &mut self,
        keys: &Keys,
        cx: &mut Cx<'_>,
    ) -> Result<Box<dyn FrozenState>> {
        self.flush(keys, cx)?;
        self.stored.freeze(cx)
    }
}
