//! `LISTAGG` and `ARRAY_AGG` of the rows up to each row.

use sabot_core::plan::{AggregateFunction, Frame, OverFunction};
use sqlparser::ast::Function;

use super::OverScope;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, precedence};
use crate::functions::collections;
use crate::ordered::{Arguments, Ordered};
use crate::types::array_of;

impl OverScope<'_> {
    /// Resolves one of these; none for others.
    pub(super) fn listed(
        &self,
        function: &Function,
        name: &str,
        frame: Option<Frame>,
        at: Position,
    ) -> Result<Option<Bound>> {
        let list = Ordered::of(name).filter(|o| matches!(o, Ordered::Array | Ordered::List));
        let Some(ordered) = list else { return Ok(None) };
        let arguments = Arguments::of(ordered, function, name, at)?;
        if arguments.distinct {
            return Err(SqlError::new(at, format!("{name} OVER takes no DISTINCT"))
                .hint("ARRAY_DISTINCT(ARRAY_AGG(...) OVER (...)) has each value once"));
        }
        let value = arguments.value(self.input, name, at)?;
        self.set_frame(frame, at)?;
        let (of, nulls) = match arguments.ignore_nulls {
            true => (AggregateFunction::Values, " IGNORE NULLS"),
            false => (AggregateFunction::AllValues, ""),
        };
        let call = format!("ARRAY_AGG({}{nulls})", value.text);
        let data_type = (array_of(value.data_type.clone(), true), true);
        let register = || {
            self.register_as(call, OverFunction::Aggregate(of), Some((&value, false)), data_type)
        };
        if ordered == Ordered::Array {
            return Ok(Some(register()));
        }
        let delimiter = arguments.delimiter(self.input, &value, at)?;
        let text = self.new_text(&format!("LISTAGG({}, {})", value.text, delimiter.text));
        let expr = collections::joined(register(), delimiter);
        let listed = Binder::new(self, at).finish(expr, true, (text, precedence::ATOM), || {
            SqlError::new(at, format!("{name} cannot be applied here"))
        });
        listed.map(Some)
    }
}
