//! Rows of a key in some order, as bytes whose order is theirs, and the state that keeps them: key,
//! then the row in its order, to how often it is there.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, BinaryBuilder, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use arrow_row::{RowConverter, Rows, SortField};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::OrderBy;
use sabot_core::row_kind;
use sabot_core::state::{Namespace, StateField, StateHandle};
use sabot_core::{Cx, Result};
use sabot_types::KeyGroup;

use crate::codec::RowCodec;
use crate::keyed::{UniqueKeys, state_fields};
use crate::multiset::{self, count_of};

/// A row in its order, as bytes.
pub(crate) type OrderedRow = Vec<u8>;

/// Rows of one schema in one order; rows that are equal in it are ordered by all their columns.
pub(crate) struct OrderedRows {
    /// The order's columns, then all columns.
    converter: RowConverter,
    order: Vec<usize>,
    /// Around rows in their order, so that the state can be read by its description.
    wrapper: RowCodec,
}

/// The rows and their order, for a state's description.
pub(crate) fn description(order: &[OrderBy], input: &SchemaRef) -> String {
    let order = order.iter().map(|order| {
        format!(
            "{}{}{}",
            input.field(order.column).name(),
            if order.descending { " DESC" } else { " ASC" },
            if order.nulls_first { " NULLS FIRST" } else { " NULLS LAST" }
        )
    });
    let order = order.collect::<Vec<_>>().join(", ");
    let columns = state_fields(input, 0..row_kind::width(input));
    let columns: Vec<String> =
        columns.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect();
    let by = if order.is_empty() { String::new() } else { format!(" by {order}") };
    format!("({}){by}", columns.join(", "))
}

/// A state's field of such rows.
pub(crate) fn field(name: String) -> StateField {
    StateField { name, data_type: DataType::Binary.to_string() }
}

/// The key of a state that keeps all rows.
pub(crate) fn state_key(keys: &[usize], order: &[OrderBy], input: &SchemaRef) -> Vec<StateField> {
    let mut key = state_fields(input, keys.iter().copied());
    key.push(field(format!("row {}", description(order, input))));
    key
}

/// What rows are ordered by.
pub(crate) fn sort_fields(order: &[OrderBy], input: &SchemaRef) -> Vec<SortField> {
    let field = |order: &OrderBy| {
        let data_type = input.field(order.column).data_type().clone();
        let options = SortOptions { descending: order.descending, nulls_first: order.nulls_first };
        SortField::new_with_options(data_type, options)
    };
    order.iter().map(field).collect()
}

impl OrderedRows {
    pub(crate) fn new(order: &[OrderBy], input: &SchemaRef) -> Result<Self> {
        let mut fields = sort_fields(order, input);
        let values = row_kind::without(input);
        fields.extend(values.fields().iter().map(|f| SortField::new(f.data_type().clone())));
        Ok(Self {
            converter: RowConverter::new(fields)?,
            order: order.iter().map(|order| order.column).collect(),
            wrapper: RowCodec::new([DataType::Binary])?,
        })
    }

    /// The places of a batch's rows in the order.
    pub(crate) fn places(&self, batch: &RecordBatch) -> Result<Rows> {
        let mut columns: Vec<ArrayRef> =
            self.order.iter().map(|column| Arc::clone(batch.column(*column))).collect();
        columns.extend_from_slice(row_kind::values(batch));
        Ok(self.converter.convert_columns(&columns)?)
    }

    /// How the rows of a batch change the number of each row, by key.
    pub(crate) fn changes(
        &self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
    ) -> Result<Vec<BTreeMap<OrderedRow, i64>>> {
        let rows = self.places(batch)?;
        let weights = row_kind::weights(batch);
        let mut changes = vec![BTreeMap::new(); keys.len()];
        for (row, key) in keys.of_row.iter().enumerate() {
            let weight = weights.as_ref().map_or(1, |weights| weights[row]);
            *changes[*key].entry(rows.row(row).as_ref().to_vec()).or_insert(0) += weight;
        }
        Ok(changes)
    }

    /// The first rows of each key, at most `limit`, each as often as it is there.
    pub(crate) fn first(
        &self,
        state: StateHandle,
        keys: &UniqueKeys,
        limit: usize,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<Vec<OrderedRow>>> {
        let (mut rows, mut counts) = (BinaryBuilder::new(), Vec::new());
        let mut of_key = vec![0; keys.len()];
        cx.state.scan_prefixes(
            state,
            Namespace::ONLY,
            &keys.groups,
            &keys.bytes,
            &mut |key, row, n| {
                let count = usize::try_from(count_of(n)).unwrap_or(0).min(limit - of_key[key]);
                rows.append_value(row);
                counts.push((key, count));
                of_key[key] += count;
                Ok(if of_key[key] < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, counts.len());
        let rows = self.wrapper.decode(&rows.finish())?.swap_remove(0);
        let mut found: Vec<Vec<OrderedRow>> = vec![Vec::new(); keys.len()];
        for ((key, count), row) in counts.iter().zip(rows.as_binary::<i32>()) {
            let row = row.unwrap_or_default();
            found[*key].extend(std::iter::repeat_n(row.to_vec(), *count));
        }
        Ok(found)
    }

    /// Notes changes of how often rows are there.
    pub(crate) fn note(
        &self,
        state: StateHandle,
        keys: &UniqueKeys,
        changes: &[BTreeMap<OrderedRow, i64>],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let all = changes.iter().enumerate().flat_map(|(key, changes)| {
            changes.iter().filter(|(_, n)| **n != 0).map(move |(row, n)| (key, row, *n))
        });
        let all: Vec<(usize, &OrderedRow, i64)> = all.collect();
        let groups: Vec<KeyGroup> = all.iter().map(|(key, ..)| keys.groups[*key]).collect();
        let rows = BinaryArray::from_iter_values(all.iter().map(|(_, row, _)| row));
        let rows = self.wrapper.encode(&[Arc::new(rows)], all.len())?;
        let bytes = all.iter().enumerate();
        let bytes = bytes.map(|(at, (key, ..))| [keys.bytes.value(*key), rows.value(at)].concat());
        let bytes = BinaryArray::from_iter_values(bytes);
        let changes: Vec<i64> = all.iter().map(|(.., change)| *change).collect();
        multiset::add(state, &groups, &bytes, &changes, cx)?;
        Ok(())
    }

    /// The columns of rows: those of the order, then all.
    pub(crate) fn columns<'r>(
        &self,
        rows: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>)> {
        let parser = self.converter.parser();
        let rows = rows.into_iter().map(|row| parser.parse(row));
        let mut order = self.converter.convert_rows(rows)?;
        let columns = order.split_off(self.order.len());
        Ok((order, columns))
    }
}
