//! Where messages are and when they were written, in SQL.

use rdkafka::Message as _;

use super::broker::Broker;
use crate::sabot::PATIENCE;

const JOB: &str = "\
CREATE TABLE files (id BIGINT, at TIMESTAMP_LTZ(3))
WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json');
CREATE TABLE written (id BIGINT, at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'rows',
  'key.format' = 'json', 'value.format' = 'json');
CREATE TABLE read_ (id BIGINT, topic STRING NOT NULL METADATA VIRTUAL,
  p INT NOT NULL METADATA FROM 'partition' VIRTUAL, `offset` BIGINT NOT NULL METADATA VIRTUAL,
  at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  kind STRING METADATA FROM 'timestamp-type' VIRTUAL, WATERMARK FOR at AS at)
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'rows', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE places (p INT, `offset` BIGINT, id BIGINT, topic STRING, kind STRING, at TIMESTAMP_LTZ(3))
WITH ('connector' = 'filesystem', 'path' = 'places', 'format' = 'json');
CREATE TABLE windows (window_start TIMESTAMP_LTZ(3), n BIGINT)
WITH ('connector' = 'filesystem', 'path' = 'windows', 'format' = 'json');
";

#[test]
fn messages_tell_their_places_and_the_times_that_they_were_given() {
    let broker = Broker::with_partitions(&[("rows", 3)]);
    let rows =
        (0..60).map(|id| format!("{{\"id\":{id},\"at\":\"2024-05-01 12:00:{id:02}.5Z\"}}\n"));
    broker.write("in/a.json", &rows.collect::<String>());
    let write = "INSERT INTO written SELECT id, at FROM files;";
    broker.start(&format!("{JOB}{write}")).wait("writing").succeeded("writing");
    let read = "INSERT INTO places SELECT p, `offset`, id, topic, kind, at FROM read_;
INSERT INTO windows SELECT window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE read_, DESCRIPTOR(at), INTERVAL '30' SECOND)) GROUP BY window_start, window_end;";
    broker.restarted(&format!("{JOB}{read}")).wait("reading").succeeded("reading");
    let windows =
        ["00", "30"].map(|s| format!("{{\"window_start\":\"2024-05-01 12:00:{s}Z\",\"n\":30}}"));
    assert_eq!(broker.lines("windows"), windows);

    let consumer = broker.reader("rows", 3);
    let mut expected: Vec<String> = (0..60)
        .map(|_| {
            let message = consumer.poll(PATIENCE).expect("a message comes").unwrap();
            let (p, offset) = (message.partition(), message.offset());
            let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            let id: u32 = value.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
            format!(
                "{{\"p\":{p},\"offset\":{offset},\"id\":{id},\"topic\":\"{}\",\"kind\":\"CreateTime\",\
                 \"at\":\"2024-05-01 12:00:{id:02}.5Z\"}}",
                broker.name("rows")
            )
        })
        .collect();
    expected.sort();
    assert_eq!(broker.lines("places"), expected);
    let in_all = (0..3).all(|p| expected.iter().any(|line| line.contains(&format!("\"p\":{p},"))));
    assert!(in_all, "there are messages in all partitions");
}
