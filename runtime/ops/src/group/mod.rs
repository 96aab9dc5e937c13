//! Aggregation by key alone: each batch updates its keys' groups, and what changed is emitted as
//! changes. That a batch is answered at once, and not each of its rows, is Flink's mini-batch.
//!
//! A group's row in the state is the number of its rows and the partial results of its
//! aggregates; a group without rows is gone.

pub(crate) mod accumulate;
mod collect;
mod distinct;
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
use sabot_core::state::{StateBackend, StateField, StateSpec, ValueEncoding};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::OperatorUid;

use self::accumulate::{Accumulator, Rows, count, state_columns};
use self::distinct::{DistinctValues, Sharing, Transitions};
use self::values::{Extreme, ValueCounts, filter_of};
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
    /// The values of arguments with `DISTINCT`, and which aggregates share them.
    distinct: Vec<(DistinctValues, Sharing)>,
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
    /// Its values in their order, where the first of them is the result.
    counted: Option<ValueCounts>,
}

/// The states of the operator: the groups' rows, the values of each argument with `DISTINCT`, then
/// those of aggregates that count their own.
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
        if let Some((data_type, extreme)) = counted_values(aggregate, input) {
            let spec = values::state_spec(operator, &aggregate.name, &key, data_type, extreme);
            counted.push(spec.with_ttl(desc.ttl_ms));
        }
    }
    let distinct = distinct::sharing(&desc.aggregates, is_distinct).into_iter().map(|sharing| {
        let names = sharing.aggregates.iter().map(|number| desc.aggregates[*number].name.clone());
        let argument = input.field(sharing.argument);
        distinct::state_spec(operator, &key, argument, names).with_ttl(desc.ttl_ms)
    });
    let distinct: Vec<_> = distinct.collect();
    let rows = StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value,
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
    .with_ttl(desc.ttl_ms);
    std::iter::once(rows).chain(distinct).chain(counted).collect()
}

/// The type of the values that an aggregate has to count, and which one it asks for; none when it
/// has not to.
fn counted_values<'a>(
    desc: &AggregateDesc,
    input: &'a SchemaRef,
) -> Option<(&'a DataType, Extreme)> {
    let extreme = match desc.function {
        AggregateFunction::Min => Extreme::Lowest,
        AggregateFunction::Max => Extreme::Highest,
        _ => return None,
    };
    let argument = desc.argument.filter(|_| row_kind::is_updating(input));
    argument.map(|column| (input.field(column).data_type(), extreme))
}

/// Whether each value counts once. Extremes are the same either way.
fn is_distinct(desc: &AggregateDesc) -> bool {
    let is_extreme = matches!(desc.function, AggregateFunction::Min | AggregateFunction::Max);
    desc.distinct && !is_extreme
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
        let counted =
            counted_values(desc, input).and_then(|counted| Some((counted, specs.next()?)));
        let counted = counted
            .map(|((data_type, extreme), spec)| ValueCounts::new(spec, data_type, extreme, state));
        Ok(Self {
            accumulator: Accumulator::new(&node.name, desc, input)?,
            argument: desc.argument,
            filter: desc.filter,
            counted: counted.transpose()?,
        })
    }

    /// The partial results after the rows of a batch; `changed` are the values that came and went
    /// where each counts once.
    fn add(
        &mut self,
        before: &[ArrayRef],
        (keys, batch): (&UniqueKeys, &RecordBatch),
        weights: Option<&[i64]>,
        changed: Option<&Transitions>,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<ArrayRef>> {
        if let Some(changed) = changed {
            let rows = Rows {
                values: Some(&changed.values),
                groups: &changed.groups,
                weights: Some(&changed.weights),
                filter: None,
            };
            return self.accumulator.add(before, &rows);
        }
        let rows = Rows {
            values: self.argument.map(|column| batch.column(column)),
            groups: &keys.of_row,
            weights,
            filter: filter_of(batch, self.filter),
        };
        let Some(counted) = &mut self.counted else { return self.accumulator.add(before, &rows) };
        counted.add(keys, &rows, cx)?;
        Ok(vec![cast(&counted.firsts(keys, cx)?, before[0].data_type())?])
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
        let sharing = distinct::sharing(&desc.aggregates, is_distinct);
        let (of_distinct, counted) = specs[1..].split_at(sharing.len());
        let distinct = of_distinct.iter().zip(sharing).map(|(spec, sharing)| {
            let values = DistinctValues::new(spec, &sharing, &desc.aggregates, input, state)?;
            Ok((values, sharing))
        });
        let distinct = distinct.collect::<Result<_>>()?;
        let mut counted = counted.iter();
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
            distinct,
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
        let mut changed: Vec<_> = self.aggregates.iter().map(|_| None).collect();
        for (values, sharing) in &mut self.distinct {
            let transitions = values.add(&keys, &batch, weights.as_deref(), cx)?;
            for (number, transitions) in sharing.aggregates.iter().zip(transitions) {
                changed[*number] = Some(transitions);
            }
        }
        for ((partial, aggregate), changed) in
            partials.into_iter().zip(&mut self.aggregates).zip(&changed)
        {
            let (before, rows) = (&before[partial], (&keys, &batch));
            after.extend(aggregate.add(before, rows, weights.as_deref(), changed.as_ref(), cx)?);
        }
        self.store(&slots, &after)?;
        self.emit(&keys, &before, &after, cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.hot.flush(cx)?;
        let mut keyed = vec![cx.state.freeze(self.hot.state())?];
        for (values, _) in &mut self.distinct {
            let state = values.flush(cx)?;
            keyed.push(cx.state.freeze(state)?);
        }
        for counted in self.aggregates.iter().filter_map(|aggregate| aggregate.counted.as_ref()) {
            keyed.push(cx.state.freeze(counted.state())?);
        }
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}
