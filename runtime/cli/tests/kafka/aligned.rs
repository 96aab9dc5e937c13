//! Partitions and topics that wait for each other.

use std::time::Duration;

use super::broker::Broker;
use crate::sabot::{PATIENCE, eventually};

/// Rows of each partition of the fast topic, a second of event time apart.
const ROWS: u32 = 60_000;

const JOB: &str = "\
CREATE TABLE fast (id INT, s BIGINT, t AS TO_TIMESTAMP_LTZ(s, 0), WATERMARK FOR t AS t)
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'fast', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset', 'scan.watermark.idle-timeout' = '0 s',
  'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = '1 min');
CREATE TABLE slow (id INT, s BIGINT, t AS TO_TIMESTAMP_LTZ(s, 0), WATERMARK FOR t AS t)
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'slow', 'format' = 'csv',
  'scan.startup.mode' = 'earliest-offset', 'scan.watermark.idle-timeout' = '0 s',
  'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = '1 min');
CREATE TABLE out_ (id INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'json');
INSERT INTO out_ SELECT id FROM fast UNION ALL SELECT id FROM slow;";

/// Waits until no more lines come.
fn settled(broker: &Broker, at_least: usize) -> usize {
    let mut count = broker.await_lines("settling", "out", at_least).len();
    let mut since = std::time::Instant::now();
    let is_still = || {
        let now = broker.lines("out").len();
        if now != count {
            (count, since) = (now, std::time::Instant::now());
        }
        (since.elapsed() > Duration::from_secs(1)).then_some(())
    };
    eventually(PATIENCE, is_still).expect("it settles");
    count
}

#[test]
fn no_partition_runs_away_from_one_that_waits() {
    let broker = Broker::with_partitions(&[("fast", 2), ("slow", 1)]);
    for partition in 0..2 {
        let row = |second| format!("{{\"id\":{},\"s\":{second}}}", partition * ROWS + second);
        let rows: Vec<String> = (0..ROWS).map(row).collect();
        let rows: Vec<(&str, &str)> = rows.iter().map(|row| ("", row.as_str())).collect();
        broker.send_to("fast", Some(partition as i32), &rows);
    }
    let slow = |second: u32, id: u32| broker.send("slow", &[("", &format!("{id},{second}"))]);
    slow(0, 2 * ROWS);
    let running = broker.start(JOB);
    // A minute of each, and what was on its way.
    let first = settled(&broker, 2 * 60);
    assert!(first < ROWS as usize, "{first} rows were read, of which a minute is wanted");
    slow(ROWS / 2, 2 * ROWS + 1);
    let then = settled(&broker, ROWS as usize);
    assert!(then < 2 * ROWS as usize, "{then} rows were read, of which half are wanted");
    // Killed, it holds itself again.
    drop(running);
    let running = broker.start(JOB);
    let again = settled(&broker, then);
    assert!(again < 2 * ROWS as usize, "{again} rows were read, of which half are wanted");
    slow(ROWS, 2 * ROWS + 2);
    let all = broker.await_lines("all", "out", 2 * ROWS as usize + 3);
    let mut all: Vec<u32> = all
        .iter()
        .map(|line| line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap())
        .collect();
    all.sort_unstable();
    assert_eq!(all, (0..2 * ROWS + 3).collect::<Vec<_>>());
    running.stop();
    running.wait("stopped").succeeded("stopped");
}
