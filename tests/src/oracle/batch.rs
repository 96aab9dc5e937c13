//! DataFusion's answer to a query.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::input::Table;

/// Answers `sql`, in DataFusion's dialect, over `tables`. Names keep their case.
pub async fn answer(tables: &[Table], sql: &str) -> Result<Vec<RecordBatch>> {
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .set_bool("datafusion.sql_parser.enable_ident_normalization", false);
    let context = SessionContext::new_with_config(config);
    for table in tables {
        let rows = MemTable::try_new(Arc::clone(&table.schema), vec![table.rows.clone()])?;
        context.register_table(table.name.as_str(), Arc::new(rows))?;
    }
    context.sql(sql).await?.collect().await
}
