mod csv;

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::{SourceContext, SplitState, metadata};

use crate::testing::{
    World, concat, read_some, read_with_rescale, schema, source_context, timestamp, world,
};

const OPTIONS: &[(&str, &str)] =
    &[("connector", "filesystem"), ("path", "mem://bucket/in"), ("format", "json")];

fn ids() -> SchemaRef {
    schema(&[("id", DataType::Int64), ("name", DataType::Utf8)])
}

/// Files with rows 0 to below `rows`, of different lengths, with blank lines in between.
fn world_with(files: usize, rows: usize) -> World {
    let world = world(1);
    let mut texts = vec![String::new(); files];
    for id in 0..rows {
        let text = &mut texts[id % files];
        writeln!(text, "{{\"id\":{id},\"name\":\"{}\"}}", "x".repeat(id % 50)).unwrap();
        if id % 7 == 0 {
            text.push_str("\r\n");
        }
    }
    for (i, text) in texts.iter().enumerate() {
        world.stores.put(&format!("mem://bucket/in/day={}/{i}.json", i % 3), text.trim_end());
    }
    for hidden in ["_SUCCESS", ".tmp/a.json", "day=0/_b.json"] {
        world.stores.put(&format!("mem://bucket/in/{hidden}"), "nonsense");
    }
    world.stores.put("mem://bucket/in2/other.json", "nonsense");
    world
}

fn id_values(rows: &RecordBatch) -> Vec<i64> {
    let mut ids = rows.column(0).as_primitive::<Int64Type>().values().to_vec();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn every_row_is_read_once_at_any_parallelism_and_restore() {
    let world = world_with(5, 2000);
    let ctx = source_context(&world.env, OPTIONS, ids());
    for (before, first, after) in [(1, 0, 1), (1, 333, 2), (2, 101, 3), (3, 50, 1), (7, 5, 2)] {
        // Batches of another size after the restore.
        let ctx = SourceContext { max_batch_rows: 10 + first, ..ctx.clone() };
        let rows = read_with_rescale(&ctx, before, first, after).await.unwrap();
        assert_eq!(id_values(&rows), (0..2000).collect::<Vec<_>>(), "{before} to {after}");
    }
}

#[tokio::test]
async fn a_position_in_the_middle_of_a_batch_is_restored_to_the_row() {
    let world = world_with(1, 300);
    let ctx = source_context(&world.env, OPTIONS, ids());
    for first in [1, 42, 99, 100, 101, 299, 300] {
        let mut source = crate::open_source(ctx.clone()).await.unwrap();
        let mut read = read_some(source.as_mut(), 1, first).await.unwrap();
        // Of the second opening 17 rows are read before the third.
        let restored = Arc::new(source.positions());
        let mut source =
            crate::open_source(SourceContext { restored, ..ctx.clone() }).await.unwrap();
        read.extend(read_some(source.as_mut(), 1, 17).await.unwrap());
        let restored = Arc::new(source.positions());
        let mut source =
            crate::open_source(SourceContext { restored, ..ctx.clone() }).await.unwrap();
        read.extend(read_some(source.as_mut(), 1000, usize::MAX).await.unwrap());
        assert_eq!(id_values(&concat(&ctx.schema, &read)), (0..300).collect::<Vec<_>>(), "{first}");
    }
}

#[tokio::test]
async fn lines_are_whole_across_reads_of_a_file() {
    let world = world(1);
    let long = "y".repeat(700_000);
    let lines: Vec<_> = (0..9).map(|id| format!("{{\"id\":{id},\"name\":\"{long}\"}}")).collect();
    world.stores.put("mem://bucket/in/a.json", &lines.join("\n"));
    let ctx = source_context(&world.env, OPTIONS, ids());
    let rows = read_with_rescale(&ctx, 1, 0, 1).await.unwrap();
    assert_eq!(id_values(&rows), (0..9).collect::<Vec<_>>());
    assert!(rows.column(1).as_string::<i32>().iter().all(|name| name == Some(&long)));
}

#[tokio::test]
async fn one_file_can_be_the_path() {
    let world = world_with(2, 10);
    let pairs =
        [("connector", "filesystem"), ("path", "mem://bucket/in/day=0/0.json"), ("format", "json")];
    let ctx = source_context(&world.env, &pairs, ids());
    let mut source = crate::open_source(ctx).await.unwrap();
    assert_eq!(source.splits(), ["0.json"]);
    let read = read_some(source.as_mut(), 100, usize::MAX).await.unwrap();
    assert_eq!(id_values(&concat(&ids(), &read)), [0, 2, 4, 6, 8]);
}

#[tokio::test]
async fn a_malformed_row_is_named_by_file_and_line_or_skipped_and_counted() {
    let world = world(1);
    world
        .stores
        .put("mem://bucket/in/a.json", "{\"id\":1}\n\n{\"id\":\"x\"}\nnonsense\n{\"id\":2}");
    let ctx = source_context(&world.env, OPTIONS, ids());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    let error = read_some(source.as_mut(), 100, usize::MAX).await.unwrap_err().to_string();
    assert!(
        error.starts_with("line 3 of mem://bucket/in/a.json is not a valid JSON row"),
        "{error}"
    );
    assert!(error.contains("'json.ignore-parse-errors' = 'true'"), "{error}");

    let pairs = [OPTIONS, &[("json.ignore-parse-errors", "true")][..]].concat();
    let ctx = source_context(&world.env, &pairs, ids());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    let read = read_some(source.as_mut(), 100, usize::MAX).await.unwrap();
    let rows = concat(&ids(), &read);
    assert_eq!((rows.num_rows(), rows.column(0).null_count()), (3, 1));
    assert_eq!(OperatorMetrics::get(&ctx.metrics.rows_malformed), 2);
}

#[tokio::test]
async fn what_is_not_there_is_said_before_reading() {
    for (path, expected) in [
        ("mem://bucket/nothing", "there are no files to read at mem://bucket/nothing"),
        ("/no/such/directory", "the path /no/such/directory cannot be read"),
    ] {
        let pairs = [("connector", "filesystem"), ("path", path), ("format", "json")];
        let ctx = source_context(&world(1).env, &pairs, ids());
        let error = crate::open_source(ctx).await.err().unwrap().to_string();
        assert!(error.contains(expected) && error.contains("option 'path'"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_was_read_in_part_must_still_be_there_a_finished_one_need_not() {
    let world = world_with(2, 100);
    let mut ctx = source_context(&world.env, OPTIONS, ids());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    read_some(source.as_mut(), 1, usize::MAX).await.unwrap();
    let finished = source.positions();
    world.stores.remove("mem://bucket/in/day=0/0.json");

    ctx.restored = Arc::new(finished.clone());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    assert!(read_some(source.as_mut(), 9, usize::MAX).await.unwrap().is_empty());
    assert_eq!(source.positions(), finished);

    let part = |state: SplitState| SplitState { finished: false, ..state };
    ctx.restored = Arc::new(finished.into_iter().map(part).collect());
    let error = crate::open_source(ctx).await.err().unwrap().to_string();
    assert!(error.contains("is no longer there"), "{error}");
}

#[tokio::test]
async fn a_file_that_became_shorter_is_refused() {
    let world = world_with(1, 100);
    let mut ctx = source_context(&world.env, OPTIONS, ids());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    read_some(source.as_mut(), 100, 99).await.unwrap();
    ctx.restored = Arc::new(source.positions());
    world.stores.put("mem://bucket/in/day=0/0.json", "{\"id\":1}");
    let mut source = crate::open_source(ctx).await.unwrap();
    // The position may still be within the first batch; then the rows that are left are none.
    let read = read_some(source.as_mut(), 100, usize::MAX).await;
    assert!(read.is_err_and(|error| error.to_string().contains("changed while the job read it")));
}

#[tokio::test]
async fn rows_per_second_replays_at_that_rate_and_loses_nothing() {
    let world = world_with(1, 300);
    let pairs = [OPTIONS, &[("rows-per-second", "100")][..]].concat();
    let ctx = source_context(&world.env, &pairs, ids());
    let mut source = crate::open_source(ctx).await.unwrap();
    let mut rows = 0;
    for second in 1..=4 {
        world.clock.advance(std::time::Duration::from_secs(1));
        // Enough polls for the reading task to fill the queue.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            match source.poll(64).unwrap() {
                sabot_core::SourcePoll::Batch { rows: batch, .. } => rows += batch.num_rows(),
                sabot_core::SourcePoll::Finished => break,
                _ => {}
            }
        }
        assert_eq!(rows, (second * 100).min(300));
    }
}

#[tokio::test]
async fn a_row_tells_its_file_also_where_nothing_else_is_read() {
    let world = world_with(3, 20);
    let column = |key: &str, data_type| metadata::field(Field::new(key, data_type, false), key);
    let of_file = vec![
        column("file.path", DataType::Utf8),
        column("file.name", DataType::Utf8View),
        column("file.size", DataType::Int64),
        column("file.modification-time", timestamp()),
    ];
    let mut both = of_file.clone();
    both.insert(1, Field::new("id", DataType::Int64, true));
    for (fields, has_id) in [(both, true), (of_file, false)] {
        let ctx = source_context(&world.env, OPTIONS, Arc::new(Schema::new(fields)));
        let rows = read_with_rescale(&ctx, 2, 3, 1).await.unwrap();
        assert_eq!(rows.num_rows(), 20);
        let rest = rows.project(&if has_id { [0, 2, 3, 4] } else { [0, 1, 2, 3] }).unwrap();
        for row in 0..20 {
            let path = rest.column(0).as_string::<i32>().value(row);
            let name = rest.column(1).as_string_view().value(row);
            assert!(
                path.starts_with("mem://bucket/in/day=") && path.ends_with(&format!("/{name}"))
            );
            let size = rest.column(2).as_primitive::<Int64Type>().value(row);
            assert_eq!(size, world.stores.all()[path].len() as i64);
            if has_id {
                let id = rows.column(1).as_primitive::<Int64Type>().value(row);
                assert_eq!(name, format!("{}.json", id % 3));
            }
        }
    }
}
