//! Rows that match a pattern: `MATCH_RECOGNIZE`.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::{AggregateFunction, OrderBy};
use crate::Evaluator;

/// Looks for sequences of rows of a key, one right after the other in their order, that are what a
/// pattern says; of which of several is answered, it does as Flink's CEP library.
///
/// The output's columns are: the keys, the measures.
#[derive(Debug, Clone)]
pub struct PatternDesc {
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// The order of rows, its most significant column first; of those that are ordered by
    /// processing time, only what stands behind it.
    pub order: Vec<OrderBy>,
    /// The row-time column's index in the input: the first one of the order. None: rows are ordered
    /// as they come, and their time is that of their coming.
    pub row_time: Option<usize>,
    /// The variables in the order of the pattern, at least one of which needs a row.
    pub variables: Vec<PatternVariable>,
    /// Where the next match can begin.
    pub after: AfterMatch,
    /// How long after its first row a match has to be whole, in milliseconds, above 0: a row that
    /// comes that long after the first or later is not in it.
    pub within_ms: Option<i64>,
    /// What conditions read of the rows before the current one: columns behind the input's.
    pub values: Vec<MatchValue>,
    /// What is given of a match.
    pub measures: Vec<MatchValue>,
}

/// A variable of a pattern: rows that stand one right after the other.
#[derive(Debug, Clone)]
pub struct PatternVariable {
    /// Its name. Unique in its pattern.
    pub name: String,
    /// How many rows it has at least.
    pub min: u32,
    /// How many rows it has at most, from 1 and `min`; none: any number.
    pub max: Option<u32>,
    /// Whether a row that can be its own cannot be the next variable's.
    pub greedy: bool,
    /// What is true of its rows; none: anything.
    pub condition: Option<MatchCondition>,
}

/// What is true of the rows of a variable; NULL is not.
#[derive(Debug, Clone)]
pub enum MatchCondition {
    /// Over the input's columns.
    Row(Arc<dyn Evaluator>),
    /// Over the input's columns and the values behind them.
    Match(Arc<dyn Evaluator>),
}

/// Where the next match can begin, behind the first row of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterMatch {
    /// Behind its last row.
    PastLastRow,
    /// At any row behind its first one.
    ToNextRow,
    /// At the first row of the variable with this index.
    ToFirst(usize),
    /// At the last row of the variable with this index.
    ToLast(usize),
}

/// Something of the rows of a match, or of the rows that it has so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchValue {
    /// Its canonical text, such as `LAST(A.price, 1)`. Unique in its list.
    pub name: String,
    /// The index of the variable whose rows it is of; none: all rows.
    pub variable: Option<usize>,
    /// Of what value of these rows: a column of the input; none where it is not of one.
    pub column: Option<usize>,
    /// What is computed.
    pub function: MatchFunction,
    /// The result's type.
    pub data_type: DataType,
}

/// What can be computed of rows of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchFunction {
    /// The value so many rows, from 0, behind the first row; null where there is none.
    First(usize),
    /// The value so many rows, from 0, before the last row; null where there is none.
    Last(usize),
    /// An aggregate.
    Aggregate(AggregateFunction),
    /// The time at which the match is known: that of the row that it ends with, or a later one where
    /// only that showed that no match with an earlier first row comes.
    Time,
}

impl PatternVariable {
    /// Whether a match can be without it.
    pub const fn is_optional(&self) -> bool {
        self.min == 0
    }
}

impl fmt::Display for PatternVariable {
    /// As in the pattern: `A{2,}`, `B*?`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, min, max, greedy, condition: _ } = self;
        f.write_str(name)?;
        match (min, max) {
            (1, Some(1)) => return Ok(()),
            (0, Some(1)) => return f.write_str("?"),
            (0, None) => f.write_str("*")?,
            (1, None) => f.write_str("+")?,
            (min, None) => write!(f, "{{{min},}}")?,
            (min, Some(max)) if min == max => return write!(f, "{{{min}}}"),
            (min, Some(max)) => write!(f, "{{{min},{max}}}")?,
        }
        if *greedy { Ok(()) } else { f.write_str("?") }
    }
}
