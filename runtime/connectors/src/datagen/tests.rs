//! Which rows there are, when they come, and that they are the same after restores.

mod errors;
mod nested;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::array::cast::AsArray;
use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef};
use futures::future::BoxFuture;
use sabot_core::partitions::{self, DeclaredType};
use sabot_core::{Clock, Env, Source, SourceContext, SourcePoll};

use crate::testing::{options, read_with_rescale, schema, source_context, timestamp, world};

/// Midday of 1970-01-02.
const NOW_MS: i64 = 36 * 3_600_000;

/// A clock by which a second has passed whenever it is asked, so that all rows are due.
#[derive(Default)]
struct Hurried {
    seconds: AtomicU64,
    now_ms: i64,
}

impl Clock for Hurried {
    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.seconds.fetch_add(1, Ordering::Relaxed))
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

fn at(now_ms: i64) -> Env {
    Env { clock: Arc::new(Hurried { now_ms, ..Hurried::default() }), ..world(1).env }
}

fn context(pairs: &[(&str, &str)], schema: SchemaRef) -> SourceContext {
    let pairs = [&[("connector", "datagen")], pairs].concat();
    source_context(&at(NOW_MS), &pairs, schema)
}

/// All rows of a bounded table.
async fn all(pairs: &[(&str, &str)], schema: SchemaRef) -> RecordBatch {
    read_with_rescale(&context(pairs, schema), 1, 0, 1).await.unwrap()
}

/// The entry that says how columns were declared: pairs such as `a.element` and `CHAR(3)`.
fn declared(types: &[(&str, &str)]) -> String {
    let declared = |(path, name): &(&str, &str)| DeclaredType {
        path: path.split('.').map(str::to_owned).collect(),
        name: (*name).to_owned(),
        nullable: true,
    };
    partitions::to_option(&types.iter().map(declared).collect::<Vec<_>>())
}

/// Rows as texts, in order.
fn sorted(rows: &RecordBatch) -> Vec<String> {
    let text = arrow::util::pretty::pretty_format_batches(std::slice::from_ref(rows)).unwrap();
    let mut lines: Vec<String> = text.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

/// Columns of many types.
fn orders() -> SchemaRef {
    let items = vec![Field::new("name", DataType::Utf8, true), Field::new("at", timestamp(), true)];
    schema(&[
        ("id", DataType::Int64),
        ("price", DataType::Decimal128(10, 2)),
        ("buyer", DataType::Utf8),
        ("at", timestamp()),
        ("items", list(DataType::Struct(items.into()))),
    ])
}

const ORDERS: &[(&str, &str)] = &[
    ("number-of-rows", "1000"),
    ("fields.id.kind", "sequence"),
    ("fields.id.start", "1"),
    ("fields.id.end", "5000"),
    ("fields.buyer.var-len", "true"),
    ("fields.buyer.null-rate", "0.2"),
    ("fields.at.max-past", "1 h"),
    ("fields.items.element.at.max-past", "1 d"),
];

#[tokio::test]
async fn the_same_rows_come_at_any_parallelism_and_after_any_restore() {
    let ctx = context(ORDERS, orders());
    let reference = sorted(&read_with_rescale(&ctx, 1, 0, 1).await.unwrap());
    assert_eq!(reference.len(), 1000 + 4);
    for (before, first, after) in
        [(1, 100, 1), (1, 100, 2), (2, 50, 2), (2, 200, 3), (3, 1, 11), (9, 40, 1), (2, 9999, 2)]
    {
        let rows = read_with_rescale(&ctx, before, first, after).await.unwrap();
        assert_eq!(sorted(&rows), reference, "{before} to {after} subtasks");
    }
}

/// Their times too, which are those at which they are due, not those at which they are made.
#[tokio::test]
async fn a_restored_source_makes_the_rows_that_the_one_before_goes_on_to_make() {
    let ctx = context(ORDERS, orders());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    rows_until_end(source.as_mut(), 300);
    let restored = Arc::new(source.positions());
    let wanted = rows_until_end(source.as_mut(), usize::MAX);
    for parallelism in [1, 3] {
        let mut read = Vec::new();
        for subtask in 0..parallelism {
            let restored = Arc::clone(&restored);
            let env = at(NOW_MS + 999_999);
            let ctx = SourceContext { subtask, parallelism, restored, env, ..ctx.clone() };
            let mut source = crate::open_source(ctx).await.unwrap();
            read.extend(rows_until_end(source.as_mut(), usize::MAX));
        }
        let sorted_of = |read: &[RecordBatch]| {
            sorted(&arrow::compute::concat_batches(&ctx.schema, read).unwrap())
        };
        assert_eq!(sorted_of(&read), sorted_of(&wanted), "{parallelism} subtasks");
    }
}

/// Reads up to the end, or until about so many rows were read.
fn rows_until_end(source: &mut dyn Source, rows: usize) -> Vec<RecordBatch> {
    let (mut read, mut count) = (Vec::new(), 0);
    while count < rows {
        match source.poll(50).unwrap() {
            SourcePoll::Batch { rows, .. } => {
                count += rows.num_rows();
                read.push(rows);
            }
            SourcePoll::Finished => break,
            SourcePoll::Pending | SourcePoll::SplitFinished(_) => {}
        }
    }
    read
}

#[tokio::test]
async fn every_number_of_a_sequence_comes_once_and_one_subtask_counts_in_order() {
    let pairs =
        [("fields.n.kind", "sequence"), ("fields.n.start", "-100"), ("fields.n.end", "899")];
    let ctx = context(&pairs, schema(&[("n", DataType::Int64)]));
    let wanted: Vec<i64> = (-100..900).collect();
    let numbers = |rows: &RecordBatch| rows.column(0).as_primitive::<Int64Type>().values().to_vec();
    let in_order = read_with_rescale(&ctx, 1, 321, 1).await.unwrap();
    assert_eq!(numbers(&in_order), wanted);
    for (before, first, after) in [(4, 0, 4), (4, 99, 2), (1, 500, 8)] {
        let rows = read_with_rescale(&ctx, before, first, after).await.unwrap();
        let numbers: BTreeSet<i64> = numbers(&rows).into_iter().collect();
        assert_eq!((rows.num_rows(), numbers), (1000, wanted.iter().copied().collect()));
    }
}

/// Also a sequence that nothing reads, and a table with fewer rows than it.
#[tokio::test]
async fn a_table_ends_with_its_shortest_sequence() {
    let types = declared(&[("a", "INT"), ("b", "BIGINT"), ("c", "STRING")]);
    let sequences = [
        (partitions::DECLARED_TYPES, types.as_str()),
        ("fields.a.kind", "sequence"),
        ("fields.a.start", "5"),
        ("fields.a.end", "24"),
        ("fields.b.kind", "Sequence"),
        ("fields.b.start", "0"),
        ("fields.b.end", "99"),
    ];
    let read = schema(&[("b", DataType::Int64), ("c", DataType::Utf8)]);
    for (rows, wanted) in [("1000", 20), ("20", 20), ("7", 7), ("0", 0)] {
        let pairs = [&sequences[..], &[("number-of-rows", rows)]].concat();
        assert_eq!(all(&pairs, Arc::clone(&read)).await.num_rows(), wanted, "{rows}");
    }
    assert_eq!(all(&sequences, read).await.num_rows(), 20);
}

#[test]
fn a_table_is_bounded_by_a_number_of_rows_or_a_sequence() {
    let is_bounded = |pairs: &[(&str, &str)]| {
        crate::is_bounded(&options(&[&[("connector", "datagen")], pairs].concat()))
    };
    assert!(!is_bounded(&[("fields.n.kind", "random")]));
    assert!(is_bounded(&[("fields.n.kind", "sequence")]));
    assert!(is_bounded(&[("number-of-rows", "5")]));
}

/// What another column has does not depend on whether this one is read, nor on fields beside it.
#[tokio::test]
async fn a_column_has_the_same_values_whatever_else_is_read() {
    let whole = all(ORDERS, orders()).await;
    let name = DataType::Struct(vec![Field::new("name", DataType::Utf8, true)].into());
    let types = [
        ("items", "ARRAY"),
        ("items.element", "ROW"),
        ("items.element.at", "TIMESTAMP(3)"),
        ("items.element.name", "STRING"),
        ("id", "BIGINT"),
        ("price", "DECIMAL(10, 2)"),
        ("buyer", "STRING"),
        ("at", "TIMESTAMP(3)"),
    ];
    let types = declared(&types);
    let pairs = [ORDERS, &[(partitions::DECLARED_TYPES, types.as_str())]].concat();
    for index in 0..5 {
        let column = orders().project(&[index]).unwrap();
        let alone = all(&pairs, Arc::new(column)).await;
        assert_eq!(alone.column(0), whole.column(index));
    }
    let pruned = all(&pairs, schema(&[("items", list(name))])).await;
    let names = |rows: &RecordBatch, column: usize| {
        let items = rows.column(column).as_list::<i32>().values().as_struct().clone();
        Arc::clone(items.column_by_name("name").unwrap())
    };
    assert_eq!(&names(&pruned, 0), &names(&whole, 4));
}

/// A change of these rows changes what every restored job reads.
#[tokio::test]
async fn the_first_rows_never_change() {
    let sum = sorted(&all(ORDERS, orders()).await)
        .iter()
        .fold(0_u64, |sum, row| sum.wrapping_add(sabot_types::key_hash::of_bytes(row.as_bytes())));
    assert_eq!(sum, GOLDEN);
}

const GOLDEN: u64 = 8_470_310_877_440_994_678;

#[tokio::test]
async fn rows_come_at_their_rate_which_all_subtasks_share_also_after_a_restore() {
    let world = world(1);
    let pairs = [("connector", "datagen"), ("rows-per-second", "500")];
    let ctx = source_context(&world.env, &pairs, schema(&[("n", DataType::Int64)]));
    let ctx = SourceContext { parallelism: 2, ..ctx };
    let rows_until_pending = |source: &mut dyn Source| {
        let mut rows = 0;
        loop {
            match source.poll(64).unwrap() {
                SourcePoll::Batch { rows: batch, .. } => rows += batch.num_rows(),
                // Rows that were dealt to two subtasks.
                SourcePoll::SplitFinished(_) => {}
                _ => return rows,
            }
        }
    };
    let mut sources = Vec::new();
    for subtask in 0..2 {
        sources.push(crate::open_source(SourceContext { subtask, ..ctx.clone() }).await.unwrap());
    }
    assert_eq!(rows_until_pending(sources[0].as_mut()), 0);
    world.clock.advance(Duration::from_secs(3));
    for source in &mut sources {
        assert_eq!(rows_until_pending(source.as_mut()), 750);
    }
    let restored = Arc::new(sources.iter().flat_map(|source| source.positions()).collect());
    world.clock.advance(Duration::from_secs(1000));
    let ctx = SourceContext { restored, parallelism: 1, ..ctx };
    let mut source = crate::open_source(ctx).await.unwrap();
    assert_eq!(rows_until_pending(source.as_mut()), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(rows_until_pending(source.as_mut()), 500);
}
