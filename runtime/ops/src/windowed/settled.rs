//! Rows that change and go, held back until their windows are over: what is left of them then only
//! comes.

use std::sync::Arc;

use arrow::array::{RecordBatch, TimestampMillisecondArray, UInt32Array};
use arrow::compute::{take_arrays, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use hashbrown::HashMap;
use sabot_core::plan::{PlanNode, Window, WindowSettleDesc};
use sabot_core::row_kind;
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Element, Error, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use super::buffer::{self, BufferDesc, WindowBuffer};
use super::expand::Assigned;
use crate::OperatorConfig;
use crate::clock::Clock;
use crate::codec::RowCodec;
use crate::emit::emit_in_parts;
use crate::keyed::Keys;
use crate::times::{check_row_time, row_times};
use crate::window::slices::{out_of_range, range_of};

/// The state's name.
const STATE_NAME: &str = "changes";
/// The column of the windows' ends in the state.
const WINDOW_END: &str = "$window_end";

pub(crate) struct WindowSettle {
    name: String,
    keys: Keys,
    windows: Assigned,
    clock: Clock,
    row_time: usize,
    /// Whether rows get the last millisecond of their window as their time.
    moves: bool,
    rows: WindowBuffer,
    /// A row without its kind.
    codec: RowCodec,
    /// The input's columns without the kind, the windows' ends, the kind.
    held: SchemaRef,
    watermark: EventTime,
    max_batch_rows: usize,
    schema: SchemaRef,
}

fn held_schema(input: &SchemaRef) -> SchemaRef {
    let end = Field::new(WINDOW_END, DataType::Timestamp(TimeUnit::Millisecond, None), false);
    let fields = row_kind::without(input).fields().iter().cloned().collect::<Vec<_>>();
    let more = [Arc::new(end), Arc::new(row_kind::field())];
    Arc::new(Schema::new(fields.into_iter().chain(more).collect::<Vec<_>>()))
}

fn described<'a>(
    operator: &'a OperatorUid,
    desc: &'a WindowSettleDesc,
    input: &SchemaRef,
) -> BufferDesc<'a> {
    let ends = row_kind::width(input);
    BufferDesc { operator, name: STATE_NAME, keys: &desc.keys, ends }
}

/// The states of the operator.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &WindowSettleDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    vec![buffer::state_spec(described(operator, desc, input), &held_schema(input))]
}

impl WindowSettle {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &WindowSettleDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let name = &node.name;
        check_row_time(name, input, desc.row_time)?;
        if !row_kind::is_updating(input) {
            return Err(Error::user(format!("operator {name}: its rows only come")));
        }
        let held = held_schema(input);
        let values = &held.fields()[..row_kind::width(input)];
        Ok(Self {
            name: name.clone(),
            keys: Keys::new(node, &desc.keys, &held, config)?,
            windows: Assigned::new(name, desc.window)?,
            clock: Clock::new(desc.local_times.as_ref()),
            row_time: desc.row_time,
            moves: !matches!(desc.window, Window::Tumble { .. }),
            rows: WindowBuffer::open(name, described(&node.uid, desc, input), &held, state)?,
            codec: RowCodec::new(values.iter().map(|field| field.data_type().clone()))?,
            held,
            watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    fn flush(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let Self { keys, codec, rows, .. } = self;
        rows.flush(keys, |rows| without_pairs(&rows, codec, false), cx)
    }
}

/// The rows without those that came and went again; `all` says that there are no others, so that
/// what goes without having come, which was late, counts for nothing.
fn without_pairs(rows: &RecordBatch, codec: &RowCodec, all: bool) -> Result<RecordBatch> {
    let width = row_kind::width(rows.schema_ref()) - 1;
    let encoded = codec.encode(&rows.columns()[..width], rows.num_rows())?;
    let mut there: HashMap<&[u8], Vec<u32>> = HashMap::new();
    let mut is_kept = vec![true; rows.num_rows()];
    let weights = row_kind::weights(rows).unwrap_or_default();
    for (row, weight) in weights.into_iter().enumerate() {
        let same = there.entry(encoded.value(row)).or_default();
        if weight > 0 {
            same.push(row as u32);
        } else if let Some(came) = same.pop() {
            is_kept[came as usize] = false;
            is_kept[row] = false;
        } else {
            is_kept[row] = !all;
        }
    }
    let kept = (0_u32..).zip(&is_kept).filter(|(_, is_kept)| **is_kept);
    let kept = UInt32Array::from_iter_values(kept.map(|(row, _)| row));
    Ok(take_record_batch(rows, &kept)?)
}

impl Operator for WindowSettle {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let times = row_times(&batch, self.row_time)?;
        range_of(times).map_err(|time| out_of_range(&self.name, time))?;
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for (row, time) in self.clock.times(times).values().iter().enumerate() {
            for (_, end) in self.windows.of(*time) {
                rows.push(row as u32);
                ends.push(end);
            }
        }
        let mut columns = take_arrays(batch.columns(), &UInt32Array::from(rows), None)?;
        let kinds = columns.pop();
        columns.push(Arc::new(TimestampMillisecondArray::from(ends)));
        columns.extend(kinds);
        let batch = RecordBatch::try_new(Arc::clone(&self.held), columns)?;
        self.rows.add(&batch, self.clock.passed(self.watermark), cx)?;
        if self.rows.is_full() { self.flush(cx) } else { Ok(()) }
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        let passed = self.clock.passed(watermark);
        while let Some(end) = self.rows.due(passed) {
            let rows = without_pairs(&self.rows.take(end, cx)?, &self.codec, true)?;
            let mut columns = rows.columns()[..self.schema.fields().len()].to_vec();
            if self.moves {
                let times = TimestampMillisecondArray::from(vec![end - 1; rows.num_rows()]);
                let to = self.schema.field(self.row_time).data_type();
                columns[self.row_time] = arrow::compute::cast(&times, to)?;
            }
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
            emit_in_parts(&batch, self.max_batch_rows, cx);
        }
        self.watermark = self.watermark.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.flush(cx)?;
        Ok(OperatorSnapshot::behind(self.watermark, vec![self.rows.freeze(cx)?]))
    }
}

#[cfg(test)]
mod tests;
