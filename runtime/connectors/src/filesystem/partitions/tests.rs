use arrow::array::{BooleanArray, Date32Array, Int64Array};
use sabot_core::partitions::{PARTITIONED_BY, to_option};
use sabot_core::row_kind;
use sabot_types::Epoch;

use super::*;
use crate::testing::{
    World, concat, read_some, schema, sink_context, source_context, timestamp, world,
};

const OUT: &str = "mem://bucket/out";

fn columns() -> SchemaRef {
    schema(&[
        ("dt", DataType::Utf8),
        ("id", DataType::Int64),
        ("day", DataType::Date32),
        ("ok", DataType::Boolean),
    ])
}

fn rows(texts: &[Option<&str>], days: &[Option<i32>]) -> RecordBatch {
    let count = texts.len() as i64;
    let columns_of: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(Int64Array::from_iter_values(0..count)),
        Arc::new(Date32Array::from(days.to_vec())),
        Arc::new((0..count).map(|n| Some(n % 2 == 0)).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(columns(), columns_of).unwrap()
}

fn pairs<'a>(columns: &'a str, format: &'a str) -> Vec<(&'a str, &'a str)> {
    let all =
        [("connector", "filesystem"), ("path", OUT), ("format", format), (PARTITIONED_BY, columns)];
    all.to_vec()
}

fn by(columns: &[&str]) -> String {
    to_option(&columns.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Writes, ends the epoch and commits, as the engine does.
async fn write(world: &World, columns: &str, format: &str, batches: &[RecordBatch]) {
    let schema = batches[0].schema();
    let ctx = sink_context(&world.env, &pairs(columns, format), schema);
    let mut sink = crate::open_sink(ctx).await.unwrap();
    for batch in batches {
        sink.write(batch.clone()).unwrap();
    }
    let committables = sink.prepare(Epoch::new(1)).await.unwrap();
    assert!(world.stores.all().keys().all(|key| key.starts_with(&format!("{OUT}/_"))));
    let committer = crate::committer("filesystem", &world.env).await.unwrap();
    for committable in committables {
        committer.commit(&committable).await.unwrap();
    }
}

/// The visible objects, without their own names.
fn folders(world: &World) -> Vec<(String, String)> {
    let short = |(key, text): (String, String)| {
        let (folder, _) = key.rsplit_once('/').unwrap();
        (folder.strip_prefix(OUT).unwrap().trim_start_matches('/').to_owned(), text)
    };
    world.stores.all().into_iter().map(short).collect()
}

#[tokio::test]
async fn values_become_folders_and_leave_the_rows() {
    let world = world(1);
    let batch = rows(
        &[Some("a:b"), Some("a:b"), None, Some(""), Some("a:b")],
        &[Some(0), Some(0), Some(1), None, Some(0)],
    );
    write(&world, &by(&["dt", "day"]), "json", &[batch]).await;
    let expected = [
        ("dt=__DEFAULT_PARTITION__/day=1970-01-02", "{\"id\":2,\"ok\":true}\n"),
        ("dt=__DEFAULT_PARTITION__/day=__DEFAULT_PARTITION__", "{\"id\":3,\"ok\":false}\n"),
        (
            "dt=a%3Ab/day=1970-01-01",
            "{\"id\":0,\"ok\":true}\n{\"id\":1,\"ok\":false}\n{\"id\":4,\"ok\":true}\n",
        ),
    ];
    let expected = expected.map(|(folder, text)| (folder.to_owned(), text.to_owned()));
    assert_eq!(folders(&world), expected);
}

#[tokio::test]
async fn a_table_that_was_written_is_read_again() {
    let world = world(1);
    let texts = [Some("x/y=z%"), Some("ä 1"), None, Some("x/y=z%"), Some("\u{1}%41")];
    let batch = rows(&texts, &[Some(-1), Some(0), None, Some(20_000), Some(3)]);
    let partitioned = by(&["ok", "dt", "day"]);
    write(&world, &partitioned, "json", std::slice::from_ref(&batch)).await;
    // All columns; without columns of the files; without some of the folders'.
    for wanted in [&[0, 1, 2, 3][..], &[0, 2], &[1, 2]] {
        let schema = Arc::new(columns().project(wanted).unwrap());
        let ctx = source_context(&world.env, &pairs(&partitioned, "json"), Arc::clone(&schema));
        let mut source = crate::open_source(ctx).await.unwrap();
        let read = read_some(source.as_mut(), 100, usize::MAX).await.unwrap();
        assert_eq!(lines(&concat(&schema, &read)), lines(&batch.project(wanted).unwrap()));
    }
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let text = arrow::util::pretty::pretty_format_batches(std::slice::from_ref(batch)).unwrap();
    let mut lines: Vec<String> = text.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn changes_go_to_the_partitions_of_their_rows() {
    let world = world(1);
    let mut fields: Vec<_> = columns().fields().iter().cloned().collect();
    fields.push(Arc::new(row_kind::field()));
    let plain = rows(&[Some("a"), Some("b")], &[None, None]);
    let mut values = plain.columns().to_vec();
    values.push(Arc::new(arrow::array::Int8Array::from(vec![1, 2])));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), values).unwrap();
    write(&world, &by(&["dt"]), "debezium-json", &[batch]).await;
    let [(a, gone), (b, came)] = &folders(&world)[..] else { panic!("two partitions") };
    assert_eq!((a.as_str(), b.as_str()), ("dt=a", "dt=b"));
    let (before, after) = ("{\"before\":{\"id\":0,\"day\":null,\"ok\":true}", "\"op\":\"c\"}\n");
    assert!(gone.starts_with(before) && came.ends_with(after), "{gone} {came}");
}

#[tokio::test]
async fn files_in_no_partition_and_values_of_another_type_are_named() {
    for (key, expected) in [
        ("a.json", "does not lie in mem://bucket/out/day=.../"),
        ("dt=x/a.json", "is PARTITIONED BY (day): move it"),
        ("day=yesterday/a.json", "the folder day=yesterday of mem://bucket/out/day=yesterday/"),
    ] {
        let world = world(1);
        world.stores.put(&format!("{OUT}/{key}"), "{\"id\":1}");
        let ctx = source_context(&world.env, &pairs(&by(&["day"]), "json"), columns());
        let mut source = crate::open_source(ctx).await.unwrap();
        let error = read_some(source.as_mut(), 100, usize::MAX).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn many_partitions_are_uploaded_before_they_fill_the_memory() {
    let world = world(1);
    let columns = to_option(&["dt".to_owned()]);
    let ctx = sink_context(&world.env, &pairs(&columns, "json"), self::columns());
    let store = ctx.env.stores.open(OUT).await.unwrap();
    let partitions = Partitions::new(&ctx.schema, &["dt".to_owned()]);
    let options = crate::format::Format::Json(crate::format::json::JsonOptions::default());
    let mut sink = super::super::sink::FileSink::new(&ctx, store, partitions, &options);
    sink.limit_part_bytes(1000);
    let names: Vec<String> = (0..100).map(|n| format!("p{}", n % 50)).collect();
    let texts: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
    let batch = rows(&texts, &[None; 100]);
    for _ in 0..3 {
        sabot_core::Sink::write(&mut sink, batch.clone()).unwrap();
        assert!(sink.buffered() < 1000);
        while !sabot_core::Sink::ready(&sink) {
            tokio::task::yield_now().await;
        }
    }
    let committables = sabot_core::Sink::prepare(&mut sink, Epoch::new(1)).await.unwrap();
    let target = |c: &sabot_core::Committable| c.payload["target"].as_str().unwrap().to_owned();
    let mut targets: Vec<String> = committables.iter().map(target).collect();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), committables.len(), "no two parts have one name");
    let committer = crate::committer("filesystem", &world.env).await.unwrap();
    for committable in &committables {
        committer.commit(committable).await.unwrap();
    }
    let lines: usize = folders(&world).iter().map(|(_, text)| text.lines().count()).sum();
    assert_eq!(lines, 300);
}

#[test]
fn what_cannot_partition_a_table_is_refused() {
    for (column, data_type, expected) in [
        ("at", timestamp(), "by which a table cannot be partitioned: use STRING, BOOLEAN"),
        ("_a", DataType::Utf8, "names that start with '.' or '_' are hidden"),
    ] {
        let columns = by(&[column]);
        let options = crate::testing::options(&pairs(&columns, "json"));
        let schema = schema(&[(column, data_type), ("id", DataType::Int64)]);
        let error = crate::validate("t", crate::Role::Sink, &options, &schema).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.column(), Some(column));
    }
    let columns = by(&["id"]);
    let options = [("connector", "nexmark"), (PARTITIONED_BY, &columns)];
    let options = crate::testing::options(&options);
    let id = schema(&[("auction", DataType::Int64)]);
    let error = crate::validate("t", crate::Role::Source, &options, &id).unwrap_err().to_string();
    assert!(error.contains("connector 'nexmark' knows no PARTITIONED BY"), "{error}");
}
