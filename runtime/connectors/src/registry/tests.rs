use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::*;
use crate::testing::{options, schema, timestamp};

fn refused(role: Role, pairs: &[(&str, &str)], columns: &[(&str, DataType)]) -> String {
    match validate("t", role, &options(pairs), &schema(columns)) {
        Ok(()) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    let id = &[("id", DataType::Int64)][..];
    let price = &[("price", DataType::Int64)][..];
    let file = [("connector", "filesystem"), ("path", "x"), ("format", "json")];
    let with = |pair| [&file[..], &[pair]].concat();
    for (role, pairs, columns, expected) in [
        (Role::Source, vec![], id, "option 'connector' is missing; known connectors: blackhole,"),
        (
            Role::Source,
            vec![("connector", "kafak")],
            id,
            "unknown connector 'kafak' (did you mean 'kafka'?); known connectors: blackhole, ",
        ),
        (
            Role::Sink,
            vec![("connector", "nexmark")],
            price,
            "'nexmark' cannot be used as a sink; it is a source only",
        ),
        (
            Role::Source,
            vec![("connector", "print")],
            price,
            "'print' cannot be used as a source; it is a sink only",
        ),
        (
            Role::Source,
            with(("fromat", "json")),
            id,
            "unknown option 'fromat' of connector 'filesystem' as a source \
             (did you mean 'format'?); known options: connector, csv.allow-",
        ),
        (
            Role::Sink,
            with(("json.ignore-parse-error", "true")),
            id,
            "unknown option 'json.ignore-parse-error' of connector 'filesystem' as a sink",
        ),
        (
            Role::Source,
            vec![("connector", "filesystem"), ("format", "json")],
            id,
            "option 'path' is missing: set it to a directory or file",
        ),
        (
            Role::Source,
            vec![("connector", "filesystem"), ("format", "json"), ("path", "gs://b/x")],
            id,
            "option 'path' = 'gs://b/x' is not valid: expected a directory or file",
        ),
        (
            Role::Source,
            file.to_vec(),
            &[("at", DataType::Duration(TimeUnit::Second))],
            "column 'at' has the type Duration(s), which the format 'json' does not support",
        ),
        (
            Role::Source,
            vec![("connector", "datagen"), ("fields.i.min", "5")],
            id,
            "option 'fields.i.min' is of no column (did you mean 'id'?): the columns are id, and",
        ),
        (
            Role::Source,
            vec![("connector", "datagen"), ("feilds.id.min", "5")],
            id,
            "unknown option 'feilds.id.min' of connector 'datagen' as a source (did you mean \
             'fields.id.min'?); known options: connector, number-of-rows, rows-per-second, fields.*",
        ),
        (
            Role::Source,
            vec![("connector", "nexmark"), ("number-of-rows", "many")],
            price,
            "'number-of-rows' = 'many' is not valid: expected a whole number from 0",
        ),
        (
            Role::Source,
            vec![("connector", "nexmark"), ("nexmark.table", "bids")],
            price,
            "expected 'bid' or 'auction' or 'person'",
        ),
        (
            Role::Source,
            vec![("connector", "nexmark")],
            id,
            "column 'id' is not part of a nexmark bid, which has: auction, bidder, price,",
        ),
        (
            Role::Source,
            vec![("connector", "nexmark")],
            &[("price", DataType::Utf8)],
            "column 'price' has the type Utf8: declare it as BIGINT",
        ),
    ] {
        let error = refused(role, &pairs, columns);
        assert!(error.contains(expected), "{pairs:?}: {error}");
        assert!(error.starts_with("table t: "), "{error}");
    }
}

#[test]
fn right_tables_are_accepted() {
    let columns = &[("id", DataType::Int64), ("at", timestamp())][..];
    for (role, pairs) in [
        (Role::Sink, vec![("connector", "blackhole")]),
        (Role::Sink, vec![("connector", "print"), ("print-identifier", "x")]),
        (
            Role::Sink,
            vec![
                ("connector", "filesystem"),
                ("path", "s3://b/x"),
                ("format", "json"),
                ("json.timestamp-format.standard", "iso-8601"),
                // For when it is read.
                ("json.ignore-parse-errors", "true"),
            ],
        ),
        (Role::Source, vec![("connector", "filesystem"), ("path", "x"), ("format", "json")]),
    ] {
        assert_eq!(refused(role, &pairs, columns), "accepted");
    }
    let nexmark = [("connector", "nexmark"), ("rows-per-second", "100")];
    let columns = [("PRICE", DataType::Int64), ("ts", timestamp()), ("url", DataType::Utf8View)];
    assert_eq!(refused(Role::Source, &nexmark, &columns), "accepted");
}

#[test]
fn boundedness_follows_the_options() {
    let bounded = |pairs: &[(&str, &str)]| is_bounded(&options(pairs));
    assert!(bounded(&[("connector", "filesystem")]));
    assert!(!bounded(&[("connector", "nexmark")]));
    assert!(bounded(&[("connector", "nexmark"), ("number-of-rows", "5")]));
    assert!(!bounded(&[("connector", "nonsense")]));
}

/// The plan has dropped the filter by then: rows too many would be wrong results.
#[tokio::test]
async fn a_connector_that_cannot_choose_rows_refuses_to() {
    let world = crate::testing::world(1);
    let pairs = [("connector", "filesystem"), ("path", "x"), ("format", "json")];
    let schema = schema(&[("kind", DataType::Int32)]);
    let filter = sabot_core::SourceFilter { column: "kind".to_owned(), values: vec![2] };
    let ctx = SourceContext {
        filter: Some(Arc::new(filter)),
        ..crate::testing::source_context(&world.env, &pairs, schema)
    };
    let error = open_source(ctx).await.err().unwrap().to_string();
    assert!(
        error.contains("connector 'filesystem' cannot choose rows by column 'kind'"),
        "{error}"
    );
}

#[tokio::test]
async fn output_of_a_connector_that_commits_nothing_is_refused() {
    let world = crate::testing::world(1);
    for name in ["print", "gone"] {
        let error = committer(name, &world.env).await.err().unwrap().to_string();
        assert!(error.contains(&format!("connector '{name}'")), "{error}");
    }
}

#[tokio::test]
async fn sinks_without_committables_take_rows_and_prepare_nothing() {
    let world = crate::testing::world(1);
    let schema = schema(&[("id", DataType::Int64)]);
    let pairs = [("connector", "blackhole")];
    let ctx = crate::testing::sink_context(&world.env, &pairs, Arc::clone(&schema));
    let mut sink = open_sink(ctx).await.unwrap();
    sink.write(arrow::array::RecordBatch::new_empty(schema)).unwrap();
    assert!(sink.prepare(sabot_types::Epoch::new(1)).await.unwrap().is_empty());
}

#[test]
fn metadata_that_a_connector_does_not_have_is_refused_with_what_there_is() {
    let kafka = [
        ("connector", "kafka"),
        ("topic", "t"),
        ("properties.bootstrap.servers", "h:1"),
        ("scan.startup.mode", "earliest-offset"),
        ("format", "json"),
    ];
    let file = [("connector", "filesystem"), ("path", "x"), ("format", "json")];
    let check = |role, pairs: &[(&str, &str)], key: &str, data_type: &DataType| {
        let plain = Field::new("id", DataType::Int64, true);
        let column = Field::new("m", data_type.clone(), true);
        let column = sabot_core::metadata::field(column, key);
        let schema = Arc::new(Schema::new(vec![plain, column]));
        let sink = &pairs
            .iter()
            .copied()
            .filter(|(name, _)| !name.starts_with("scan"))
            .collect::<Vec<_>>();
        let pairs = if role == Role::Sink { sink } else { pairs };
        validate("t", role, &options(pairs), &schema).map_err(|error| error.to_string())
    };
    let (int, big, text) = (DataType::Int32, DataType::Int64, DataType::Utf8);
    for (pairs, key, data_type) in [
        (&kafka[..], "offset", &big),
        (&kafka, "partition", &int),
        (&kafka, "timestamp", &big),
        (&kafka, "timestamp", &timestamp()),
        (&file, "file.name", &text),
        (&file, "file.modification-time", &timestamp()),
    ] {
        assert_eq!(check(Role::Source, pairs, key, data_type), Ok(()), "{key}");
    }
    assert_eq!(check(Role::Sink, &kafka, "timestamp", &timestamp()), Ok(()));
    for (role, pairs, key, data_type, expected) in [
        (Role::Source, &kafka[..], "ofset", &big, "(did you mean 'offset'?); it reads: 'topic', "),
        (Role::Source, &kafka, "headers", &text, "'headers' is MAP<STRING, BYTES>: declare it so"),
        (Role::Source, &kafka, "value.source.table", &text, "only a source with the format 'debez"),
        (Role::Source, &file, "source.table", &text, "it reads: 'file.path', 'file.name', "),
        (Role::Source, &kafka, "leader-epoch", &int, "the client library does not tell it"),
        (Role::Source, &kafka, "offset", &text, "the metadata 'offset' is BIGINT: declare it so"),
        (Role::Sink, &kafka, "offset", &big, "it writes: 'timestamp', 'headers'; a column that"),
        (Role::Source, &file, "file.owner", &text, "it reads: 'file.path', 'file.name', "),
        (Role::Sink, &file, "file.name", &text, "it writes: none; a column that is only read is"),
        (Role::Sink, &[("connector", "print")], "x", &text, "connector 'print' as a sink does not"),
    ] {
        let error = check(role, pairs, key, data_type).unwrap_err();
        assert!(error.starts_with("table t: column 'm' ") && error.contains(expected), "{error}");
    }
}
