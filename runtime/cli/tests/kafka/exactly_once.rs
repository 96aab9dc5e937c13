//! A topic that is written exactly once. Skipped without real brokers: mock ones show what was not
//! committed.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::Message as _;

use super::broker::Broker;
use crate::sabot::{PATIENCE, eventually};

const PARTITIONS: i32 = 2;
/// Rows that are sent in each round, and how often the job is killed.
const ROWS: usize = 2_000;
const ROUNDS: usize = 6;

const JOB: &str = "\
CREATE TABLE readings (id INT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'readings',
  'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE results (id INT, twice INT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'results',
  'key.format' = 'json', 'key.fields' = 'id', 'value.format' = 'json',
  'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '$PREFIX');
INSERT INTO results SELECT id, 2 * id FROM readings;";

#[test]
fn each_row_is_written_once_however_often_the_job_is_killed() {
    if std::env::var_os("SABOT_TEST_KAFKA").is_none() {
        eprintln!("skipped: SABOT_TEST_KAFKA does not name brokers");
        return;
    }
    let broker = Broker::with_partitions(&[("readings", PARTITIONS), ("results", PARTITIONS)]);
    let job = JOB.replace("$PREFIX", &broker.name("job"));
    let consumer = broker.reader("results", PARTITIONS);
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    let read = |written: &mut BTreeMap<String, usize>| {
        while let Some(message) = consumer.poll(Duration::from_millis(20)) {
            let Ok(message) = message else { continue };
            let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            *written.entry(value).or_default() += 1;
        }
        written.len()
    };
    for round in 0..ROUNDS {
        let running = broker.start(&job);
        for part in (0..ROWS).step_by(ROWS / 10) {
            let row = |n: usize| format!("{{\"id\":{}}}", round * ROWS + part + n);
            let rows: Vec<String> = (0..ROWS / 10).map(row).collect();
            let rows: Vec<(&str, &str)> = rows.iter().map(|row| ("", row.as_str())).collect();
            broker.send("readings", &rows);
            std::thread::sleep(Duration::from_millis(30));
        }
        // Something is committed in each round, and something is under way when it is killed.
        let some = round * ROWS + ROWS / 10;
        let enough = || (read(&mut written) >= some).then_some(());
        eventually(PATIENCE, enough).unwrap_or_else(|| panic!("round {round}: too few rows came"));
        drop(running);
    }
    let running = broker.start(&job);
    // The last row tells that the last job runs, and can be stopped.
    let rows = ROUNDS * ROWS + 1;
    broker.send("readings", &[("", &format!("{{\"id\":{}}}", rows - 1))]);
    let all = || (read(&mut written) >= rows).then_some(());
    eventually(PATIENCE, all).expect("all rows come");
    running.stop();
    running.wait("stopped").succeeded("stopped");
    read(&mut written);
    let expected = (0..rows).map(|id| (format!("{{\"id\":{id},\"twice\":{}}}", 2 * id), 1));
    assert_eq!(written, expected.collect());
}
