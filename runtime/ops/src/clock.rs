//! The times in which windows are cut: those of rows and watermarks, or what clocks of a zone show at
//! them.

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field};
use sabot_core::plan::LocalTimes;
use sabot_types::EventTime;

/// Maps instants to the times of windows, and back.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Option<Arc<dyn LocalTimes>>);

impl Clock {
    /// The clock of a zone; none: windows are cut in the rows' own times.
    pub(crate) fn new(local_times: Option<&Arc<dyn LocalTimes>>) -> Self {
        Self(local_times.cloned())
    }

    /// The times at which rows lie in windows; none of the instants is null.
    pub(crate) fn times(&self, instants: &TimestampMillisecondArray) -> TimestampMillisecondArray {
        match &self.0 {
            None => instants.clone(),
            Some(zone) => {
                TimestampMillisecondArray::from_iter_values(zone.local(instants.values()))
            }
        }
    }

    /// The time up to which windows are over with a watermark.
    pub(crate) fn passed(&self, watermark: EventTime) -> EventTime {
        match &self.0 {
            Some(zone) if watermark != EventTime::MIN && watermark != EventTime::MAX => {
                EventTime::from_millis(zone.passed(watermark.millis()))
            }
            _ => watermark,
        }
    }

    /// The watermark with which windows are over up to a time.
    pub(crate) fn watermark(&self, time: EventTime) -> EventTime {
        match time {
            EventTime::MIN | EventTime::MAX => time,
            _ => EventTime::from_millis(self.instant(time.millis())),
        }
    }

    /// Windows' times as the values of a column: their instants where the column has such.
    pub(crate) fn column(&self, times: impl Iterator<Item = i64>, column: &Field) -> ArrayRef {
        let data_type = column.data_type();
        let values = match data_type {
            DataType::Timestamp(_, Some(_)) => {
                TimestampMillisecondArray::from_iter_values(times.map(|time| self.instant(time)))
            }
            _ => TimestampMillisecondArray::from_iter_values(times),
        };
        Arc::new(values.with_data_type(data_type.clone()))
    }

    fn instant(&self, time: i64) -> i64 {
        self.0.as_ref().map_or(time, |zone| zone.instant(time))
    }
}
