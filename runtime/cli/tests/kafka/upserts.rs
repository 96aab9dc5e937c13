//! What keys have, from topic to topic, while the job is killed now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::broker::{Broker, Latest};

const JOB: &str = "\
CREATE TABLE accounts (k STRING, team STRING, amount BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'accounts', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
CREATE TABLE copies (k STRING, amount BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'copies', 'key.format' = 'json',
  'value.format' = 'json');
CREATE TABLE teams (team STRING, members BIGINT, amount BIGINT, fresh BOOLEAN, PRIMARY KEY (team) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'teams', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
INSERT INTO copies SELECT k, amount FROM accounts WHERE amount > 20;
INSERT INTO teams SELECT team, COUNT(*), SUM(amount), NOW() > TO_TIMESTAMP_LTZ(0, 3) AND RAND() < 1
FROM accounts GROUP BY team;";

pub(super) const ACCOUNTS: u64 = 50;

/// What an account has, as the round says: none now and then.
pub(super) fn account(number: u64, round: u64) -> Option<(u64, u64)> {
    let dice = (number * 31 + round * 17 + number * round * 7) % 100;
    // Team 4 is empty in the end.
    let team = if round == 9 { number % 4 } else { (number + round) % 5 };
    (dice >= 25).then_some((team, dice))
}

/// Sends what all accounts have in a round.
pub(super) fn send_accounts(broker: &Broker, round: u64) {
    let message = |number| {
        let value = account(number, round).map_or_else(String::new, |(team, amount)| {
            format!("{{\"team\":\"{team}\",\"amount\":{amount}}}")
        });
        (format!("{{\"k\":\"{number}\"}}"), value)
    };
    let messages: Vec<(String, String)> = (0..ACCOUNTS).map(message).collect();
    let messages = messages.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    broker.send("accounts", &messages.collect::<Vec<_>>());
}

/// What the topics have after a round.
fn expected(round: u64) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (mut copies, mut teams) = (BTreeMap::new(), BTreeMap::<u64, (u64, u64)>::new());
    for number in 0..ACCOUNTS {
        let Some((team, amount)) = account(number, round) else { continue };
        if amount > 20 {
            let key = format!("{{\"k\":\"{number}\"}}");
            copies.insert(key, format!("{{\"k\":\"{number}\",\"amount\":{amount}}}"));
        }
        let of_team = teams.entry(team).or_default();
        *of_team = (of_team.0 + 1, of_team.1 + amount);
    }
    let team = |(team, (members, amount)): (u64, (u64, u64))| {
        let value = format!("{{\"members\":{members},\"amount\":{amount},\"fresh\":true}}");
        (format!("{{\"team\":\"{team}\"}}"), value)
    };
    (copies, teams.into_iter().map(team).collect())
}

#[test]
fn topics_have_what_their_keys_have_when_the_job_is_killed_behind_a_checkpoint() {
    run(Some(Duration::from_millis(500)));
}

#[test]
fn topics_have_what_their_keys_have_whenever_the_job_is_killed() {
    run(None);
}

/// Kills the job so long after it has written everything; none: while it writes.
fn run(kill_after: Option<Duration>) {
    let broker = Broker::with_partitions(&[("accounts", 3), ("copies", 2), ("teams", 2)]);
    let mut copies = Latest::of(&broker, "copies", 2);
    let mut teams = Latest::of(&broker, "teams", 2);
    let mut running = broker.start(JOB);
    for round in 0..10 {
        send_accounts(&broker, round);
        let mut written = |when: &str| {
            let (in_copies, in_teams) = expected(round);
            copies.await_(&format!("copies {when} round {round}"), &in_copies);
            teams.await_(&format!("teams {when} round {round}"), &in_teams);
        };
        if round % 3 == 1 {
            if let Some(after) = kill_after {
                written("before the kill in");
                std::thread::sleep(after);
            }
            drop(running);
            running = broker.start(JOB);
        }
        if round % 2 == 1 {
            written("after");
        }
    }
    assert!(!expected(9).1.contains_key("{\"team\":\"4\"}"), "a team is gone");
    running.stop();
    running.wait("stopped").succeeded("stopped");
}
