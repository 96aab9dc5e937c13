//! How often each value occurs in each group, for extremes of rows that go again. A state of its
//! own: key, then value in its order, to count.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, RecordBatch, UInt32Array,
    UInt64Array,
};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_row::{RowConverter, SortField};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{
    Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding,
};
use sabot_core::{Cx, Error, Result};
use sabot_types::OperatorUid;

use super::accumulate::Rows;
use crate::codec::{RowCodec, spread};
use crate::keyed::{UniqueKeys, unique};
use crate::multiset;

/// The counted values of one aggregate.
pub(super) struct ValueCounts {
    state: StateHandle,
    converter: RowConverter,
    /// Around values that are not in their natural order, so that the state can be read by its
    /// description.
    wrapper: Option<RowCodec>,
    /// Group and value, to find what is the same.
    pair: SchemaRef,
}

/// Which of the values an aggregate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    Lowest,
    Highest,
}

/// Describes the state of the counted values of an aggregate.
pub(super) fn state_spec(
    operator: &OperatorUid,
    aggregate: &str,
    keys: &[StateField],
    value: &DataType,
    extreme: Extreme,
) -> StateSpec {
    let mut key = keys.to_vec();
    key.push(match extreme {
        Extreme::Lowest => StateField { name: "value".to_owned(), data_type: value.to_string() },
        Extreme::Highest => StateField {
            name: format!("{value}, descending"),
            data_type: DataType::Binary.to_string(),
        },
    });
    StateSpec {
        operator: operator.clone(),
        name: format!("values {aggregate}"),
        key,
        value: multiset::value_fields(),
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

/// A group's number and a value, to find pairs that are the same.
pub(super) fn pair_schema(value: &DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("group", DataType::UInt64, false),
        Field::new("value", value.clone(), true),
    ]))
}

/// Keys of the state: each a group's key, then a value.
pub(super) fn pair_keys<'v>(
    groups: &[&[u8]],
    values: impl Iterator<Item = &'v [u8]>,
) -> BinaryArray {
    let mut keys = BinaryBuilder::new();
    let mut key = Vec::new();
    for (group, value) in groups.iter().zip(values) {
        key.clear();
        key.extend_from_slice(group);
        key.extend_from_slice(value);
        keys.append_value(&key);
    }
    keys.finish()
}

impl ValueCounts {
    /// Values of this type.
    pub(super) fn new(
        spec: &StateSpec,
        value: &DataType,
        extreme: Extreme,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let descending = extreme == Extreme::Highest;
        let options = SortOptions { descending, nulls_first: true };
        let fields = vec![SortField::new_with_options(value.clone(), options)];
        Ok(Self {
            state: state.open(spec)?,
            wrapper: descending.then(|| RowCodec::new([DataType::Binary])).transpose()?,
            converter: RowConverter::new(fields)?,
            pair: pair_schema(value),
        })
    }

    /// The state's handle.
    pub(super) fn state(&self) -> StateHandle {
        self.state
    }

    /// Counts rows.
    pub(super) fn add(
        &mut self,
        keys: &UniqueKeys,
        rows: &Rows<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let none = || Error::user("a counted aggregate needs an argument".to_owned());
        let (mut indexes, mut groups, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        rows.each(|row, group, weight| {
            indexes.push(row as u32);
            groups.push(group);
            weights.push(weight);
        });
        let values = take(rows.values.ok_or_else(none)?, &UInt32Array::from(indexes), None)?;
        let numbers = UInt64Array::from_iter_values(groups.iter().map(|group| *group as u64));
        let columns: [ArrayRef; 2] = [Arc::new(numbers), Arc::clone(&values)];
        let (pair_of, firsts) = unique(&self.pair, &columns, groups.len())?;
        let mut changes = vec![0; firsts.len()];
        for (row, pair) in pair_of.iter().enumerate() {
            changes[*pair] += weights[row];
        }
        let values = take(&values, &firsts, None)?;
        let of_pair: Vec<usize> = firsts.values().iter().map(|row| groups[*row as usize]).collect();
        let (groups, prefixes) = keys.pick(&of_pair);
        let ordered = self.converter.convert_columns(std::slice::from_ref(&values))?;
        let ordered = ordered.try_into_binary()?;
        let ordered = match &self.wrapper {
            Some(wrapper) => wrapper.encode(&[Arc::new(ordered)], values.len())?,
            None => ordered,
        };
        let keys = pair_keys(&prefixes, ordered.iter().flatten());
        multiset::add(self.state, &groups, &keys, &changes, cx)?;
        Ok(())
    }

    /// The first value of each key in the order of values; null where there is none.
    pub(super) fn firsts(&self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<ArrayRef> {
        let mut found: Vec<Option<Vec<u8>>> = vec![None; keys.len()];
        cx.state.scan_prefixes(
            self.state,
            Namespace::ONLY,
            &keys.groups,
            &keys.bytes,
            &mut |key, rest, _| {
                found[key] = Some(rest.to_vec());
                Ok(ControlFlow::Break(()))
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, keys.len());
        let rows = BinaryArray::from_iter_values(found.iter().flatten());
        let rows = match &self.wrapper {
            Some(wrapper) => wrapper.decode(&rows)?.swap_remove(0).as_binary::<i32>().clone(),
            None => rows,
        };
        let parser = self.converter.parser();
        let rows = rows.iter().flatten().map(|bytes| parser.parse(bytes));
        let values = self.converter.convert_rows(rows)?;
        Ok(spread(&values, found.iter().map(Option::is_some))?.swap_remove(0))
    }
}

/// The boolean column of a filter.
pub(super) fn filter_of(batch: &RecordBatch, column: Option<usize>) -> Option<&BooleanArray> {
    column.map(|column| batch.column(column).as_boolean())
}
