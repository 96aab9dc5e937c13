//! Builds the tasklets that read sources.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sabot_connectors::open_source;
use sabot_core::plan::{JobPlan, PlanNode, SourceDesc};
use sabot_core::{Result, SeededRandom, SourceContext, SplitState};

use super::SlotBuild;
use crate::chain::Chain;
use crate::tasklet::{Alignment, Markers, Pressure, SourceTable, SourceTasklet};
use crate::watermarks::{IdleSplits, MinWatermark};

impl SlotBuild<'_, '_> {
    pub(super) async fn source(
        &mut self,
        plan: &JobPlan,
        node: &PlanNode,
        desc: &SourceDesc,
    ) -> Result<SourceTasklet> {
        let metrics = self.metrics(node);
        let restored: Vec<SplitState> =
            self.stored(&node.uid).map(|o| o.splits.clone()).unwrap_or_default();
        let restored = Arc::new(restored);
        let source = open_source(SourceContext {
            uid: node.uid.clone(),
            table: desc.table.clone(),
            options: Arc::clone(&desc.options),
            schema: Arc::clone(&desc.physical_schema),
            filter: desc.filter.clone(),
            subtask: self.index,
            parallelism: self.parallelism,
            restored: Arc::clone(&restored),
            max_batch_rows: self.config.max_batch_rows,
            doorbell: self.bell.clone(),
            metrics: Arc::clone(&metrics),
            env: self.config.env.clone(),
        })
        .await?;
        let mut watermarks = MinWatermark::new(source.splits().len());
        for (index, name) in source.splits().iter().enumerate() {
            let before = restored.iter().find(|split| &split.split == name);
            if let Some(watermark) = before.and_then(|split| split.watermark) {
                watermarks.restore(index, watermark);
            }
        }
        let clock = Arc::clone(&self.config.env.clock);
        let idle_timeout = desc.watermark.as_ref().and_then(|w| w.idle_timeout_ms);
        let idle = idle_timeout.map(|ms| {
            let timeout = Duration::from_millis(ms);
            IdleSplits::new(source.splits().len(), timeout, clock.monotonic())
        });
        let alignment = desc.watermark.as_ref().and_then(|w| w.alignment.as_ref());
        let alignment = alignment.and_then(|alignment| {
            let member = self.groups.member(&alignment.group, &node.uid, self.index)?;
            Some(Alignment::new(member, &watermarks, source.splits().len()))
        });
        let mut chain = Chain::new(Arc::clone(&self.config.env.clock));
        (chain.roots, _) = self.outputs(plan, node, &mut chain).await?;
        Ok(SourceTasklet {
            uid: node.uid.clone(),
            table: SourceTable {
                desc: desc.clone(),
                schema: Arc::clone(&node.schema),
                random: SeededRandom::new(self.config.env.random.next_u64()),
            },
            source,
            chain,
            metrics,
            clock,
            max_batch_rows: self.config.max_batch_rows,
            watermarks,
            idle,
            alignment,
            barriers: VecDeque::new(),
            markers: Markers::default(),
            rests_until: Duration::ZERO,
            paused: false,
            ended: false,
            pressure: Pressure::default(),
        })
    }
}
