//! The queries of the Nexmark benchmark write what Flink 2.2 writes over the same events: `make
//! flink-goldens` asks Flink for the files in `tests/oracle/flink`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use sabot_sql::PlanOptions;
use sabot_tests::oracle::Rows;
use sabot_tests::sim::{Scenario, SimJob, StoreFaults, run};

use crate::queries::{Input, Query, Sink, folder, side_input};
use crate::simulated;

/// Queries without an answer of Flink: it cannot run 6; the answer of 12 depends on when it runs.
const NOT_COMPARED: &[&str] = &["q6", "q12"];
/// Rows of a query that a file shows at most, evenly from all.
const SHOWN: usize = 100;
/// Differing lines that a report shows.
const REPORTED: usize = 6;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The benchmark's queries, by name.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("examples/nexmark")).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("the entry can be read").file_name());
    let mut names: Vec<String> = names
        .filter_map(|name| name.to_str()?.strip_suffix(".sql").map(str::to_owned))
        .filter(|name| name.starts_with('q') && !NOT_COMPARED.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

/// What a query writes in the end when nothing disturbs it.
fn written(name: &str) -> Rows {
    let job = std::fs::read_to_string(root().join(format!("examples/nexmark/{name}.sql")))
        .expect("the query can be read");
    // Query 10 writes files as they are.
    let changes = job.contains("'connector' = 'blackhole'");
    let sink: &'static str = format!("nexmark_{name}").leak();
    let sinks = [Sink { name: sink, columns: "", changes, answer: "" }];
    let query = Query { input: Input::Nexmark, job: job.leak(), sinks: Box::leak(Box::new(sinks)) };
    let sql = query.sql();
    let planned = sabot_sql::plan(&sql, &PlanOptions::default())
        .unwrap_or_else(|error| panic!("{name}: {error}\n{sql}"));
    let path = folder(sink);
    let mut job =
        SimJob::new(&sql, &[path.as_str()]).expect("the same statements were planned before");
    // Query 13 looks it up.
    job.files = vec![side_input()];
    let store = StoreFaults { per_mille: 0, conditional: true };
    let outcome = simulated(run(&job, Scenario { seed: 0, mishaps: 0, store }));
    assert!(outcome.faults.is_empty(), "{name}: {:?}", outcome.faults);
    let info = planned.tables.iter().find(|table| table.name == sink);
    let schema = &info.expect("the plan has the sink").schema;
    let objects = outcome.rows.get(&path).map_or(&[][..], Vec::as_slice);
    Rows::written(objects, schema, changes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows as a file has them: their number, a digest of all (FNV-1a, 64 bits), some of them.
pub(crate) fn shown(rows: &Rows, most: usize) -> String {
    let lines = rows.lines();
    let digest = lines
        .iter()
        .flat_map(|line| line.bytes().chain([b'\n']))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let step = lines.len().div_ceil(most).max(1);
    let every = if step == 1 { "all".to_owned() } else { format!("every {step}th") };
    let mut text = format!("rows {}, digest {digest:016x}, {every} shown\n", lines.len());
    for line in lines.iter().step_by(step) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The first lines that differ.
pub(crate) fn difference(flink: &str, ours: &str) -> String {
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    missing.extend(flink.lines().filter(|line| !ours.lines().any(|our| our == *line)));
    extra.extend(ours.lines().filter(|line| !flink.lines().any(|their| their == *line)));
    missing.truncate(REPORTED);
    extra.truncate(REPORTED);
    format!("Flink:\n  {}\nours:\n  {}", missing.join("\n  "), extra.join("\n  "))
}

#[test]
fn nexmark_queries_write_what_flink_writes() {
    let mut wrong = String::new();
    for name in names() {
        let file = root().join(format!("tests/oracle/flink/{name}.txt"));
        let flink = std::fs::read_to_string(&file)
            .unwrap_or_else(|_| panic!("{name} has no answer of Flink: run `make flink-goldens`"));
        let rows = written(&name);
        let ours = shown(&rows, SHOWN);
        if ours != flink {
            let all = std::env::temp_dir().join(format!("sabot-{name}.txt"));
            std::fs::write(&all, rows.lines().join("\n")).expect("the rows can be written");
            let _ = writeln!(
                wrong,
                "{name}: {}\nall of ours: {}; Flink's: QUERIES={name} ONLY=queries SHOWN=1000000 \
                 FOLDER=/tmp/rows make flink-goldens",
                difference(&flink, &ours),
                all.display()
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
