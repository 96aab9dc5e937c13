//! Which values occur in each group, for aggregates with `DISTINCT`: those of the same argument
//! share a state, in which each has a count of its own.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_row::{RowConverter, SortField};
use sabot_core::plan::{AggregateDesc, AggregateFunction};
use sabot_core::state::{StateBackend, StateField, StateHandle, StateSpec, ValueEncoding};
use sabot_core::{Cx, Result};
use sabot_types::OperatorUid;

use super::values::{filter_of, pair_keys, pair_schema};
use crate::hot::Hot;
use crate::keyed::{UniqueKeys, unique};
use crate::multiset::{COUNT_BYTES, count_of, value_of};

/// The aggregates of one argument, by their numbers.
pub(super) struct Sharing {
    pub(super) argument: usize,
    pub(super) aggregates: Vec<usize>,
}

/// Groups aggregates by their arguments; those that are none of `is_distinct` are left out.
pub(super) fn sharing(
    aggregates: &[AggregateDesc],
    is_distinct: impl Fn(&AggregateDesc) -> bool,
) -> Vec<Sharing> {
    let mut all: Vec<Sharing> = Vec::new();
    for (number, desc) in aggregates.iter().enumerate().filter(|(_, desc)| is_distinct(desc)) {
        let Some(argument) = desc.argument else { continue };
        match all.iter_mut().find(|sharing| sharing.argument == argument) {
            Some(sharing) => sharing.aggregates.push(number),
            None => all.push(Sharing { argument, aggregates: vec![number] }),
        }
    }
    all
}

/// Describes the state of the values of an argument: group and value, to how often the value
/// counts for each aggregate.
pub(super) fn state_spec(
    operator: &OperatorUid,
    keys: &[StateField],
    argument: &Field,
    aggregates: impl Iterator<Item = String>,
) -> StateSpec {
    let mut key = keys.to_vec();
    let data_type = argument.data_type().to_string();
    key.push(StateField { name: "value".to_owned(), data_type });
    let count = |name| StateField { name, data_type: DataType::Int64.to_string() };
    StateSpec {
        operator: operator.clone(),
        name: format!("distinct {}", argument.name()),
        key,
        value: aggregates.map(count).collect(),
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

/// The values of one argument.
pub(super) struct DistinctValues {
    hot: Hot,
    converter: RowConverter,
    argument: usize,
    /// The filter of each aggregate.
    filters: Vec<Option<usize>>,
    /// Whether a NULL counts for each aggregate.
    nulls: Vec<bool>,
    /// Group and value, to find what is the same.
    pair: SchemaRef,
}

/// Values that came first or went last for an aggregate, each with its group and a weight of 1
/// or -1.
pub(super) struct Transitions {
    pub(super) values: ArrayRef,
    pub(super) groups: Vec<usize>,
    pub(super) weights: Vec<i64>,
}

impl DistinctValues {
    pub(super) fn new(
        spec: &StateSpec,
        sharing: &Sharing,
        aggregates: &[AggregateDesc],
        input: &Schema,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let data_type = input.field(sharing.argument).data_type();
        let handle = state.open(spec)?;
        Ok(Self {
            hot: Hot::new(handle, state)?,
            converter: RowConverter::new(vec![SortField::new(data_type.clone())])?,
            argument: sharing.argument,
            filters: sharing.aggregates.iter().map(|number| aggregates[*number].filter).collect(),
            nulls: sharing
                .aggregates
                .iter()
                .map(|number| aggregates[*number].function == AggregateFunction::AllValues)
                .collect(),
            pair: pair_schema(data_type),
        })
    }

    /// Everything is in the backend afterwards; the state's handle.
    pub(super) fn flush(&mut self, cx: &mut Cx<'_>) -> Result<StateHandle> {
        self.hot.flush(cx)?;
        Ok(self.hot.state())
    }

    /// Counts the rows of a batch; what came first and went last for each aggregate.
    pub(super) fn add(
        &mut self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        weights: Option<&[i64]>,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<Transitions>> {
        let values = batch.column(self.argument);
        let filters: Vec<_> = self.filters.iter().map(|filter| filter_of(batch, *filter)).collect();
        let nulls = values.logical_nulls();
        let is_null = |row: u32| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row as usize));
        let takes_nulls = self.nulls.iter().copied();
        let aggregates: Vec<_> = filters.iter().copied().zip(takes_nulls).collect();
        let passes_all = |(filter, takes_nulls): (Option<&BooleanArray>, bool), row: u32| {
            (takes_nulls || !is_null(row)) && passes(filter, row)
        };
        let counts = |row: u32| aggregates.iter().any(|of| passes_all(*of, row));
        let rows: UInt32Array = (0..batch.num_rows() as u32).filter(|row| counts(*row)).collect();
        let groups = rows.values().iter().map(|row| keys.of_row[*row as usize] as u64);
        let groups: ArrayRef = Arc::new(UInt64Array::from_iter_values(groups));
        let (pair_of, firsts) =
            unique(&self.pair, &[groups, take(values, &rows, None)?], rows.len())?;
        let firsts: UInt32Array = take_numbers(&rows, &firsts);
        let width = filters.len();
        let mut changes = vec![0; firsts.len() * width];
        for (row, pair) in rows.values().iter().zip(&pair_of) {
            let weight = weights.map_or(1, |weights| weights[*row as usize]);
            for (of, change) in aggregates.iter().zip(&mut changes[pair * width..]) {
                *change += if passes_all(*of, *row) { weight } else { 0 };
            }
        }
        let values = take(values, &firsts, None)?;
        let groups: Vec<_> = firsts.values().iter().map(|row| keys.of_row[*row as usize]).collect();
        let before = self.change(keys, &values, &groups, &changes, cx)?;
        let of_aggregate = |at: usize| {
            transitions(&values, &groups, |pair| {
                let (before, change) = (before[pair * width + at], changes[pair * width + at]);
                i64::from(before + change > 0) - i64::from(before > 0)
            })
        };
        (0..width).map(of_aggregate).collect()
    }

    /// Adds `changes` to the counts of values; the counts before.
    fn change(
        &mut self,
        keys: &UniqueKeys,
        values: &ArrayRef,
        of_pair: &[usize],
        changes: &[i64],
        cx: &mut Cx<'_>,
    ) -> Result<Vec<i64>> {
        let (groups, prefixes) = keys.pick(of_pair);
        let ordered = self.converter.convert_columns(std::slice::from_ref(values))?;
        let keys = pair_keys(&prefixes, ordered.iter().map(|value| value.data()));
        let slots = self.hot.find(&groups, &keys, cx)?;
        let width = self.filters.len();
        let (mut before, mut after) = (Vec::with_capacity(changes.len()), Vec::new());
        for (stored, changes) in self.hot.values(&slots).zip(changes.chunks(width)) {
            for (at, change) in changes.iter().enumerate() {
                let place = at * COUNT_BYTES..(at + 1) * COUNT_BYTES;
                let count = stored.map_or(0, |counts| count_of(&counts[place]));
                before.push(count);
                after.extend(value_of(count + change));
            }
        }
        // A value that counts for no aggregate is not there any more.
        let is_there =
            |counts: &&[u8]| counts.chunks(COUNT_BYTES).any(|count| count_of(count) != 0);
        self.hot.set(&slots, after.chunks(width * COUNT_BYTES).map(|c| Some(c).filter(is_there)));
        Ok(before)
    }
}

fn passes(filter: Option<&BooleanArray>, row: u32) -> bool {
    let row = row as usize;
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

fn take_numbers(numbers: &UInt32Array, at: &UInt32Array) -> UInt32Array {
    at.values().iter().map(|at| numbers.value(*at as usize)).collect()
}

/// The values whose weight is not 0.
fn transitions(
    values: &ArrayRef,
    groups: &[usize],
    weight: impl Fn(usize) -> i64,
) -> Result<Transitions> {
    let weights = (0..groups.len()).map(weight);
    let changed = weights.enumerate().filter(|(_, weight)| *weight != 0);
    let (at, weights): (Vec<u32>, Vec<i64>) = changed.map(|(at, w)| (at as u32, w)).unzip();
    let groups = at.iter().map(|at| groups[*at as usize]).collect();
    Ok(Transitions { values: take(values, &UInt32Array::from(at), None)?, groups, weights })
}
