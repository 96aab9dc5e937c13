//! Joins rows with those that a table has when they come.
//!
//! The table is read whole before the operator is built, and again or on if that is asked for
//! ([`LookupTable`]); each subtask meets all of it, so that its input needs no exchange. There is no
//! state but for rows that can go, whose answers are kept: after a restore the table is what it is
//! then.
//!
//! Of a table whose rows change, the last row of each of its own keys is there. Rows are chosen and
//! made only then: an older row must not stand in for a last one that the filter leaves out.

mod rows;

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow::compute::{
    and, concat_batches, filter_record_batch, prep_null_mask_filter, take_record_batch,
};
use arrow::datatypes::{Schema, SchemaRef};
use hashbrown::HashMap;
use sabot_core::ambient::Ambient;
use sabot_core::plan::{CalcDesc, LookupJoinDesc, PlanNode};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Evaluator, Operator, OperatorSnapshot, Result};

use self::rows::Rows;
use crate::OperatorConfig;
use crate::answered::{self, Left};
use crate::calc::Calc;
use crate::codec::RowCodec;
use crate::pairing::{Pairing, Pairs};

/// The rows of a table by their keys, as they were last read.
#[derive(Clone)]
pub struct LookupTable {
    shape: Arc<Shape>,
    rows: Arc<Mutex<Arc<Rows>>>,
}

/// What a table's rows become.
struct Shape {
    calc: Calc,
    /// The columns that the join reads, then those of the table's own key.
    schema: SchemaRef,
    keys: Vec<usize>,
    codec: RowCodec,
    /// How the last row of each of the table's own keys is told.
    last: Option<LastRows>,
}

/// How a table's rows change.
struct LastRows {
    /// The columns of the key, in the table's rows.
    keys: Vec<usize>,
    codec: RowCodec,
    /// Which rows are there for the join.
    filter: Option<Arc<dyn Evaluator>>,
}

impl LookupTable {
    /// The table of a lookup join, without rows, whose random numbers begin with `seed`.
    pub fn new(node: &PlanNode, desc: &LookupJoinDesc, seed: u64) -> Result<Self> {
        let fields = &node.schema.fields()[..row_kind::width(&node.schema)];
        let width = fields.len().saturating_sub(desc.rows.columns.len());
        let schema: SchemaRef = Arc::new(Schema::new(fields[width..].to_vec()));
        let last = desc.table_last_by.as_ref().map(|keys| LastRows::new(desc, keys)).transpose()?;
        // Which of the rows are there is told apart from what becomes of them.
        let filter = desc.rows.filter.clone().filter(|_| last.is_none());
        let calc = CalcDesc { filter, ..desc.rows.clone() };
        let own = last.iter().flat_map(|last| &last.keys);
        let own = own.map(|key| Arc::clone(&desc.table_schema.fields()[*key]));
        let wide = Schema::new(schema.fields().iter().cloned().chain(own).collect::<Vec<_>>());
        let shape = Shape {
            calc: Calc::of(&node.name, &calc, Arc::clone(&schema), seed)?,
            codec: codec_of(&schema, &desc.table_keys)?,
            schema: Arc::new(wide),
            keys: desc.table_keys.clone(),
            last,
        };
        Ok(Self { shape: Arc::new(shape), rows: Arc::default() })
    }

    /// Takes rows of the table, as its columns are, in place of all that there are; `now_ms` is the
    /// time at which they were read.
    pub fn replace(&self, rows: &[RecordBatch], now_ms: i64) -> Result<()> {
        self.set(&Rows::default(), rows, now_ms)
    }

    /// Takes rows that have come to the table since it was read, in their order.
    pub fn add(&self, rows: &[RecordBatch], now_ms: i64) -> Result<()> {
        self.set(&self.current(), rows, now_ms)
    }

    fn set(&self, before: &Rows, rows: &[RecordBatch], now_ms: i64) -> Result<()> {
        let shape = &self.shape;
        let rows = match &shape.last {
            Some(last) => {
                let LastOf { rows, keys } = last.of(shape, rows, now_ms)?;
                before.with(shape, rows, &keys)?
            }
            None => {
                let made = rows.iter().map(|batch| shape.calc.apply(batch.clone(), now_ms));
                let made = made.filter_map(Result::transpose).collect::<Result<Vec<_>>>()?;
                before.with(shape, concat_batches(&shape.schema, &made)?, &[])?
            }
        };
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rows);
        Ok(())
    }

    /// Whether anyone but the caller has the table.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.rows) > 1
    }

    fn current(&self) -> Arc<Rows> {
        Arc::clone(&self.rows.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The last rows of keys.
struct LastOf {
    /// As the shape's schema is.
    rows: RecordBatch,
    /// All keys, also those whose last row is not there.
    keys: Vec<Box<[u8]>>,
}

impl LastRows {
    fn new(desc: &LookupJoinDesc, keys: &[usize]) -> Result<Self> {
        Ok(Self {
            keys: keys.to_vec(),
            codec: codec_of(&desc.table_schema, keys)?,
            filter: desc.rows.filter.clone(),
        })
    }

    /// The last rows of all keys of the table's rows, which came in this order.
    fn of(&self, shape: &Shape, rows: &[RecordBatch], now_ms: i64) -> Result<LastOf> {
        let mut parts = Vec::new();
        let mut last: HashMap<Box<[u8]>, Option<u32>> = HashMap::new();
        let mut next = 0;
        for batch in rows {
            let is_there = self.is_there(batch, shape.calc.ambient(now_ms))?;
            let keys = self.codec.encode(&columns_of(batch, &self.keys), batch.num_rows())?;
            for (key, is_there) in keys.iter().flatten().zip(is_there.values()) {
                last.insert(Box::from(key), is_there.then_some(next));
                next += u32::from(is_there);
            }
            let batch = filter_record_batch(batch, &is_there)?;
            let keys = columns_of(&batch, &self.keys);
            if let Some(made) = shape.calc.apply(batch, now_ms)? {
                let columns = made.columns().iter().cloned().chain(keys).collect();
                let count = RecordBatchOptions::new().with_row_count(Some(made.num_rows()));
                let schema = Arc::clone(&shape.schema);
                parts.push(RecordBatch::try_new_with_options(schema, columns, &count)?);
            }
        }
        let all = concat_batches(&shape.schema, &parts)?;
        let mut places: Vec<u32> = last.values().copied().flatten().collect();
        places.sort_unstable();
        let rows = take_record_batch(&all, &UInt32Array::from(places))?;
        Ok(LastOf { rows, keys: last.into_keys().collect() })
    }

    /// Which rows do not say that a key's row goes, and are asked for.
    fn is_there(&self, batch: &RecordBatch, ambient: Ambient<'_>) -> Result<BooleanArray> {
        let all = || BooleanArray::from(vec![true; batch.num_rows()]);
        let comes = |kind: &i8| RowKind::of(*kind).is_added();
        let comes = row_kind::kinds(batch)
            .map_or_else(all, |kinds| kinds.values().iter().map(comes).map(Some).collect());
        let Some(filter) = &self.filter else { return Ok(comes) };
        let wanted = filter.evaluate(&*ambient.append(batch, filter.ambient())?)?;
        let wanted = wanted.as_boolean();
        Ok(match wanted.null_count() {
            0 => and(&comes, wanted)?,
            _ => and(&comes, &prep_null_mask_filter(wanted))?,
        })
    }
}

pub(crate) struct LookupJoin {
    keys: Vec<usize>,
    codec: RowCodec,
    table: LookupTable,
    pairing: Pairing,
}

fn left<'a>(desc: &'a LookupJoinDesc, input: &'a SchemaRef) -> Left<'a> {
    Left { input, keys: &desc.keys, ttl_ms: desc.ttl_ms }
}

/// The state, if rows of `input` can go.
pub(crate) fn state_specs(
    node: &PlanNode,
    desc: &LookupJoinDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    answered::state_spec(node, left(desc, input)).into_iter().collect()
}

impl LookupJoin {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &LookupJoinDesc,
        input: &SchemaRef,
        table: LookupTable,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let condition = desc.condition.as_ref();
        Ok(Self {
            codec: codec_of(input, &desc.keys)?,
            keys: desc.keys.clone(),
            table,
            pairing: Pairing::new(node, desc.kind, condition, left(desc, input), config, state)?,
        })
    }
}

impl Operator for LookupJoin {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let table = self.table.current();
        let keys = columns_of(&batch, &self.keys);
        let has_key = |row: usize| keys.iter().all(|column| column.is_valid(row));
        let bytes = self.codec.encode(&keys, batch.num_rows())?;
        let mut answer = self.pairing.answer(&batch);
        // A null is equal to nothing: the table has no rows with such keys either.
        let rows = (0..batch.num_rows()).filter(|row| answer.comes(*row) && has_key(*row));
        let rows: Vec<usize> = rows.collect();
        for part in table.parts() {
            let mut pairs = Pairs::default();
            for row in &rows {
                for other in part.of(bytes.value(*row)) {
                    pairs.push(*row, other);
                }
                if pairs.are_many() {
                    answer.emit(std::mem::take(&mut pairs), part.columns(), cx)?;
                }
            }
            answer.emit(pairs, part.columns(), cx)?;
        }
        answer.finish(cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let keyed = self.pairing.state().into_iter().map(|state| cx.state.freeze(state));
        Ok(OperatorSnapshot { keyed: keyed.collect::<Result<_>>()?, watermark: None })
    }
}

fn codec_of(schema: &Schema, columns: &[usize]) -> Result<RowCodec> {
    RowCodec::new(columns.iter().map(|column| schema.field(*column).data_type().clone()))
}

fn columns_of(batch: &RecordBatch, columns: &[usize]) -> Vec<ArrayRef> {
    columns.iter().map(|column| Arc::clone(batch.column(*column))).collect()
}

#[cfg(test)]
mod tests;
