//! Rows that come and go, in any order: all rows of a key are kept in their order, and the answers
//! that a batch changes are emitted as changes.
//!
//! Rows around those that came and went are answered twice, as they were before the batch and as
//! they are after it; what differs is emitted. That costs as much as the frames reach: of frames
//! of a number of rows so many around each change, of others all of the key.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take, take_arrays};
use arrow::datatypes::{SchemaRef, TimestampMillisecondType};
use arrow_row::{RowConverter, SortField};
use sabot_core::plan::{Frame, OverDesc, OverFunction, PlanNode};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateHandle, StateSpec, ValueEncoding};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::OperatorUid;

use super::aggregate::OverAggregate;
use super::frame::{Frames, KeyRows};
use super::rows_back;
use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::emit::emit_in_parts;
use crate::keyed::Keys;
use crate::multiset;
use crate::ordered::{self, OrderedRow, OrderedRows};

/// The state's name.
const STATE_NAME: &str = "rows";

pub(super) struct ChangingOver {
    keys: Keys,
    ordered: OrderedRows,
    state: StateHandle,
    frame: Frame,
    aggregates: Vec<OverAggregate>,
    /// How many rows before and behind a change answers depend on; none: on all.
    reach: Option<usize>,
    results: RowCodec,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// Describes the state.
pub(super) fn state_spec(operator: &OperatorUid, desc: &OverDesc, input: &SchemaRef) -> StateSpec {
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key: ordered::state_key(&desc.keys, &desc.order, input),
        value: multiset::value_fields(),
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
    .with_ttl(desc.ttl_ms)
}

fn reach(desc: &OverDesc) -> Option<usize> {
    let numbers = desc.aggregates.iter().any(|a| a.function == OverFunction::RowNumber);
    match desc.frame {
        Frame::Rows(Some(_)) if !numbers => Some(rows_back(desc).unwrap_or(0)),
        Frame::Rows(_) | Frame::Range(_) => None,
    }
}

/// Rows of keys, as they were and as they are, of which answers may differ.
#[derive(Default)]
struct Versions<'r> {
    rows: Vec<&'r OrderedRow>,
    /// Before and after, in turn.
    layout: Vec<KeyRows>,
}

impl<'r> Versions<'r> {
    fn push(&mut self, before: &'r [OrderedRow], after: &'r [OrderedRow], reach: Option<usize>) {
        let same = |(a, b): &(&OrderedRow, &OrderedRow)| a == b;
        let head = before.iter().zip(after).take_while(same).count();
        let rest = before[head..].iter().rev().zip(after[head..].iter().rev());
        let tail = rest.take_while(same).count();
        if head + tail == before.len() && head + tail == after.len() {
            return;
        }
        let (begin, more) = match reach {
            None => (0, tail),
            Some(reach) => (head.saturating_sub(reach), tail.min(reach)),
        };
        for version in [before, after] {
            let rows = &version[begin..version.len() - tail + more];
            let first = self.rows.len();
            self.rows.extend(rows);
            self.layout.push(KeyRows { first, all: first..self.rows.len() });
        }
    }
}

impl ChangingOver {
    pub(super) fn new(
        node: &PlanNode,
        desc: &OverDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let aggregates = desc.aggregates.iter();
        let aggregates = aggregates.map(|a| OverAggregate::new(&node.name, a, input));
        Ok(Self {
            keys: Keys::new(node, &desc.keys, input, config)?,
            ordered: OrderedRows::new(&desc.order, input)?,
            state: state.open(&state_spec(&node.uid, desc, input))?,
            frame: desc.frame,
            aggregates: aggregates.collect::<Result<_>>()?,
            reach: reach(desc),
            results: RowCodec::new(desc.aggregates.iter().map(|a| a.data_type.clone()))?,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// Where rows are in the order, for their frames.
    fn places(&self, order: &[ArrayRef]) -> Result<Vec<i64>> {
        let rows = order.first().map_or(0, Array::len);
        if let (Frame::Range(Some(_)), [time]) = (self.frame, order) {
            let times = time.as_primitive::<TimestampMillisecondType>();
            return Ok(times.iter().map(|time| time.unwrap_or(i64::MIN)).collect());
        }
        if matches!(self.frame, Frame::Rows(_)) {
            return Ok(vec![0; rows]);
        }
        let fields = order.iter().map(|column| SortField::new(column.data_type().clone()));
        let ordered = RowConverter::new(fields.collect())?.convert_columns(order)?;
        let mut place = 0;
        let places = (0..rows).map(|row| {
            place += i64::from(row > 0 && ordered.row(row) != ordered.row(row - 1));
            place
        });
        Ok(places.collect())
    }

    /// Emits which answers differ.
    fn emit(&self, versions: Versions<'_>, cx: &mut Cx<'_>) -> Result<()> {
        let Versions { rows, layout } = versions;
        if rows.is_empty() {
            return Ok(());
        }
        let (order, columns) = self.ordered.columns(rows.iter().map(|row| row.as_slice()))?;
        let frames = Frames::new(self.frame, layout, &self.places(&order)?);
        let mut results = Vec::new();
        for (at, aggregate) in self.aggregates.iter().enumerate() {
            let values = aggregate.argument().map(|column| &columns[column]);
            let answers = aggregate.answers(values, &frames, &[])?;
            let field = self.schema.field(columns.len() + at);
            results.push(cast(&aggregate.result(&answers)?, field.data_type())?);
        }
        let encoded = self.results.encode(&results, rows.len())?;
        let (mut kinds, mut from) = (Vec::new(), Vec::new());
        let mut push = |kind, row: usize| {
            kinds.push(kind);
            from.push(row as u32);
        };
        for versions in frames.keys.chunks_exact(2) {
            let (mut old, mut new) = (versions[0].answered(), versions[1].answered());
            while !old.is_empty() || !new.is_empty() {
                let (was, is) = (old.start, new.start);
                if new.is_empty() || (!old.is_empty() && rows[was] < rows[is]) {
                    push(RowKind::Delete, was);
                    old.start += 1;
                } else if old.is_empty() || rows[is] < rows[was] {
                    push(RowKind::Insert, is);
                    new.start += 1;
                } else {
                    if encoded.value(was) != encoded.value(is) {
                        push(RowKind::UpdateBefore, was);
                        push(RowKind::UpdateAfter, is);
                    }
                    old.start += 1;
                    new.start += 1;
                }
            }
        }
        if kinds.is_empty() {
            return Ok(());
        }
        let from = UInt32Array::from(from);
        let mut all = take_arrays(&columns, &from, None)?;
        for result in &results {
            all.push(take(result, &from, None)?);
        }
        all.push(row_kind::column(kinds));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), all)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

impl Operator for ChangingOver {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.keys.of(&batch)?;
        let changes = self.ordered.changes(&keys, &batch)?;
        let before = self.ordered.first(self.state, &keys, usize::MAX, cx)?;
        self.ordered.note(self.state, &keys, &changes, cx)?;
        let after = self.ordered.first(self.state, &keys, usize::MAX, cx)?;
        let mut versions = Versions::default();
        for (before, after) in before.iter().zip(&after) {
            versions.push(before, after, self.reach);
        }
        self.emit(versions, cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        Ok(OperatorSnapshot { keyed: vec![cx.state.freeze(self.state)?], watermark: None })
    }
}
