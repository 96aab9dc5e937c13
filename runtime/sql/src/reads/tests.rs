use std::fmt::Write;

use sabot_core::plan::{NodeKind, SourceDesc};

use crate::types::flink_name;
use crate::{PlanOptions, plan};

/// The source of a job over a small table of events, and the texts of its readers' filters.
fn source(connector: &str, inserts: &[&str]) -> (SourceDesc, Vec<Option<String>>) {
    source_with("", connector, inserts)
}

/// The same behind settings.
fn source_with(
    settings: &str,
    connector: &str,
    inserts: &[&str],
) -> (SourceDesc, Vec<Option<String>>) {
    let mut sql = format!(
        "{settings} CREATE TABLE events (
            event_type INT, kind INT, auction ROW<id BIGINT, seller BIGINT, inner ROW<a INT, b INT>>,
            bid ROW<auction BIGINT, price BIGINT, url STRING>,
            amount AS CASE WHEN event_type = 1 THEN auction.seller ELSE bid.price END
        ) WITH ('connector' = '{connector}');
        CREATE TABLE results (x BIGINT) WITH ('connector' = 'blackhole');"
    );
    for insert in inserts {
        write!(sql, "INSERT INTO results {insert};").unwrap();
    }
    let nodes = plan(&sql, &PlanOptions::default()).unwrap().plan.nodes;
    let NodeKind::Source(desc) = nodes[0].kind.clone() else { panic!("no source first") };
    let filters = nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::Calc(calc) => Some(calc.filter.as_ref().map(|f| f.sql().to_owned())),
        _ => None,
    });
    (desc, filters.collect())
}

fn values(inserts: &[&str]) -> Option<Vec<i64>> {
    source("nexmark", inserts).0.filter.map(|filter| filter.values.clone())
}

fn physical(inserts: &[&str]) -> String {
    let schema = source("nexmark", inserts).0.physical_schema;
    let column = |field: &arrow::datatypes::FieldRef| {
        format!("{} {}", field.name(), flink_name(field.data_type()))
    };
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}

#[test]
fn rows_are_left_out_only_when_every_reader_says_so() {
    let of =
        |condition: &str| values(&[&format!("SELECT bid.price FROM events WHERE {condition}")]);
    assert_eq!(of("event_type = 2"), Some(vec![2]));
    assert_eq!(of("2 = event_type AND bid.price > 5"), Some(vec![2]));
    assert_eq!(of("event_type = 2 OR event_type = 0 AND kind = 1"), Some(vec![0, 2]));
    assert_eq!(of("event_type IN (1, 2) AND event_type IN (2, 3)"), Some(vec![2]));
    assert_eq!(of("event_type = 2 OR kind = 1"), None);
    assert_eq!(of("event_type > 1"), None);
    assert_eq!(of("NOT event_type = 2"), None);
    assert_eq!(of("event_type <> 2"), None);
    assert_eq!(of("kind = 2"), None);
    let bids = "SELECT bid.price FROM events WHERE event_type = 2";
    let auctions = "SELECT auction.id FROM events WHERE event_type = 1";
    assert_eq!(values(&[bids, auctions]), Some(vec![1, 2]));
    assert_eq!(values(&[bids, "SELECT auction.id FROM events"]), None);
}

#[test]
fn rows_of_other_connectors_are_left_to_the_filter() {
    let (desc, filters) = source("kafka", &["SELECT bid.price FROM events WHERE event_type = 2"]);
    assert_eq!(desc.filter, None);
    assert_eq!(filters, [Some("event_type = 2".to_owned())]);
}

#[test]
fn what_the_source_makes_sure_of_is_not_looked_at_again() {
    let bids = "SELECT bid.price FROM events WHERE event_type = 2";
    let (_, filters) = source("nexmark", &[bids]);
    assert_eq!(filters, [None]);
    let auctions = "SELECT auction.id FROM events WHERE event_type = 1";
    let (_, filters) = source("nexmark", &[bids, auctions]);
    assert_eq!(filters.iter().flatten().count(), 2);
}

#[test]
fn only_the_fields_that_are_read_are_asked_for() {
    assert_eq!(
        physical(&["SELECT bid.price FROM events WHERE event_type = 2"]),
        "bid ROW<price BIGINT>"
    );
    assert_eq!(
        physical(&["SELECT amount FROM events WHERE event_type = 2 AND bid.url = 'x'"]),
        "bid ROW<price BIGINT, url STRING>"
    );
    assert_eq!(
        physical(&["SELECT amount FROM events WHERE event_type = 1"]),
        "auction ROW<seller BIGINT>"
    );
    assert_eq!(
        physical(&["SELECT amount FROM events"]),
        "event_type INT, auction ROW<seller BIGINT>, bid ROW<price BIGINT>"
    );
    assert_eq!(
        physical(&["SELECT events.auction.inner.b FROM events WHERE event_type = 1"]),
        "auction ROW<inner ROW<b INT>>"
    );
    // The whole value is read.
    assert_eq!(
        physical(&["SELECT bid.price FROM events WHERE bid IS NOT NULL"]),
        "bid ROW<auction BIGINT, price BIGINT, url STRING>"
    );
    assert_eq!(physical(&["SELECT 1 FROM events"]), "event_type INT");
    assert_eq!(physical(&["SELECT 1 FROM events WHERE event_type = 0"]), "event_type INT");
}

#[test]
fn a_table_with_such_a_column_comes_before_a_row() {
    assert_eq!(physical(&["SELECT bid.kind FROM events AS bid"]), "kind INT");
    assert_eq!(physical(&["SELECT bid.price FROM events AS bid"]), "bid ROW<price BIGINT>");
}

#[test]
fn what_is_not_pushed_down_is_read_and_dropped_behind_the_source() {
    let names = |desc: &SourceDesc| {
        let fields = desc.physical_schema.fields().iter();
        fields.map(|field| flink_name(field.data_type())).collect::<Vec<_>>().join(", ")
    };
    let query = &["SELECT bid.price FROM events WHERE event_type = 2"];
    let (desc, filters) = source_with(
        "SET 'table.optimizer.source.predicate-pushdown-enabled' = 'false';",
        "nexmark",
        query,
    );
    assert!(desc.filter.is_none());
    assert_eq!(names(&desc), "INT, ROW<price BIGINT>");
    assert_eq!(filters, [Some("event_type = 2".to_owned())]);
    let (desc, _) = source_with(
        "SET 'sabot.optimizer.source.projection-pushdown-enabled' = 'false';",
        "nexmark",
        query,
    );
    assert_eq!(desc.filter.unwrap().values, [2]);
    assert_eq!(desc.physical_schema.fields().len(), 4);
    assert_eq!(desc.columns.expect("the source drops columns").len(), 1);
}
