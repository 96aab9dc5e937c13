//! Sources that wait for each other, in two pods: what they read is near each other in event time,
//! also over a kill.

use std::collections::BTreeMap;
use std::time::Duration;

use sabot_tests::sim::{Outcome, SimJob, Stage, StoreFaults};
use serde_json::Value;

use super::runtime;

const SOUND: StoreFaults = StoreFaults { per_mille: 0, conditional: true };
const SLOW: &str = "s3://out/slow";
const FAST: &str = "s3://out/fast";
const EVENTS: usize = 2_000;
/// Of fifty events 46 are bids.
const ROWS: usize = EVENTS / 50 * 46;
/// A batch of five rows of one of eight splits, at 20 ms from row to row, and what the slow source
/// reads until the other pod hears of it.
const OF_A_BATCH_MS: i64 = 1_500;

/// Two tables of the same events, one of which comes slowly.
fn job(options: &str) -> SimJob {
    let table = |name: &str, more: &str| {
        format!(
            "CREATE TABLE {name} (dateTime TIMESTAMP(3), p AS PROCTIME(),
               WATERMARK FOR dateTime AS dateTime - INTERVAL '1' SECOND)
             WITH ('connector' = 'nexmark', 'nexmark.table' = 'bid', 'number-of-rows' = '{EVENTS}',
               'first-event.rate' = '50', 'next-event.rate' = '50' {more} {options});"
        )
    };
    let insert = |name: &str, path: &str| {
        format!(
            "CREATE TABLE {name}_out (event BIGINT, seen BIGINT)
             WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json');
             INSERT INTO {name}_out SELECT
               TIMESTAMPDIFF(SECOND, TIMESTAMP '2020-01-01 00:00:00', dateTime) * 1000
                 + EXTRACT(MILLISECOND FROM dateTime),
               TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', CAST(p AS TIMESTAMP(3))) * 1000
                 + EXTRACT(MILLISECOND FROM CAST(p AS TIMESTAMP(3)))
             FROM {name};"
        )
    };
    let sql = [
        table("slow", ", 'rows-per-second' = '100'"),
        table("fast", ""),
        insert("slow", SLOW),
        insert("fast", FAST),
    ];
    let mut job = SimJob::new(&sql.concat(), &[SLOW, FAST]).expect("the job is valid");
    job.max_batch_rows = 5;
    job
}

fn play(job: &SimJob, seed: u64, kill: Option<usize>) -> Outcome {
    runtime().block_on(async {
        let mut stage = Stage::new(job, seed, SOUND).await;
        if let Some(pod) = kill {
            tokio::time::sleep(Duration::from_secs(7)).await;
            stage.kill(pod);
            stage.restart(pod).await;
        }
        stage.end().await
    })
}

/// How far the fast source was ahead of the slow one at the most, by what both had read then,
/// milliseconds.
fn lead_ms(outcome: &Outcome) -> i64 {
    let number = |row: &Value, name: &str| row[name].as_i64().expect("a number");
    // By the time at which rows were read, the latest event until then.
    let mut slow: BTreeMap<i64, i64> = BTreeMap::new();
    for row in &outcome.rows[SLOW] {
        let latest = slow.entry(number(row, "seen")).or_insert(i64::MIN);
        *latest = number(row, "event").max(*latest);
    }
    let mut latest = i64::MIN;
    for event in slow.values_mut() {
        latest = latest.max(*event);
        *event = latest;
    }
    let (_, first) = slow.first_key_value().expect("the slow source gave rows");
    let (end, _) = slow.last_key_value().expect("the slow source gave rows");
    let leads = outcome.rows[FAST].iter().filter(|row| number(row, "seen") < *end).map(|row| {
        let until = slow.range(..=number(row, "seen")).next_back();
        number(row, "event") - until.map_or(*first, |(_, event)| *event)
    });
    leads.max().expect("the fast source gave rows before the slow one had ended")
}

#[test]
fn sources_of_a_group_stay_near_each_other_in_all_pods() {
    let aligned = ", 'scan.watermark.alignment.group' = 'g', \
                   'scan.watermark.alignment.max-drift' = '2 s', \
                   'scan.watermark.alignment.update-interval' = '50 ms'";
    for (seed, kill) in [(1, None), (2, Some(0)), (3, Some(1))] {
        let outcome = play(&job(aligned), seed, kill);
        assert_eq!(outcome.faults, [""; 0], "{}", outcome.log);
        for sink in [SLOW, FAST] {
            assert_eq!(outcome.rows[sink].len(), ROWS, "{sink}");
        }
        let lead = lead_ms(&outcome);
        assert!(lead <= 2_000 + OF_A_BATCH_MS, "seed {seed}: {lead} ms ahead\n{}", outcome.log);
    }
}

#[test]
fn without_a_group_the_fast_source_runs_away() {
    let outcome = play(&job(""), 1, None);
    let lead = lead_ms(&outcome);
    assert!(lead > 10_000, "{lead} ms ahead\n{}", outcome.log);
}
