//! Files of CSV.

use sabot_core::partitions::{self, to_option};
use sabot_types::Epoch;

use super::*;
use crate::testing::sink_context;

const FOLDER: [(&str, &str); 3] =
    [("connector", "filesystem"), ("path", "mem://bucket/in"), ("format", "csv")];

/// Rows 0 to below `rows`, most of them with texts of several lines; more than one read takes.
fn file(rows: usize) -> String {
    let mut text = String::new();
    for id in 0..rows {
        write!(text, "{id},\"a\n\n\"\"{}\"\r\n", "x, ".repeat(id % 50)).unwrap();
        if id % 7 == 0 {
            text.push('\n');
        }
    }
    text
}

#[tokio::test]
async fn rows_of_several_lines_are_read_once_at_any_parallelism_and_restore() {
    let world = world(1);
    let rows = 30_000;
    for name in ["a.csv", "day=1/b.csv"] {
        world.stores.put(&format!("mem://bucket/in/{name}"), &file(rows));
    }
    let ctx = source_context(&world.env, &FOLDER, ids());
    for (before, first, after) in [(1, 0, 1), (1, 12_345, 2), (2, 3, 1)] {
        let read = read_with_rescale(&ctx, before, first, after).await.unwrap();
        let mut ids = id_values(&read);
        ids.sort_unstable();
        let expected: Vec<i64> = (0..rows as i64).flat_map(|id| [id, id]).collect();
        assert_eq!(ids, expected, "{before} to {after}");
        let texts = read.column(1).as_string::<i32>();
        assert!(texts.iter().flatten().all(|text| text.starts_with("a\n\n\"")));
    }
}

#[tokio::test]
async fn a_malformed_row_is_named_by_file_line_and_column_or_skipped_and_counted() {
    let world = world(1);
    let name = "mem://bucket/in/a.csv";
    world.stores.put(name, "# ids\n1,\"a\nb\"\n\nx,c\n2,\n");
    for (more, expected) in [
        (&[][..], "line 1 of mem://bucket/in/a.csv is not a valid CSV row: it has 1 fields"),
        (
            &[("csv.allow-comments", "true")],
            "line 5 of mem://bucket/in/a.csv is not a valid CSV row: column 1 ('id') is \"x\": \
             expected a BIGINT; correct it, or set 'csv.ignore-parse-errors' = 'true'",
        ),
    ] {
        let ctx = source_context(&world.env, &[&FOLDER[..], more].concat(), ids());
        let mut source = crate::open_source(ctx).await.unwrap();
        let error = read_some(source.as_mut(), 100, usize::MAX).await.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let ignoring = [("csv.allow-comments", "true"), ("csv.ignore-parse-errors", "true")];
    let ctx = source_context(&world.env, &[&FOLDER[..], &ignoring].concat(), ids());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    let read = read_some(source.as_mut(), 100, usize::MAX).await.unwrap();
    assert_eq!(concat(&ids(), &read).num_rows(), 3);
    assert_eq!(OperatorMetrics::get(&ctx.metrics.rows_malformed), 1);

    world.stores.put(name, "1,a\n2,\"b\n3,c\n");
    let ctx = source_context(&world.env, &FOLDER, ids());
    let mut source = crate::open_source(ctx).await.unwrap();
    let error = read_some(source.as_mut(), 100, usize::MAX).await.unwrap_err().to_string();
    assert!(error.starts_with("line 2 of mem://bucket/in/a.csv"), "{error}");
    assert!(error.contains("a quote in it is not closed"), "{error}");
}

/// The columns of the folders are not in the rows.
#[tokio::test]
async fn partitions_are_written_and_read_back() {
    let world = world(1);
    let (by, all) = (to_option(&["day".to_owned()]), ["id", "day", "name"].map(str::to_owned));
    let all = to_option(&all);
    let pairs = [
        &FOLDER[..],
        &[
            (partitions::PARTITIONED_BY, by.as_str()),
            (partitions::PHYSICAL_COLUMNS, all.as_str()),
            ("csv.field-delimiter", ";"),
        ],
    ]
    .concat();
    let texts = [("id", DataType::Int64), ("day", DataType::Utf8), ("name", DataType::Utf8)];
    let written = schema(&texts);
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(arrow::array::Int64Array::from(vec![1, 2])),
        Arc::new(arrow::array::StringArray::from(vec!["mo", "tu"])),
        Arc::new(arrow::array::StringArray::from(vec![Some("a;b"), None])),
    ];
    let ctx = sink_context(&world.env, &pairs, Arc::clone(&written));
    let mut sink = crate::open_sink(ctx).await.unwrap();
    sink.write(RecordBatch::try_new(written, columns).unwrap()).unwrap();
    let committer = crate::committer("filesystem", &world.env).await.unwrap();
    for committable in sink.prepare(Epoch::new(1)).await.unwrap() {
        committer.commit(&committable).await.unwrap();
    }
    let files = world.stores.all();
    assert!(files.keys().all(|name| name.ends_with("-0.csv")), "{files:?}");
    assert_eq!(files.values().collect::<Vec<_>>(), ["1;\"a;b\"\n", "2;\n"]);
    let read = schema(&[texts[2].clone(), texts[1].clone()]);
    let mut source =
        crate::open_source(source_context(&world.env, &pairs, Arc::clone(&read))).await.unwrap();
    let rows = read_some(source.as_mut(), 100, usize::MAX).await.unwrap();
    let rows = concat(&read, &rows);
    let text = |column: usize| rows.column(column).as_string::<i32>().iter().flatten().collect();
    let (mut names, mut days): (Vec<&str>, Vec<&str>) = (text(0), text(1));
    names.sort_unstable();
    days.sort_unstable();
    assert_eq!((names, days), (vec!["", "a;b"], vec!["mo", "tu"]));
}
