//! Tables that the planner makes itself.

use std::sync::Arc;

use super::watermark::WatermarkOptions;
use super::{Table, TableColumn, schema_of};
use crate::error::{Position, Result};

impl Table {
    /// A table that no statement declares: its name, what uids call it, and its columns.
    pub(crate) fn undeclared<const N: usize>(
        (name, uid_name): (&str, String),
        columns: Vec<TableColumn>,
        options: [(&str, String); N],
        at: Position,
    ) -> Result<Self> {
        let options = options.map(|(key, value)| (key.to_owned(), value));
        Ok(Self {
            name: name.to_owned(),
            key: uid_name.clone(),
            uid_name,
            schema: schema_of(&columns, at)?,
            columns,
            watermark: None,
            options: Arc::new(options.into()),
            primary_key: Vec::new(),
            watermark_options: WatermarkOptions::default(),
            reload_interval_ms: None,
            at,
        })
    }
}
