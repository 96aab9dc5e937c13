//! The tables of lookup joins: read whole before the slots run, once for all slots of the pod, and
//! again at intervals where that is asked for. Of a table that can be read on, later readings bring
//! only what has come to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use sabot_connectors::{TableRead, open_table};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{LookupJoinDesc, NodeId, PlanNode};
use sabot_core::{
    Doorbell, Env, Error, Result, SeededRandom, SourceContext, SourcePoll, SplitState,
};
use sabot_ops::LookupTable;
use sabot_types::OperatorUid;
use tracing::{info, warn};

use crate::driver::WorkerConfig;
use crate::tasklet::SourceTable;

/// How long a source that has nothing yet is left alone.
const WAIT: Duration = Duration::from_millis(5);
/// After how long a reading of which nothing comes has failed.
const STALLED: Duration = Duration::from_mins(1);

/// The tables of an attempt in this pod.
#[derive(Default)]
pub(crate) struct Lookups {
    tables: BTreeMap<NodeId, LookupTable>,
}

impl Lookups {
    /// The table of a lookup join, which is read if no slot has asked for it yet.
    pub(crate) async fn table(
        &mut self,
        config: &WorkerConfig,
        node: &PlanNode,
        desc: &LookupJoinDesc,
        metrics: &Arc<OperatorMetrics>,
    ) -> Result<LookupTable> {
        if let Some(table) = self.tables.get(&node.id) {
            return Ok(table.clone());
        }
        let table = LookupTable::new(node, desc, config.env.random.next_u64())?;
        let (desc_of_table, schema) = (desc.table.clone(), Arc::clone(&desc.table_schema));
        let random = SeededRandom::new(config.env.random.next_u64());
        let reader = Reader {
            uid: node.uid.clone(),
            table: SourceTable { desc: desc_of_table, schema, random },
            max_batch_rows: config.max_batch_rows,
            metrics: Arc::clone(metrics),
            env: config.env.clone(),
        };
        let read = reader.read_into(&table, Arc::default()).await?;
        if let Some(ms) = desc.reload_interval_ms {
            let interval = Duration::from_millis(ms);
            let (env, table) = (reader.env.clone(), table.clone());
            let reload = async move { reader.reload(interval, &table, read).await };
            env.tasks.spawn("lookup-reload", Box::pin(reload));
        }
        self.tables.insert(node.id, table.clone());
        Ok(table)
    }
}

/// Reads a table from begin to end.
struct Reader {
    uid: OperatorUid,
    table: SourceTable,
    max_batch_rows: usize,
    metrics: Arc<OperatorMetrics>,
    env: Env,
}

/// How far the splits of a table have been read.
type Positions = Arc<Vec<SplitState>>;

impl Reader {
    /// Reads the table, whose last reading has ended at `before`; gives where this one ends.
    async fn read_into(&self, table: &LookupTable, before: Positions) -> Result<Positions> {
        let now_ms = self.env.clock.now_ms();
        let mut read = self.open(before).await?;
        let rows = self.rows(&mut read, now_ms).await?;
        let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
        if !read.goes_on {
            table.replace(&rows, now_ms)?;
        } else if count > 0 {
            table.add(&rows, now_ms)?;
        }
        let (name, goes_on) = (&self.table.desc.table, read.goes_on);
        info!(table = %name, rows = count, goes_on, "table of a lookup join read");
        Ok(Arc::new(read.source.positions()))
    }

    async fn open(&self, restored: Positions) -> Result<TableRead> {
        let desc = &self.table.desc;
        open_table(SourceContext {
            uid: self.uid.clone(),
            table: desc.table.clone(),
            options: Arc::clone(&desc.options),
            schema: Arc::clone(&desc.physical_schema),
            filter: desc.filter.clone(),
            subtask: 0,
            parallelism: 1,
            restored,
            max_batch_rows: self.max_batch_rows,
            doorbell: Doorbell::new(),
            metrics: Arc::clone(&self.metrics),
            env: self.env.clone(),
        })
        .await
    }

    async fn rows(&self, read: &mut TableRead, now_ms: i64) -> Result<Vec<RecordBatch>> {
        let mut all = Vec::new();
        let mut last = self.env.clock.monotonic();
        loop {
            match read.source.poll(self.max_batch_rows)? {
                SourcePoll::Batch { rows, .. } => all.push(self.table.columns(&rows, now_ms)?),
                SourcePoll::SplitFinished(_) => {}
                SourcePoll::Pending => {
                    if self.env.clock.monotonic().saturating_sub(last) > STALLED {
                        return Err(self.stalled());
                    }
                    self.env.clock.sleep(WAIT).await;
                    continue;
                }
                SourcePoll::Finished => return Ok(all),
            }
            last = self.env.clock.monotonic();
        }
    }

    fn stalled(&self) -> Error {
        let what = format!("reading the table {} of a lookup join", self.table.desc.table);
        Error::external(what, format!("nothing has come for {} s", STALLED.as_secs()))
    }

    /// Reads the table again and again, until its operators are gone. One that cannot be read stays
    /// as it was.
    async fn reload(&self, interval: Duration, table: &LookupTable, mut read: Positions) {
        loop {
            self.env.clock.sleep(interval).await;
            if !table.is_shared() {
                return;
            }
            let trouble = match self.read_into(table, Arc::clone(&read)).await {
                Ok(at) => {
                    read = at;
                    None
                }
                Err(error) => {
                    let (name, error) = (&self.table.desc.table, error.chain());
                    warn!(table = %name, %error, "table of a lookup join cannot be read again");
                    Some(format!("table {name} cannot be read again: {error}"))
                }
            };
            self.metrics.set_trouble(trouble);
        }
    }
}
