//! Rows that the watermark has passed, in their order; and those that come behind it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow_row::{RowConverter, Rows};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::OrderBy;
use sabot_core::{Cx, Result};
use sabot_types::EventTime;

use crate::keyed::{Keys, UniqueKeys};
use crate::ordered::sort_fields;
use crate::times::row_times;
use crate::window::progress::Progress;
use crate::window::slices::{out_of_range, range_of};

/// The order of rows of one time; those that are equal in it are ordered as they came.
pub(crate) struct Ties {
    converter: RowConverter,
    columns: Vec<usize>,
}

impl Ties {
    /// That of an order behind the time; none where nothing stands there.
    pub(crate) fn new(order: &[OrderBy], input: &SchemaRef) -> Result<Option<Self>> {
        if order.is_empty() {
            return Ok(None);
        }
        let converter = RowConverter::new(sort_fields(order, input))?;
        Ok(Some(Self { converter, columns: order.iter().map(|by| by.column).collect() }))
    }

    fn of(&self, rows: &RecordBatch) -> Result<Rows> {
        let columns: Vec<ArrayRef> =
            self.columns.iter().map(|column| Arc::clone(rows.column(*column))).collect();
        Ok(self.converter.convert_columns(&columns)?)
    }
}

/// Rows that are due, sorted by key and time.
pub(crate) struct Due {
    pub(crate) rows: RecordBatch,
    pub(crate) times: Vec<i64>,
    pub(crate) keys: UniqueKeys,
    /// Where the rows of each key begin, and where the last end.
    pub(crate) begins: Vec<usize>,
}

impl Due {
    /// Sorts rows with these times; those of one time and key by `ties`, else they stay as they are.
    pub(crate) fn sorted(
        rows: &RecordBatch,
        keys: &Keys,
        times: &[i64],
        ties: Option<&Ties>,
    ) -> Result<Self> {
        let mut keys = keys.of(rows)?;
        let mut order: Vec<u32> = (0..rows.num_rows() as u32).collect();
        let place = |row: &u32| (keys.of_row[*row as usize], times[*row as usize]);
        match ties {
            None => order.sort_by_key(place),
            Some(ties) => {
                let ties = ties.of(rows)?;
                order.sort_by(|a, b| {
                    let tie = || ties.row(*a as usize).cmp(&ties.row(*b as usize));
                    place(a).cmp(&place(b)).then_with(tie)
                });
            }
        }
        keys.of_row = order.iter().map(|row| keys.of_row[*row as usize]).collect();
        let times = order.iter().map(|row| times[*row as usize]).collect();
        let rows = take_record_batch(rows, &UInt32Array::from(order))?;
        let of_key = |key: usize| keys.of_row.partition_point(|other| *other < key);
        let begins = (0..=keys.len()).map(of_key).collect();
        Ok(Self { rows, times, keys, begins })
    }
}

/// Which rows are late.
#[derive(Clone, Copy)]
pub(crate) struct Late<'a> {
    pub(crate) watermark: EventTime,
    pub(crate) progress: &'a Progress,
}

impl Late<'_> {
    /// The rows that are not late; the others are counted.
    pub(crate) fn without(
        self,
        batch: RecordBatch,
        row_time: usize,
        (keys, operator): (&Keys, &str),
        cx: &mut Cx<'_>,
    ) -> Result<RecordBatch> {
        let times = row_times(&batch, row_time)?;
        let (first, _) = range_of(times).map_err(|time| out_of_range(operator, time))?;
        let watermark = self.watermark.millis();
        if first > watermark && !self.progress.is_past(first) {
            return Ok(batch);
        }
        let mut kept: Vec<bool> = times.values().iter().map(|time| *time > watermark).collect();
        if self.progress.is_past(first) {
            let keys = keys.of(&batch)?;
            for (row, kept) in kept.iter_mut().enumerate() {
                let group = keys.groups[keys.of_row[row]];
                *kept &= !self.progress.is_past_for(times.value(row), group);
            }
        }
        let kept = BooleanArray::from(kept);
        OperatorMetrics::add(&cx.metrics.rows_late, batch.num_rows() - kept.true_count());
        Ok(filter_record_batch(&batch, &kept)?)
    }
}
