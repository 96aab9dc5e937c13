//! Results of windows that have not fired yet, to be replaced when more rows come.
//!
//! What came since the last time is taken out of its slice and added to the results of the windows that
//! the slice lies in, which are kept as those of windows that have fired and can change
//! ([`updates`](super::updates)). A window that fires then only adds what came since.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sabot_core::{Cx, Result};
use sabot_types::EventTime;

use super::WindowAggregate;
use super::slices::is_over;
use super::table::Table;

/// When results are due.
pub(super) struct Early {
    delay_ms: i64,
    /// In processing time; none: no rows came since the last time.
    due_ms: Option<i64>,
}

impl Early {
    /// `has_rows` says that rows came before a restore.
    pub(super) fn new(delay_ms: i64, has_rows: bool) -> Self {
        Self { delay_ms, due_ms: has_rows.then_some(i64::MIN) }
    }
}

impl WindowAggregate {
    /// Rows have come.
    pub(super) fn expect_early(&mut self, now_ms: i64) {
        if let Some(early) = &mut self.early {
            early.due_ms.get_or_insert(now_ms.saturating_add(early.delay_ms));
        }
    }

    /// Emits how the results of all windows have changed, if that is due.
    pub(super) fn fire_early_due(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let Some(early) = &mut self.early else { return Ok(()) };
        if early.due_ms.is_none_or(|due| due > cx.now_ms) {
            return Ok(());
        }
        early.due_ms = None;
        self.fire_what_came(None, cx)
    }

    /// Emits how results have changed: of the windows of those slices of which one is over at
    /// `watermark`, or of all.
    pub(super) fn fire_what_came(
        &mut self,
        watermark: Option<EventTime>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let (slices, fired) = (self.slices, self.watermark);
        let next = |slice: i64| slices.next_window_of(slice, fired);
        let is_due =
            |slice: &i64| watermark.is_none_or(|watermark| is_over(next(*slice), watermark));
        let due: Vec<i64> = self.open.keys().copied().filter(is_due).collect();
        let mut windows: BTreeMap<i64, Table> = BTreeMap::new();
        for slice in due {
            let Some(came) = self.take_slice(slice, cx)? else { continue };
            let (first, last) = (next(slice), slices.last_window_of(slice));
            if first == last && !windows.contains_key(&first) {
                windows.insert(first, came);
                continue;
            }
            let came = came.partials()?;
            let mut end = first;
            while end <= last {
                let window = match windows.entry(end) {
                    Entry::Occupied(window) => window.into_mut(),
                    Entry::Vacant(window) => window.insert(self.shape.table()?),
                };
                window.merge(&came.keys, &came.values, came.rows, &mut self.scratch)?;
                end += slices.step();
            }
        }
        for (end, came) in windows {
            self.emit_remaining(end, came.partials()?, cx)?;
        }
        Ok(())
    }
}
