//! Rows of `datagen`, which follow from their numbers, over kills and restores with other subtasks.

use std::collections::BTreeMap;

use sabot_tests::sim::{Outcome, Scenario, SimJob, StoreFaults, run};

use super::runtime;

const ROWS: usize = 6000;
const SINK: &str = "s3://out/generated";

fn job() -> SimJob {
    let sql = format!(
        "CREATE TABLE orders (n BIGINT, v INT, t VARCHAR(20), l ARRAY<DOUBLE>, at TIMESTAMP(3), \
           WATERMARK FOR at AS at) \
         WITH ('connector' = 'datagen', 'rows-per-second' = '1000', 'fields.n.kind' = 'sequence', \
           'fields.n.start' = '1', 'fields.n.end' = '{ROWS}', 'fields.t.null-rate' = '0.3'); \
         CREATE TABLE results (n BIGINT, v INT, t STRING, l ARRAY<DOUBLE>) \
         WITH ('connector' = 'filesystem', 'path' = '{SINK}', 'format' = 'json'); \
         INSERT INTO results SELECT n, v, t, l FROM orders;"
    );
    SimJob::new(&sql, &[SINK]).expect("the job is valid")
}

/// What was written, by the numbers of the rows.
fn by_number(outcome: &Outcome) -> BTreeMap<i64, String> {
    let number = |row: &serde_json::Value| row["n"].as_i64().expect("a number");
    outcome.rows.values().flatten().map(|row| (number(row), row.to_string())).collect()
}

#[test]
fn generated_rows_are_the_same_and_come_once_whatever_happens() {
    let calm =
        Scenario { seed: 0, mishaps: 0, store: StoreFaults { per_mille: 0, conditional: true } };
    let wanted = by_number(&runtime().block_on(run(&job(), calm)));
    assert!(wanted.keys().copied().eq(1..=ROWS as i64), "there are {} numbers", wanted.len());
    for seed in 1..12 {
        let store = StoreFaults { per_mille: [0, 5, 30][(seed % 3) as usize], conditional: true };
        let outcome = runtime().block_on(run(&job(), Scenario { seed, mishaps: 8, store }));
        let rows = outcome.rows.values().map(Vec::len).sum::<usize>();
        assert_eq!(rows, ROWS, "seed {seed}\n{}", outcome.log);
        assert!(by_number(&outcome) == wanted, "seed {seed}: other rows\n{}", outcome.log);
        assert_eq!(outcome.faults, Vec::<String>::new(), "seed {seed}");
    }
}
