use arrow::array::{AsArray, BooleanArray, Int64Array};
use arrow::compute::kernels::cmp::lt;
use arrow::datatypes::{DataType, Field, Int64Type};
use sabot_core::plan::{CalcDesc, JoinKind, NodeKind, SourceDesc};
use sabot_core::{Cx, Element, Random, SeededRandom};

use super::*;
use crate::testing::{column, computed, config, load_all, node};
use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};

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
            shared: Vec::new(),
            filter: None,
            columns: columns.map(|index| column(index, DataType::Int64)).to_vec(),
        },
        table_keys: vec![0],
        condition,
        reload_interval_ms: None,
        ttl_ms: None,
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
    let input = schema(["k", "v"]);
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let node = node(NodeKind::LookupJoin(desc.clone()), schema);
    let table = LookupTable::new(&node, desc, 1).unwrap();
    let mut backend = sabot_state::open(sabot_state::Backend::Memory).unwrap();
    let (config, backend) = (config(), backend.as_mut());
    let operator =
        crate::build_lookup(&node, desc, &input, table.clone(), &config, backend).unwrap();
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
    inner.table.replace(&[batch(["tk", "tv"], &TABLE)], 0).unwrap();
    let met = [
        (Some(1), Some(10), Some(10)),
        (Some(1), Some(10), Some(11)),
        (Some(2), Some(2), Some(20)),
    ];
    assert_eq!(inner.rows(&ROWS), met);
    let mut left = joined(JoinKind::Left, false);
    left.table.replace(&[batch(["tk", "tv"], &TABLE)], 0).unwrap();
    let alone = [(None, Some(1), None), (Some(3), Some(1), None)];
    let mut expected = [&met[..], &alone].concat();
    expected.sort_unstable();
    assert_eq!(left.rows(&ROWS), expected);
}

#[test]
fn a_left_row_whose_partners_all_fail_the_condition_stands_beside_nulls() {
    let mut left = joined(JoinKind::Left, true);
    left.table.replace(&[batch(["tk", "tv"], &TABLE)], 0).unwrap();
    let rows = [(Some(1), 10), (Some(1), 50)];
    let expected = [(Some(1), Some(10), Some(11)), (Some(1), Some(50), None)];
    assert_eq!(left.rows(&rows), expected);
    let mut inner = joined(JoinKind::Inner, true);
    inner.table.replace(&[batch(["tk", "tv"], &TABLE)], 0).unwrap();
    assert_eq!(inner.rows(&rows), expected[..1]);
}

#[test]
fn other_rows_take_the_place_of_all() {
    let mut inner = joined(JoinKind::Inner, false);
    inner.table.replace(&[batch(["tk", "tv"], &TABLE)], 0).unwrap();
    assert_eq!(inner.rows(&ROWS).len(), 3);
    inner.table.replace(&[batch(["tk", "tv"], &[(Some(3), 5)])], 0).unwrap();
    assert_eq!(inner.rows(&ROWS), [(Some(3), Some(1), Some(5))]);
    assert!(inner.table.is_shared());
    let Joined { operator, table } = inner;
    drop(operator);
    assert!(!table.is_shared());
}

#[test]
fn rows_that_have_come_since_stand_beside_those_that_there_are() {
    let mut inner = joined(JoinKind::Inner, false);
    inner.table.replace(&[batch(["tk", "tv"], &TABLE)], 0).unwrap();
    inner.table.add(&[batch(["tk", "tv"], &[(Some(3), 5)])], 0).unwrap();
    inner.table.add(&[], 0).unwrap();
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
    inner.table.replace(&[changes(&first[..3]), changes(&first[3..])], 0).unwrap();
    let rows = [(Some(1), 0), (Some(2), 0), (Some(3), 0)];
    let met = |key, value| (Some(key), Some(0), Some(value));
    // Row 10 has moved from one key to another.
    let all = [met(1, 11), met(2, 10), met(2, 20), met(3, 30)];
    assert_eq!(inner.rows(&rows), all);
    inner.table.add(&[changes(&[(2, 20, false), (9, 99, false)])], 0).unwrap();
    inner.table.add(&[changes(&[(3, 11, true), (3, 12, true), (3, 12, false)])], 0).unwrap();
    assert_eq!(inner.rows(&rows), [met(2, 10), met(3, 11), met(3, 30)]);
    inner.table.replace(&[changes(&[(3, 1, true)])], 0).unwrap();
    assert_eq!(inner.rows(&rows), [met(3, 1)]);

    let is_low = computed(DataType::Boolean, |batch| {
        let limit = Int64Array::new_scalar(3);
        let is_low: BooleanArray = lt(batch.column(0), &limit).unwrap();
        Arc::new(is_low)
    });
    let rows_of = CalcDesc { filter: Some(is_low), ..desc.rows.clone() };
    let mut low = joined_by(&LookupJoinDesc { rows: rows_of, ..desc });
    low.table.replace(&[changes(&[(1, 10, true), (2, 20, true)])], 0).unwrap();
    low.table.add(&[changes(&[(3, 10, true), (3, 30, true)])], 0).unwrap();
    assert_eq!(low.rows(&rows), [met(2, 20)]);
}

#[test]
fn many_partners_come_in_batches() {
    let mut inner = joined(JoinKind::Inner, false);
    let rows: Vec<_> = (0..9_000).map(|n| (Some(n % 3), n)).collect();
    inner.table.replace(&[batch(["tk", "tv"], &rows)], 0).unwrap();
    let left: Vec<_> = (0..4).map(|n| (Some(n), n)).collect();
    assert_eq!(inner.rows(&left).len(), 9_000);
}

/// The parts of a table halve at least from one to the next.
fn check_parts(table: &LookupTable) {
    let sizes = table.current().sizes();
    assert!(sizes.windows(2).all(|two| two[0].1 > two[1].1), "{sizes:?}");
    assert!(sizes.len() <= 12, "{sizes:?}");
}

#[test]
fn rows_that_come_do_not_index_all_again() {
    let inner = joined(JoinKind::Inner, false);
    let rows: Vec<_> = (0..5_000).map(|n| (Some(n % 1000), n)).collect();
    inner.table.replace(&[batch(["tk", "tv"], &rows)], 0).unwrap();
    let first = inner.table.current().sizes()[0].0;
    let mut indexed = 0;
    let mut known = vec![first];
    for n in 0..1000 {
        inner.table.add(&[batch(["tk", "tv"], &[(Some(n), n)])], 0).unwrap();
        for (part, left) in inner.table.current().sizes() {
            if !known.contains(&part) {
                known.push(part);
                indexed += left;
            }
        }
        check_parts(&inner.table);
    }
    assert_eq!(inner.table.current().sizes()[0].0, first, "the first rows are indexed once");
    assert!(indexed < 12_000, "{indexed} rows were indexed for 1000 that came");
}

/// Random changes of a table are met as one is that has all of them at once.
#[test]
fn changes_one_after_the_other_are_those_of_all() {
    let changing = LookupJoinDesc {
        table_schema: with_kind(),
        table_last_by: Some(vec![1]),
        ..desc(JoinKind::Left, false)
    };
    let left: Vec<_> = (0..9).map(|key| (Some(key), 0)).collect();
    for seed in 0..20 {
        let random = SeededRandom::new(seed);
        let below = |n: u64| (random.next_u64() % n) as i64;
        let (mut one_by_one, mut at_once) = (joined_by(&changing), joined_by(&changing));
        let mut all = Vec::new();
        for _ in 0..60 {
            let size = if below(10) == 0 { 60 } else { 3 };
            let rows: Vec<_> =
                (0..below(size)).map(|_| (below(9), below(40), below(4) > 0)).collect();
            all.push(changes(&rows));
            one_by_one.table.add(&[changes(&rows)], 0).unwrap();
            at_once.table.replace(&all, 0).unwrap();
            assert_eq!(one_by_one.rows(&left), at_once.rows(&left), "seed {seed}");
            check_parts(&one_by_one.table);
        }
    }
}

/// Left rows that can go.
fn left(rows: &[(RowKind, Option<i64>, i64)]) -> RecordBatch {
    let plain: Vec<_> = rows.iter().map(|row| (row.1, row.2)).collect();
    let mut columns = batch(["k", "v"], &plain).columns().to_vec();
    columns.push(row_kind::column(rows.iter().map(|row| row.0)));
    RecordBatch::try_new(changing(["k", "v"].to_vec()), columns).unwrap()
}

fn changing(names: Vec<&str>) -> SchemaRef {
    let fields = names.into_iter().map(|name| Field::new(name, DataType::Int64, true));
    Arc::new(Schema::new(fields.chain([row_kind::field()]).collect::<Vec<_>>()))
}

#[test]
fn a_row_that_goes_takes_the_answers_that_it_had_with_it() {
    let desc = desc(JoinKind::Left, false);
    let node = node(NodeKind::LookupJoin(desc.clone()), changing(vec!["k", "v", "tk", "tv"]));
    let table = LookupTable::new(&node, &desc, 1).unwrap();
    let mut backend = sabot_state::open(sabot_state::Backend::Memory).unwrap();
    let input = changing(vec!["k", "v"]);
    let build = |backend: &mut dyn StateBackend| {
        crate::build_lookup(&node, &desc, &input, table.clone(), &config(), backend).unwrap()
    };
    let mut operator = build(&mut *backend);
    let metrics = sabot_core::metrics::OperatorMetrics::default();
    let rows = |operator: &mut dyn Operator, backend: &mut dyn StateBackend, batch| {
        let mut out = Vec::new();
        operator.process(0, batch, &mut Cx::new(&mut out, backend, &metrics, 0)).unwrap();
        let mut found = Vec::new();
        for element in out {
            let Element::Batch(batch) = element else { panic!("only rows come out") };
            let column = |at: usize| batch.column(at).as_primitive::<Int64Type>().iter();
            let rows = column(0).zip(column(1)).zip(column(3)).map(|((k, v), t)| (k, v, t));
            found.extend(row_kind::weights(&batch).unwrap().into_iter().zip(rows));
        }
        found
    };
    table.replace(&[batch(["tk", "tv"], &TABLE)], 0).unwrap();
    let came = left(&[(Insert, Some(1), 5), (Insert, Some(3), 6), (Insert, None, 7)]);
    let (one, none) = ((Some(1), Some(5)), (None, Some(7)));
    assert_eq!(
        rows(&mut *operator, &mut *backend, came),
        [
            (1, (one.0, one.1, Some(10))),
            (1, (one.0, one.1, Some(11))),
            (1, (Some(3), Some(6), None)),
            (1, (none.0, none.1, None)),
        ]
    );
    // The same row once more, with another answer; and one that comes and goes in one batch.
    table.replace(&[batch(["tk", "tv"], &[(Some(1), 12), (Some(3), 30)])], 0).unwrap();
    let again = left(&[(UpdateAfter, Some(1), 5), (Insert, Some(2), 8), (Delete, Some(2), 8)]);
    let two = (Some(2), Some(8), None);
    assert_eq!(
        rows(&mut *operator, &mut *backend, again),
        [(1, (one.0, one.1, Some(12))), (1, two), (-1, two)]
    );
    // What was answered is known after a restore, and what was never there is not made up.
    let mut restored = sabot_state::open(sabot_state::Backend::Memory).unwrap();
    let mut out = Vec::new();
    let snapshot = operator.snapshot(&mut Cx::new(&mut out, &mut *backend, &metrics, 0)).unwrap();
    load_all(snapshot.keyed, &mut *restored);
    let mut operator = build(&mut *restored);
    table.replace(&[batch(["tk", "tv"], &[(Some(1), 13)])], 0).unwrap();
    let gone = left(&[
        (UpdateBefore, Some(1), 5),
        (Delete, Some(1), 5),
        (Delete, Some(3), 6),
        (Delete, None, 7),
        (Delete, Some(9), 9),
    ]);
    assert_eq!(
        rows(&mut *operator, &mut *restored, gone),
        [
            (-1, (one.0, one.1, Some(12))),
            (-1, (one.0, one.1, Some(10))),
            (-1, (one.0, one.1, Some(11))),
            (-1, (Some(3), Some(6), None)),
            (-1, (none.0, none.1, None)),
        ]
    );
}
