//! Plans and errors as texts: what a statement becomes, and what is said when it is wrong.
// Helper functions of a test target do not count as tests for the lints.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use sabot_sql::{PlanOptions, explain, plan};

fn planned(sql: &str) -> String {
    match plan(sql, &PlanOptions::default()) {
        Ok(planned) => explain(&planned, 2),
        Err(error) => format!("error: {error}\n"),
    }
}

#[test]
fn statements_become_these_plans() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sql"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let sql = std::fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        insta::with_settings!({ snapshot_path => "plans", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, planned(&sql));
        });
    }
}

/// Cases are separated by lines of dashes; the tables of the first case belong to all.
#[test]
fn mistakes_are_shown_with_their_place_and_remedy() {
    let cases = include_str!("errors/cases.sql");
    let (tables, cases) = cases.split_once("----\n").unwrap();
    let lines = tables.lines().count() as u64;
    let mut out = String::new();
    for case in cases.split("----\n") {
        let case = case.trim_end();
        let error = match plan(&format!("{tables}{case}"), &PlanOptions::default()) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => {
                // Shown as if the case began at line 1.
                let position = error
                    .position
                    .map(|p| sabot_sql::Position { line: p.line.saturating_sub(lines), ..p });
                sabot_sql::SqlError { position, ..error }.to_string()
            }
        };
        writeln!(out, "{case}\n=> {error}\n").unwrap();
    }
    insta::with_settings!({ snapshot_path => "errors", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("errors", out);
    });
}
