//! Operators keep their uids while a statement changes around them.
// Helper functions of a test target do not count as tests for the lints.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use sabot_core::plan::NodeKind;
use sabot_sql::{PlanOptions, plan};

const TABLES: &str = "
CREATE TABLE bids (auction BIGINT NOT NULL, price BIGINT, kind STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE r1 (a BIGINT) WITH ('connector' = 'print');
CREATE TABLE r2 (a BIGINT, b BIGINT) WITH ('connector' = 'print');
CREATE TABLE r3 (a BIGINT, b BIGINT, c BIGINT) WITH ('connector' = 'print');
";

/// The uids of operators with state, positions or pending output.
fn uids(statements: &str) -> BTreeSet<String> {
    let planned = plan(&format!("{TABLES}{statements}"), &PlanOptions::default()).unwrap();
    let stateful = planned.plan.nodes.iter().filter(|n| !matches!(n.kind, NodeKind::Calc(_)));
    stateful.map(|node| node.uid.to_string()).collect()
}

fn aggregates(statements: &str) -> Vec<String> {
    let planned = plan(&format!("{TABLES}{statements}"), &PlanOptions::default()).unwrap();
    let mut names = Vec::new();
    for node in &planned.plan.nodes {
        if let NodeKind::WindowAggregate(desc) = &node.kind {
            names.extend(desc.aggregates.iter().map(|a| a.name.clone()));
        }
    }
    names
}

fn query(select: &str, rest: &str) -> String {
    format!(
        "INSERT INTO r2 SELECT {select} FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), \
         INTERVAL '10' SECOND)) {rest};"
    )
}

const BY: &str = "GROUP BY window_start, window_end, auction";

#[test]
fn uids_name_the_meaning() {
    let expected =
        ["sink:r2", "sink:r2/tumble(bids.ts,10000,0)/by(auction)", "source:bids"].map(String::from);
    assert_eq!(uids(&query("auction, COUNT(*)", BY)), BTreeSet::from(expected));
}

#[test]
fn uids_ignore_aggregates_projections_filters_aliases_and_order() {
    let before = uids(&query("auction, COUNT(*)", BY));
    for other in [
        query("SUM(price), auction", BY),
        query("auction AS x, MAX(price) - MIN(price) AS y", BY),
        query("auction, COUNT(*)", &format!("WHERE kind = 'a' {BY} HAVING COUNT(*) > 3")),
        query("auction, COUNT(*)", "GROUP BY auction, window_end, window_start"),
        format!("-- more\n{}", query("auction, COUNT(*)", BY)),
        "CREATE VIEW v AS SELECT auction AS a, price, ts AS t FROM bids;
         INSERT INTO r2 SELECT a, n FROM (
           SELECT a, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(t), INTERVAL '10' SECOND))
           GROUP BY a, window_start, window_end) WHERE n > 2;"
            .into(),
    ] {
        assert_eq!(uids(&other), before, "{other}");
    }
}

#[test]
fn every_kind_of_window_has_a_name() {
    let window = |call: &str, by: &str| {
        let sql = format!(
            "INSERT INTO r2 SELECT auction, COUNT(*) FROM TABLE({call}) GROUP BY window_start, \
             window_end, {by};"
        );
        let is_window = |uid: &String| uid.contains("/by(");
        uids(&sql).into_iter().find(is_window).unwrap()
    };
    for (call, name) in [
        (
            "HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND)",
            "hop(bids.ts,2000,10000,0)",
        ),
        (
            "HOP(DATA => TABLE bids, SIZE => INTERVAL '10' SECOND, SLIDE => INTERVAL '2' SECOND,
             OFFSET => INTERVAL '3' SECOND, TIMECOL => DESCRIPTOR(ts))",
            "hop(bids.ts,2000,10000,1000)",
        ),
        (
            "CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND,
             INTERVAL '3' SECOND)",
            "cumulate(bids.ts,2000,10000,3000)",
        ),
        (
            "SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '2' MINUTE)",
            "session(bids.ts,120000)",
        ),
        (
            "SESSION(DATA => TABLE bids PARTITION BY (auction), TIMECOL => DESCRIPTOR(ts),
             GAP => INTERVAL '2' MINUTE)",
            "session(bids.ts,120000)",
        ),
    ] {
        assert_eq!(window(call, "auction"), format!("sink:r2/{name}/by(auction)"));
    }
}

#[test]
fn group_windows_are_the_same_windows() {
    for (call, group) in [
        (
            "TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '9' SECOND)",
            "TUMBLE(ts, INTERVAL '9' SECOND)",
        ),
        (
            "HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '3' SECOND, INTERVAL '9' SECOND)",
            "HOP(ts, INTERVAL '3' SECOND, INTERVAL '9' SECOND)",
        ),
        (
            "SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '9' SECOND)",
            "SESSION(ts, INTERVAL '9' SECOND)",
        ),
    ] {
        let table = format!("INSERT INTO r2 SELECT auction, COUNT(*) FROM TABLE({call}) {BY};");
        let group =
            format!("INSERT INTO r2 SELECT auction, COUNT(*) FROM bids GROUP BY {group}, auction;");
        assert_eq!(uids(&group), uids(&table));
    }
}

#[test]
fn other_inserts_change_no_uid() {
    let one = query("auction, COUNT(*)", BY);
    let other = "INSERT INTO r1 SELECT price FROM bids;";
    let third = "INSERT INTO r3 SELECT auction, price, 1 FROM bids WHERE price > 1;";
    let before = uids(&one);
    for statements in [
        format!("{one}{other}"),
        format!("{other}{one}"),
        format!("{third}{other}{one}"),
        format!("EXECUTE STATEMENT SET BEGIN {other} {one} {third} END;"),
    ] {
        assert!(uids(&statements).is_superset(&before), "{statements}");
    }
}

#[test]
fn a_change_of_meaning_changes_the_uid() {
    let before = uids(&query("auction, COUNT(*)", BY));
    let by_price = query("price, COUNT(*)", "GROUP BY window_start, window_end, price");
    let longer = query("auction, COUNT(*)", BY).replace("'10'", "'20'");
    for other in [by_price, longer] {
        assert_ne!(uids(&other), before, "{other}");
    }
}

#[test]
fn derived_columns_need_no_new_state() {
    let kept = aggregates(&query("auction, SUM(price)", BY));
    assert_eq!(kept, ["SUM(price)"]);
    // auction is NOT NULL: its average is a sum and the count of rows.
    let one = "INSERT INTO r3 SELECT auction, COUNT(*), SUM(auction) FROM TABLE(TUMBLE(TABLE bids, \
               DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, auction;";
    assert_eq!(aggregates(one), ["COUNT(*)", "SUM(auction)"]);
    for derived in ["AVG(auction)", "SUM(auction) / COUNT(*)", "SUM(auction) / COUNT(auction)"] {
        let changed = one.replace("SUM(auction)", derived);
        assert_eq!(aggregates(&changed), ["COUNT(*)", "SUM(auction)"], "{derived}");
    }
}

#[test]
fn aggregates_are_named_by_their_source_and_sorted() {
    let through_view = "CREATE VIEW v AS SELECT auction, price * 2 AS p, kind AS k, ts FROM bids;
        INSERT INTO r3 SELECT auction, SUM(p) FILTER (WHERE k = 'x'), MAX(p) FROM TABLE(TUMBLE(
        TABLE v, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, auction;";
    assert_eq!(
        aggregates(through_view),
        ["MAX(price * 2)", "SUM(price * 2) FILTER (WHERE kind = 'x')"]
    );
}

#[test]
fn uids_of_joins_tell_their_kinds_apart_and_ignore_conditions() {
    let join = |kind: &str, more: &str| {
        uids(&format!(
            "INSERT INTO r2 SELECT a.auction, b.price FROM bids a {kind} JOIN bids b \
             ON a.auction = b.auction {more};"
        ))
    };
    let kinds = ["", "LEFT", "RIGHT", "FULL"].map(|kind| join(kind, ""));
    assert_eq!(kinds.iter().collect::<BTreeSet<_>>().len(), 4);
    let uid = "sink:r2/left-join(bids,bids)/by(L.auction = R.auction)";
    assert!(kinds[1].contains(uid));
    let more = "AND a.price > 3 AND b.price > a.price WHERE b.kind IS NULL AND a.price < 9";
    assert_eq!(join("LEFT OUTER", more), kinds[1]);
}

#[test]
fn subqueries_of_in_and_exists_are_the_same_join() {
    let kept = |condition: &str| {
        uids(&format!("INSERT INTO r2 SELECT auction, price FROM bids b WHERE {condition};"))
    };
    let joined = kept("auction IN (SELECT auction FROM bids WHERE price > 3)");
    assert!(joined.contains("sink:r2/semi-join(bids,bids)/by(L.auction = R.auction)"));
    assert_eq!(
        joined,
        kept("price > 1 AND EXISTS (SELECT 1 FROM bids c WHERE b.auction = c.auction)")
    );
    let without = kept("auction NOT IN (SELECT auction FROM bids)");
    assert!(without.contains("sink:r2/anti-join(bids,bids)/by(L.auction = R.auction)"));
    assert_eq!(
        without,
        kept("NOT EXISTS (SELECT 1 FROM bids c WHERE b.auction = c.auction AND c.price > b.price)")
    );
}

#[test]
fn the_last_rows_of_a_table_are_named_by_it_and_its_key() {
    let statements = "CREATE TABLE x (b BIGINT, a BIGINT, PRIMARY KEY (a) NOT ENFORCED)
        WITH ('connector' = 'upsert-kafka'); INSERT INTO r1 SELECT b FROM x WHERE b > 1;";
    let expected = ["sink:r1", "source:x", "source:x/last/by(a)"].map(String::from);
    assert_eq!(uids(statements), BTreeSet::from(expected));
}

#[test]
fn uids_of_elements_name_the_array_alone() {
    let unnest = |from: &str, more: &str| {
        uids(&format!("INSERT INTO r2 SELECT auction, x FROM {from} {more};"))
    };
    let first = unnest("bids CROSS JOIN UNNEST(ARRAY[auction, price]) AS t (x)", "");
    assert!(first.contains("sink:r2/unnest(ARRAY[auction, price])"), "{first:?}");
    let listed = "bids AS b, UNNEST(ARRAY[b.auction, b.price]) AS t (x)";
    assert_eq!(unnest(listed, "WHERE price > 3 AND x < 9"), first);
    let outer = "(SELECT auction, price AS p FROM bids) LEFT JOIN UNNEST(ARRAY[auction, p]) AS t (x) ON TRUE";
    assert_eq!(unnest(outer, ""), first);
}

/// The uids of the sources of two reads of `bids`, each with its options.
fn hinted(first: &str, second: &str) -> BTreeSet<String> {
    let read = |sink: &str, options: &str| {
        let hint = if options.is_empty() { "" } else { &format!("/*+ OPTIONS({options}) */") };
        format!("INSERT INTO {sink} SELECT auction, price FROM bids {hint};")
    };
    let all = uids(&format!("{}{}", read("r2", first), read("r2", second)));
    all.into_iter().filter(|uid| uid.starts_with("source:")).collect()
}

#[test]
fn reads_with_options_of_their_own_are_named_by_these_in_any_order() {
    let (slow, fast) =
        ("'next-event.rate' = '10'", "'next-event.rate' = '1000', 'events.num' = '7'");
    let both = hinted(slow, fast);
    assert_eq!(both.len(), 2);
    assert_eq!(both, hinted(fast, slow));
    assert_eq!(both, hinted("'Events.Num' = '7', 'next-event.rate' = '1000'", slow));
    let plain = "source:bids".to_owned();
    assert!(!both.contains(&plain));
    for options in [slow, fast] {
        let beside_plain = hinted("", options);
        assert_eq!(beside_plain, hinted(options, ""));
        assert_eq!(
            beside_plain,
            hinted(options, options).into_iter().chain([plain.clone()]).collect()
        );
        assert!(beside_plain.iter().all(|uid| both.contains(uid) || *uid == plain));
    }
}

#[test]
fn options_that_are_the_tables_own_name_nothing() {
    assert_eq!(hinted("", ""), BTreeSet::from(["source:bids".to_owned()]));
    let own = "CREATE TABLE own (a BIGINT) WITH ('connector' = 'nexmark', 'events.num' = '7');
        INSERT INTO r1 SELECT a FROM own;
        INSERT INTO r1 SELECT a + 1 FROM own /*+ OPTIONS('EVENTS.NUM' = '7') */;";
    assert!(uids(own).contains("source:own"));
    assert_eq!(uids(own).iter().filter(|uid| uid.starts_with("source:")).count(), 1);
}

#[test]
fn uids_show_no_values_of_options_and_stay_when_a_password_changes() {
    let read = |options: &str| hinted(options, options);
    let with = |password: &str| {
        let jaas = format!("'properties.sasl.jaas.config' = 'x password=\"{password}\";'");
        (read(&jaas), read(&format!("{jaas}, 'events.num' = '7777777'")))
    };
    assert_eq!(with("hunter2"), with("hunter3"));
    let (only, more) = with("hunter2");
    assert_eq!(only, BTreeSet::from(["source:bids".to_owned()]));
    assert_eq!(more, read("'events.num' = '7777777'"));
    let uid = more.first().unwrap();
    assert!(!uid.contains("hunter2") && !uid.contains("7777777"), "{uid}");
    // Whoever changes how it is made changes the names under which states are found.
    assert_eq!(uid, "source:bids/options(93d528c0a06833b3)");
}

#[test]
fn listed_rows_are_named_by_what_they_are() {
    let sources = |statements: &str| -> Vec<String> {
        uids(statements).into_iter().filter(|uid| uid.starts_with("source:VALUES")).collect()
    };
    let one = sources("INSERT INTO r2 VALUES (1, 2), (3, 4);");
    assert_eq!(one.len(), 1);
    let through_a_view = "CREATE VIEW v (x, y) AS VALUES (1, 2), (3, 4);
        INSERT INTO r2 SELECT * FROM v WHERE x > 1; INSERT INTO r1 SELECT y FROM v;";
    assert_eq!(sources(through_a_view), one);
    for other in ["VALUES (1, 2), (3, 5)", "VALUES (3, 4), (1, 2)", "VALUES (1, 2), (3, 4), (3, 4)"]
    {
        assert_ne!(sources(&format!("INSERT INTO r2 {other};")), one, "{other}");
    }
}
