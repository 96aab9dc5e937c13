//! The first rows of each key.

/// The first rows of each key in some order.
///
/// The output's columns are: those of the input, the rank if it is asked for (a BIGINT from 1),
/// the row kind.
#[derive(Debug, Clone)]
pub struct TopNDesc {
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// The order, its most significant column first. Rows that are equal in it are ordered by
    /// all their columns. Empty over rows that only come: they are ordered as they came, and the
    /// output has no row kind.
    pub order: Vec<OrderBy>,
    /// How many rows, from 1.
    pub limit: usize,
    /// Whether the output has the rank.
    pub rank: bool,
    /// How long a row of the state is kept after it was written, in milliseconds; none: for ever.
    pub ttl_ms: Option<u64>,
}

/// Which rows an operator wants that follows: only the first ones of each key, of those that come
/// together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstOf {
    /// The key columns' indexes.
    pub keys: Vec<usize>,
    /// The order, its most significant column first; empty: as the rows come.
    pub order: Vec<OrderBy>,
    /// How many rows, from 1; and all those that are equal to the last of them in the order.
    pub limit: usize,
}

/// A column of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderBy {
    /// Its index in the input.
    pub column: usize,
    /// Whether high values come first.
    pub descending: bool,
    /// Whether nulls come first.
    pub nulls_first: bool,
}
