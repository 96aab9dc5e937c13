//! Malformed rows, and the job that reads them.

use std::collections::BTreeMap;

use super::table::FAILED;
use super::world::World;

const ROWS: u32 = 20_000;
const KEYS: u32 = 7;
/// The lines that are malformed: no object's end, and a text that is no number.
const HALF: u32 = 15_001;
const WORD: u32 = 15_002;

/// The job, which reads `path`.
pub(crate) fn job(path: &str, option: &str) -> String {
    format!(
        "\
apiVersion: sabot.dev/v1alpha1
kind: StreamJob
metadata:
  name: rows
spec:
  keyGroups: 16
  program:
    sql:
      inline: |
        CREATE TABLE input (k STRING, n BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
        WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json'{option});
        CREATE TABLE sums (k STRING, c BIGINT, n BIGINT)
        WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'json');
        INSERT INTO sums SELECT k, COUNT(*), SUM(n)
        FROM TABLE(TUMBLE(TABLE input, DESCRIPTOR(ts), INTERVAL '1' DAY))
        GROUP BY window_start, window_end, k;
  checkpoint:
    interval: 20ms
  state:
    storage:
"
    )
}

/// A state directory, for [`job`].
pub(crate) const LOCAL: &str = "      local:\n        path: state\n";

/// The lines; with the malformed ones or with what they should be.
pub(crate) fn input(malformed: bool) -> String {
    let line = |n: u32| match n {
        HALF if malformed => "{\"k\": \"k1\", \"n\":\n".to_owned(),
        WORD if malformed => row(n, "\"many\""),
        _ => row(n, &n.to_string()),
    };
    (1..=ROWS).map(line).collect()
}

fn row(n: u32, value: &str) -> String {
    format!("{{\"k\": \"k{}\", \"n\": {value}, \"ts\": \"2024-05-06 07:08:09\"}}\n", n % KEYS)
}

/// The output is complete: of all rows, or, where the malformed ones are skipped, without the
/// half row and the one number that is none.
pub(crate) fn are_complete(world: &World, case: &str, skipped: bool) {
    let mut sums = BTreeMap::<u32, (u32, u64)>::new();
    for n in 1..=ROWS {
        let (count, sum) = sums.entry(n % KEYS).or_default();
        *count += u32::from(!(skipped && n == HALF));
        *sum += if skipped && [HALF, WORD].contains(&n) { 0 } else { u64::from(n) };
    }
    let expected: Vec<String> = sums
        .iter()
        .map(|(k, (count, sum))| format!("{{\"k\":\"k{k}\",\"c\":{count},\"n\":{sum}}}"))
        .collect();
    assert_eq!(world.results(), expected, "{case}");
}

#[test]
fn malformed_rows_end_the_job_or_are_skipped_and_counted() {
    let name = "a malformed row";
    let world = World::empty();
    world.write("input/rows.jsonl", input(true));
    world.write("job.yaml", job("input", "") + LOCAL);
    world.sabot(name, "run job.yaml").refused(
        name,
        FAILED,
        &[
            "line 15001 of file:///",
            "/input/rows.jsonl is not a valid JSON row",
            "correct it, or set 'json.ignore-parse-errors' = 'true' to skip such rows",
        ],
    );
    assert!(world.results().is_empty(), "{name}");
    let skipping = World::empty();
    for path in ["input/rows.jsonl", "job.yaml"] {
        skipping.write(path, world.read(path));
    }

    world.write("input/rows.jsonl", input(false));
    world.sabot(name, "run job.yaml").succeeded(name);
    are_complete(&world, name, false);

    let name = "malformed rows that are skipped";
    let option = ", 'json.ignore-parse-errors' = 'true'";
    skipping.sabot(name, "run job.yaml").refused(name, FAILED, &["line 15001 of file:///"]);
    skipping.write("job.yaml", job("input", option) + LOCAL);
    let outcome = skipping.sabot(name, "run job.yaml");
    outcome.succeeded(name);
    assert!(outcome.said.contains("2 malformed"), "{name}: {}", outcome.said);
    are_complete(&skipping, name, true);
}
