//! Statements of every kind write what Flink 2.2 writes over the Nexmark events: the queries lie in
//! `tests/oracle/flink/statements`, and `make flink-goldens` asks Flink for the answers beside them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use sabot_sql::PlanOptions;
use sabot_tests::oracle::Rows;
use sabot_tests::sim::{Scenario, SimJob, StoreFaults, run};

use crate::flink::{difference, root, shown};
use crate::queries::{folder, nexmark_tables};
use crate::simulated;

/// Rows of a query that a file shows at most, evenly from all.
const SHOWN: usize = 20;

/// Queries that are answered in another way than by Flink, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("aggregates_of_moments_of_integers", OVERFLOW),
    ("arrays_of_hopping_windows", REVERSED),
    ("arrays_of_distinct_values_over_rows", FIRST),
    ("autumn_hours", TWICE),
    ("autumn_hours_of_groups", TWICE),
    ("autumn_rows_of_hopping_hours", TWICE),
    ("autumn_rows_of_hours", TWICE),
    ("correlation_over_two_levels", CORRELATED),
    ("exists_with_groups", GROUPS),
    ("exists_with_limit", CORRELATED),
    ("first_rows_of_windows_with_ties", TIES),
    ("first_rows_with_ties", TIES),
    ("first_rows_with_ties_without_their_number", TIES),
    ("groups_by_maps_in_another_order", ENTRIES),
    ("hopping_windows_with_offsets", LOST),
    ("lateral_expressions", CORRELATED),
    ("less_than_all_of_nothing", NOTHING),
    ("lists_of_distinct_values_over_rows", FIRST),
    ("lists_of_hopping_windows", REVERSED),
    ("not_exists_with_groups", GROUPS),
    ("not_in_an_aggregate_of_each_row", NO_GROUP),
    ("numbers_in_another_order", TIES),
    ("query_in_from_that_names_columns_around_exists", CORRELATED),
    ("subquery_having_without_group", GROUPS),
    ("windows_with_offsets", LOST),
];
const OVERFLOW: &str =
    "Flink adds up the squares of INTs as INTs, which overflow, and those of FLOATs as FLOATs";
const CORRELATED: &str = "Flink forgets what the subquery is asked by";
const GROUPS: &str = "Flink forgets what the subquery groups by beside what it is asked by";
const ENTRIES: &str = "Flink groups by the bytes of maps, and takes the same entries in another order for another map";
const NOTHING: &str = "Flink's streams have no row of no rows, so that nothing is compared with it";
const NO_GROUP: &str = "the aggregate of no rows is NULL, which nothing is known to differ from; Flink takes it for no row";
const REVERSED: &str = "Flink lists the slices of HOP from the last to the first";
const FIRST: &str = "the values are in the order of the rows that are there; in Flink a value stays where it came first, also when that row is gone";
const TIES: &str =
    "of equal rows Flink takes the first to come, and here their other columns decide";
const TWICE: &str = "the window_time of a window that ends with an hour that is there twice is the end of the second one here, as the watermark tells it; in Flink of the first one, so that it is late";
const LOST: &str = "Flink loses rows of windows with an offset";

/// The queries of a file, by name, and what is declared before them.
struct File {
    declarations: String,
    queries: BTreeMap<String, String>,
}

fn statements() -> PathBuf {
    root().join("tests/oracle/flink/statements")
}

/// A block whose first line is a comment of one word is a query of that name; the others are
/// declarations, or comments.
fn read(name: &str) -> File {
    let text = std::fs::read_to_string(statements().join(format!("{name}.sql")))
        .expect("the file of queries can be read");
    let mut file = File { declarations: nexmark_tables(), queries: BTreeMap::new() };
    for block in text.split("\n\n").map(str::trim) {
        let word = block.strip_prefix("-- ").and_then(|rest| rest.split_once('\n'));
        match word.filter(|(name, _)| !name.contains(' ')) {
            Some((name, query)) => {
                let query = query.trim_end_matches(';').to_owned();
                assert!(
                    file.queries.insert(name.to_owned(), query).is_none(),
                    "{name} is there twice"
                );
            }
            None if block.starts_with("--") => {}
            None => {
                // Writing to a String cannot fail.
                let _ = writeln!(file.declarations, "{block}");
            }
        }
    }
    file
}

/// What a query writes in the end to columns of these types.
fn written(name: &str, sql: &str, in_order: bool) -> Result<Rows, String> {
    let planned =
        sabot_sql::plan(sql, &PlanOptions::default()).map_err(|error| error.to_string())?;
    let path = folder(name);
    let job = SimJob::new(sql, &[path.as_str()])?;
    let job = if in_order { job.on_one_slot() } else { job };
    let store = StoreFaults { per_mille: 0, conditional: true };
    let outcome = simulated(run(&job, Scenario { seed: 0, mishaps: 0, store }));
    if !outcome.faults.is_empty() {
        return Err(outcome.faults.join("\n"));
    }
    let info = planned.tables.iter().find(|table| table.name == name);
    let schema = &info.expect("the plan has the sink").schema;
    let objects = outcome.rows.get(&path).map_or(&[][..], Vec::as_slice);
    Rows::written(objects, schema, true)
}

/// What is wrong with a query's answer; nothing when it is Flink's.
fn check(file: &File, name: &str, query: &str, in_order: bool) -> Result<(), String> {
    let flink = std::fs::read_to_string(statements().join(format!("{name}.txt")))
        .map_err(|_| "there is no answer of Flink: run `make flink-goldens`".to_owned())?;
    let (types, flink) = flink.split_once('\n').unwrap_or_default();
    let columns: Vec<String> =
        split(types).iter().enumerate().map(|(i, name)| format!("c{i} {name}")).collect();
    let sql = format!(
        "{}CREATE TABLE `{name}` ({}) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', \
         'path' = '{}');\nINSERT INTO `{name}` {query};",
        file.declarations,
        columns.join(", "),
        folder(name)
    );
    let rows = written(name, &sql, in_order)?;
    let ours = shown(&rows, SHOWN);
    let is_different = DIFFERENT.iter().any(|(different, _)| *different == name);
    match (ours == flink, is_different) {
        (true, false) | (false, true) => Ok(()),
        (true, true) => Err("is listed as different and is not".to_owned()),
        (false, false) => {
            let all = std::env::temp_dir().join(format!("sabot-{name}.txt"));
            std::fs::write(&all, rows.lines().join("\n")).expect("the rows can be written");
            Err(format!("{}\nall of ours: {}", difference(flink, &ours), all.display()))
        }
    }
}

/// Types between commas that do not stand in brackets.
fn split(types: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, letter) in types.char_indices() {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(types[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(types[from..].trim());
    parts
}

/// `SABOT_STATEMENT=<name>` compares one query.
fn check_file(name: &str, in_order: bool) {
    let file = read(name);
    let only = std::env::var("SABOT_STATEMENT").ok();
    let mut wrong = String::new();
    for (name, query) in &file.queries {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        if let Err(error) = check(&file, name, query, in_order) {
            let _ = writeln!(wrong, "{name}: {error}");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

macro_rules! are_flinks {
    ($($name:ident $in_order:literal,)*) => {
        /// The files of queries.
        const FILES: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            check_file(stringify!($name), $in_order);
        })*
    };
}

are_flinks! {
    aggregate_forms false,
    aggregates false,
    conditions false,
    elements false,
    expressions false,
    group_windows false,
    join_forms false,
    joins false,
    match_recognize false,
    names false,
    ordered true,
    ordered_changes true,
    over false,
    over_forms false,
    rank_forms false,
    ranks false,
    set_forms false,
    sets false,
    standard_forms false,
    subqueries false,
    subquery_forms false,
    summer_time false,
    time_joins false,
    views false,
    window_forms false,
    zones false,
}

/// Every file is run, every answer is of a query, and every exception is of one.
#[test]
fn files_and_queries_belong_together() {
    let mut files = Vec::new();
    let mut answers = Vec::new();
    for entry in std::fs::read_dir(statements()).expect("the folder is there") {
        let name = entry.expect("the entry can be read").file_name();
        let name = name.to_str().expect("the name is a text").to_owned();
        files.extend(name.strip_suffix(".sql").map(str::to_owned));
        answers.extend(name.strip_suffix(".txt").map(str::to_owned));
    }
    files.sort();
    answers.sort();
    assert_eq!(files, FILES);
    let mut queries: Vec<String> =
        FILES.iter().flat_map(|file| read(file).queries.into_keys()).collect();
    queries.sort();
    assert_eq!(answers, queries);
    for (name, _) in DIFFERENT {
        assert!(queries.iter().any(|query| query == name), "{name} is listed and is no query");
    }
}
