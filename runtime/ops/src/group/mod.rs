//! Aggregation by key alone: each batch updates its keys' groups, and what changed is emitted as
//! changes. That a batch is answered at once, and not each of its rows, is Flink's mini-batch.
//!
//! A group's row in the state is the number of its rows and the partial results of its
//! aggregates; a group without rows is gone.

mod accumulate;
mod collect;
mod lists;
mod values;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::make_comparator;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array, new_null_array,
};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{SortOptions, cast, concat, filter, is_not_null, or, take, take_arrays};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use sabot_core::plan::{AggregateDesc, AggregateFunction, GroupAggregateDesc, PlanNode};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateField, StateSpec};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::OperatorUid;

use self::accumulate::{Accumulator, Rows, count, state_columns};
use self::values::{Purpose, ValueCounts, filter_of};
use crate::OperatorConfig;
use crate::codec::{RowCodec, spread};
use crate::emit::emit_in_parts;
use crate::hot::{Hot, Slots};
use crate::keyed::{Keys, UniqueKeys, state_fields};

/// The state of the groups' rows.
const STATE_NAME: &str = "group";
/// The column of a group's number of rows.
const ROWS: &str = "rows";

pub(crate) struct GroupAggregate {
    keys: Keys,
    aggregates: Vec<Aggregate>,
    hot: Hot,
    /// The number of rows, then the partial results.
    codec: RowCodec,
    types: Vec<DataType>,
    max_batch_rows: usize,
    schema: SchemaRef,
}

struct Aggregate {
    accumulator: Accumulator,
    argument: Option<usize>,
    filter: Option<usize>,
    /// How its values are counted.
    counts: Counts,
}

enum Counts {
    /// Not at all.
    No,
    /// Each value adds to the aggregate once.
    Distinct(ValueCounts),
    /// The first of the values is the result.
    First(ValueCounts),
}

/// The states of the operator: the groups' rows, then the values of aggregates that count them.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &GroupAggregateDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    let key = state_fields(input, desc.keys.iter().copied());
    let mut value =
        vec![StateField { name: ROWS.to_owned(), data_type: DataType::Int64.to_string() }];
    let mut counted = Vec::new();
    for aggregate in &desc.aggregates {
        value.extend(
            state_columns(aggregate, input)
                .map(|(name, data_type)| StateField { name, data_type: data_type.to_string() }),
        );
        if let Some((data_type, purpose)) = counted_values(aggregate, input) {
            let spec = values::state_spec(operator, &aggregate.name, &key, data_type, purpose);
            counted.push(spec.with_ttl(desc.ttl_ms));
        }
    }
    let rows = StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value,
        namespace: "none".to_owned(),
        ttl_ms: None,
    }
    .with_ttl(desc.ttl_ms);
    std::iter::once(rows).chain(counted).collect()
}

/// The type of the values that an aggregate has to count, and what for; none when it has not to.
fn counted_values<'a>(
    desc: &AggregateDesc,
    input: &'a SchemaRef,
) -> Option<(&'a DataType, Purpose)> {
    let purpose = match desc.function {
        AggregateFunction::Min => Purpose::Lowest,
        AggregateFunction::Max => Purpose::Highest,
        _ => Purpose::Distinct,
    };
    let counts = match purpose {
        Purpose::Distinct => desc.distinct,
        Purpose::Lowest | Purpose::Highest => row_kind::is_updating(input),
    };
    desc.argument.filter(|_| counts).map(|column| (input.field(column).data_type(), purpose))
}

impl Aggregate {
    /// `specs` are those of the aggregates' counted values that are left.
    fn new<'s>(
        node: &PlanNode,
        desc: &AggregateDesc,
        mut specs: impl Iterator<Item = &'s StateSpec>,
        input: &SchemaRef,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let counts =
            match counted_values(desc, input).and_then(|counted| Some((counted, specs.next()?))) {
                None => Counts::No,
                Some(((data_type, purpose), spec)) => {
                    let counts = ValueCounts::new(spec, data_type, purpose, state)?;
                    match purpose {
                        Purpose::Lowest | Purpose::Highest => Counts::First(counts),
                        Purpose::Distinct => Counts::Distinct(counts),
                    }
                }
            };
        Ok(Self {
            accumulator: Accumulator::new(&node.name, desc, input)?,
            argument: desc.argument,
            filter: desc.filter,
            counts,
        })
    }

    /// The partial results after the rows of a batch.
    fn add(
        &mut self,
        before: &[ArrayRef],
        keys: &UniqueKeys,
        batch: &RecordBatch,
        weights: Option<&[i64]>,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = Rows {
            values: self.argument.map(|column| batch.column(column)),
            groups: &keys.of_row,
            weights,
            filter: filter_of(batch, self.filter),
        };
        match &mut self.counts {
            Counts::No => self.accumulator.add(before, &rows),
            Counts::Distinct(counts) => {
                let changed = counts.add(keys, &rows, cx)?;
                let rows = Rows {
                    values: Some(&changed.values),
                    groups: &changed.groups,
                    weights: Some(&changed.weights),
                    filter: None,
                };
                self.accumulator.add(before, &rows)
            }
            Counts::First(counts) => {
                counts.add(keys, &rows, cx)?;
                Ok(vec![cast(&counts.firsts(keys, cx)?, before[0].data_type())?])
            }
        }
    }
}

impl GroupAggregate {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &GroupAggregateDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let specs = state_specs(&node.uid, desc, input);
        let mut counted = specs[1..].iter();
        let aggregates = desc.aggregates.iter();
        let aggregates = aggregates.map(|a| Aggregate::new(node, a, &mut counted, input, state));
        let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
        let rows = state.open(&specs[0])?;
        let partials = desc.aggregates.iter().flat_map(|a| state_columns(a, input));
        let types =
            std::iter::once(DataType::Int64).chain(partials.map(|(_, data_type)| data_type));
        let types: Vec<DataType> = types.collect();
        Ok(Self {
            keys: Keys::new(node, &desc.keys, input, config)?,
            aggregates,
            hot: Hot::new(rows, state)?,
            codec: RowCodec::new(types.clone())?,
            types,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// The stored rows of keys, as columns; null where a key has none.
    fn stored(&self, slots: &Slots) -> Result<Vec<ArrayRef>> {
        let stored = self.hot.column(slots);
        if stored.null_count() == stored.len() {
            return Ok(self.types.iter().map(|t| new_null_array(t, stored.len())).collect());
        }
        let found = filter(&stored, &is_not_null(&stored)?)?;
        let columns = self.codec.decode(found.as_binary::<i32>())?;
        spread(&columns, stored.iter().map(|row| row.is_some()))
    }

    fn store(&mut self, slots: &Slots, after: &[ArrayRef]) -> Result<()> {
        let counts = after[0].as_primitive::<Int64Type>();
        let rows = self.codec.encode(after, counts.len())?;
        let live = counts.values().iter().map(|count| *count > 0);
        let values = live.enumerate().map(|(row, is_live)| is_live.then(|| rows.value(row)));
        self.hot.set(slots, values);
        Ok(())
    }

    /// Where each aggregate's partial results are in a row's columns.
    fn partials(&self) -> impl Iterator<Item = Range<usize>> {
        self.aggregates.iter().scan(1, |end, aggregate| {
            let begin = *end;
            *end += aggregate.accumulator.width();
            Some(begin..*end)
        })
    }

    fn results(&self, columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let partials = self.partials().map(|partial| &columns[partial]);
        partials.zip(&self.aggregates).map(|(p, a)| a.accumulator.result(p)).collect()
    }

    /// Emits how the results of keys changed.
    fn emit(
        &self,
        keys: &UniqueKeys,
        before: &[ArrayRef],
        after: &[ArrayRef],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let live = |rows: &ArrayRef, key: usize| {
            let rows = rows.as_primitive::<Int64Type>();
            rows.is_valid(key) && rows.value(key) > 0
        };
        let (was, is) = (self.results(before)?, self.results(after)?);
        let mut changed = BooleanArray::from(vec![false; keys.len()]);
        for (was, is) in was.iter().zip(&is) {
            changed = or(&changed, &differ(was, is)?)?;
        }
        let count = keys.len() as u32;
        let (mut kinds, mut from, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        let mut push = |kind, key: usize, version: u32| {
            kinds.push(kind);
            from.push(key as u32);
            versions.push(version * count + key as u32);
        };
        for key in 0..keys.len() {
            match (live(&before[0], key), live(&after[0], key)) {
                (false, true) => push(RowKind::Insert, key, 1),
                (true, true) if changed.value(key) => {
                    push(RowKind::UpdateBefore, key, 0);
                    push(RowKind::UpdateAfter, key, 1);
                }
                (true, false) => push(RowKind::Delete, key, 0),
                (true, true) | (false, false) => {}
            }
        }
        if kinds.is_empty() {
            return Ok(());
        }
        let (from, versions) = (UInt32Array::from(from), UInt32Array::from(versions));
        let mut columns = take_arrays(&keys.columns, &from, None)?;
        for (was, is) in was.iter().zip(&is) {
            let both = concat(&[was.as_ref(), is.as_ref()])?;
            columns.push(take(&both, &versions, None)?);
        }
        // Groups without aggregates over rows that only come are only ever inserted.
        if row_kind::is_updating(&self.schema) {
            columns.push(row_kind::column(kinds));
        }
        emit_in_parts(
            &RecordBatch::try_new(Arc::clone(&self.schema), columns)?,
            self.max_batch_rows,
            cx,
        );
        Ok(())
    }
}

/// Where two columns have different values; nulls are equal.
pub(crate) fn differ(left: &ArrayRef, right: &ArrayRef) -> Result<BooleanArray> {
    if !left.data_type().is_nested() {
        return Ok(distinct(left, right)?);
    }
    let compare = make_comparator(left, right, SortOptions::default())?;
    Ok((0..left.len()).map(|row| Some(compare(row, row).is_ne())).collect())
}

impl Operator for GroupAggregate {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let weights = row_kind::weights(&batch);
        let keys = self.keys.of(&batch)?;
        let slots = self.hot.find(&keys.groups, &keys.bytes, cx)?;
        let before = self.stored(&slots)?;
        let all =
            Rows { values: None, groups: &keys.of_row, weights: weights.as_deref(), filter: None };
        let mut after = vec![count(&before[0], &all)];
        let partials: Vec<Range<usize>> = self.partials().collect();
        for (partial, aggregate) in partials.into_iter().zip(&mut self.aggregates) {
            let before = &before[partial];
            after.extend(aggregate.add(before, &keys, &batch, weights.as_deref(), cx)?);
        }
        self.store(&slots, &after)?;
        self.emit(&keys, &before, &after, cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.hot.flush(cx)?;
        let mut keyed = vec![cx.state.freeze(self.hot.state())?];
        for aggregate in &mut self.aggregates {
            if let Counts::Distinct(counts) | Counts::First(counts) = &mut aggregate.counts {
                let state = counts.flush(cx)?;
                keyed.push(cx.state.freeze(state)?);
            }
        }
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}
