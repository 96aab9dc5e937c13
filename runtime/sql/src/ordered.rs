//! `FIRST_VALUE`, `LAST_VALUE`, `ARRAY_AGG` and `LISTAGG`: aggregates that the order of rows makes a
//! difference to; a row that goes takes the first value that is equal to its own along. `COLLECT`, to which it makes none.

use arrow::datatypes::DataType;
use sabot_core::plan::AggregateFunction;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, NullTreatment,
};

use crate::aggregate::{GroupScope, with_filter};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Scope, precedence};
use crate::functions::collections;
use crate::types::{array_of, entries_of, flink_name, map_of};

/// One of these aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ordered {
    First,
    Last,
    Array,
    List,
}

impl Ordered {
    /// The aggregate of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "FIRST_VALUE" => Self::First,
            "LAST_VALUE" => Self::Last,
            "ARRAY_AGG" => Self::Array,
            "LISTAGG" | "STRING_AGG" => Self::List,
            _ => return None,
        })
    }
}

/// What stands in the parentheses.
pub(crate) struct Arguments<'e> {
    value: &'e Expr,
    delimiter: Option<&'e Expr>,
    pub(crate) distinct: bool,
    pub(crate) ignore_nulls: bool,
}

impl<'e> Arguments<'e> {
    pub(crate) fn of(
        ordered: Ordered,
        function: &'e Function,
        name: &str,
        at: Position,
    ) -> Result<Self> {
        let wrong = |what: &str| SqlError::new(at, format!("{name} {what}"));
        let FunctionArguments::List(list) = &function.args else {
            return Err(wrong("needs an argument"));
        };
        let mut ignore_nulls = ordered != Ordered::Array;
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::IgnoreOrRespectNulls(nulls)
                    if ordered == Ordered::Array =>
                {
                    ignore_nulls = *nulls == NullTreatment::IgnoreNulls;
                }
                other => return Err(wrong(&format!("does not take {other}"))),
            }
        }
        let value = |argument: &'e FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
            _ => Err(wrong("takes values without names or *")),
        };
        let (value, delimiter) = match list.args.as_slice() {
            [only] => (value(only)?, None),
            [first, second] if ordered == Ordered::List => (value(first)?, Some(value(second)?)),
            _ => return Err(wrong("takes one argument")),
        };
        let distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
        Ok(Self { value, delimiter, distinct, ignore_nulls })
    }

    /// The value, which has a type.
    pub(crate) fn value(&self, scope: &dyn Scope, name: &str, at: Position) -> Result<Bound> {
        let value = Binder::new(scope, at).bind(self.value)?.plain();
        if value.data_type == DataType::Null {
            return Err(SqlError::new(at, format!("{name} of NULL has no type"))
                .hint("use CAST(NULL AS <type>)"));
        }
        Ok(value)
    }

    /// What stands between the values of `LISTAGG`.
    pub(crate) fn delimiter(
        &self,
        scope: &dyn Scope,
        value: &Bound,
        at: Position,
    ) -> Result<Bound> {
        if value.data_type != DataType::Utf8 {
            let message =
                format!("LISTAGG needs STRING, {} is {}", value.text, flink_name(&value.data_type));
            return Err(SqlError::new(at, message).hint("use CAST(<value> AS STRING)"));
        }
        let delimiter = match self.delimiter {
            None => crate::expr::text(","),
            Some(expr) => Binder::new(scope, at).bind(expr)?,
        };
        if delimiter.literal_text().is_none() {
            return Err(SqlError::new(
                at,
                "the delimiter of LISTAGG must be a text in single quotes",
            ));
        }
        Ok(delimiter)
    }
}

impl GroupScope<'_> {
    /// Resolves one of these aggregates.
    pub(crate) fn ordered(
        &self,
        ordered: Ordered,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<Bound> {
        let arguments = Arguments::of(ordered, function, name, at)?;
        let value = arguments.value(self.input, name, at)?;
        let filter = self.filter(function, at)?;
        match ordered {
            Ordered::First | Ordered::Last => {
                let function = match ordered {
                    Ordered::First => AggregateFunction::First,
                    _ => AggregateFunction::Last,
                };
                let data_type = (value.data_type.clone(), true);
                // A value that comes again changes neither, where none goes.
                let distinct = arguments.distinct && self.input.base.is_updating();
                Ok(self.register(function, Some((value, distinct)), filter, data_type))
            }
            Ordered::Array => {
                let function = match arguments.ignore_nulls {
                    true => AggregateFunction::Values,
                    false => AggregateFunction::AllValues,
                };
                let data_type = (array_of(value.data_type.clone(), true), true);
                let argument = Some((value, arguments.distinct));
                Ok(self.register(function, argument, filter, data_type))
            }
            Ordered::List => {
                let delimiter = arguments.delimiter(self.input, &value, at)?;
                self.list((value, arguments.distinct), delimiter, filter, at)
            }
        }
    }

    /// `LISTAGG(value [, 'delimiter'])`: the values are kept as a list.
    fn list(
        &self,
        (value, distinct): (Bound, bool),
        delimiter: Bound,
        filter: Option<Bound>,
        at: Position,
    ) -> Result<Bound> {
        let what = if distinct { "DISTINCT " } else { "" };
        let text = format!("LISTAGG({what}{}, {})", value.text, delimiter.text);
        let text = with_filter(text, filter.as_ref());
        let data_type = (array_of(DataType::Utf8, true), true);
        let values =
            self.register(AggregateFunction::Values, Some((value, distinct)), filter, data_type);
        let expr = collections::joined(values, delimiter);
        Binder::new(self, at).finish(expr, true, (text, precedence::ATOM), || {
            SqlError::new(at, "LISTAGG cannot be applied here")
        })
    }

    /// `COLLECT(value)`: the values with how often each is there.
    pub(crate) fn collect(
        &self,
        (value, distinct): (Bound, bool),
        filter: Option<Bound>,
        at: Position,
    ) -> Result<Bound> {
        check_collected(&value, at)?;
        let multiset = map_of(value.data_type.clone(), DataType::Int32, false);
        let argument = Some((value, distinct));
        Ok(self.register(AggregateFunction::Collect, argument, filter, (multiset, false)))
    }
}

/// Refuses what COLLECT cannot be applied to.
pub(crate) fn check_collected(value: &Bound, at: Position) -> Result<()> {
    if value.data_type == DataType::Null || entries_of(&value.data_type).is_some() {
        let message = format!("{} is {}", value.text, flink_name(&value.data_type));
        return Err(SqlError::new(at, message).hint("COLLECT cannot be applied to it"));
    }
    Ok(())
}
