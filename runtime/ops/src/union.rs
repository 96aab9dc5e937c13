//! `UNION ALL`: rows pass as they are. That the inputs' barriers and watermarks are brought
//! together is the tasklet's part.

use arrow::array::RecordBatch;
use sabot_core::{Cx, Element, Operator, Result};

/// Passes rows on.
pub(crate) struct Union;

impl Operator for Union {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        cx.emit(Element::Batch(batch));
        Ok(())
    }
}
