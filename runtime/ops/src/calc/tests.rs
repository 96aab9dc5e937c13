use arrow::array::{Array, Int64Array};
use arrow::compute::kernels::cmp::gt;
use arrow::datatypes::{Field, Int64Type, Schema};
use sabot_core::plan::NodeKind;
use sabot_state::{Backend, open};

use super::*;
use crate::testing::{Driver, column, computed, config, node};

fn input() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("b", DataType::Int64, true),
    ]))
}

fn batch(a: &[Option<i64>]) -> RecordBatch {
    let b = Int64Array::from_iter_values(0..a.len() as i64);
    let a = Int64Array::from(a.to_vec());
    RecordBatch::try_new(input(), vec![Arc::new(a), Arc::new(b)]).unwrap()
}

fn a_above_10() -> Arc<dyn Evaluator> {
    computed(DataType::Boolean, |batch| {
        Arc::new(gt(batch.column(0), &Int64Array::new_scalar(10)).unwrap())
    })
}

fn driver(desc: CalcDesc) -> Driver {
    let fields: Vec<_> = desc
        .columns
        .iter()
        .enumerate()
        .map(|(n, c)| Field::new(format!("c{n}"), c.data_type().clone(), true))
        .collect();
    let node = node(NodeKind::Calc(desc), Arc::new(Schema::new(fields)));
    Driver::new(&node, &input(), &config(), open(Backend::Memory).unwrap())
}

fn values(driver: &Driver, column: usize) -> Vec<i64> {
    let columns = driver.batches().map(|b| b.column(column).as_primitive::<Int64Type>().clone());
    columns.flat_map(|c| c.values().to_vec()).collect()
}

#[test]
fn rows_for_which_the_filter_is_not_true_are_dropped_before_the_projection() {
    for columns in [
        vec![column(1, DataType::Int64), column(0, DataType::Int64)],
        vec![
            column(1, DataType::Int64),
            computed(DataType::Int64, |batch| {
                let a = batch.column(0).as_primitive::<Int64Type>();
                assert!(a.iter().all(|a| a.unwrap() > 10), "projected a row that was dropped");
                Arc::clone(batch.column(0))
            }),
        ],
    ] {
        let mut driver =
            driver(CalcDesc { filter: Some(a_above_10()), columns, ..CalcDesc::default() });
        driver.process(batch(&[Some(5), Some(11), None, Some(12), Some(10)])).unwrap();
        assert_eq!(values(&driver, 0), [1, 3]);
        assert_eq!(values(&driver, 1), [11, 12]);
    }
}

#[test]
fn nothing_is_copied_when_all_rows_pass() {
    let columns = vec![column(0, DataType::Int64)];
    let mut driver =
        driver(CalcDesc { filter: Some(a_above_10()), columns, ..CalcDesc::default() });
    let rows = batch(&[Some(11), Some(12)]);
    driver.process(rows.clone()).unwrap();
    let out = driver.batches().next().unwrap();
    assert!(out.column(0).to_data().ptr_eq(&rows.column(0).to_data()));
}

#[test]
fn no_batch_follows_from_no_rows() {
    let columns = vec![column(0, DataType::Int64)];
    let mut driver =
        driver(CalcDesc { filter: Some(a_above_10()), columns, ..CalcDesc::default() });
    driver.process(batch(&[Some(1), None])).unwrap();
    driver.process(batch(&[])).unwrap();
    assert_eq!(driver.batches().count(), 0);
    driver.watermark(7);
    assert!(matches!(driver.out[..], [Element::Watermark(_)]));
}

#[test]
fn rows_are_counted_also_without_columns() {
    let mut driver = driver(CalcDesc { filter: Some(a_above_10()), ..CalcDesc::default() });
    driver.process(batch(&[Some(11), Some(1), Some(12)])).unwrap();
    assert_eq!(driver.batches().next().unwrap().num_rows(), 2);
}

#[test]
fn a_plan_that_names_other_types_is_refused() {
    let schema = Arc::new(Schema::new(vec![Field::new("c", DataType::Utf8, true)]));
    let columns = vec![column(0, DataType::Int64)];
    let node = node(NodeKind::Calc(CalcDesc { columns, ..CalcDesc::default() }), schema);
    let mut backend = open(Backend::Memory).unwrap();
    let error = crate::build(&node, &[input()], &config(), &mut *backend).err().unwrap();
    assert!(error.to_string().contains("column c must be of type Utf8"), "{error}");
}

#[test]
fn what_is_shared_is_there_for_the_filter_and_filtered_with_the_rows() {
    let shared = vec![computed(DataType::Int64, |batch| {
        let a = batch.column(0).as_primitive::<Int64Type>();
        Arc::new(a.unary::<_, Int64Type>(|a| a * 100))
    })];
    let filter = computed(DataType::Boolean, |batch| {
        Arc::new(gt(batch.column(2), &Int64Array::new_scalar(1000)).unwrap())
    });
    let columns = vec![column(2, DataType::Int64), column(1, DataType::Int64)];
    let mut driver = driver(CalcDesc { shared, filter: Some(filter), columns });
    driver.process(batch(&[Some(5), Some(11), None, Some(12)])).unwrap();
    assert_eq!(values(&driver, 0), [1100, 1200]);
    assert_eq!(values(&driver, 1), [1, 3]);
}
