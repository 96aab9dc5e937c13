//! Windows of instants where local times are not those of UTC.

use arrow::datatypes::{DataType, Field};
use sabot_core::plan::{Steps, Window};

use super::Lowering;
use crate::error::{Result, SqlError};
use crate::expr::Bound;
use crate::settings::LOCAL_TIME_ZONE;
use crate::types::timestamp_ltz;
use crate::window::kind;
use crate::zone::is_instant;

impl Lowering<'_> {
    /// Windows that begin at local times, over times of a type.
    pub(super) fn windows(&self, window: Window, time: &DataType) -> Result<Window> {
        let zone = self.settings.zone;
        if zone.is_utc() || !is_instant(time) {
            return Ok(window);
        }
        let size_ms = match window {
            Window::Tumble { size_ms, .. } => size_ms,
            Window::Hop(steps)
            | Window::Cumulate(steps)
            | Window::HopResults(steps)
            | Window::CumulateResults(steps) => steps.size_ms,
            Window::Session { .. } => return Ok(window),
        };
        let Some(ahead_ms) = zone.ahead_within(size_ms) else {
            let message = format!(
                "windows ({}) of a TIMESTAMP_LTZ are not all as long in {zone}, as \
                 '{LOCAL_TIME_ZONE}' says",
                kind::title(window)
            );
            return Err(SqlError::new(None, message).hint(
                "take windows that an hour is a multiple of, a zone without summer time, such as \
                 'GMT+01:00', or CAST(<time> AS TIMESTAMP(3)) as the time of the table",
            ));
        };
        let shifted = |steps: Steps| Steps {
            offset_ms: (steps.offset_ms - ahead_ms).rem_euclid(size_ms),
            ..steps
        };
        Ok(match window {
            Window::Tumble { size_ms, offset_ms } => {
                Window::Tumble { size_ms, offset_ms: (offset_ms - ahead_ms).rem_euclid(size_ms) }
            }
            Window::Hop(steps) => Window::Hop(shifted(steps)),
            Window::Cumulate(steps) => Window::Cumulate(shifted(steps)),
            Window::HopResults(steps) => Window::HopResults(shifted(steps)),
            Window::CumulateResults(steps) => Window::CumulateResults(shifted(steps)),
            Window::Session { .. } => window,
        })
    }

    /// The end of windows as the watermark tells it.
    pub(super) fn end(&self, end: Bound, of_instants: bool) -> Bound {
        match of_instants && !self.settings.zone.is_utc() {
            true => end.implicit_cast(&timestamp_ltz()),
            false => end,
        }
    }
}

/// The column of the ends of windows, where no column is the same.
pub(super) fn arrow_end(end: &Bound) -> Field {
    Field::new("$end", end.data_type.clone(), true)
}
