//! Which rows are the first, and what is kept of them.

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field, Schema};
use sabot_core::state::{StateField, StateRows, StateSpec, ValueEncoding};
use sabot_state::{Backend, open};
use sabot_types::{KeyGroup, OperatorUid};

use super::*;

fn spec(ttl_ms: Option<u64>) -> StateSpec {
    let field = |name: &str| StateField { name: name.to_owned(), data_type: "Int64".to_owned() };
    StateSpec {
        operator: OperatorUid::new("op").unwrap(),
        name: "rows".to_owned(),
        key: vec![field("k"), field("number")],
        value: vec![field("v")],
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
    .with_ttl(ttl_ms)
}

/// Rows `values` of one key by their only column; which of them are the first afterwards.
struct Run {
    backend: Box<dyn StateBackend>,
    rows: FirstRows,
    spec: StateSpec,
    metrics: OperatorMetrics,
}

impl Run {
    fn new(limit: usize, ttl_ms: Option<u64>) -> Self {
        let spec = spec(ttl_ms);
        let mut backend = open(Backend::Memory).unwrap();
        let rows = Self::rows(limit, &spec, &mut *backend);
        Self { backend, rows, spec, metrics: OperatorMetrics::default() }
    }

    fn rows(limit: usize, spec: &StateSpec, backend: &mut dyn StateBackend) -> FirstRows {
        let order = [OrderBy { column: 0, descending: false, nulls_first: false }];
        Self::ordered(&order, limit, spec, backend)
    }

    fn ordered(
        order: &[OrderBy],
        limit: usize,
        spec: &StateSpec,
        backend: &mut dyn StateBackend,
    ) -> FirstRows {
        let input: SchemaRef = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true)]));
        let state = backend.open(spec).unwrap();
        FirstRows::new(state, (order, limit), &input, backend).unwrap()
    }

    fn come(&mut self, now_ms: i64, values: &[i64]) -> Vec<(RowKind, i64)> {
        let values: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        let batch = RecordBatch::try_from_iter([("v", Arc::clone(&values))]).unwrap();
        let keys = UniqueKeys {
            of_row: vec![0; values.len()],
            columns: Vec::new(),
            groups: vec![KeyGroup::new(3)],
            bytes: BinaryArray::from_iter_values([b"key"]),
        };
        self.backend.set_now(now_ms);
        let mut out = Vec::new();
        let mut cx = Cx::new(&mut out, &mut *self.backend, &self.metrics, now_ms);
        let changes = self.rows.update(&keys, &batch, false, &mut cx).unwrap();
        self.rows.flush(&mut cx).unwrap();
        let Some(changes) = changes else { return Vec::new() };
        let values = Int64Array::from(changes.columns[0].to_data());
        changes.kinds.into_iter().zip(values.iter().flatten()).collect()
    }

    /// What the backend has.
    fn stored(&mut self) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        let mut visit = |rows: StateRows| {
            for (key, value) in rows.keys.iter().zip(&rows.values) {
                let number = count_of(&key.unwrap()[3..]);
                found.push((number, count_of(&value.unwrap()[..9])));
            }
            Ok(())
        };
        let state = self.rows.state();
        self.backend.scan(state, Namespace::ONLY, 100, &mut visit).unwrap();
        found
    }
}

#[test]
fn a_row_that_enters_takes_the_number_of_one_that_leaves() {
    let mut run = Run::new(2, None);
    let (come, go) = (RowKind::Insert, RowKind::Delete);
    assert_eq!(run.come(0, &[5, 9, 7]), [(come, 5), (come, 7)]);
    assert_eq!(run.stored(), [(0, 5), (1, 7)]);
    assert_eq!(run.come(0, &[8, 7]), [], "not among the first");
    assert_eq!(run.come(0, &[6]), [(go, 7), (come, 6)]);
    assert_eq!(run.stored(), [(0, 5), (1, 6)]);
    assert_eq!(OperatorMetrics::get(&run.metrics.state_writes), 3);
}

#[test]
fn what_is_not_at_hand_is_read() {
    for limit in [1, 2] {
        let mut run = Run::new(limit, None);
        run.come(0, &[5, 7]);
        run.rows = Run::rows(limit, &run.spec, &mut *run.backend);
        let (come, go) = (RowKind::Insert, RowKind::Delete);
        let leaves = if limit == 1 { 5 } else { 7 };
        assert_eq!(run.come(0, &[8]), []);
        assert_eq!(run.come(0, &[4]), [(go, leaves), (come, 4)], "limit {limit}");
        assert_eq!(run.stored().len(), limit);
    }
}

#[test]
fn a_row_whose_time_is_over_leaves_its_number() {
    let mut run = Run::new(3, Some(100));
    let come = RowKind::Insert;
    run.come(0, &[5]);
    run.come(50, &[6, 7]);
    assert_eq!(run.come(120, &[9]), [(come, 9)], "5 is not there any more");
    assert_eq!(run.come(120, &[8]), [(RowKind::Delete, 9), (come, 8)]);
    let mut numbers: Vec<i64> = run.stored().into_iter().map(|(number, _)| number).collect();
    numbers.dedup();
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn without_an_order_the_rows_that_came_first_stay() {
    let mut run = Run::new(3, None);
    let fresh = |run: &mut Run| run.rows = Run::ordered(&[], 3, &run.spec, &mut *run.backend);
    let come = RowKind::Insert;
    fresh(&mut run);
    assert_eq!(run.come(0, &[5, 5]), [(come, 5), (come, 5)]);
    assert_eq!(run.stored(), [(0, 5), (1, 5)]);
    // As after a restore.
    fresh(&mut run);
    assert_eq!(run.come(0, &[9, 1]), [(come, 9)], "1 came too late");
    fresh(&mut run);
    assert_eq!(run.come(0, &[1, 9]), []);
    assert_eq!(run.stored(), [(0, 5), (1, 5), (2, 9)]);
}
