//! Clauses of other dialects that the parser takes: none is left out in silence.

use sqlparser::ast::{Select, TableFactor};

use crate::error::{Position, Result, SqlError};

/// Refuses clauses of a SELECT that Flink does not have.
pub(crate) fn refuse_foreign(select: &Select, at: Position) -> Result<()> {
    let found = [
        ("TOP", select.top.is_some()),
        ("EXCLUDE", select.exclude.is_some()),
        ("INTO", select.into.is_some()),
        ("LATERAL VIEW", !select.lateral_views.is_empty()),
        ("PREWHERE", select.prewhere.is_some()),
        ("CONNECT BY", !select.connect_by.is_empty()),
        ("CLUSTER BY", !select.cluster_by.is_empty()),
        ("DISTRIBUTE BY", !select.distribute_by.is_empty()),
        ("SORT BY", !select.sort_by.is_empty()),
        ("SELECT AS", select.value_table_mode.is_some()),
    ];
    match found.into_iter().find(|(_, is_there)| *is_there) {
        None => Ok(()),
        Some((name, _)) => Err(SqlError::new(at, format!("{name} is no part of Flink SQL"))),
    }
}

/// Refuses samples, and what stands behind a table's name in other dialects.
pub(crate) fn refuse_sample(factor: &TableFactor, at: Position) -> Result<()> {
    let (sample, other) = match factor {
        TableFactor::Table { sample, with_hints, partitions, json_path, index_hints, .. } => {
            let hints = !with_hints.is_empty() || !index_hints.is_empty();
            (sample.is_some(), hints || !partitions.is_empty() || json_path.is_some())
        }
        TableFactor::Derived { sample, .. } => (sample.is_some(), false),
        _ => (false, false),
    };
    if sample {
        return Err(SqlError::new(at, "TABLESAMPLE is not supported").hint(
            "of a column with spread values, a condition such as MOD(id, 10) = 0 keeps a part",
        ));
    }
    if other {
        return Err(SqlError::new(at, "what stands behind the table's name is no Flink SQL"));
    }
    Ok(())
}
