//! `LISTAGG`, `ARRAY_AGG` and `COLLECT` of the rows up to each row.

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
        if name == "COLLECT" {
            return self.collected(function, frame, at).map(Some);
        }
        let list = Ordered::of(name).filter(|o| matches!(o, Ordered::Array | Ordered::List));
        let Some(ordered) = list else { return Ok(None) };
        let arguments = Arguments::of(ordered, function, name, at)?;
        let value = arguments.value(self.input, name, at)?;
        let mut list = self.values(&value, !arguments.ignore_nulls, frame, at)?;
        let what = if arguments.distinct { "DISTINCT " } else { "" };
        if arguments.distinct {
            list = collections::once_each(list);
        }
        let (expr, call) = if ordered == Ordered::Array {
            if !arguments.distinct {
                return Ok(Some(list));
            }
            (list.expr, format!("ARRAY_AGG({what}{})", value.text))
        } else {
            let delimiter = arguments.delimiter(self.input, &value, at)?;
            let call = format!("LISTAGG({what}{}, {})", value.text, delimiter.text);
            (collections::joined(list, delimiter), call)
        };
        let text = (self.new_text(&call), precedence::ATOM);
        let listed = Binder::new(self, at).finish(expr, true, text, || {
            SqlError::new(at, format!("{name} cannot be applied here"))
        });
        listed.map(Some)
    }

    /// `COLLECT(value)`: the values of the list with how often each is there.
    fn collected(&self, function: &Function, frame: Option<Frame>, at: Position) -> Result<Bound> {
        let Some((value, distinct)) = self.argument(function, "COLLECT", at)? else {
            return Err(SqlError::new(at, "COLLECT takes one argument"));
        };
        crate::ordered::check_collected(&value, at)?;
        let mut list = self.values(&value, false, frame, at)?;
        if distinct {
            list = collections::once_each(list);
        }
        let what = if distinct { "DISTINCT " } else { "" };
        let text = (self.new_text(&format!("COLLECT({what}{})", value.text)), precedence::ATOM);
        let expr = collections::multiset_of(list, &value.data_type);
        Binder::new(self, at)
            .finish(expr, true, text, || SqlError::new(at, "COLLECT cannot be applied here"))
    }

    /// The values of a frame as a list, with or without those that are NULL.
    pub(crate) fn values(
        &self,
        value: &Bound,
        nulls: bool,
        frame: Option<Frame>,
        at: Position,
    ) -> Result<Bound> {
        self.set_frame(frame, at)?;
        let (of, text) = match nulls {
            true => (AggregateFunction::AllValues, ""),
            false => (AggregateFunction::Values, " IGNORE NULLS"),
        };
        let call = format!("ARRAY_AGG({}{text})", value.text);
        let to = (array_of(value.data_type.clone(), true), true);
        Ok(self.register_as(call, OverFunction::Aggregate(of), Some((value, false)), to))
    }
}
