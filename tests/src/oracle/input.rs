//! The bounded input of a job, read once.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sabot_connectors::open_source;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::{Doorbell, SeededRandom, SourceContext, SourcePoll};
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
    /// Its physical columns.
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
    Table { name: info.name.clone(), schema: Arc::clone(&info.schema), rows }
}
