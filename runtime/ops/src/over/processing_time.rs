//! Rows that only come, in the order in which they do: each is answered at once.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{OverDesc, PlanNode};
use sabot_core::state::StateBackend;
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::EventTime;

use super::answers::Answers;
use crate::OperatorConfig;
use crate::due::Due;
use crate::keyed::Keys;

pub(super) struct ProcessingTimeOver {
    keys: Keys,
    answers: Answers,
    /// The last time that rows were answered at: a clock that is set back does not change their order.
    last_ms: i64,
}

impl ProcessingTimeOver {
    pub(super) fn new(
        node: &PlanNode,
        desc: &OverDesc,
        time: usize,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        Ok(Self {
            keys: Keys::new(node, &desc.keys, input, config)?,
            answers: Answers::open(node, desc, time, input, config, state)?,
            last_ms: i64::MIN,
        })
    }
}

impl Operator for ProcessingTimeOver {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.last_ms = self.last_ms.max(cx.now_ms);
        let times = vec![self.last_ms; batch.num_rows()];
        let due = Due::sorted(&batch, &self.keys, &times, None)?;
        let passed = EventTime::from_millis(self.last_ms.saturating_sub(1));
        self.answers.expire(passed, cx)?;
        self.answers.answer(&due, passed, cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        Ok(OperatorSnapshot { keyed: self.answers.snapshot(cx)?, watermark: None })
    }
}
