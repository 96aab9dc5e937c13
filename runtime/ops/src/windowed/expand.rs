//! Windows that a row lies in several of: a row for each of them.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_arrays;
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{ExpandDesc, PlanNode, Steps, Window};
use sabot_core::{Cx, Error, Operator, Result};

use crate::OperatorConfig;
use crate::clock::Clock;
use crate::emit::emit_in_parts;
use crate::times::{check_row_time, row_times};
use crate::window::slices::{out_of_range, range_of};

pub(crate) struct Expand {
    name: String,
    row_time: usize,
    windows: Assigned,
    clock: Clock,
    max_batch_rows: usize,
    schema: SchemaRef,
}

impl Expand {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &ExpandDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
    ) -> Result<Self> {
        check_row_time(&node.name, input, desc.row_time)?;
        Ok(Self {
            name: node.name.clone(),
            row_time: desc.row_time,
            windows: Assigned::new(&node.name, desc.window)?,
            clock: Clock::new(desc.local_times.as_ref()),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }
}

/// The windows that a time lies in.
pub(super) struct Assigned {
    steps: Steps,
    /// Whether windows grow from one begin, and not all have the same size.
    grows: bool,
}

impl Assigned {
    pub(super) fn new(operator: &str, window: Window) -> Result<Self> {
        let (steps, grows) = match window {
            Window::Tumble { size_ms, offset_ms } => {
                (Steps { step_ms: size_ms, size_ms, offset_ms }, false)
            }
            Window::Hop(steps) => (steps, false),
            Window::Cumulate(steps) => (steps, true),
            Window::HopResults(_) | Window::CumulateResults(_) | Window::Session { .. } => {
                return Err(Error::user(format!(
                    "operator {operator}: its windows are not told by a row alone"
                )));
            }
        };
        if steps.step_ms < 1 || (grows && steps.size_ms % steps.step_ms != 0) {
            return Err(Error::user(format!(
                "operator {operator}: the size of windows must be a multiple of their step"
            )));
        }
        Ok(Self { steps, grows })
    }

    /// Those of a time, by begin and end.
    pub(super) fn of(&self, time: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let Steps { step_ms, size_ms, offset_ms } = self.steps;
        // The first window that ends behind the time, and how many there are of them. Where windows
        // are no multiple of the step, or leave gaps, their ends are not where others begin.
        let first_end = time - (time - offset_ms - size_ms).rem_euclid(step_ms) + step_ms;
        let begin = time - (time - offset_ms).rem_euclid(size_ms);
        let count = if self.grows {
            (begin + size_ms - first_end) / step_ms + 1
        } else {
            (time + size_ms - first_end).div_euclid(step_ms) + 1
        };
        let grows = self.grows;
        (0..count).map(move |step| {
            let end = first_end + step * step_ms;
            (if grows { begin } else { end - size_ms }, end)
        })
    }
}

impl Operator for Expand {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let times = self.clock.times(row_times(&batch, self.row_time)?);
        range_of(&times).map_err(|time| out_of_range(&self.name, time))?;
        let (mut rows, mut begins, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (row, time) in times.values().iter().enumerate() {
            for (begin, end) in self.windows.of(*time) {
                rows.push(row as u32);
                begins.push(begin);
                ends.push(end);
            }
        }
        let last: Vec<i64> = ends.iter().map(|end| end - 1).collect();
        let mut columns = take_arrays(batch.columns(), &UInt32Array::from(rows), None)?;
        for values in [begins, ends, last] {
            let field = self.schema.field(columns.len());
            let column = self.clock.column(values.into_iter(), field);
            columns.push(column);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows_of(step_ms: i64, size_ms: i64, time: i64) -> Vec<(i64, i64)> {
        let steps = Steps { step_ms, size_ms, offset_ms: 0 };
        Assigned { steps, grows: false }.of(time).collect()
    }

    #[test]
    fn windows_need_not_end_where_others_begin() {
        assert_eq!(windows_of(5, 6, 4), [(0, 6)]);
        assert_eq!(windows_of(5, 6, 5), [(0, 6), (5, 11)]);
        assert_eq!(windows_of(5, 6, -5), [(-10, -4), (-5, 1)]);
        assert_eq!(windows_of(4, 10, 8), [(0, 10), (4, 14), (8, 18)]);
    }

    #[test]
    fn rows_between_windows_lie_in_none() {
        assert_eq!(windows_of(5, 2, 1), [(0, 2)]);
        assert!(windows_of(5, 2, 2).is_empty());
        assert!(windows_of(5, 2, -1).is_empty());
        assert_eq!(windows_of(5, 2, -5), [(-5, -3)]);
    }
}
