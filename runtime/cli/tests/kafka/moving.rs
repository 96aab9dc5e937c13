//! Rows that move from subtask to subtask while they change, into a topic by their key; what filters leave
//! out of it; and what changes by itself beside rows that change.

use std::collections::BTreeMap;
use std::time::Duration;

use super::broker::{Broker, Latest};
use super::upserts::{ACCOUNTS, account, send_accounts};

const JOB: &str = "\
CREATE TABLE accounts (k STRING, team STRING, amount BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'accounts', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
CREATE TABLE names (team STRING, name STRING, PRIMARY KEY (team) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'names', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
CREATE TABLE members (k STRING, name STRING, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'members', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
CREATE TABLE small (team STRING, n BIGINT, PRIMARY KEY (team) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'small', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
CREATE TABLE ids (one STRING, n BIGINT, different BIGINT, PRIMARY KEY (one) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'ids', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
INSERT INTO members SELECT k, name FROM accounts LEFT JOIN names ON accounts.team = names.team;
INSERT INTO small SELECT team, COUNT(*) FROM accounts GROUP BY team HAVING COUNT(*) < 8;
INSERT INTO ids SELECT one, COUNT(*), COUNT(DISTINCT id) FROM (
  SELECT 'all' AS one, UUID() AS id, PROCTIME() AS p FROM accounts WHERE NOW() > TO_TIMESTAMP_LTZ(0, 3))
WHERE p IS NOT NULL GROUP BY one;";

/// What the topics have after a round: the accounts with the names of their teams, small teams, ids.
fn expected(round: u64) -> [BTreeMap<String, String>; 3] {
    let (mut members, mut teams) = (BTreeMap::new(), BTreeMap::<u64, u64>::new());
    for number in 0..ACCOUNTS {
        let Some((team, _)) = account(number, round) else { continue };
        // One team has no name.
        let name = if team == 0 { "null".to_owned() } else { format!("\"team {team}\"") };
        members.insert(format!("{{\"k\":\"{number}\"}}"), format!("{{\"name\":{name}}}"));
        *teams.entry(team).or_default() += 1;
    }
    let count = members.len();
    let small = teams.into_iter().filter(|(_, n)| *n < 8);
    let small =
        small.map(|(team, n)| (format!("{{\"team\":\"{team}\"}}"), format!("{{\"n\":{n}}}")));
    let ids = format!("{{\"n\":{count},\"different\":{count}}}");
    [members, small.collect(), [("{\"one\":\"all\"}".to_owned(), ids)].into()]
}

#[test]
fn a_key_has_its_row_wherever_its_versions_come_from_when_the_job_is_killed_behind_a_checkpoint() {
    run(Some(Duration::from_millis(500)));
}

/// Without small teams: what is written of a group before a kill stays if the group is left out by the
/// time its rows have come again.
#[test]
fn a_key_has_its_row_wherever_its_versions_come_from_whenever_the_job_is_killed() {
    run(None);
}

/// Kills the job so long after it has written everything; none: while it writes.
fn run(kill_after: Option<Duration>) {
    let topics = [("accounts", 3), ("names", 2), ("members", 2), ("small", 2), ("ids", 1)];
    let broker = Broker::with_partitions(&topics);
    let mut latest = ["members", "small", "ids"]
        .map(|topic| Latest::of(&broker, topic, if topic == "ids" { 1 } else { 2 }));
    let mut written = |when: &str, round: u64| {
        for (topic, (latest, now)) in latest.iter_mut().zip(&expected(round)).enumerate() {
            if topic != 1 || kill_after.is_some() {
                latest.await_(&format!("{when} round {round}"), now);
            }
        }
    };
    let names: Vec<(String, String)> = (1..5)
        .map(|team| (format!("{{\"team\":\"{team}\"}}"), format!("{{\"name\":\"team {team}\"}}")))
        .collect();
    let names: Vec<_> = names.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    broker.send("names", &names);
    let mut running = broker.start_in(3, JOB);
    for round in 0..10 {
        send_accounts(&broker, round);
        if round % 4 == 2 {
            if let Some(after) = kill_after {
                written("before the kill in", round);
                std::thread::sleep(after);
            }
            drop(running);
            running = broker.start_in(3, JOB);
        }
        written("after", round);
    }
    running.stop();
    running.wait("stopped").succeeded("stopped");
    written("at the end", 9);
    let small: Vec<usize> = (0..10).map(|round| expected(round)[1].len()).collect();
    assert_eq!(small, [3, 2, 3, 1, 2, 2, 3, 0, 3, 0], "teams become small and do not stay it");
}
