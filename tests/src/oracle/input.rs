//! The bounded input of a job, read once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use sabot_connectors::open_source;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::{Doorbell, SeededRandom, SourceContext, SourcePoll, row_kind};
use sabot_sql::{Planned, TableInfo};
use sabot_types::OperatorUid;

use crate::sim::{SimFile, SimStores, StoreFaults, clock, process_env};

/// Rows of one batch that is read.
const BATCH_ROWS: usize = 1000;

/// A table with all its rows.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its physical and metadata columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub rows: Vec<RecordBatch>,
}

/// Reads the tables that a job reads, with all their physical columns. Must be called on a
/// current-thread runtime with paused time.
pub async fn read(planned: &Planned, files: &[SimFile]) -> Vec<Table> {
    let random = Arc::new(SeededRandom::new(0));
    let faults = StoreFaults { per_mille: 0, conditional: true };
    let stores = SimStores::new(Arc::clone(&random), faults);
    stores.place(files).await;
    let mut tables = Vec::new();
    for info in planned.tables.iter().filter(|table| table.is_source) {
        tables.push(read_table(info, &stores, &random).await);
    }
    tables
}

async fn read_table(info: &TableInfo, stores: &SimStores, random: &Arc<SeededRandom>) -> Table {
    let (_, env) = process_env(stores, random, &clock());
    let mut options = (*info.options).clone();
    options.remove("rows-per-second");
    let mut source = open_source(SourceContext {
        uid: OperatorUid::new(format!("source:{}", info.name)).expect("the uid is valid"),
        table: info.name.clone(),
        options: Arc::new(options),
        schema: Arc::clone(&info.schema),
        filter: None,
        subtask: 0,
        parallelism: 1,
        restored: Arc::default(),
        max_batch_rows: BATCH_ROWS,
        doorbell: Doorbell::new(),
        metrics: Arc::new(OperatorMetrics::default()),
        env,
    })
    .await
    .expect("the source opens");
    let mut rows = Vec::new();
    loop {
        match source.poll(BATCH_ROWS).expect("the source can be read") {
            SourcePoll::Batch { rows: batch, .. } => rows.push(batch),
            SourcePoll::Finished => break,
            SourcePoll::SplitFinished(_) => {}
            SourcePoll::Pending => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
    let schema = Arc::new(row_kind::without(&info.schema));
    let rows = if row_kind::is_updating(&info.schema) { left(&schema, &rows) } else { rows };
    Table { name: info.name.clone(), schema, rows }
}

/// What is left in the end of rows that come and go.
fn left(schema: &SchemaRef, changes: &[RecordBatch]) -> Vec<RecordBatch> {
    let types = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
    let converter = RowConverter::new(types.collect()).expect("rows can be compared");
    let mut counts: HashMap<Vec<u8>, i64> = HashMap::new();
    for batch in changes {
        let rows =
            converter.convert_columns(row_kind::values(batch)).expect("rows are as declared");
        let weights = row_kind::weights(batch).expect("the rows have kinds");
        for (row, weight) in rows.iter().zip(weights) {
            *counts.entry(row.data().to_vec()).or_default() += weight;
        }
    }
    let parser = converter.parser();
    let kept = counts.iter().flat_map(|(row, count)| {
        assert!(*count >= 0, "a row went more often than it came");
        std::iter::repeat_n(parser.parse(row), *count as usize)
    });
    let columns = converter.convert_rows(kept).expect("rows are as they were encoded");
    vec![RecordBatch::try_new(Arc::clone(schema), columns).expect("rows are as declared")]
}
