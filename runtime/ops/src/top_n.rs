//! The first rows of each key in some order.
//!
//! The state: key, then the row in that order, to how often it is there; so the first rows of a
//! key are the first entries behind it. Of rows that only come, those that are not among the
//! first can never be again and are forgotten.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use arrow_row::{RowConverter, SortField};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{PlanNode, TopNDesc};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateHandle, StateSpec};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::{KeyGroup, OperatorUid};

use crate::OperatorConfig;
use crate::group::emit_in_parts;
use crate::keyed::{Keys, UniqueKeys, state_fields};
use crate::multiset::{self, SPACE, count_of};

/// The state's name.
const STATE_NAME: &str = "rows";

pub(crate) struct TopN {
    keys: Keys,
    /// The order's columns, then all columns.
    converter: RowConverter,
    order: Vec<usize>,
    limit: usize,
    rank: bool,
    /// Whether rows of the input can go again.
    updating: bool,
    state: StateHandle,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// A row in its order, as bytes.
type OrderedRow = Vec<u8>;

/// The state's description.
pub(crate) fn state_spec(operator: &OperatorUid, desc: &TopNDesc, input: &SchemaRef) -> StateSpec {
    let mut key = state_fields(input, desc.keys.iter().copied());
    for order in &desc.order {
        let mut field = state_fields(input, [order.column]).swap_remove(0);
        field.name = format!(
            "{}{}{}",
            field.name,
            if order.descending { " DESC" } else { " ASC" },
            if order.nulls_first { " NULLS FIRST" } else { " NULLS LAST" }
        );
        key.push(field);
    }
    key.extend(state_fields(input, 0..row_kind::width(input)));
    // Rows behind the first may have been forgotten.
    let kept = if row_kind::is_updating(input) {
        "all rows".to_owned()
    } else {
        format!("first {} rows", desc.limit)
    };
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value: multiset::value_fields(),
        namespace: kept,
    }
}

impl TopN {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &TopNDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let TopNDesc { keys, order, limit, rank } = desc;
        let mut fields: Vec<SortField> = order
            .iter()
            .map(|order| {
                let data_type = input.field(order.column).data_type().clone();
                let options =
                    SortOptions { descending: order.descending, nulls_first: order.nulls_first };
                SortField::new_with_options(data_type, options)
            })
            .collect();
        let values = row_kind::without(input);
        fields.extend(values.fields().iter().map(|f| SortField::new(f.data_type().clone())));
        Ok(Self {
            keys: Keys::new(node, keys, input, config)?,
            converter: RowConverter::new(fields)?,
            order: order.iter().map(|order| order.column).collect(),
            limit: *limit,
            rank: *rank,
            updating: row_kind::is_updating(input),
            state: state.open(&state_spec(&node.uid, desc, input))?,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// How the rows of a batch change the number of each row, by key.
    fn changes(
        &self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
    ) -> Result<Vec<BTreeMap<OrderedRow, i64>>> {
        let values = row_kind::values(batch);
        let mut columns: Vec<ArrayRef> =
            self.order.iter().map(|column| Arc::clone(batch.column(*column))).collect();
        columns.extend_from_slice(values);
        let rows = self.converter.convert_columns(&columns)?;
        let weights = row_kind::weights(batch);
        let mut changes = vec![BTreeMap::new(); keys.len()];
        for (row, key) in keys.of_row.iter().enumerate() {
            let weight = weights.as_ref().map_or(1, |weights| weights[row]);
            *changes[*key].entry(rows.row(row).as_ref().to_vec()).or_insert(0) += weight;
        }
        Ok(changes)
    }

    /// The first rows of each key, each as often as it is there.
    fn first_rows(&self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Vec<Vec<OrderedRow>>> {
        let mut found: Vec<Vec<OrderedRow>> = vec![Vec::new(); keys.len()];
        let limit = self.limit;
        let mut read = 0;
        cx.state.scan_prefixes(
            self.state,
            SPACE,
            &keys.groups,
            &keys.bytes,
            &mut |key, row, n| {
                read += 1;
                let found = &mut found[key];
                let count = usize::try_from(count_of(n)).unwrap_or(0);
                let room = limit - found.len();
                found.extend(std::iter::repeat_n(row.to_vec(), count.min(room)));
                Ok(if found.len() < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, read);
        Ok(found)
    }

    /// Writes changes of the numbers of rows, each a key's index, a row and a change.
    fn write(
        &self,
        keys: &UniqueKeys,
        changes: &[(usize, &OrderedRow, i64)],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let groups: Vec<KeyGroup> = changes.iter().map(|(key, ..)| keys.groups[*key]).collect();
        let bytes = BinaryArray::from_iter_values(
            changes.iter().map(|(key, row, _)| [keys.bytes.value(*key), row.as_slice()].concat()),
        );
        let changes: Vec<i64> = changes.iter().map(|(.., change)| *change).collect();
        multiset::add(self.state, &groups, &bytes, &changes, cx)?;
        Ok(())
    }

    /// Notes the changes of rows that come and go: the first rows after them.
    fn update(
        &self,
        keys: &UniqueKeys,
        before: &[Vec<OrderedRow>],
        changes: &[BTreeMap<OrderedRow, i64>],
        cx: &mut Cx<'_>,
    ) -> Result<Vec<Vec<OrderedRow>>> {
        let all = changes.iter().enumerate().flat_map(|(key, changes)| {
            changes.iter().filter(|(_, n)| **n != 0).map(move |(row, n)| (key, row, *n))
        });
        if self.updating {
            self.write(keys, &all.collect::<Vec<_>>(), cx)?;
            return self.first_rows(keys, cx);
        }
        let mut after = before.to_vec();
        for (key, row, count) in all {
            let first = &mut after[key];
            let at = first.partition_point(|other| other <= row);
            let count = usize::try_from(count).unwrap_or(0).min(self.limit.saturating_sub(at));
            first.splice(at..at, std::iter::repeat_n(row.clone(), count));
            first.truncate(self.limit);
        }
        // Only what comes into the first rows is written, and what leaves them is forgotten.
        let mut writes: BTreeMap<(usize, &OrderedRow), i64> = BTreeMap::new();
        for (rows, change) in [(before, -1), (after.as_slice(), 1)] {
            for (key, rows) in rows.iter().enumerate() {
                for row in rows {
                    *writes.entry((key, row)).or_insert(0) += change;
                }
            }
        }
        let writes = writes.into_iter().filter(|(_, change)| *change != 0);
        let writes: Vec<_> = writes.map(|((key, row), change)| (key, row, change)).collect();
        if !writes.is_empty() {
            self.write(keys, &writes, cx)?;
        }
        Ok(after)
    }

    /// Emits how the first rows changed.
    fn emit(
        &self,
        before: &[Vec<OrderedRow>],
        after: &[Vec<OrderedRow>],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let mut out = Changes::default();
        for (before, after) in before.iter().zip(after) {
            if self.rank {
                out.by_rank(before, after);
            } else {
                out.by_row(before, after);
            }
        }
        if out.kinds.is_empty() {
            return Ok(());
        }
        let parser = self.converter.parser();
        let rows = out.rows.iter().map(|row| parser.parse(row));
        let mut columns = self.converter.convert_rows(rows)?.split_off(self.order.len());
        if self.rank {
            columns.push(Arc::new(Int64Array::from(out.ranks)));
        }
        columns.push(row_kind::column(out.kinds));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

/// Changes to be emitted.
#[derive(Default)]
struct Changes<'a> {
    kinds: Vec<RowKind>,
    rows: Vec<&'a OrderedRow>,
    ranks: Vec<i64>,
}

impl<'a> Changes<'a> {
    fn push(&mut self, kind: RowKind, row: &'a OrderedRow, index: usize) {
        self.kinds.push(kind);
        self.rows.push(row);
        self.ranks.push(index as i64 + 1);
    }

    /// A rank whose row changed is updated.
    fn by_rank(&mut self, before: &'a [OrderedRow], after: &'a [OrderedRow]) {
        for index in 0..before.len().max(after.len()) {
            match (before.get(index), after.get(index)) {
                (Some(was), Some(is)) if was != is => {
                    self.push(RowKind::UpdateBefore, was, index);
                    self.push(RowKind::UpdateAfter, is, index);
                }
                (Some(was), None) => self.push(RowKind::Delete, was, index),
                (None, Some(is)) => self.push(RowKind::Insert, is, index),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
    }

    /// Rows that left go, rows that entered come; both are ordered alike.
    fn by_row(&mut self, before: &'a [OrderedRow], after: &'a [OrderedRow]) {
        let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
        let mut entered = Vec::new();
        loop {
            match (old.peek(), new.peek()) {
                (Some(was), Some(is)) if was == is => {
                    old.next();
                    new.next();
                }
                (Some(was), Some(is)) if was > is => {
                    entered.push(*is);
                    new.next();
                }
                (None, Some(is)) => {
                    entered.push(*is);
                    new.next();
                }
                (Some(was), _) => {
                    self.push(RowKind::Delete, was, 0);
                    old.next();
                }
                (None, None) => break,
            }
        }
        for row in entered {
            self.push(RowKind::Insert, row, 0);
        }
    }
}

impl Operator for TopN {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.keys.of(&batch)?;
        let changes = self.changes(&keys, &batch)?;
        let before = self.first_rows(&keys, cx)?;
        let after = self.update(&keys, &before, &changes, cx)?;
        self.emit(&before, &after, cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let keyed = vec![cx.state.freeze(self.state)?];
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}
