//! State that is forgotten, from topic to topic.

use std::time::Duration;

use super::broker::{Broker, Latest};

/// How long a group is kept.
const KEPT: Duration = Duration::from_secs(8);

const JOB: &str = "\
SET 'table.exec.state.ttl' = '8 s';
CREATE TABLE clicks (k STRING, n BIGINT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'clicks',
  'format' = 'csv', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE counts (k STRING, clicks BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'counts', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
INSERT INTO counts SELECT k, COUNT(*), SUM(n) FROM clicks GROUP BY k;";

#[test]
fn groups_count_each_message_once_and_begin_anew_when_their_time_is_over() {
    let broker = Broker::with_partitions(&[("clicks", 2), ("counts", 2)]);
    let clicks = |keys: &[&str], count: u64| {
        let clicks: Vec<String> =
            (0..count).flat_map(|n| keys.iter().map(move |key| format!("{key},{n}"))).collect();
        let clicks: Vec<(&str, &str)> = clicks.iter().map(|click| ("", click.as_str())).collect();
        broker.send("clicks", &clicks);
    };
    let row = |key: &str, clicks: u64, n: u64| {
        (format!("{{\"k\":\"{key}\"}}"), format!("{{\"clicks\":{clicks},\"n\":{n}}}"))
    };
    let mut counts = Latest::of(&broker, "counts", 2);
    let mut running = broker.start(JOB);
    let sum = 200 * 199 / 2;
    for round in 1..=3 {
        clicks(&["a", "b"], 200);
        if round == 2 {
            drop(running);
            running = broker.start(JOB);
        }
        let expected = ["a", "b"].map(|key| row(key, round * 200, round * sum));
        counts.await_(&format!("round {round}"), &expected.into());
    }
    // It is the time of the clock that counts, also while no job runs.
    std::thread::sleep(Duration::from_millis(500));
    drop(running);
    std::thread::sleep(KEPT);
    let running = broker.start(JOB);
    clicks(&["a"], 1);
    let kept = row("b", 600, 3 * sum);
    counts.await_("forgotten", &[row("a", 1, 0), kept.clone()].into());
    clicks(&["a"], 2);
    counts.await_("anew", &[row("a", 3, 1), kept].into());
    running.stop();
    running.wait("stopped").succeeded("stopped");
}
