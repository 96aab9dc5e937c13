//! What the plan says of a source.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::{Evaluator, SourceFilter};

/// A table that is read.
#[derive(Debug, Clone)]
pub struct SourceDesc {
    /// The table's name.
    pub table: String,
    /// `WITH (...)`, keys in lower case.
    pub options: Arc<BTreeMap<String, String>>,
    /// The physical and the metadata columns, that the connector produces; a ROW has only the fields
    /// that are read.
    pub physical_schema: SchemaRef,
    /// The rows that the connector produces; none: all.
    pub filter: Option<Arc<SourceFilter>>,
    /// The table's columns out of the physical ones (computed columns); none when they are the
    /// same.
    pub columns: Option<Vec<Arc<dyn Evaluator>>>,
    /// The watermark of `WATERMARK FOR`.
    pub watermark: Option<WatermarkDesc>,
}

/// `WATERMARK FOR column AS expression`.
#[derive(Debug, Clone)]
pub struct WatermarkDesc {
    /// The row-time column's index in the table's columns; a timestamp in milliseconds.
    pub column: usize,
    /// The watermark that a row carries, over the table's columns; a timestamp in milliseconds.
    pub expression: Arc<dyn Evaluator>,
    /// After how long without rows a split no longer holds back the watermark; none: never.
    pub idle_timeout_ms: Option<u64>,
    /// With which sources it is aligned; none: with none.
    pub alignment: Option<AlignmentDesc>,
}

/// Watermark alignment: a source that is ahead of the others of its group waits for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignmentDesc {
    /// The group's name.
    pub group: String,
    /// How far its watermark may be ahead of the lowest of the group, above 0.
    pub max_drift_ms: i64,
    /// How often pods tell each other their watermarks, at least. Above 0.
    pub update_interval_ms: u64,
}
