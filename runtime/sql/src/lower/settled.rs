//! Rows of windows that change until these are over.

use std::sync::Arc;

use sabot_core::plan::{Exchange, Input, NodeId, NodeKind, Window, WindowSettleDesc, WindowTime};
use sabot_core::row_kind;
use sabot_types::OperatorUid;

use super::Lowering;
use crate::aggregate::WindowNode;
use crate::error::{Result, SqlError};
use crate::window;

impl Lowering<'_> {
    /// The rows that a window aggregation reads, and the windows that they lie in: of rows that change
    /// what is left when their windows are over. `has_late` says that rows which are late are written.
    pub(super) fn settled(
        &mut self,
        from: NodeId,
        node: &WindowNode,
        (time, keys, has_late): (WindowTime, &[usize], bool),
        reader: &OperatorUid,
        sink: &str,
    ) -> Result<(NodeId, Window)> {
        let windows = &node.window;
        let input = Arc::clone(&self.nodes[from.0].schema);
        let WindowTime::Row(row_time) = time else { return Ok((from, windows.window)) };
        if !row_kind::is_updating(&input) {
            return Ok((from, windows.window));
        }
        let local_times = self.local_times(&windows.row_time.data_type);
        if local_times.is_some() && !matches!(windows.window, Window::Tumble { .. }) {
            let message = "rows that change lie in windows of a zone only where these are TUMBLE";
            return Err(SqlError::new(windows.at, message)
                .hint("take the time as a TIMESTAMP, or leave out SET 'table.local-time-zone'"));
        }
        if let Some(late) = self.late.as_ref().filter(|_| has_late) {
            let message = "rows that change cannot be written when they are late";
            return Err(SqlError::new(late.at, message)
                .hint("take the setting out: they are counted in the metrics"));
        }
        let window = window::kind::results_of(windows.window).unwrap_or(windows.window);
        let uid = self.uids.changes(reader)?;
        let name = self.uids.name(&format!("{sink}[settled]"));
        let kind = NodeKind::WindowSettle(WindowSettleDesc {
            window: windows.window,
            row_time,
            local_times,
            keys: keys.to_vec(),
        });
        let inputs = vec![Input { from, exchange: Exchange::Keyed(keys.to_vec()) }];
        let schema = Arc::new(row_kind::without(&input));
        Ok((self.push(uid, name, kind, inputs, schema), window))
    }
}
