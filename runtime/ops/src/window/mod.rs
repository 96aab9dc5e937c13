//! Aggregation by key and window of event time.
//!
//! Rows are aggregated in a hot table for each window. A snapshot moves what the tables hold to
//! the state backend, merged with what earlier snapshots brought there, under the window's end
//! as namespace; a window that fires merges both. So the backend is not touched for each row,
//! and a window that begins and ends between two snapshots never reaches it.

pub(crate) mod aggregate;
mod flush;
mod input;
mod slices;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{PlanNode, Window, WindowAggregateDesc};
use sabot_core::state::{Namespace, StateBackend, StateField, StateHandle, StateSpec};
use sabot_core::{Cx, Element, Error, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, KeyGroupCount, KeyGroupRange, OperatorUid};

use self::aggregate::Aggregate;
use self::input::WindowInput;
use self::slices::Tumbling;
use self::table::{Table, TableShape};
use crate::OperatorConfig;
use crate::codec::{RowCodec, slice_all};

/// The state's name within the operator.
const STATE_NAME: &str = "window";

pub(crate) struct WindowAggregate {
    /// For messages.
    name: String,
    input: WindowInput,
    windows: Tumbling,
    shape: TableShape,
    key_codec: RowCodec,
    value_codec: RowCodec,
    state: StateHandle,
    /// The open windows by their ends.
    open: BTreeMap<i64, Slice>,
    watermark: EventTime,
    key_groups: KeyGroupCount,
    key_range: KeyGroupRange,
    max_batch_rows: usize,
    schema: SchemaRef,
    /// Group numbers of a batch's rows, kept for its memory.
    scratch: Vec<usize>,
}

/// One open window.
#[derive(Default)]
struct Slice {
    /// What came since the last snapshot.
    hot: Option<Table>,
    /// Whether the backend has rows of the window.
    stored: bool,
}

/// Describes the state of a window aggregate.
pub(crate) fn state_spec(
    operator: &OperatorUid,
    desc: &WindowAggregateDesc,
    input: &SchemaRef,
) -> StateSpec {
    let key = desc.keys.iter().map(|key| field_of(input.field(*key)));
    let value = desc.aggregates.iter().map(|aggregate| StateField {
        name: aggregate.name.clone(),
        data_type: aggregate::state_type(aggregate, input).to_string(),
    });
    let Window::Tumble { size_ms, offset_ms } = desc.window;
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_string(),
        key: key.collect(),
        value: value.collect(),
        namespace: format!("window-end tumble({size_ms},{offset_ms})"),
    }
}

fn field_of(field: &Field) -> StateField {
    StateField { name: field.name().clone(), data_type: field.data_type().to_string() }
}

impl WindowAggregate {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &WindowAggregateDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let keys = desc.keys.iter().map(|key| Arc::clone(&input.fields()[*key]));
        let keys: SchemaRef = Arc::new(Schema::new(keys.collect::<Vec<_>>()));
        let aggregates = desc.aggregates.iter().map(|a| Aggregate::new(&node.name, a, input));
        let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
        check_output(node, &keys, &aggregates)?;
        let key_codec = RowCodec::new(keys.fields().iter().map(|f| f.data_type().clone()))?;
        let value_codec = RowCodec::new(aggregates.iter().map(|a| a.state_type().clone()))?;
        let handle = state.open(&state_spec(&node.uid, desc, input))?;
        let stored = state.namespaces(handle)?;
        let open = stored.into_iter().map(|end| (end.0, Slice { hot: None, stored: true }));
        Ok(Self {
            name: node.name.clone(),
            input: WindowInput::new(&node.name, desc, &aggregates, input)?,
            windows: Tumbling::new(&node.name, desc.window)?,
            shape: TableShape::new(keys, aggregates),
            key_codec,
            value_codec,
            state: handle,
            open: open.collect(),
            watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
            key_groups: config.key_groups,
            key_range: config.key_range,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
            scratch: Vec::new(),
        })
    }

    /// Adds rows that all lie in the window that ends at `end`.
    fn update(&mut self, end: i64, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let slice = self.open.entry(end).or_default();
        let table = match &mut slice.hot {
            Some(table) => table,
            hot => hot.insert(self.shape.table()?),
        };
        table.update(&self.input.rows(columns, rows), &mut self.scratch)
    }

    /// Splits rows among the windows that they lie in.
    fn update_split(
        &mut self,
        times: &TimestampMillisecondArray,
        columns: &[ArrayRef],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let split = self.windows.split(times.values(), self.watermark);
        OperatorMetrics::add(&cx.metrics.rows_late, split.late_rows);
        let columns = input::take(columns, &split.rows)?;
        let mut offset = 0;
        for (end, rows) in split.windows {
            self.update(end, &slice_all(&columns, offset, rows), rows)?;
            offset += rows;
        }
        Ok(())
    }

    /// Emits the rows of the window that ends at `end`.
    fn fire(&mut self, end: i64, slice: Slice, cx: &mut Cx<'_>) -> Result<()> {
        let mut table = match slice.hot {
            Some(table) => table,
            None => self.shape.table()?,
        };
        if slice.stored {
            self.merge_stored(end, &mut table, cx)?;
            cx.state.drop_namespace(self.state, Namespace(end))?;
        }
        let rows = table.len();
        if rows == 0 {
            return Ok(());
        }
        let (keys, results) = table.results(&self.shape)?;
        let times = [self.windows.start_of(end), end, end - 1];
        let times = times.iter().enumerate().map(|(index, time)| {
            let column = TimestampMillisecondArray::from_value(*time, rows);
            let field = self.schema.field(keys.len() + index);
            Arc::new(column.with_data_type(field.data_type().clone())) as ArrayRef
        });
        let times: Vec<_> = times.collect();
        let columns = keys.into_iter().chain(times).chain(results).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        for offset in (0..rows).step_by(self.max_batch_rows) {
            let batch = batch.slice(offset, self.max_batch_rows.min(rows - offset));
            cx.emit(Element::Batch(batch));
        }
        Ok(())
    }

    /// Merges what earlier snapshots brought to the backend.
    fn merge_stored(&mut self, end: i64, table: &mut Table, cx: &mut Cx<'_>) -> Result<()> {
        let Self { key_codec, value_codec, scratch, state, max_batch_rows, .. } = self;
        let mut read = 0;
        cx.state.scan(*state, Namespace(end), *max_batch_rows, &mut |rows| {
            read += rows.groups.len();
            let keys = key_codec.decode(&rows.keys)?;
            let values = value_codec.decode(&rows.values)?;
            table.merge(&keys, &values, rows.groups.len(), scratch)
        })?;
        OperatorMetrics::add(&cx.metrics.state_reads, read);
        Ok(())
    }
}

impl Operator for WindowAggregate {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let times = self.input.times(&batch)?;
        let (first, last) = self.windows.ends(times).map_err(|time| {
            Error::user(format!(
                "operator {}: the row time {time} ms is out of range: it must lie within {} years \
                 of 1970",
                self.name,
                slices::TIME_MAX_MS / (365 * 24 * 3_600_000)
            ))
        })?;
        let columns = self.input.columns(&batch)?;
        if first < last {
            return self.update_split(times, &columns, cx);
        }
        if slices::is_over(last, self.watermark) {
            OperatorMetrics::add(&cx.metrics.rows_late, rows);
            return Ok(());
        }
        self.update(last, &columns, rows)
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        while let Some(first) = self.open.first_entry() {
            if !slices::is_over(*first.key(), watermark) {
                break;
            }
            let (end, slice) = first.remove_entry();
            self.fire(end, slice, cx)?;
        }
        self.watermark = self.watermark.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.flush(cx)?;
        Ok(OperatorSnapshot {
            keyed: vec![cx.state.freeze(self.state)?],
            watermark: (self.watermark > EventTime::MIN).then_some(self.watermark),
        })
    }
}

/// Checks that the plan's output columns are what the operator makes.
fn check_output(node: &PlanNode, keys: &SchemaRef, aggregates: &[Aggregate]) -> Result<()> {
    let fields = node.schema.fields();
    let expected = keys.fields().len() + 3 + aggregates.len();
    if fields.len() != expected {
        return Err(Error::user(format!(
            "operator {}: {} output columns are planned, it makes {expected}",
            node.name,
            fields.len()
        )));
    }
    let (key_fields, rest) = fields.split_at(keys.fields().len());
    let (times, results) = rest.split_at(3);
    let wrong = |field: &Field, made: String| {
        Error::user(format!(
            "operator {}: output column {} is planned as {}, the operator makes {made}",
            node.name,
            field.name(),
            field.data_type()
        ))
    };
    for (field, key) in key_fields.iter().zip(keys.fields()) {
        if field.data_type() != key.data_type() {
            return Err(wrong(field, key.data_type().to_string()));
        }
    }
    for field in times {
        if !matches!(field.data_type(), DataType::Timestamp(TimeUnit::Millisecond, _)) {
            return Err(wrong(field, "a timestamp in milliseconds".to_string()));
        }
    }
    for (field, aggregate) in results.iter().zip(aggregates) {
        if field.data_type() != aggregate.data_type() {
            return Err(wrong(field, aggregate.data_type().to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
