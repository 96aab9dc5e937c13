//! Left rows that wait for the watermark.
//!
//! Those that came since the last snapshot are in memory. A snapshot brings all of them to the
//! backend, under the second of their time as namespace, each with how often it is there: less than
//! 0 times, if it goes and was answered before. When the watermark comes to a second, its rows come
//! back as a whole, before those that came later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    BinaryArray, BooleanArray, RecordBatch, TimestampMillisecondArray, UInt32Array,
};
use arrow::compute::{concat_batches, filter_record_batch, max, min, not, take_arrays};
use arrow::datatypes::SchemaRef;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{Namespace, StateBackend, StateHandle, StateSpec, ValueEncoding};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, KeyGroup, OperatorUid};

use super::TimeColumn;
use crate::codec::RowCodec;
use crate::keyed::{Keys, state_fields};
use crate::multiset::{self, count_of};

/// The state's name.
const STATE_NAME: &str = "waiting";
/// Milliseconds of a namespace.
const SPAN_MS: i64 = 1_000;
/// Rows that are read at once.
const CHUNK_ROWS: usize = 8192;

pub(super) struct Waiting {
    state: StateHandle,
    schema: SchemaRef,
    /// A key and a row's columns.
    codec: RowCodec,
    /// How many columns of a key stand before the row's own.
    keys: usize,
    hot: Vec<Rows>,
    /// The namespaces that the backend has.
    stored: BTreeSet<i64>,
}

/// Rows with the first and the last of their times.
struct Rows {
    batch: RecordBatch,
    first: i64,
    last: i64,
}

impl Rows {
    fn new(batch: RecordBatch, times: &TimestampMillisecondArray) -> Self {
        let (first, last) = (min(times).unwrap_or(i64::MAX), max(times).unwrap_or(i64::MAX));
        Self { batch, first, last }
    }
}

/// The namespace of a time.
fn span_of(time: i64) -> i64 {
    time.div_euclid(SPAN_MS) * SPAN_MS
}

/// Describes the state.
pub(super) fn state_spec(operator: &OperatorUid, keys: &[usize], input: &SchemaRef) -> StateSpec {
    let mut key = state_fields(input, keys.iter().copied());
    key.extend(state_fields(input, 0..row_kind::width(input)));
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value: multiset::value_fields(),
        namespace: format!("begin of {SPAN_MS} ms of time"),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

impl Waiting {
    pub(super) fn new(
        input: &SchemaRef,
        keys: &[usize],
        state: StateHandle,
        backend: &mut dyn StateBackend,
    ) -> Result<Self> {
        let columns = keys.iter().copied().chain(0..row_kind::width(input));
        let stored = backend.namespaces(state)?.into_iter().map(|namespace| namespace.0);
        Ok(Self {
            state,
            schema: Arc::clone(input),
            codec: RowCodec::new(columns.map(|column| input.field(column).data_type().clone()))?,
            keys: keys.len(),
            hot: Vec::new(),
            stored: stored.collect(),
        })
    }

    pub(super) fn state(&self) -> StateHandle {
        self.state
    }

    /// Adds rows.
    pub(super) fn push(&mut self, batch: RecordBatch, times: &TimestampMillisecondArray) {
        self.hot.push(Rows::new(batch, times));
    }

    /// Takes the rows whose time is not behind `watermark`, in batches of at most `max_rows`.
    pub(super) fn take_due(
        &mut self,
        watermark: EventTime,
        time: &TimeColumn,
        max_rows: usize,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<RecordBatch>> {
        let watermark = watermark.millis();
        let later = std::mem::take(&mut self.hot);
        while let Some(span) = self.stored.first().copied().filter(|span| *span <= watermark) {
            self.load(span, time, cx)?;
            self.stored.remove(&span);
        }
        self.hot.extend(later);
        let mut due = Vec::new();
        let mut kept = Vec::new();
        for rows in std::mem::take(&mut self.hot) {
            if rows.first > watermark {
                kept.push(rows);
            } else if rows.last <= watermark {
                due.push(rows.batch);
            } else {
                let is_due: BooleanArray =
                    time.of(&rows.batch)?.values().iter().map(|t| Some(*t <= watermark)).collect();
                due.push(filter_record_batch(&rows.batch, &is_due)?);
                let rest = filter_record_batch(&rows.batch, &not(&is_due)?)?;
                let times = time.of(&rest)?.clone();
                kept.push(Rows::new(rest, &times));
            }
        }
        self.hot = kept;
        if due.is_empty() {
            return Ok(due);
        }
        let all = concat_batches(&self.schema, &due)?;
        let parts = (0..all.num_rows()).step_by(max_rows);
        Ok(parts.map(|from| all.slice(from, max_rows.min(all.num_rows() - from))).collect())
    }

    /// Brings the rows of a namespace back from the backend.
    fn load(&mut self, span: i64, time: &TimeColumn, cx: &mut Cx<'_>) -> Result<()> {
        let Self { state, schema, codec, keys, hot, .. } = self;
        let mut read = 0;
        cx.state.scan(*state, Namespace(span), CHUNK_ROWS, &mut |rows| {
            read += rows.groups.len();
            let columns = codec.decode(&rows.keys)?.split_off(*keys);
            let counts: Vec<i64> =
                rows.values.iter().map(|count| count.map_or(0, count_of)).collect();
            let repeated = (0_u32..).zip(&counts).flat_map(|(row, count)| {
                std::iter::repeat_n(row, usize::try_from(count.unsigned_abs()).unwrap_or(0))
            });
            let repeated = UInt32Array::from_iter_values(repeated);
            let mut columns = take_arrays(&columns, &repeated, None)?;
            if row_kind::is_updating(schema) {
                let kind = |row: &u32| match counts[*row as usize] {
                    count if count > 0 => RowKind::Insert,
                    _ => RowKind::Delete,
                };
                columns.push(row_kind::column(repeated.values().iter().map(kind)));
            }
            let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
            let times = time.of(&batch)?.clone();
            hot.push(Rows::new(batch, &times));
            Ok(())
        })?;
        OperatorMetrics::add(&cx.metrics.state_reads, read);
        cx.state.drop_namespace(*state, Namespace(span))
    }

    /// Brings all rows to the backend.
    pub(super) fn flush(&mut self, keys: &Keys, time: &TimeColumn, cx: &mut Cx<'_>) -> Result<()> {
        let fields = self.schema.fields().iter().take(row_kind::width(&self.schema));
        let codec = RowCodec::new(fields.map(|field| field.data_type().clone()))?;
        let mut spans: BTreeMap<i64, BTreeMap<Vec<u8>, (KeyGroup, i64)>> = BTreeMap::new();
        for Rows { batch, .. } in std::mem::take(&mut self.hot) {
            let times = time.of(&batch)?;
            let unique = keys.of(&batch)?;
            let rows = codec.encode(row_kind::values(&batch), batch.num_rows())?;
            let weights = row_kind::weights(&batch);
            for (row, key) in unique.of_row.iter().enumerate() {
                let bytes = [unique.bytes.value(*key), rows.value(row)].concat();
                let span = spans.entry(span_of(times.value(row))).or_default();
                let weight = weights.as_ref().map_or(1, |weights| weights[row]);
                span.entry(bytes).or_insert((unique.groups[*key], 0)).1 += weight;
            }
        }
        for (span, rows) in spans {
            let groups: Vec<KeyGroup> = rows.values().map(|(group, _)| *group).collect();
            let counts: Vec<i64> = rows.values().map(|(_, count)| *count).collect();
            let keys = BinaryArray::from_iter_values(rows.into_keys());
            multiset::add_in(self.state, Namespace(span), &groups, &keys, &counts, cx)?;
            self.stored.insert(span);
        }
        Ok(())
    }
}
