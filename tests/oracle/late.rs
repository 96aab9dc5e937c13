//! Rows that are too late for their windows: each is in a window or in the table of late rows, also
//! where some of them still change results.

use sabot_tests::oracle::{event_files, run_with_restores};
use sabot_tests::sim::{Outcome, Scenario, SimJob, StoreFaults, run};
use serde_json::Value;

use crate::queries::{Input, Query, Sink, folder};
use crate::{BATCH_ROWS, MISHAPS, simulated};

const WINDOWS: [&str; 3] = [
    "TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '2' SECOND))",
    "TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '2' SECOND))",
    "TABLE(SESSION(TABLE events PARTITION BY kind, DESCRIPTOR(ts), INTERVAL '1' SECOND))",
];

/// Rows a second later than the watermark still change results.
const LATENESS: &str = "SET 'table.exec.emit.late-fire.enabled' = 'true';
SET 'table.exec.emit.late-fire.delay' = '0 s'; SET 'table.exec.emit.allow-lateness' = '1 s';";

const COUNTS: Sink = Sink {
    name: "counts",
    columns: "kind STRING, n BIGINT, ids BIGINT",
    changes: false,
    answer: "",
};
const LATE: Sink =
    Sink { name: "late", columns: "id BIGINT, twice BIGINT", changes: false, answer: "" };

fn job(windows: &str, settings: &str) -> SimJob {
    let sinks: &'static [Sink] = match settings {
        "" => &[COUNTS, LATE],
        _ => &[Sink { changes: true, ..COUNTS }, LATE],
    };
    let query = Query { input: Input::Events, job: "", sinks };
    let tables = query.sql().replace("AS ts - INTERVAL '5' SECOND", "AS ts - INTERVAL '1' SECOND");
    let sql = format!(
        "{tables} {settings} SET 'sabot.late-rows.table' = 'late';
         INSERT INTO counts SELECT kind, COUNT(*), SUM(id) FROM {windows}
         GROUP BY window_start, window_end, kind;"
    );
    let folders = [folder("counts"), folder("late")];
    let folders = [folders[0].as_str(), folders[1].as_str()];
    let job = SimJob::new(&sql, &folders).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    job.reading(event_files(), BATCH_ROWS)
}

/// The sum of a column: of rows, or of what is left of changes.
fn sum(rows: &[Value], column: &str) -> i64 {
    let value = |row: &Value| row[column].as_i64().unwrap_or_default();
    rows.iter().map(|row| value(row) + value(&row["after"]) - value(&row["before"])).sum()
}

/// Every row is in one of the two; how many were late.
fn check(outcome: &Outcome, what: &str) -> usize {
    assert!(outcome.faults.is_empty(), "{what}: {:?}\n{}", outcome.faults, outcome.log);
    let (counts, late) = (&outcome.rows[&folder("counts")], &outcome.rows[&folder("late")]);
    let ids: Vec<i64> = event_files()
        .iter()
        .flat_map(|file| file.content.lines())
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["id"].as_i64())
        .collect();
    assert_eq!(sum(counts, "n") + late.len() as i64, ids.len() as i64, "{what}");
    assert_eq!(sum(counts, "ids") + sum(late, "id"), ids.iter().sum::<i64>(), "{what}");
    late.len()
}

#[test]
fn a_row_is_in_its_window_or_in_the_table_of_late_rows() {
    let plain = WINDOWS.map(|windows| (windows, ""));
    let updating = [(WINDOWS[0], LATENESS), (WINDOWS[1], LATENESS)];
    for (windows, settings) in plain.into_iter().chain(updating) {
        let job = job(windows, settings);
        let store = StoreFaults { per_mille: 0, conditional: true };
        let mut late = 0;
        for seed in [0, 2, 3] {
            let mishaps = if seed == 0 { 0 } else { MISHAPS };
            let mut outcome = simulated(run(&job, Scenario { seed, mishaps, store }));
            // A process that wakes up late leaves hidden output behind after the job has ended.
            outcome.faults.retain(|fault| !fault.starts_with("hidden output was left"));
            late += check(&outcome, &format!("{settings} {windows}, seed {seed}"));
        }
        let (outcome, restores) = simulated(run_with_restores(&job, 1, store));
        assert!(restores > 0);
        late += check(&outcome, &format!("{settings} {windows}, restored"));
        assert!(late > 0, "{settings} {windows}: no row was ever late");
    }
}
