//! Topics over TLS, for who knows the password: with real brokers alone, which `SABOT_TEST_KAFKA_SECURE`
//! names beside the certificate in `SABOT_TEST_KAFKA_CA`.

use std::collections::BTreeMap;

use super::broker::{Broker, Latest};

/// As Flink's tables have them.
const OPTIONS: &str = "\
'properties.bootstrap.servers' = '$SERVERS', 'properties.security.protocol' = 'SASL_SSL',
  'properties.sasl.mechanism' = 'PLAIN', 'properties.ssl.truststore.location' = '$CA',
  'properties.ssl.truststore.type' = 'PEM', 'properties.sasl.jaas.config' =
  'org.apache.kafka.common.security.plain.PlainLoginModule required username=\"sabot\" password=\"$PASSWORD\";'";

const JOB: &str = "\
CREATE TABLE rows_ (k STRING, n BIGINT) WITH ('connector' = 'kafka', $OPTIONS, 'topic' = 'rows',
  'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE sums (k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka',
  $OPTIONS, 'topic' = 'sums', 'key.format' = 'json', 'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY');
INSERT INTO sums SELECT k, SUM(n) FROM rows_ GROUP BY k;";

/// The job's statements with this password; none where there are no such brokers.
fn job(password: &str) -> Option<String> {
    let named = |name: &str| std::env::var(format!("SABOT_TEST_KAFKA_{name}")).ok();
    let Some((servers, ca)) = named("SECURE").zip(named("CA")) else {
        eprintln!(
            "skipped: SABOT_TEST_KAFKA_SECURE names no brokers (scripts/with-kafka starts one)"
        );
        return None;
    };
    let options = OPTIONS.replace("$SERVERS", &servers).replace("$CA", &ca);
    Some(JOB.replace("$OPTIONS", &options.replace("$PASSWORD", password)))
}

#[test]
fn topics_are_read_and_written_over_tls_with_a_password() {
    let Some(job) = job("secret") else { return };
    let broker = Broker::with(&["rows", "sums"]);
    broker.send(
        "rows",
        &[("", r#"{"k":"a","n":1}"#), ("", r#"{"k":"b","n":2}"#), ("", r#"{"k":"a","n":3}"#)],
    );
    broker.start(&job).wait("sums").succeeded("sums");
    let sum = |key: &str, n: u32| (format!(r#"{{"k":"{key}"}}"#), format!(r#"{{"n":{n}}}"#));
    let expected: BTreeMap<_, _> = [sum("a", 4), sum("b", 2)].into();
    Latest::of(&broker, "sums", 1).await_("sums", &expected);
}

#[test]
fn a_wrong_password_is_said_to_be_one_and_not_shown() {
    let Some(job) = job("sesame") else { return };
    let broker = Broker::with(&["rows", "sums"]);
    let ended = broker.start(&job).wait("a wrong password");
    ended.refused(
        "a wrong password",
        1,
        &["uthentication", "correct the options 'properties.sasl.*'"],
    );
    assert!(!ended.said.contains("sesame"), "{}", ended.said);
}
