//! What of Flink SQL is there and what is not, as a document.
//!
//! Nothing of it is written by hand twice: functions and types come from their tables, and whether
//! a statement, a clause or an operator is there is found by planning an example of it.

mod differences;
mod examples;
mod flink;
#[cfg(test)]
mod goldens;
mod refused;
mod statements;

use std::fmt::{self, Write as _};

use crate::error::Position;
use crate::types::{NAMES, type_of_text};
use crate::{PlanOptions, functions, plan};
pub(crate) use differences::DIFFERENCES;
use differences::Difference;
use examples::{Example, QUERIES, WORLD};
pub(crate) use flink::FLINK_FUNCTIONS;
use refused::REFUSED;
use statements::STATEMENTS;

/// Expressions of `tests/flink` that Flink evaluates and that are refused here, a line each.
pub(crate) const NOT_THERE: &str = include_str!("reference/not_there.txt");

const INTRODUCTION: &str = "\
# SQL

The dialect is that of Flink 2.2. This page is made from the planner itself by `make reference`: functions and types are
those of its tables, and whether a construct is there is found by planning an example of it. What is not there is
refused with its place in the statement.

Local times are in UTC, or in the zone that `SET 'table.local-time-zone' = 'Europe/Berlin'` names for
[all statements](../windows.md#local-times). Names are case-sensitive and quoted by backticks; functions and keywords are not case-sensitive.
";

/// The document, in Markdown.
pub fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    write(&mut out).expect("writing to a String cannot fail");
    out
}

fn write(out: &mut String) -> fmt::Result {
    writeln!(out, "\n## Statements")?;
    examples(out, STATEMENTS)?;
    writeln!(out, "\n## Queries")?;
    examples(out, QUERIES)?;
    refused(out)?;
    types(out)?;
    writeln!(out, "\n## Operators")?;
    let operators: Vec<Example> = examples::operators().collect();
    examples(out, &operators)?;
    writeln!(out, "\n## Aggregate functions\nOf the rows of a window.\n")?;
    let (there, missing): (Vec<_>, Vec<_>) =
        examples::AGGREGATES.iter().partition(|(name, argument)| aggregates(name, argument));
    let list = |all: Vec<&(&str, &str)>| {
        all.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    writeln!(out, "{}.", list(there))?;
    if !missing.is_empty() {
        writeln!(out, "\nNot there yet: {}.", list(missing))?;
    }
    let (there, missing): (Vec<_>, Vec<_>) = examples::AGGREGATES_OF_DATAFUSION
        .iter()
        .partition(|(name, arguments)| aggregates(name, arguments));
    writeln!(
        out,
        "\nOf [DataFusion](https://datafusion.apache.org/user-guide/sql/aggregate_functions.html), and not of Flink: {}.\n\
         `APPROX_DISTINCT`, `APPROX_MEDIAN` and `APPROX_PERCENTILE_CONT` are exact, and `STRING_AGG` is `LISTAGG`. Moments of\n\
         pairs are computed in `DOUBLE` from sums, so that rows can go as well. Bits and percentiles have no `OVER`.\n\n\
         Not there: {}.",
        list(there),
        list(missing)
    )?;
    scalar_functions(out)
}

/// A table of what is there, then a list of what is not.
fn examples(out: &mut String, examples: &[Example]) -> fmt::Result {
    let (there, missing): (Vec<_>, Vec<_>) =
        examples.iter().partition(|example| plans(example.sql));
    writeln!(out, "\n| | |\n|---|---|")?;
    for Example { what, about, .. } in there {
        let what = what.replace('|', "\\|");
        writeln!(out, "| `{what}` | {about} |")?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> =
        missing.iter().map(|example| format!("`{}`", example.what)).collect();
    writeln!(out, "\nNot there yet: {}.", missing.join(", "))
}

/// A table of what Flink does not take either.
fn refused(out: &mut String) -> fmt::Result {
    writeln!(out, "\nRefused as in Flink, whose streams do not have them:\n\n| | |\n|---|---|")?;
    for Example { what, about, .. } in REFUSED {
        writeln!(out, "| `{what}` | {about} |")?;
    }
    Ok(())
}

/// Whether statements are accepted, behind the tables of [`WORLD`].
fn plans(sql: &str) -> bool {
    plan(&format!("{WORLD}{sql}"), &PlanOptions::default()).is_ok()
}

fn aggregates(name: &str, argument: &str) -> bool {
    let call = format!("{name}({argument})");
    let values = [
        format!("CAST({call} AS BIGINT)"),
        format!("CARDINALITY({call})"),
        format!("CHAR_LENGTH({call})"),
    ];
    values.iter().any(|value| {
        plans(&format!(
            "INSERT INTO out (n) SELECT {value} FROM \
             TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
             GROUP BY window_start, window_end"
        ))
    })
}

fn types(out: &mut String) -> fmt::Result {
    let at = Position { line: 1, column: 1 };
    let is_there = |name: &str| type_of_text(name, at).is_ok();
    let mut there: Vec<String> = Vec::new();
    for name in NAMES {
        there.push(match name {
            "ROW" => "`ROW<name type, ...>`".to_owned(),
            "ARRAY" => "`ARRAY<type>`".to_owned(),
            "MAP" => "`MAP<type, type>`".to_owned(),
            "MULTISET" => "`MULTISET<type>`".to_owned(),
            "DECIMAL" => "`DECIMAL(p, s)` up to 38 digits".to_owned(),
            "TIMESTAMP" | "TIMESTAMP_LTZ" => format!("`{name}(p)`"),
            name => format!("`{name}`"),
        });
    }
    let others = ["MULTISET<INT>", "VARIANT", "RAW"];
    let missing: Vec<String> =
        others.into_iter().filter(|name| !is_there(name)).map(|name| format!("`{name}`")).collect();
    writeln!(out, "\n## Types\n\n{}.", there.join(", "))?;
    writeln!(
        out,
        "\nA timestamp's precision is kept as 3, 6 or 9 digits; a row time has 3. Lengths of `CHAR`, `VARCHAR`,\n\
         `BINARY` and `VARBINARY` are taken and not enforced."
    )?;
    writeln!(out, "\nNot there yet: {}.", missing.join(", "))
}

fn scalar_functions(out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "\n## Scalar functions\nBehind each name is the number of its arguments. An argument that is NULL makes the \
         result NULL, unless the\nfunction is about NULLs."
    )?;
    for (group, functions) in functions::groups() {
        let calls: Vec<String> = functions
            .map(|(name, least, most)| match most {
                usize::MAX => format!("`{name}`&nbsp;{least}+"),
                most if least == most => format!("`{name}`&nbsp;{least}"),
                most => format!("`{name}`&nbsp;{least}-{most}"),
            })
            .collect();
        writeln!(out, "\n### {group}\n{}", calls.join(", "))?;
    }
    let library: Vec<String> =
        functions::library::names().map(|name| format!("`{name}`")).collect();
    writeln!(
        out,
        "\n### Functions of DataFusion\nWhat Flink does not have, as the [library]\
         (https://datafusion.apache.org/user-guide/sql/scalar_functions.html) defines it: {}.",
        library.join(", ")
    )?;
    let is_there = |name: &str| functions::groups().any(|(_, mut all)| all.any(|f| f.0 == name));
    let list = |names: Vec<&str>| {
        names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let missing = FLINK_FUNCTIONS.iter().copied();
    let missing = missing.filter(|name| !is_there(name)).collect();
    writeln!(out, "\n## Functions of Flink that are not there\n\n{}.", list(missing))?;
    differences(out)
}

fn differences(out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "\n## Where answers differ from Flink's\n\nTests compare each function, operator and cast with what Flink \
         2.2 answers to more than a thousand\nexpressions (`runtime/sql/tests/flink`). These are all that \
         differ, with the answers here, on the rows of the table\nthere.\n"
    )?;
    for Difference { why, answers } in DIFFERENCES {
        writeln!(out, "- {why}")?;
        for (expression, answer) in *answers {
            writeln!(out, "  - ``{expression}``: ``{answer}``")?;
        }
    }
    writeln!(out, "- Refused here, and not in Flink.")?;
    NOT_THERE.lines().try_for_each(|expression| writeln!(out, "  - ``{expression}``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/sql.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == reference(), "docs/reference/sql.md: run `make reference`");
    }

    #[test]
    fn what_is_listed_as_refused_is_refused() {
        for Example { what, sql, .. } in REFUSED {
            assert!(!plans(sql), "{what}");
        }
    }

    #[test]
    fn the_world_of_the_examples_plans() {
        plan(&format!("{WORLD}INSERT INTO out SELECT k, b FROM t"), &PlanOptions::default())
            .unwrap();
    }
}
