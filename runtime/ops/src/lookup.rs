//! Joins rows with those that a table has when they come.
//!
//! The table is read whole before the operator is built, and again if that is asked for
//! ([`LookupTable`]); each subtask meets all of it, so that its input needs no exchange. There is no
//! state: after a restore the table is what it is then.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use hashbrown::HashMap;
use sabot_core::plan::{LookupJoinDesc, PlanNode};
use sabot_core::{Cx, Operator, Result};

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
    schema: SchemaRef,
    keys: Vec<usize>,
    codec: RowCodec,
}

/// One version of all rows.
struct Rows {
    columns: Vec<ArrayRef>,
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
        let shape = Shape {
            calc: Calc::of(&node.name, &desc.rows, Arc::clone(&schema))?,
            codec: codec_of(&schema, &desc.table_keys)?,
            schema,
            keys: desc.table_keys.clone(),
        };
        let rows = Rows::new(&shape, &[])?;
        Ok(Self { shape: Arc::new(shape), rows: Arc::new(Mutex::new(Arc::new(rows))) })
    }

    /// Takes rows of the table, as its columns are, in place of all that there are; `now_ms` is the
    /// time at which they were read.
    pub fn replace(&self, rows: Vec<RecordBatch>, now_ms: i64) -> Result<()> {
        let rows = rows.into_iter().map(|batch| self.shape.calc.apply(batch, now_ms));
        let rows: Vec<RecordBatch> =
            rows.filter_map(Result::transpose).collect::<Result<Vec<_>>>()?;
        let rows = Arc::new(Rows::new(&self.shape, &rows)?);
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
        Ok(Self { columns: all.columns().to_vec(), places, of_key })
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
                answer.emit(std::mem::take(&mut pairs), &table.columns, cx)?;
            }
        }
        answer.emit(pairs, &table.columns, cx)?;
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
        let desc = desc(kind, condition);
        let fields = ["k", "v", "tk", "tv"].map(|name| Field::new(name, DataType::Int64, true));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let node = node(NodeKind::LookupJoin(desc.clone()), schema);
        let table = LookupTable::new(&node, &desc).unwrap();
        let input = super::tests::schema(["k", "v"]);
        let operator = crate::build_lookup(&node, &desc, &input, table.clone(), &config()).unwrap();
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
    fn many_partners_come_in_batches() {
        let mut inner = joined(JoinKind::Inner, false);
        let rows: Vec<_> = (0..9_000).map(|n| (Some(n % 3), n)).collect();
        inner.table.replace(vec![batch(["tk", "tv"], &rows)], 0).unwrap();
        let left: Vec<_> = (0..4).map(|n| (Some(n), n)).collect();
        assert_eq!(inner.rows(&left).len(), 9_000);
    }
}
