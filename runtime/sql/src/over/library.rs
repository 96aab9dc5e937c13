//! Aggregates of DataFusion that Flink does not have, over the rows up to each row.

use sabot_core::plan::{AggregateFunction, Frame};
use sqlparser::ast::Function;

use super::OverScope;
use crate::bits::{check_truth, check_whole, extreme_of};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, precedence};
use crate::moments::{self, Moment};

impl OverScope<'_> {
    /// The call, if it is one of these.
    pub(super) fn of_library(
        &self,
        function: &Function,
        name: &str,
        frame: Option<Frame>,
        at: Position,
    ) -> Result<Option<Bound>> {
        if let Some(moment) = Moment::of(name) {
            let pair = moments::pair(&Binder::new(self.input, at), function, name, at)?;
            self.set_frame(frame, at)?;
            let text = self.new_text(&moments::text_of(name, &pair));
            return moment.compute(self, pair, text, at).map(Some);
        }
        let extreme = extreme_of(name);
        if extreme.is_none() && name != "APPROX_DISTINCT" {
            return Ok(None);
        }
        let Some((value, _)) = self.argument(function, name, at)? else {
            return Err(SqlError::new(at, format!("{name} takes one argument")));
        };
        self.set_frame(frame, at)?;
        let Some(extreme) = extreme else {
            check_whole(name, &value, at)?;
            return Ok(Some(self.count(Some(value), true)));
        };
        check_truth(name, &value, at)?;
        let text = self.new_text(&format!("{name}({})", value.text));
        let name = if extreme == AggregateFunction::Min { "MIN" } else { "MAX" };
        let found = self.aggregate(name, (value, false), at)?;
        Ok(Some(Bound { text, precedence: precedence::ATOM, ..found }))
    }
}
