//! CSV from files to a topic and back, in SQL.

use super::broker::Broker;

const JOB: &str = r"
CREATE TABLE files (name STRING, price DECIMAL(10, 2), id BIGINT, twice AS id * 2, ok BOOLEAN,
  at TIMESTAMP_LTZ(3)) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv',
  'csv.field-delimiter' = ';', 'csv.allow-comments' = 'true', 'csv.null-literal' = 'none');
CREATE TABLE written (id BIGINT, name STRING, at TIMESTAMP_LTZ(3))
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'rows', 'value.format' = 'csv',
  'value.csv.quote-character' = '''', 'value.csv.field-delimiter' = '\t');
CREATE TABLE read_ (id BIGINT, place BIGINT METADATA FROM 'offset' VIRTUAL, name STRING,
  at TIMESTAMP_LTZ(3)) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'rows',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
  'value.format' = 'csv', 'value.csv.quote-character' = '''', 'value.csv.field-delimiter' = '\t'$MORE);
CREATE TABLE out_ (at TIMESTAMP_LTZ(0), name STRING)
WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
";

const ROWS: &str = "\
# name;price;id;ok;at
anna;1.5;1;true;2024-05-01 12:00:00Z
\"b;
\"\"b\"\"\";none;2;FALSE;none
x;2;3;true;none
";

#[test]
fn rows_go_through_files_and_a_topic() {
    let broker = Broker::with(&["rows"]);
    broker.write("in/a.csv", ROWS);
    // Not all columns are read, and the fields of the others are stepped over.
    let write = "INSERT INTO written SELECT twice, CONCAT(name, '''', CAST(ok AS STRING)), at
FROM files WHERE twice < 6;";
    let job = JOB.replace("$MORE", "");
    broker.start(&format!("{job}{write}")).wait("writing").succeeded("writing");
    let values = broker.messages("rows", 2).into_iter().map(|message| message.value);
    let values: Vec<String> = values.collect();
    let expected =
        ["2\t'anna''TRUE'\t2024-05-01 12:00:00Z", "4\t'b;\n\"b\"''FALSE'\t"].map(str::to_owned);
    assert_eq!(values, expected);
    broker.send("rows", &[("", ""), ("", "7\tplain\t2024-05-01 00:00:00+02:00")]);

    // The last field of the second message is no time.
    let read =
        "INSERT INTO out_ SELECT CAST(at AS TIMESTAMP_LTZ(0)), CONCAT(CAST(place AS STRING), name)
FROM read_;";
    let failed = broker.restarted(&format!("{job}{read}")).wait("reading");
    let says = format!(
        "the message at offset 1 of {}-0 is not a valid CSV row: column 3 ('at') is \"\": \
         expected a text such as",
        broker.name("rows")
    );
    assert!(failed.said.contains(&says), "{}", failed.said);
    assert!(failed.said.contains("'value.csv.ignore-parse-errors' = 'true'"), "{}", failed.said);
    assert_ne!(failed.code, Some(0));

    let job = JOB.replace("$MORE", ", 'value.csv.ignore-parse-errors' = 'true'");
    broker.restarted(&format!("{job}{read}")).wait("ignoring").succeeded("ignoring");
    let expected = [
        "\"\"b\"\"'FALSE\"",
        ",\"1b;",
        "2024-04-30 22:00:00Z,3plain",
        "2024-05-01 12:00:00Z,0anna'TRUE",
    ];
    assert_eq!(broker.lines("out"), expected);
}
