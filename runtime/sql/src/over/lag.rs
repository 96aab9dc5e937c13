//! `LAG` over the rows before a row: as in Flink, before the last of those that are equal in the order.

use datafusion_expr::{lit, when};
use sabot_core::plan::OverFunction;
use sqlparser::ast::Function;

use super::{OverScope, UP_TO_PEERS};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, Scope, coerce, place_of, precedence};

/// Rows that LAG goes back at most: so many are kept of each key.
const LAG_MAX: usize = 100_000;

impl OverScope<'_> {
    /// `LAG(value [, offset [, default]])`.
    pub(super) fn lag(&self, function: &Function, at: Position) -> Result<Bound> {
        let arguments = crate::expr::function_arguments(function, "LAG", at)?;
        let binder = Binder::new(self.input, at);
        let (value, offset, default) = match arguments.as_slice() {
            [value] => (value, None, None),
            [value, offset] => (value, Some(offset), None),
            [value, offset, default] => (value, Some(offset), Some(default)),
            _ => return Err(SqlError::new(at, "LAG takes a value, an offset and a default")),
        };
        self.set_frame(Some(UP_TO_PEERS), at)?;
        let offset = match offset {
            None => 1,
            Some(offset) => {
                let given = binder.bind(offset)?.literal_integer();
                let given = given.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= LAG_MAX);
                given.ok_or_else(|| {
                    SqlError::new(place_of(offset, at), "the offset of LAG is no number of rows")
                        .hint(format!("write a whole number from 0 to {LAG_MAX}"))
                })?
            }
        };
        let value = binder.bind(value)?.plain();
        let data_type = value.data_type.clone();
        let name = format!("LAG({}, {offset})", value.text);
        let function = OverFunction::Lag(offset);
        let lag =
            self.register_as(name, function, Some((&value, false)), (data_type.clone(), true));
        let Some(default) = default else { return Ok(lag) };
        let default = binder.bind(default)?;
        if !crate::types::casts_implicitly(&default.data_type, &data_type) {
            let message = format!(
                "the default of LAG is {}, its value {}",
                crate::types::flink_name(&default.data_type),
                crate::types::flink_name(&data_type)
            );
            return Err(SqlError::new(at, message).hint("use CAST"));
        }
        if !default.expr.column_refs().is_empty() {
            return Err(SqlError::new(at, "the default of LAG has to be a constant"));
        }
        let text = self.new_text(&format!("LAG({}, {offset}, {})", value.text, default.text));
        let default = default.implicit_cast(&data_type);
        // There is no row so far back.
        let first = self.count(None, false).expr.lt_eq(lit(offset as i64));
        let expr = when(first, default.expr).otherwise(lag.expr);
        let (expr, data_type) = expr
            .and_then(|expr| coerce(expr, &self.schema()))
            .map_err(|error| SqlError::new(at, error.strip_backtrace()))?;
        let precedence = precedence::ATOM;
        Ok(Bound { expr, data_type, nullable: true, text, precedence, meaning: Meaning::Plain })
    }
}
