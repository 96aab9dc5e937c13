//! Rows of windows that are open, by the windows' ends.
//!
//! They wait in memory until a snapshot moves them to the backend, or there are too many of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMillisecondType};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Element, Error, Result};
use sabot_types::{EventTime, OperatorUid};

use crate::codec::RowCodec;
use crate::keyed::Keys;
use crate::timed::{self, TimedDesc, TimedRows, Written};

/// What waits in memory at most, in bytes.
const BYTES_MAX: usize = 64 << 20;

pub(super) struct WindowBuffer {
    /// The column of the windows' ends.
    ends: usize,
    schema: SchemaRef,
    codec: RowCodec,
    /// What came of each window since the last snapshot.
    hot: BTreeMap<i64, Vec<RecordBatch>>,
    bytes: usize,
    /// Each window is a slice of its own.
    stored: TimedRows,
}

/// What a buffer keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct BufferDesc<'a> {
    pub(super) operator: &'a OperatorUid,
    /// The state's name.
    pub(super) name: &'a str,
    pub(super) keys: &'a [usize],
    /// The column of the windows' ends.
    pub(super) ends: usize,
}

impl<'a> BufferDesc<'a> {
    fn timed(&self, columns: &'a [usize]) -> TimedDesc<'a> {
        let Self { operator, name, keys, ends } = *self;
        TimedDesc { operator, name, keys, row_time: ends, columns, mark: "", slice_ms: 1 }
    }
}

/// Describes the state.
pub(super) fn state_spec(desc: BufferDesc<'_>, input: &SchemaRef) -> StateSpec {
    let columns: Vec<usize> = (0..input.fields().len()).collect();
    timed::state_spec(&desc.timed(&columns), input)
}

impl WindowBuffer {
    pub(super) fn open(
        name: &str,
        desc: BufferDesc<'_>,
        input: &SchemaRef,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let end = input.field(desc.ends);
        if !matches!(end.data_type(), DataType::Timestamp(TimeUnit::Millisecond, _)) {
            return Err(Error::user(format!(
                "operator {name}: column {} is of type {}: the end of a window is a TIMESTAMP(3)",
                end.name(),
                end.data_type()
            )));
        }
        let columns: Vec<usize> = (0..input.fields().len()).collect();
        Ok(Self {
            ends: desc.ends,
            schema: Arc::clone(input),
            codec: RowCodec::new(input.fields().iter().map(|f| f.data_type().clone()))?,
            hot: BTreeMap::new(),
            bytes: 0,
            stored: TimedRows::open(&desc.timed(&columns), input, state)?,
        })
    }

    /// Adds rows but those that are late, which are counted.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        watermark: EventTime,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let ends = batch.column(self.ends).as_primitive::<TimestampMillisecondType>();
        if ends.null_count() > 0 {
            return Err(Error::user(format!(
                "column {} holds a null where the end of a window is needed",
                self.schema.field(self.ends).name()
            )));
        }
        let open = |row: &u32| !is_over(ends.value(*row as usize), watermark);
        let mut rows: Vec<u32> = (0..ends.len() as u32).filter(open).collect();
        OperatorMetrics::add(&cx.metrics.rows_late, ends.len() - rows.len());
        let end = |row: &u32| ends.value(*row as usize);
        rows.sort_by_key(end);
        for same in rows.chunk_by(|a, b| end(a) == end(b)) {
            let part = if same.len() == batch.num_rows() {
                batch.clone()
            } else {
                take_record_batch(batch, &UInt32Array::from(same.to_vec()))?
            };
            self.bytes += Element::Batch(part.clone()).bytes();
            self.hot.entry(end(&same[0])).or_default().push(part);
        }
        Ok(())
    }

    /// Whether so much is in memory that it should be moved to the backend.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > BYTES_MAX
    }

    /// The end of the first window that is over.
    pub(super) fn due(&self, watermark: EventTime) -> Option<i64> {
        let stored = self.stored.first_slice().map(|slice| slice - 1);
        let hot = self.hot.first_key_value().map(|(end, _)| *end);
        stored.into_iter().chain(hot).min().filter(|end| is_over(*end, watermark))
    }

    /// Takes all rows of a window, in the order in which those of a key came.
    pub(super) fn take(&mut self, end: i64, cx: &mut Cx<'_>) -> Result<RecordBatch> {
        let mut rows = Vec::new();
        if self.stored.has_slice(end + 1) {
            self.stored.scan(end + 1, cx, |stored| {
                let columns = self.codec.decode(&stored)?;
                rows.push(RecordBatch::try_new(Arc::clone(&self.schema), columns)?);
                Ok(())
            })?;
            self.stored.drop_slice(end + 1, cx)?;
        }
        let hot = self.hot.remove(&end).unwrap_or_default();
        self.bytes -= hot.iter().map(|part| Element::Batch(part.clone()).bytes()).sum::<usize>();
        rows.extend(hot);
        Ok(concat_batches(&self.schema, &rows)?)
    }

    /// Moves everything to the backend: of each window what `reduce` leaves of it.
    pub(super) fn flush(
        &mut self,
        keys: &Keys,
        reduce: impl Fn(RecordBatch) -> Result<RecordBatch>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        self.bytes = 0;
        for (_, rows) in std::mem::take(&mut self.hot) {
            let rows = reduce(concat_batches(&self.schema, &rows)?)?;
            let ends = rows.column(self.ends).as_primitive::<TimestampMillisecondType>();
            let encoded = self.codec.encode(rows.columns(), rows.num_rows())?;
            let written = Written { keys: &keys.of(&rows)?, times: ends.values(), rows: &encoded };
            self.stored.append(written, (0..rows.num_rows()).collect(), cx)?;
        }
        Ok(())
    }

    pub(super) fn freeze(&self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        self.stored.freeze(cx)
    }
}

/// Whether the watermark has passed the window.
fn is_over(end: i64, watermark: EventTime) -> bool {
    end.saturating_sub(1) <= watermark.millis()
}
