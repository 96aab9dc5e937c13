//! Joins rows with those that a table has when they come.
//!
//! The table is read whole before the operator is built, and again or on if that is asked for
//! ([`LookupTable`]); each subtask meets all of it, so that its input needs no exchange. There is no
//! state: after a restore the table is what it is then.
//!
//! Of a table whose rows change, the last row of each of its own keys is there. Rows are chosen and
//! made only then: an older row must not stand in for a last one that the filter leaves out.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow::compute::{
    and, concat_batches, filter_record_batch, prep_null_mask_filter, take_record_batch,
};
use arrow::datatypes::{Schema, SchemaRef};
use hashbrown::HashMap;
use sabot_core::plan::{CalcDesc, LookupJoinDesc, PlanNode};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Cx, Evaluator, Operator, Result, proc_time};

use crate::OperatorConfig;
use crate::calc::Calc;
use crate::codec::RowCodec;
use crate::keyed::with_all;
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

/// One version of all rows.
struct Rows {
    /// As the shape's schema is.
    all: RecordBatch,
    /// How many columns the join reads.
    width: usize,
    /// For each key the place of its rows in `of_key`, and how many they are.
    places: HashMap<Box<[u8]>, (u32, u32)>,
    /// Rows, those of a key next to each other.
    of_key: Vec<u32>,
}

impl LookupTable {
    /// The table of a lookup join, without rows.
    pub fn new(node: &PlanNode, desc: &LookupJoinDesc) -> Result<Self> {
        let fields = node.schema.fields();
        let width = fields.len().saturating_sub(desc.rows.columns.len());
        let schema: SchemaRef = Arc::new(Schema::new(fields[width..].to_vec()));
        let last = desc.table_last_by.as_ref().map(|keys| LastRows::new(desc, keys)).transpose()?;
        // Which of the rows are there is told apart from what becomes of them.
        let filter = desc.rows.filter.clone().filter(|_| last.is_none());
        let calc = CalcDesc { filter, columns: desc.rows.columns.clone() };
        let own = last.iter().flat_map(|last| &last.keys);
        let own = own.map(|key| Arc::clone(&desc.table_schema.fields()[*key]));
        let wide = Schema::new(schema.fields().iter().cloned().chain(own).collect::<Vec<_>>());
        let shape = Shape {
            calc: Calc::of(&node.name, &calc, Arc::clone(&schema))?,
            codec: codec_of(&schema, &desc.table_keys)?,
            schema: Arc::new(wide),
            keys: desc.table_keys.clone(),
            last,
        };
        let rows = Rows::new(&shape, &[])?;
        Ok(Self { shape: Arc::new(shape), rows: Arc::new(Mutex::new(Arc::new(rows))) })
    }

    /// Takes rows of the table, as its columns are, in place of all that there are; `now_ms` is the
    /// time at which they were read.
    pub fn replace(&self, rows: Vec<RecordBatch>, now_ms: i64) -> Result<()> {
        self.set(None, rows, now_ms)
    }

    /// Takes rows that have come to the table since it was read, in their order.
    pub fn add(&self, rows: Vec<RecordBatch>, now_ms: i64) -> Result<()> {
        self.set(Some(&self.current().all), rows, now_ms)
    }

    fn set(&self, before: Option<&RecordBatch>, rows: Vec<RecordBatch>, now_ms: i64) -> Result<()> {
        let shape = &self.shape;
        let rows = match &shape.last {
            Some(last) => vec![last.rows(shape, before, &rows, now_ms)?],
            None => {
                let rows = rows.into_iter().map(|batch| shape.calc.apply(batch, now_ms));
                let before = before.cloned().map(Ok);
                before
                    .into_iter()
                    .chain(rows.filter_map(Result::transpose))
                    .collect::<Result<_>>()?
            }
        };
        let rows = Arc::new(Rows::new(shape, &rows)?);
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = rows;
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

impl LastRows {
    fn new(desc: &LookupJoinDesc, keys: &[usize]) -> Result<Self> {
        Ok(Self {
            keys: keys.to_vec(),
            codec: codec_of(&desc.table_schema, keys)?,
            filter: desc.rows.filter.clone(),
        })
    }

    /// The last rows of all keys, as the shape's schema is, out of those that were the last ones
    /// `before` and of the table's rows that came then.
    fn rows(
        &self,
        shape: &Shape,
        before: Option<&RecordBatch>,
        rows: &[RecordBatch],
        now_ms: i64,
    ) -> Result<RecordBatch> {
        let mut parts: Vec<RecordBatch> = before.cloned().into_iter().collect();
        let mut last: HashMap<Box<[u8]>, u32> = HashMap::new();
        let mut next = 0;
        if let Some(before) = before {
            let keys = &before.columns()[before.num_columns() - self.keys.len()..];
            for key in self.codec.encode(keys, before.num_rows())?.iter().flatten() {
                last.insert(Box::from(key), next);
                next += 1;
            }
        }
        for batch in rows {
            let is_there = self.is_there(batch, now_ms)?;
            let keys = self.codec.encode(&columns_of(batch, &self.keys), batch.num_rows())?;
            for (key, is_there) in keys.iter().flatten().zip(is_there.values()) {
                if is_there {
                    last.insert(Box::from(key), next);
                    next += 1;
                } else {
                    last.remove(key);
                }
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
        let mut places: Vec<u32> = last.into_values().collect();
        places.sort_unstable();
        Ok(take_record_batch(&all, &UInt32Array::from(places))?)
    }

    /// Which rows do not say that a key's row goes, and are asked for.
    fn is_there(&self, batch: &RecordBatch, now_ms: i64) -> Result<BooleanArray> {
        let all = || BooleanArray::from(vec![true; batch.num_rows()]);
        let comes = |kind: &i8| RowKind::of(*kind).is_added();
        let comes = row_kind::kinds(batch)
            .map_or_else(all, |kinds| kinds.values().iter().map(comes).map(Some).collect());
        let Some(filter) = &self.filter else { return Ok(comes) };
        let wanted = if filter.reads_proc_time() {
            filter.evaluate(&proc_time::append(batch, now_ms)?)?
        } else {
            filter.evaluate(batch)?
        };
        let wanted = wanted.as_boolean();
        Ok(match wanted.null_count() {
            0 => and(&comes, wanted)?,
            _ => and(&comes, &prep_null_mask_filter(wanted))?,
        })
    }
}

impl Rows {
    fn new(shape: &Shape, rows: &[RecordBatch]) -> Result<Self> {
        let all = with_all(&shape.keys, concat_batches(&shape.schema, rows)?)?;
        let keys = columns_of(&all, &shape.keys);
        let keys = shape.codec.encode(&keys, all.num_rows())?;
        let mut rows_of: HashMap<&[u8], Vec<u32>> = HashMap::new();
        for (row, key) in (0_u32..).zip(keys.iter().flatten()) {
            rows_of.entry(key).or_default().push(row);
        }
        let mut places = HashMap::with_capacity(rows_of.len());
        let mut of_key = Vec::with_capacity(all.num_rows());
        for (key, rows) in rows_of {
            places.insert(Box::from(key), (of_key.len() as u32, rows.len() as u32));
            of_key.extend(rows);
        }
        let width = all.num_columns() - shape.last.as_ref().map_or(0, |last| last.keys.len());
        Ok(Self { all, width, places, of_key })
    }

    /// The columns that the join reads.
    fn columns(&self) -> &[ArrayRef] {
        &self.all.columns()[..self.width]
    }

    fn of(&self, key: &[u8]) -> &[u32] {
        match self.places.get(key) {
            Some((first, rows)) => &self.of_key[*first as usize..][..*rows as usize],
            None => &[],
        }
    }
}

pub(crate) struct LookupJoin {
    keys: Vec<usize>,
    codec: RowCodec,
    table: LookupTable,
    pairing: Pairing,
}

impl LookupJoin {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &LookupJoinDesc,
        input: &SchemaRef,
        table: LookupTable,
        config: &OperatorConfig,
    ) -> Result<Self> {
        Ok(Self {
            codec: codec_of(input, &desc.keys)?,
            keys: desc.keys.clone(),
            table,
            pairing: Pairing::new(node, desc.kind, desc.condition.as_ref(), config)?,
        })
    }
}

impl Operator for LookupJoin {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let table = self.table.current();
        let keys = columns_of(&batch, &self.keys);
        let has_key = |row: usize| keys.iter().all(|column| column.is_valid(row));
        let bytes = self.codec.encode(&keys, batch.num_rows())?;
        let mut answer = self.pairing.answer(batch.columns(), batch.num_rows());
        let mut pairs = Pairs::default();
        // A null is equal to nothing: the table has no rows with such keys either.
        for row in (0..batch.num_rows()).filter(|row| has_key(*row)) {
            for other in table.of(bytes.value(row)) {
                pairs.push(row, *other);
            }
            if pairs.are_many() {
                answer.emit(std::mem::take(&mut pairs), table.columns(), cx)?;
            }
        }
        answer.emit(pairs, table.columns(), cx)?;
        answer.finish(cx)
    }
}

fn codec_of(schema: &Schema, columns: &[usize]) -> Result<RowCodec> {
    RowCodec::new(columns.iter().map(|column| schema.field(*column).data_type().clone()))
}

fn columns_of(batch: &RecordBatch, columns: &[usize]) -> Vec<ArrayRef> {
    columns.iter().map(|column| Arc::clone(batch.column(*column))).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, BooleanArray, Int64Array};
    use arrow::compute::kernels::cmp::lt;
    use arrow::datatypes::{DataType, Field, Int64Type};
    use sabot_core::plan::{CalcDesc, JoinKind, NodeKind, SourceDesc};
    use sabot_core::{Cx, Element};

    use super::*;
    use crate::testing::{column, computed, config, node};

    /// A left key and value, and a table's value.
    type Out = (Option<i64>, Option<i64>, Option<i64>);

    fn schema(names: [&str; 2]) -> SchemaRef {
        let fields = names.map(|name| Field::new(name, DataType::Int64, true));
        Arc::new(Schema::new(fields.to_vec()))
    }

    fn batch(names: [&str; 2], rows: &[(Option<i64>, i64)]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
        ];
        RecordBatch::try_new(schema(names), columns).unwrap()
    }

    fn desc(kind: JoinKind, condition: bool) -> LookupJoinDesc {
        let condition = condition.then(|| {
            computed(DataType::Boolean, |batch| {
                let is_below: BooleanArray = lt(batch.column(1), batch.column(3)).unwrap();
                Arc::new(is_below)
            })
        });
        let (table_schema, columns) = (schema(["tk", "tv"]), [0, 1]);
        LookupJoinDesc {
            kind,
            keys: vec![0],
            table: SourceDesc {
                table: "t".to_owned(),
                options: Arc::default(),
                physical_schema: Arc::clone(&table_schema),
                filter: None,
                columns: None,
                watermark: None,
            },
            table_schema,
            table_last_by: None,
            rows: CalcDesc {
                filter: None,
                columns: columns.map(|index| column(index, DataType::Int64)).to_vec(),
            },
            table_keys: vec![0],
            condition,
            reload_interval_ms: None,
        }
    }

    const TABLE: [(Option<i64>, i64); 5] =
        [(Some(1), 10), (Some(2), 20), (Some(1), 11), (None, 30), (Some(7), 70)];

    struct Joined {
        operator: Box<dyn Operator>,
        table: LookupTable,
    }

    fn joined(kind: JoinKind, condition: bool) -> Joined {
        joined_by(&desc(kind, condition))
    }

    fn joined_by(desc: &LookupJoinDesc) -> Joined {
        let fields = ["k", "v", "tk", "tv"].map(|name| Field::new(name, DataType::Int64, true));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let node = node(NodeKind::LookupJoin(desc.clone()), schema);
        let table = LookupTable::new(&node, desc).unwrap();
        let input = super::tests::schema(["k", "v"]);
        let operator = crate::build_lookup(&node, desc, &input, table.clone(), &config()).unwrap();
        Joined { operator, table }
    }

    impl Joined {
        fn rows(&mut self, rows: &[(Option<i64>, i64)]) -> Vec<Out> {
            let mut out = Vec::new();
            let mut backend = sabot_state::open(sabot_state::Backend::Memory).unwrap();
            let metrics = sabot_core::metrics::OperatorMetrics::default();
            let mut cx = Cx::new(&mut out, &mut *backend, &metrics, 0);
            self.operator.process(0, batch(["k", "v"], rows), &mut cx).unwrap();
            let mut found = Vec::new();
            for element in out {
                let Element::Batch(batch) = element else { panic!("only rows come out") };
                let column = |at: usize| batch.column(at).as_primitive::<Int64Type>().iter();
                found.extend(column(0).zip(column(1)).zip(column(3)).map(|((k, v), t)| (k, v, t)));
            }
            found.sort_unstable();
            found
        }
    }

    const ROWS: [(Option<i64>, i64); 4] = [(Some(1), 10), (Some(3), 1), (None, 1), (Some(2), 2)];

    #[test]
    fn a_row_meets_all_rows_of_its_key_and_a_null_none() {
        let mut inner = joined(JoinKind::Inner, false);
        assert!(inner.rows(&ROWS).is_empty());
        inner.table.replace(vec![batch(["tk", "tv"], &TABLE)], 0).unwrap();
        let met = [
            (Some(1), Some(10), Some(10)),
            (Some(1), Some(10), Some(11)),
            (Some(2), Some(2), Some(20)),
        ];
        assert_eq!(inner.rows(&ROWS), met);
        let mut left = joined(JoinKind::Left, false);
        left.table.replace(vec![batch(["tk", "tv"], &TABLE)], 0).unwrap();
        let alone = [(None, Some(1), None), (Some(3), Some(1), None)];
        let mut expected = [&met[..], &alone].concat();
        expected.sort_unstable();
        assert_eq!(left.rows(&ROWS), expected);
    }

    #[test]
    fn a_left_row_whose_partners_all_fail_the_condition_stands_beside_nulls() {
        let mut left = joined(JoinKind::Left, true);
        left.table.replace(vec![batch(["tk", "tv"], &TABLE)], 0).unwrap();
        let rows = [(Some(1), 10), (Some(1), 50)];
        let expected = [(Some(1), Some(10), Some(11)), (Some(1), Some(50), None)];
        assert_eq!(left.rows(&rows), expected);
        let mut inner = joined(JoinKind::Inner, true);
        inner.table.replace(vec![batch(["tk", "tv"], &TABLE)], 0).unwrap();
        assert_eq!(inner.rows(&rows), expected[..1]);
    }

    #[test]
    fn other_rows_take_the_place_of_all() {
        let mut inner = joined(JoinKind::Inner, false);
        inner.table.replace(vec![batch(["tk", "tv"], &TABLE)], 0).unwrap();
        assert_eq!(inner.rows(&ROWS).len(), 3);
        inner.table.replace(vec![batch(["tk", "tv"], &[(Some(3), 5)])], 0).unwrap();
        assert_eq!(inner.rows(&ROWS), [(Some(3), Some(1), Some(5))]);
        assert!(inner.table.is_shared());
        let Joined { operator, table } = inner;
        drop(operator);
        assert!(!table.is_shared());
    }

    #[test]
    fn rows_that_have_come_since_stand_beside_those_that_there_are() {
        let mut inner = joined(JoinKind::Inner, false);
        inner.table.replace(vec![batch(["tk", "tv"], &TABLE)], 0).unwrap();
        inner.table.add(vec![batch(["tk", "tv"], &[(Some(3), 5)])], 0).unwrap();
        inner.table.add(Vec::new(), 0).unwrap();
        let met = inner.rows(&ROWS);
        assert_eq!((met.len(), met[3]), (4, (Some(3), Some(1), Some(5))));
    }

    /// Rows with a key, a value that tells them apart, and whether they come.
    fn changes(rows: &[(i64, i64, bool)]) -> RecordBatch {
        let plain: Vec<_> = rows.iter().map(|row| (Some(row.0), row.1)).collect();
        let mut columns = batch(["tk", "tv"], &plain).columns().to_vec();
        let kind = |comes| if comes { RowKind::Insert } else { RowKind::Delete };
        columns.push(row_kind::column(rows.iter().map(|row| kind(row.2))));
        RecordBatch::try_new(with_kind(), columns).unwrap()
    }

    fn with_kind() -> SchemaRef {
        let fields = schema(["tk", "tv"]).fields().to_vec();
        let kind = Arc::new(row_kind::field());
        Arc::new(Schema::new(fields.into_iter().chain([kind]).collect::<Vec<_>>()))
    }

    /// The table's own key is the value by which it is not looked up.
    #[test]
    fn of_rows_that_change_the_last_one_of_each_key_is_there_unless_it_goes_or_is_filtered_out() {
        let desc = LookupJoinDesc {
            table_schema: with_kind(),
            table_last_by: Some(vec![1]),
            ..desc(JoinKind::Inner, false)
        };
        let mut inner = joined_by(&desc);
        let first = [(1, 10, true), (1, 11, true), (2, 20, true), (3, 30, true), (2, 10, true)];
        inner.table.replace(vec![changes(&first[..3]), changes(&first[3..])], 0).unwrap();
        let rows = [(Some(1), 0), (Some(2), 0), (Some(3), 0)];
        let met = |key, value| (Some(key), Some(0), Some(value));
        // Row 10 has moved from one key to another.
        let all = [met(1, 11), met(2, 10), met(2, 20), met(3, 30)];
        assert_eq!(inner.rows(&rows), all);
        inner.table.add(vec![changes(&[(2, 20, false), (9, 99, false)])], 0).unwrap();
        inner.table.add(vec![changes(&[(3, 11, true), (3, 12, true), (3, 12, false)])], 0).unwrap();
        assert_eq!(inner.rows(&rows), [met(2, 10), met(3, 11), met(3, 30)]);
        inner.table.replace(vec![changes(&[(3, 1, true)])], 0).unwrap();
        assert_eq!(inner.rows(&rows), [met(3, 1)]);

        let is_low = computed(DataType::Boolean, |batch| {
            let limit = Int64Array::new_scalar(3);
            let is_low: BooleanArray = lt(batch.column(0), &limit).unwrap();
            Arc::new(is_low)
        });
        let rows_of = CalcDesc { filter: Some(is_low), ..desc.rows.clone() };
        let mut low = joined_by(&LookupJoinDesc { rows: rows_of, ..desc });
        low.table.replace(vec![changes(&[(1, 10, true), (2, 20, true)])], 0).unwrap();
        low.table.add(vec![changes(&[(3, 10, true), (3, 30, true)])], 0).unwrap();
        assert_eq!(low.rows(&rows), [met(2, 20)]);
    }

    #[test]
    fn many_partners_come_in_batches() {
        let mut inner = joined(JoinKind::Inner, false);
        let rows: Vec<_> = (0..9_000).map(|n| (Some(n % 3), n)).collect();
        inner.table.replace(vec![batch(["tk", "tv"], &rows)], 0).unwrap();
        let left: Vec<_> = (0..4).map(|n| (Some(n), n)).collect();
        assert_eq!(inner.rows(&left).len(), 9_000);
    }
}
