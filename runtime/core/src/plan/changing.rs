//! Rows that change, between what says of them what is now and what is told of each change.

use crate::ambient::AmbientReads;

/// Makes changes out of rows that only say what a key has now, or that it is gone.
///
/// The input has row kinds; of a row that goes only the key is looked at. The output's columns are
/// those of the input.
#[derive(Debug, Clone)]
pub struct LastRowDesc {
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// How long a row of the state is kept after it was written, in milliseconds; none: for ever.
    pub ttl_ms: Option<u64>,
}

/// Keeps of each key the rows that are there, and says which of them came last: Flink's
/// `SinkUpsertMaterializer`.
///
/// The input has row kinds. The output's columns are those of the input, and its rows say what a key has
/// now or that it has nothing any more: no row is taken back for another one.
#[derive(Debug, Clone)]
pub struct UpsertMaterializeDesc {
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// How long a row of the state is kept after it was written, in milliseconds; none: for ever.
    pub ttl_ms: Option<u64>,
}

/// Keeps what a row was given when it came, so that it goes with the same.
///
/// The input has row kinds. The output's columns are those of the input, those of `reads` by the names of
/// [`ambient::REMEMBERED`](crate::ambient::REMEMBERED), and the row kind.
#[derive(Debug, Clone)]
pub struct RememberDesc {
    /// What is given.
    pub reads: AmbientReads,
    /// Indexes of columns in the input: rows that are equal in these are in one subtask.
    pub keys: Vec<usize>,
    /// How long a row of the state is kept after it was written, in milliseconds; none: for ever.
    pub ttl_ms: Option<u64>,
}
