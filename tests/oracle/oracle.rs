//! A streaming job writes what DataFusion answers over the same bounded input: undisturbed, with
//! kills and restores at other parallelisms, and with whatever else the simulation does.
//!
//! `SABOT_ORACLE_SEED=<n> cargo test --workspace --test oracle -- <query> --nocapture` replays one
//! run of a query and prints its log; `SABOT_ORACLE_SEEDS=<n>` makes more runs of each.
// Helper functions of a test target do not count as tests for the lints.
#![allow(clippy::panic)]

mod flink;
mod late;
mod queries;
mod random;
mod statements;

use std::collections::BTreeMap;

use sabot_sql::{PlanOptions, Planned};
use sabot_tests::oracle::{
    Rows, account_files, answer, csv_files, event_files, order_files, price_files, quote_files,
    read, run_with_restores,
};
use sabot_tests::sim::{Outcome, Scenario, SimFile, SimJob, StoreFaults, run};

use queries::{Input, Query, folder};

/// Runs of each query after the undisturbed one.
const SEEDS: u64 = 4;
/// Things that go wrong in a random run.
const MISHAPS: u32 = 8;
/// Rows of a batch that the files are read in: few, so that reading them takes a while.
const BATCH_ROWS: usize = 2;

macro_rules! equal_the_batch_answer {
    ($($name:ident: $query:ident,)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), &queries::$query);
        })*
    };
}

equal_the_batch_answer! {
    pass_through: PASS_THROUGH,
    filters_and_projections: FILTERS_AND_PROJECTIONS,
    tumbling_aggregates: TUMBLING_AGGREGATES,
    windows_without_keys: WINDOWS_WITHOUT_KEYS,
    filtered_aggregates_and_having: FILTERED_AGGREGATES_AND_HAVING,
    views_and_subqueries: VIEWS_AND_SUBQUERIES,
    nested_windows: NESTED_WINDOWS,
    statement_set: STATEMENT_SET,
    nulls_in_aggregates: NULLS_IN_AGGREGATES,
    conditions_over_nulls: CONDITIONS_OVER_NULLS,
    keys_of_several_types: KEYS_OF_SEVERAL_TYPES,
    sums_that_wrap_around: SUMS_THAT_WRAP_AROUND,
    decimal_averages: DECIMAL_AVERAGES,
    rows_in_windows: ROWS_IN_WINDOWS,
    instants: INSTANTS,
    local_times: LOCAL_TIMES,
    scalar_functions: SCALAR_FUNCTIONS,
    groups_without_windows: GROUPS_WITHOUT_WINDOWS,
    groups_of_groups: GROUPS_OF_GROUPS,
    distinct_values: DISTINCT_VALUES,
    unions: UNIONS,
    sets_of_rows: SETS_OF_ROWS,
    grouping_sets: GROUPING_SETS,
    listed_rows: LISTED_ROWS,
    nulls_that_are_dropped: NULLS_THAT_ARE_DROPPED,
    sorted_and_limited: SORTED_AND_LIMITED,
    inner_joins: INNER_JOINS,
    joins_of_groups: JOINS_OF_GROUPS,
    joins_of_windows: JOINS_OF_WINDOWS,
    outer_joins: OUTER_JOINS,
    outer_joins_of_groups: OUTER_JOINS_OF_GROUPS,
    semi_joins: SEMI_JOINS,
    anti_joins: ANTI_JOINS,
    first_rows: FIRST_ROWS,
    first_pairs: FIRST_PAIRS,
    first_rows_of_groups: FIRST_ROWS_OF_GROUPS,
    hopping_aggregates: HOPPING_AGGREGATES,
    hopping_over_nulls: HOPPING_OVER_NULLS,
    cumulating_aggregates: CUMULATING_AGGREGATES,
    nexmark_q0: NEXMARK_Q0,
    nexmark_q1: NEXMARK_Q1,
    nexmark_q2: NEXMARK_Q2,
    nexmark_q3: NEXMARK_Q3,
    nexmark_q4: NEXMARK_Q4,
    nexmark_q5: NEXMARK_Q5,
    nexmark_q6: NEXMARK_Q6,
    nexmark_q7: NEXMARK_Q7,
    nexmark_q8: NEXMARK_Q8,
    nexmark_q9: NEXMARK_Q9,
    nexmark_q10: NEXMARK_Q10,
    nexmark_q11: NEXMARK_Q11,
    nexmark_q14: NEXMARK_Q14,
    nexmark_q15: NEXMARK_Q15,
    nexmark_q16: NEXMARK_Q16,
    nexmark_q17: NEXMARK_Q17,
    nexmark_q18: NEXMARK_Q18,
    nexmark_q19: NEXMARK_Q19,
    nexmark_q20: NEXMARK_Q20,
    nexmark_q21: NEXMARK_Q21,
    nexmark_q22: NEXMARK_Q22,
    nexmark_events: NEXMARK_EVENTS,
    sessions: SESSIONS,
    sessions_over_nulls: SESSIONS_OVER_NULLS,
    group_windows: GROUP_WINDOWS,
    processing_time: PROCESSING_TIME,
    by_itself: BY_ITSELF,
    remembered: REMEMBERED,
    nexmark_q12: NEXMARK_Q12,
    nexmark_q13: NEXMARK_Q13,
    lookups: LOOKUPS,
    versions: VERSIONS,
    over_rows: OVER_ROWS,
    scalars: SCALARS,
    correlated: CORRELATED,
    interval_joins: INTERVAL_JOINS,
    window_joins: WINDOW_JOINS,
    window_semi_joins: WINDOW_SEMI_JOINS,
    distinct_in_windows: DISTINCT_IN_WINDOWS,
    window_first_rows: WINDOW_FIRST_ROWS,
    over_times: OVER_TIMES,
    arrivals: ARRIVALS,
    over_changes: OVER_CHANGES,
    changes_that_are_read: CHANGES_THAT_ARE_READ,
    changes_that_may_come_again: CHANGES_THAT_MAY_COME_AGAIN,
    versions_that_go: VERSIONS_THAT_GO,
    windows_of_changes: WINDOWS_OF_CHANGES,
    local_windows_of_changes: LOCAL_WINDOWS_OF_CHANGES,
    elements: ELEMENTS,
    elements_of_changes: ELEMENTS_OF_CHANGES,
    rows_of_csv: ROWS_OF_CSV,
    spreads: SPREADS,
    pairs: PAIRS,
    bits: BITS,
    pairs_over: PAIRS_OVER,
    collected: COLLECTED,
    updated_windows: UPDATED_WINDOWS,
    collected_in_windows: COLLECTED_IN_WINDOWS,
    collected_of_changes: COLLECTED_OF_CHANGES,
    distinct_in_sessions: DISTINCT_IN_SESSIONS,
    over_different: OVER_DIFFERENT,
    over_lists: OVER_LISTS,
    early_windows: EARLY_WINDOWS,
    eager_windows: EAGER_WINDOWS,
    multisets: MULTISETS,
    whole_keys: WHOLE_KEYS,
    rows_of_sessions: ROWS_OF_SESSIONS,
    over_groups: OVER_GROUPS,
    patterns: PATTERNS,
}

/// How a run of a query is disturbed.
#[derive(Debug, Clone, Copy)]
enum Run {
    /// Not at all: seed 0.
    Undisturbed,
    /// By kills, and by restores at other parallelisms: odd seeds.
    Restores,
    /// By whatever the simulation has: even seeds.
    Mishaps,
}

impl Run {
    fn of(seed: u64) -> Self {
        match seed {
            0 => Self::Undisturbed,
            _ if seed % 2 == 1 => Self::Restores,
            _ => Self::Mishaps,
        }
    }
}

/// A query, its job and its batch answer.
struct Case<'a> {
    name: &'a str,
    sql: String,
    planned: Planned,
    job: SimJob,
    /// By the sinks' names.
    answers: BTreeMap<&'static str, Rows>,
    /// The sinks whose rows change and go.
    changing: Vec<&'static str>,
    /// Where state in RocksDB is kept.
    local: tempfile::TempDir,
}

impl<'a> Case<'a> {
    fn new(name: &'a str, query: &Query) -> Self {
        Self::of_sql(name, query, query.sql())
    }

    /// The case of a job that differs from the query's own.
    fn of_sql(name: &'a str, query: &Query, sql: String) -> Self {
        let planned = sabot_sql::plan(&sql, &PlanOptions::default())
            .unwrap_or_else(|error| panic!("query {name}: {error}\n{sql}"));
        let files = match query.input {
            Input::Bids => Vec::new(),
            Input::Nexmark => vec![queries::side_input()],
            Input::Events => [
                event_files(),
                price_files(),
                csv_files(),
                account_files(),
                quote_files(),
                order_files(),
            ]
            .concat(),
        };
        let answers = answers(name, query, &planned, &files);
        let folders: Vec<String> = query.sinks.iter().map(|sink| folder(sink.name)).collect();
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        let mut job = SimJob::new(&sql, &folders).expect("the same statements were planned before");
        match query.input {
            Input::Bids => {}
            Input::Nexmark => job.files = files,
            Input::Events => job = job.reading(files, BATCH_ROWS),
        }
        let changing = query.sinks.iter().filter(|sink| sink.changes).map(|sink| sink.name);
        let changing = changing.collect();
        Self { name, sql, planned, job, answers, changing, local: local() }
    }

    /// What is wrong with a run, and its log; also how often it was restored at another
    /// parallelism.
    fn run(&self, seed: u64) -> (Result<(), String>, String, u32) {
        let kind = Run::of(seed);
        // Every second run of each kind.
        let job = match seed % 4 {
            0 | 1 => self.job.clone(),
            _ => self.job.clone().in_rocksdb(self.local.path().join(seed.to_string())),
        };
        let per_mille = match kind {
            Run::Undisturbed => 0,
            Run::Restores | Run::Mishaps => [0, 5, 30][(seed % 3) as usize],
        };
        let store = StoreFaults { per_mille, conditional: true };
        let (mut outcome, restores) = match kind {
            Run::Undisturbed => (simulated(run(&job, Scenario { seed, mishaps: 0, store })), 0),
            Run::Restores => simulated(run_with_restores(&job, seed, store)),
            Run::Mishaps => (simulated(run(&job, Scenario { seed, mishaps: MISHAPS, store })), 0),
        };
        if per_mille > 0 || matches!(kind, Run::Mishaps) {
            // A late write, or a process that wakes up late, leaves hidden output behind after the
            // job has ended.
            outcome.faults.retain(|fault| !fault.starts_with("hidden output was left"));
        }
        let faults = self.faults(&outcome);
        let result = if faults.is_empty() { Ok(()) } else { Err(self.report(seed, &faults)) };
        (result, outcome.log, restores)
    }

    fn faults(&self, outcome: &Outcome) -> Vec<String> {
        let mut faults = outcome.faults.clone();
        if outcome.rows_late > 0 {
            faults.push(format!("{} rows were dropped as late", outcome.rows_late));
        }
        for (sink, expected) in &self.answers {
            let info = self.planned.tables.iter().find(|table| table.name == *sink);
            let schema = &info.expect("the plan has the sink").schema;
            let objects = outcome.rows.get(&folder(sink)).map_or(&[][..], Vec::as_slice);
            match Rows::written(objects, schema, self.changing.contains(sink)) {
                Err(error) => faults.push(format!("sink {sink}: {error}")),
                Ok(rows) => faults
                    .extend(rows.difference(expected).map(|found| format!("sink {sink}: {found}"))),
            }
        }
        faults
    }

    fn report(&self, seed: u64, faults: &[String]) -> String {
        let Self { name, sql, .. } = self;
        format!(
            "query {name}, seed {seed} ({:?}):\n{}\n{sql}\nreplay: SABOT_ORACLE_SEED={seed} cargo \
             test --workspace --test oracle -- {name} --nocapture",
            Run::of(seed),
            faults.join("\n")
        )
    }
}

/// DataFusion's answers, by the sinks' names.
fn answers(
    name: &str,
    query: &Query,
    planned: &Planned,
    files: &[SimFile],
) -> BTreeMap<&'static str, Rows> {
    let tables = simulated(read(planned, files));
    let mut answers = BTreeMap::new();
    for sink in query.sinks {
        let info = planned.tables.iter().find(|table| table.name == sink.name);
        let schema = &info.expect("the plan has the sink").schema;
        let batches = simulated(answer(&tables, sink.answer))
            .unwrap_or_else(|error| panic!("query {name}, batch answer {}: {error}", sink.name));
        let rows = Rows::answered(&batches, schema)
            .unwrap_or_else(|error| panic!("query {name}, sink {}: {error}", sink.name));
        assert!(!rows.is_empty(), "query {name}: the answer for {} is empty", sink.name);
        answers.insert(sink.name, rows);
    }
    answers
}

fn local() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn simulated<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be built")
        .block_on(future)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn check(name: &str, query: &Query) {
    let case = Case::new(name, query);
    if let Some(seed) = number("SABOT_ORACLE_SEED") {
        let (result, log, _) = case.run(seed);
        println!("{log}");
        return result.unwrap_or_else(|report| panic!("{report}"));
    }
    let seeds = number("SABOT_ORACLE_SEEDS").unwrap_or(SEEDS);
    let mut restored = 0;
    for seed in 0..=seeds {
        let (result, _, restores) = case.run(seed);
        result.unwrap_or_else(|report| panic!("{report}"));
        restored += restores;
    }
    assert!(restored > 1 || seeds == 0, "query {name} was hardly ever restored: {restored} times");
}

/// The case of a random query.
fn random_case(seed: u64) -> Case<'static> {
    let files = random::few(event_files());
    let query = random::query(seed);
    let sink = queries::Sink {
        name: "rows",
        columns: random::COLUMNS,
        changes: query.changes,
        answer: query.answer.leak(),
    };
    let job = format!("INSERT INTO rows {};", query.flink).leak();
    let query = Query { input: Input::Events, job, sinks: Box::leak(Box::new([sink])) };
    let sql = query.sql();
    let planned = sabot_sql::plan(&sql, &PlanOptions::default())
        .unwrap_or_else(|error| panic!("random query {seed}: {error}\n{sql}"));
    let tables = simulated(read(&planned, &files));
    let info = planned.tables.iter().find(|table| table.name == "rows");
    let schema = &info.expect("the plan has the sink").schema;
    let answer = simulated(answer(&tables, sink.answer))
        .map_err(|error| error.to_string())
        .and_then(|batches| Rows::answered(&batches, schema))
        .unwrap_or_else(|error| panic!("random query {seed}: {error}\n{}", sink.answer));
    let folder = folder("rows");
    let job = SimJob::new(&sql, &[folder.as_str()]).expect("the same statements were planned");
    let job = job.reading(files, BATCH_ROWS);
    let answers = BTreeMap::from([("rows", answer)]);
    let changing = if sink.changes { vec!["rows"] } else { Vec::new() };
    Case { name: "random_queries", sql, planned, job, answers, changing, local: local() }
}

/// How long random queries are tried.
const RANDOM_SECONDS: u64 = 10;

/// `SABOT_ORACLE_SEED=<n>` replays one, `SABOT_ORACLE_FROM=<n>` begins with another than the first,
/// `SABOT_ORACLE_SEEDS=<n>` tries so many, however long that takes.
#[test]
// Only how many queries are tried depends on it.
#[allow(clippy::disallowed_methods)]
fn random_queries() {
    if let Some(seed) = number("SABOT_ORACLE_SEED") {
        let (result, log, _) = random_case(seed).run(seed);
        println!("{log}");
        return result.unwrap_or_else(|report| panic!("{report}"));
    }
    let begin = std::time::Instant::now();
    let from = number("SABOT_ORACLE_FROM").unwrap_or(0);
    let mut tried = 0;
    let goes_on = |tried: u64| match number("SABOT_ORACLE_SEEDS") {
        Some(seeds) => tried < seeds,
        None => begin.elapsed().as_secs() < RANDOM_SECONDS,
    };
    while goes_on(tried) {
        let seed = from + tried;
        let (result, ..) = random_case(seed).run(seed);
        result.unwrap_or_else(|report| panic!("{report}"));
        tried += 1;
    }
    println!("{tried} random queries from seed {from} on");
}

#[test]
fn every_query_of_the_benchmark_is_answered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/nexmark");
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let names = entries.map(|entry| entry.expect("the entry can be read").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let mut queries: Vec<String> = names.filter(|name| name.starts_with('q')).collect();
    let mut answered =
        [queries::NEXMARK_FILES, queries::STATEFUL_NEXMARK_FILES, queries::TIMED_NEXMARK_FILES]
            .concat();
    queries.sort();
    answered.sort_unstable();
    assert_eq!(queries, answered);
}

/// Rows come faster than the simulated network carries them, so that checkpoints time out behind
/// them.
#[test]
fn a_checkpoint_that_times_out_loses_no_output() {
    let query = queries::WINDOWS_WITHOUT_KEYS;
    let slow = "'number-of-rows' = '3000', 'rows-per-second' = '500', 'nexmark.event-rate' = '50'";
    let fast =
        "'number-of-rows' = '6000', 'rows-per-second' = '1500', 'nexmark.event-rate' = '100'";
    let case = Case::of_sql(
        "a_checkpoint_that_times_out_loses_no_output",
        &query,
        query.sql().replace(slow, fast),
    );
    let (result, log, _) = case.run(0);
    result.unwrap_or_else(|report| panic!("{report}\n{log}"));
}

#[test]
fn rows_later_than_the_watermark_allows_are_reported() {
    let query = queries::NULLS_IN_AGGREGATES;
    let sql = query.sql().replace("AS ts - INTERVAL '5' SECOND", "AS ts - INTERVAL '1' SECOND");
    let (result, ..) =
        Case::of_sql("rows_later_than_the_watermark_allows_are_reported", &query, sql).run(0);
    let report = result.expect_err("rows were late");
    assert!(report.contains(" rows were dropped as late") && report.contains("sink per_kind: "));
}

#[test]
fn rows_later_than_the_lateness_allows_are_reported() {
    let query = queries::UPDATED_WINDOWS;
    let sql = query.sql().replace("'6 s'", "'1 s'");
    let name = "rows_later_than_the_lateness_allows_are_reported";
    let (result, ..) = Case::of_sql(name, &query, sql).run(0);
    let report = result.expect_err("rows were late");
    assert!(report.contains(" rows were dropped as late"), "{report}");
}

#[test]
fn a_different_batch_query_is_reported() {
    let [sink] = queries::TUMBLING_AGGREGATES.sinks else { panic!("one sink") };
    // One bid of many is left out.
    let answer =
        sink.answer.replace("FROM bids", "FROM bids WHERE dateTime > '2023-11-14 22:13:20.1'");
    assert_ne!(answer, sink.answer);
    let sinks = [queries::Sink { answer: answer.leak(), ..*sink }];
    let query = Query { sinks: Box::leak(Box::new(sinks)), ..queries::TUMBLING_AGGREGATES };
    let (result, ..) = Case::new("a_different_batch_query_is_reported", &query).run(0);
    let report = result.expect_err("the answers differ");
    assert!(report.contains("sink per_auction: "), "{report}");
    assert!(report.contains("missing: ") && report.contains("extra: "), "{report}");
    assert!(report.contains("replay: SABOT_ORACLE_SEED=0 "), "{report}");
}
