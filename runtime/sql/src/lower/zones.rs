//! Windows of instants where local times are not those of UTC.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use sabot_core::plan::{LocalTimes, Window};

use super::Lowering;
use crate::expr::{Bound, Meaning};
use crate::relation::WindowSpec;
use crate::types::timestamp_ltz;
use crate::window::kind;
use crate::zone::{is_instant, latest_instant};

impl Lowering<'_> {
    /// The zone in whose local times windows over times of a type are cut; none: UTC.
    pub(super) fn local_times(&self, time: &DataType) -> Option<Arc<dyn LocalTimes>> {
        let zone = self.settings.zone;
        (is_instant(time) && !zone.is_utc()).then(|| Arc::new(zone) as Arc<dyn LocalTimes>)
    }

    /// The windows as they are known by: those of another zone are others.
    pub(super) fn in_zone(&self, window: &WindowSpec) -> WindowSpec {
        let path = self.path_in_zone(&window.path, &window.row_time.data_type);
        WindowSpec { path, ..window.clone() }
    }

    /// The name of windows over a time of this name and type.
    pub(super) fn window_name(&self, window: Window, path: &str, time: &DataType) -> String {
        kind::uid_name(window, &self.path_in_zone(path, time))
    }

    fn path_in_zone(&self, path: &str, time: &DataType) -> String {
        match self.local_times(time) {
            None => path.to_owned(),
            Some(_) => format!("{path}@{}", self.settings.zone),
        }
    }

    /// The end of windows as the watermark tells it.
    pub(super) fn end(&self, end: Bound, of_instants: bool) -> Bound {
        if !of_instants || self.settings.zone.is_utc() {
            return end;
        }
        let (expr, data_type) = (latest_instant(end.expr), timestamp_ltz());
        Bound { expr, data_type, meaning: Meaning::Plain, ..end }
    }
}

/// The column of the ends of windows of a side, where no column is the same.
pub(super) fn arrow_end(side: usize, end: &Bound) -> Field {
    Field::new(format!("$end_{side}"), end.data_type.clone(), true)
}
