//! Simulated jobs under faults; `make sim` runs more seeds.
//!
//! `SABOT_SIM_SEED=<n> cargo test -p sabot-tests --test sim -- one_seed` replays one and
//! prints its log.

mod aligned;
mod cases;
mod generated;
mod times;

use std::sync::OnceLock;

use sabot_tests::sim::{Outcome, Scenario, SimJob, StoreFaults, expected, run};

/// How many seeds `make test` runs; `SABOT_SIM_SEEDS` asks for more.
const SEEDS: u64 = 100;

fn simulate(scenario: Scenario) -> Outcome {
    runtime().block_on(run(&SimJob::counts(), scenario))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be built")
}

fn reference() -> &'static [String] {
    static ROWS: OnceLock<Vec<String>> = OnceLock::new();
    ROWS.get_or_init(|| runtime().block_on(expected(&SimJob::counts().plan)))
}

fn scenario(seed: u64) -> Scenario {
    let store = StoreFaults { per_mille: [0, 5, 30][(seed % 3) as usize], conditional: true };
    Scenario { seed, mishaps: 8, store }
}

/// The visible rows as sorted lines `auction window-start count total`.
fn rows(outcome: &Outcome) -> Vec<String> {
    let line = |row: &serde_json::Value| {
        format!("{} {} {} {}", row["auction"], row["start_ms"], row["cnt"], row["total"])
    };
    let mut lines: Vec<String> = outcome.rows.values().flatten().map(line).collect();
    lines.sort();
    lines
}

/// Why the outcome is wrong; none when it is right.
fn wrong(outcome: &Outcome) -> Option<String> {
    let expected = reference();
    let mut faults = outcome.faults.clone();
    let rows = rows(outcome);
    if rows != expected {
        let extra = rows.iter().filter(|row| !expected.contains(row)).count();
        faults.push(format!(
            "{} rows were written, {} expected, {extra} of those written are wrong",
            rows.len(),
            expected.len()
        ));
    }
    if outcome.rows_late > 0 {
        faults.push(format!("{} rows were late", outcome.rows_late));
    }
    (!faults.is_empty()).then(|| faults.join("\n"))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn without_mishaps_the_job_is_right() {
    let store = StoreFaults { per_mille: 0, conditional: true };
    let outcome = simulate(Scenario { seed: 1, mishaps: 0, store });
    assert_eq!(wrong(&outcome), None, "{}", outcome.log);
    assert!(reference().len() > 50, "the reference is not empty");
}

#[test]
fn no_record_is_lost_or_counted_twice_whatever_happens() {
    let seeds = number("SABOT_SIM_SEEDS").unwrap_or(SEEDS);
    for seed in 0..seeds {
        let outcome = simulate(scenario(seed));
        if let Some(why) = wrong(&outcome) {
            panic!(
                "seed {seed}: {why}\n{}\nreplay: SABOT_SIM_SEED={seed} cargo test -p sabot-tests \
                 --test sim -- one_seed --nocapture",
                outcome.log
            );
        }
    }
}

#[test]
fn one_seed() {
    let Some(seed) = number("SABOT_SIM_SEED") else { return };
    let outcome = simulate(scenario(seed));
    println!("{}", outcome.log);
    assert_eq!(wrong(&outcome), None);
}

#[test]
fn the_same_seed_gives_the_same_log() {
    for seed in [3, 4, 5] {
        assert_eq!(simulate(scenario(seed)).log, simulate(scenario(seed)).log);
    }
}

#[test]
fn without_the_fence_the_simulation_fails() {
    let unfenced = |seed| Scenario {
        store: StoreFaults { per_mille: 5, conditional: false },
        ..scenario(seed)
    };
    let caught = (0..60).any(|seed| wrong(&simulate(unfenced(seed))).is_some());
    assert!(caught, "a store that ignores conditional writes went unnoticed in 60 seeds");
}
