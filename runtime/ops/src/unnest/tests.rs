use arrow::array::{BooleanArray, Int32Builder, Int64Builder};
use arrow::array::{Int64Array, ListArray, ListBuilder, MapBuilder, StringBuilder, StructBuilder};
use arrow::compute::kernels::cmp::lt;
use arrow::datatypes::{Field, Fields, Int32Type, Int64Type, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sabot_core::plan::NodeKind;
use sabot_core::row_kind::RowKind;
use sabot_state::{Backend, open};

use super::*;
use crate::testing::{Driver, computed, config, node};

/// Columns of the output, and what an operator writes of a batch, a line a row.
fn lines(desc: UnnestDesc, fields: Vec<Field>, batch: RecordBatch, max_rows: usize) -> Vec<String> {
    let config = OperatorConfig { max_batch_rows: max_rows, ..config() };
    let node = node(NodeKind::Unnest(desc), Arc::new(Schema::new(fields)));
    let input = batch.schema();
    let mut driver = Driver::new(&node, &input, &config, open(Backend::Memory).unwrap());
    driver.process(batch).unwrap();
    let mut lines = Vec::new();
    for batch in driver.batches() {
        assert!((1..=max_rows).contains(&batch.num_rows()));
        let options = FormatOptions::default().with_null("NULL");
        let cells: Vec<ArrayFormatter<'_>> = (batch.columns().iter())
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = cells.iter().map(|c| c.value(row).to_string()).collect();
            lines.push(cells.join(" "));
        }
    }
    lines
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn id() -> Field {
    Field::new("id", DataType::Int64, true)
}

/// Rows with the lists `[1, NULL]`, NULL, `[]`, `[3]`.
fn lists() -> RecordBatch {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
        Some(vec![Some(3)]),
    ]);
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![10, 20, 30, 40]));
    RecordBatch::try_from_iter([("id", ids), ("list", Arc::new(lists) as _)]).unwrap()
}

fn whole(outer: bool) -> UnnestDesc {
    let element = ElementColumns::Whole;
    UnnestDesc { column: 1, kept: vec![0], element, ordinality: true, outer, condition: None }
}

#[test]
fn each_element_is_a_row_with_its_number() {
    let fields = vec![id(), int("item"), int("n")];
    for max_rows in [1, 2, 100] {
        let found = lines(whole(false), fields.clone(), lists(), max_rows);
        assert_eq!(found, ["10 1 1", "10 NULL 2", "40 3 1"]);
        let found = lines(whole(true), fields.clone(), lists(), max_rows);
        let all = ["10 1 1", "10 NULL 2", "20 NULL NULL", "30 NULL NULL", "40 3 1"];
        assert_eq!(found, all);
    }
    // A part of a batch has the elements of its rows alone.
    assert_eq!(lines(whole(false), fields, lists().slice(3, 1), 10), ["40 3 1"]);
}

/// Whether an item is below a number.
fn below<const N: i32>(batch: &RecordBatch) -> ArrayRef {
    let is_below: BooleanArray = lt(batch.column(1), &Int32Array::new_scalar(N)).unwrap();
    Arc::new(is_below)
}

#[test]
fn a_row_of_which_no_element_meets_the_condition_stands_beside_nulls() {
    let fields = vec![id(), int("item"), int("n")];
    let none = ["10 NULL NULL", "20 NULL NULL", "30 NULL NULL", "40 NULL NULL"];
    let one = ["10 1 1", "20 NULL NULL", "30 NULL NULL", "40 NULL NULL"];
    let both = ["10 1 1", "20 NULL NULL", "30 NULL NULL", "40 3 1"];
    for max_rows in [1, 2, 100] {
        for (condition, expected) in
            [(below::<0> as fn(&_) -> _, none), (below::<2>, one), (below::<9>, both)]
        {
            let condition = Some(computed(DataType::Boolean, condition));
            let desc = UnnestDesc { condition, ..whole(true) };
            assert_eq!(lines(desc, fields.clone(), lists(), max_rows), expected);
        }
        let condition = Some(computed(DataType::Boolean, below::<9>));
        let desc = UnnestDesc { condition, ..whole(false) };
        assert_eq!(lines(desc, fields.clone(), lists(), max_rows), ["10 1 1", "40 3 1"]);
    }
}

#[test]
fn rows_that_go_give_elements_that_go() {
    let lists = lists();
    let kinds = [RowKind::UpdateBefore, RowKind::Insert, RowKind::Insert, RowKind::Delete];
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(vec![
            id(),
            Field::new("list", lists.column(1).data_type().clone(), true),
            row_kind::field(),
        ])),
        vec![lists.column(0).clone(), lists.column(1).clone(), row_kind::column(kinds)],
    )
    .unwrap();
    let desc = UnnestDesc { kept: vec![], ordinality: false, ..whole(false) };
    let found = lines(desc, vec![int("item"), row_kind::field()], batch, 10);
    assert_eq!(found, ["1 1", "NULL 1", "3 3"]);
}

#[test]
fn fields_of_rows_become_columns_and_a_row_that_is_null_gives_none() {
    let row = Fields::from(vec![int("a"), Field::new("b", DataType::Utf8, true)]);
    let mut list = ListBuilder::new(StructBuilder::from_fields(row, 0));
    for (rows, valid) in [(vec![true, false, true], true), (vec![false], true), (vec![true], false)]
    {
        for (a, valid) in rows.into_iter().enumerate() {
            let row = list.values();
            row.field_builder::<Int32Builder>(0).unwrap().append_value(a as i32);
            row.field_builder::<StringBuilder>(1).unwrap().append_value("x");
            row.append(valid);
        }
        list.append(valid);
    }
    let batch = RecordBatch::try_from_iter([("list", Arc::new(list.finish()) as ArrayRef)]);
    let desc = |parts: &[usize]| UnnestDesc {
        column: 0,
        kept: vec![],
        element: ElementColumns::Parts(parts.to_vec()),
        ordinality: true,
        outer: false,
        condition: None,
    };
    let batch = batch.unwrap();
    let fields = vec![Field::new("b", DataType::Utf8, true), int("a"), int("n")];
    assert_eq!(lines(desc(&[1, 0]), fields.clone(), batch.clone(), 10), ["x 0 1", "x 2 3"]);
    assert_eq!(lines(desc(&[]), vec![int("n")], batch.clone(), 10), ["1", "3"]);
    let outer = UnnestDesc { outer: true, ..desc(&[1, 0]) };
    let nulls = "NULL NULL NULL";
    assert_eq!(lines(outer, fields, batch, 1), ["x 0 1", "x 2 3", nulls, nulls]);
}

#[test]
fn entries_of_maps_become_keys_and_values() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("a");
    map.values().append_value(1);
    map.keys().append_value("b");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let batch = RecordBatch::try_from_iter([("map", Arc::new(map.finish()) as ArrayRef)]).unwrap();
    let desc = UnnestDesc {
        column: 0,
        kept: vec![],
        element: ElementColumns::Parts(vec![0, 1]),
        ordinality: false,
        outer: true,
        condition: None,
    };
    let fields =
        vec![Field::new("k", DataType::Utf8, true), Field::new("v", DataType::Int64, true)];
    assert_eq!(lines(desc, fields, batch, 10), ["a 1", "b NULL", "NULL NULL"]);
}

#[test]
fn a_plan_that_does_not_fit_its_input_is_refused() {
    let schema = lists().schema();
    for desc in [
        UnnestDesc { column: 0, ..whole(false) },
        UnnestDesc { column: 2, ..whole(false) },
        UnnestDesc { kept: vec![2], ..whole(false) },
        UnnestDesc { element: ElementColumns::Parts(vec![0]), ..whole(false) },
    ] {
        let node = node(NodeKind::Unnest(desc.clone()), schema.clone());
        assert!(Unnest::new(&node, &desc, &schema, &config()).is_err(), "{desc:?}");
    }
    let mut driver = Driver::new(
        &node(
            NodeKind::Unnest(whole(false)),
            Arc::new(Schema::new(vec![id(), int("i"), int("n")])),
        ),
        &schema,
        &config(),
        open(Backend::Memory).unwrap(),
    );
    driver.process(lists().slice(1, 2)).unwrap();
    assert_eq!(driver.batches().count(), 0);
    driver.process(lists()).unwrap();
    let batch = driver.batches().next().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[10, 10, 40]);
}
