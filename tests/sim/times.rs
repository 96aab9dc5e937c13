//! Processing time over kills and restores: which window a row lies in is the clock's to say, but
//! it lies in one; and tables that are looked up while they change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use sabot_api::{ActivateRequest, RestoreFrom};
use sabot_sql::PlanOptions;
use sabot_tests::oracle::read;
use sabot_tests::sim::{Outcome, Scenario, SimFile, SimJob, Stage, StoreFaults, run};
use serde_json::Value;

use super::runtime;

const TABLES: &str = include_str!("../../examples/nexmark/tables.sql");
const Q12: &str = include_str!("../../examples/nexmark/q12.sql");
const SINK: &str = "s3://out/q12";
const SOUND: StoreFaults = StoreFaults { per_mille: 0, conditional: true };

/// Query 12 over 3,000 events in twenty seconds.
fn q12() -> String {
    let options = "'first-event.rate' = '10000',
  'next-event.rate' = '10000',
  'events.num' = '1000000',";
    let fewer = "'first-event.rate' = '50', 'next-event.rate' = '50', 'events.num' = '3000',
  'rows-per-second' = '150',";
    assert!(TABLES.contains(options), "the options of the benchmark's tables have changed");
    let files = format!("'connector' = 'filesystem', 'format' = 'json', 'path' = '{SINK}'");
    TABLES.replace(options, fewer) + &Q12.replace("'connector' = 'blackhole'", &files)
}

/// The bids of each bidder, straight from the generator.
fn bids(sql: &str) -> BTreeMap<i64, i64> {
    let planned = sabot_sql::plan(sql, &PlanOptions::default()).expect("the query is valid");
    let tables = runtime().block_on(read(&planned, &[]));
    let mut counts = BTreeMap::new();
    for batch in tables.iter().flat_map(|table| &table.rows) {
        let bids = batch.column_by_name("bid").expect("the table has bids").as_struct();
        let bidders = bids.column_by_name("bidder").expect("a bid has a bidder");
        let bidders = bidders.as_primitive::<Int64Type>();
        for row in (0..bids.len()).filter(|row| bids.is_valid(*row)) {
            *counts.entry(bidders.value(row)).or_default() += 1;
        }
    }
    counts
}

/// Why the windows are wrong, and how many there are; `START_MS` is a multiple of ten seconds.
fn windows(outcome: &Outcome, expected: &BTreeMap<i64, i64>) -> Result<usize, String> {
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    let (mut seen, mut starts) = (BTreeSet::new(), BTreeSet::new());
    for row in outcome.rows.values().flatten() {
        let bidder = row["bidder"].as_i64().expect("a number");
        let (start, end) = (row["starttime"].to_string(), row["endtime"].to_string());
        let seconds = |text: &str| text.trim_matches('"')[17..19].parse::<u32>().expect("seconds");
        if seconds(&start) % 10 != 0 || (seconds(&start) + 10) % 60 != seconds(&end) {
            return Err(format!("{row} is no window of ten seconds"));
        }
        if !seen.insert((bidder, start.clone())) {
            return Err(format!("{row} comes a second time"));
        }
        starts.insert(start);
        *counts.entry(bidder).or_default() += row["bid_count"].as_i64().expect("a number");
    }
    if counts == *expected { Ok(starts.len()) } else { Err("bids were lost or repeated".into()) }
}

#[test]
fn each_bid_counts_in_one_window_of_processing_time_whatever_happens() {
    let sql = q12();
    let job = SimJob::new(&sql, &[SINK]).expect("the query is valid");
    let expected = bids(&sql);
    assert!(expected.len() > 50, "there are {} bidders", expected.len());
    let mut most = 0;
    for seed in 0..12 {
        let store = StoreFaults { per_mille: [0, 5, 30][(seed % 3) as usize], conditional: true };
        let mishaps = if seed == 0 { 0 } else { 8 };
        let outcome = runtime().block_on(run(&job, Scenario { seed, mishaps, store }));
        let windows = windows(&outcome, &expected);
        let windows = windows.unwrap_or_else(|why| panic!("seed {seed}: {why}\n{}", outcome.log));
        most = most.max(windows);
        assert_eq!(outcome.rows_late, 0, "seed {seed}");
    }
    assert!(most > 1, "no run took longer than a window");
}

/// A window that was open when its pods were killed fires after the restore, with what it had.
#[test]
fn a_window_of_processing_time_outlives_its_pods() {
    let sql = q12();
    let job = SimJob::new(&sql, &[SINK]).expect("the query is valid");
    let outcome = runtime().block_on(async {
        let mut stage = Stage::new(&job, 5, SOUND).await;
        stage.checkpoints(2).await;
        for pod in [0, 1] {
            stage.kill(pod);
        }
        // The window's end passes while nothing runs.
        tokio::time::sleep(Duration::from_secs(15)).await;
        for pod in [0, 1] {
            stage.restart(pod).await;
        }
        stage.stop_mishaps();
        stage.end().await
    });
    let windows = windows(&outcome, &bids(&sql)).unwrap_or_else(|why| panic!("{why}"));
    // Those before and after the gap, and none in between.
    assert!(windows >= 2, "{windows} windows");
    let first = |row: &Value| row["starttime"].to_string().contains("22:13:20");
    assert!(outcome.rows.values().flatten().any(first), "the window before the kill has not fired");
}

/// A job that is parked writes nothing, not even windows whose end passes meanwhile: the set that
/// goes on has them.
#[test]
fn a_parked_job_fires_no_window() {
    let sql = q12();
    let job = SimJob::new(&sql, &[SINK]).expect("the query is valid");
    let outcome = runtime().block_on(async {
        let mut stage = Stage::new(&job, 6, SOUND).await;
        stage.checkpoints(2).await;
        stage.quiesce("upgrade", 60).await.expect("the job parks");
        let old: Vec<_> = stage.pods.iter().map(|pod| Arc::clone(&pod.metrics)).collect();
        let written = || old.iter().map(|pod| pod.status().rows_written).sum::<u64>();
        let before = written();
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(written(), before, "a parked job has written rows");
        let old = stage.start_standby(&[1, 1, 1]).await;
        let request = ActivateRequest {
            operation: Stage::operation_id("upgrade"),
            parked_by: Some(Stage::operation_id("upgrade")),
            restore: RestoreFrom::Latest { allow_empty: false },
        };
        stage.activate(&request).await.expect("the new set takes over");
        stage.leave_behind(old);
        stage.end().await
    });
    let windows = windows(&outcome, &bids(&sql)).unwrap_or_else(|why| panic!("{why}"));
    assert!(windows >= 2, "{windows} windows");
}

const SIDE: &str = "s3://in/side";

fn side(text: &str) -> SimFile {
    let line = |key: u32| format!("{{\"key\":{key},\"text\":\"{text}\"}}\n");
    let content = (0..10).map(line).collect();
    SimFile { folder: SIDE.to_owned(), name: "side.jsonl".to_owned(), content }
}

#[test]
fn a_table_that_is_looked_up_is_read_again() {
    let sql = format!(
        "CREATE TABLE bids (auction BIGINT, price BIGINT, p AS PROCTIME())
         WITH ('connector' = 'nexmark', 'nexmark.table' = 'bid', 'number-of-rows' = '3000',
           'rows-per-second' = '500');
         CREATE TABLE side (key BIGINT, text STRING) WITH ('connector' = 'filesystem',
           'path' = '{SIDE}', 'format' = 'json',
           'lookup.full-cache.periodic-reload.interval' = '500 ms');
         CREATE TABLE results (auction BIGINT, text STRING)
         WITH ('connector' = 'filesystem', 'path' = '{SINK}', 'format' = 'json');
         INSERT INTO results SELECT auction, text FROM bids
         LEFT JOIN side FOR SYSTEM_TIME AS OF bids.p ON MOD(auction, 20) = key;"
    );
    let job = SimJob::new(&sql, &[SINK]).expect("the job is valid");
    let job = job.reading(vec![side("old")], 50);
    let outcome = runtime().block_on(async {
        let stage = Stage::new(&job, 3, SOUND).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        stage.stores.place(&[side("new")]).await;
        stage.end().await
    });
    let rows: Vec<&Value> = outcome.rows.values().flatten().collect();
    let having = |text: Value| rows.iter().filter(|row| row["text"] == text).count();
    let (old, new, none) = (having("old".into()), having("new".into()), having(Value::Null));
    assert!(old > 300 && new > 300 && none > 300, "{old} old, {new} new, {none} without");
    assert_eq!(old + new + none, rows.len());
    assert_eq!(rows.len(), 2760, "every bid comes once");
    for row in &rows {
        let key = row["auction"].as_i64().expect("a number") % 20;
        assert_eq!(row["text"].is_null(), key >= 10, "{row} met another key");
    }
    assert_eq!(outcome.faults, Vec::<String>::new());
}
