//! `JSON_ARRAYAGG` and `JSON_OBJECTAGG`: the values are kept as JSON, and put together where the
//! result is computed. As in Flink a key that comes twice is an error.

use arrow::datatypes::DataType;
use datafusion_expr::Expr as Value;
use sabot_core::plan::AggregateFunction;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, JsonNullClause,
};

use crate::aggregate::GroupScope;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, is_made_json, place_of, precedence};
use crate::functions::json_made::{self, Nulls, Part};
use crate::functions::{json_listed, rows};
use crate::types::{array_of, flink_name};

/// One of these aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonAggregate {
    Array,
    Object,
}

impl JsonAggregate {
    /// The aggregate of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "JSON_ARRAYAGG" => Some(Self::Array),
            "JSON_OBJECTAGG" => Some(Self::Object),
            _ => None,
        }
    }
}

/// What stands in the parentheses.
struct Arguments<'e> {
    values: Vec<&'e Expr>,
    /// None: as the function has it.
    nulls: Option<Nulls>,
}

impl<'e> Arguments<'e> {
    fn of(function: &'e Function, name: &str, at: Position) -> Result<Self> {
        let wrong = |what: &str| SqlError::new(at, format!("{name} {what}"));
        let FunctionArguments::List(list) = &function.args else {
            return Err(wrong("needs an argument"));
        };
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) {
            return Err(wrong("takes no DISTINCT").hint("use SELECT DISTINCT in a query before it"));
        }
        let mut nulls = None;
        for clause in &list.clauses {
            nulls = Some(match clause {
                FunctionArgumentClause::JsonNullClause(JsonNullClause::NullOnNull) => {
                    Nulls::Written
                }
                FunctionArgumentClause::JsonNullClause(JsonNullClause::AbsentOnNull) => {
                    Nulls::LeftOut
                }
                other => return Err(wrong(&format!("does not take {other}"))),
            });
        }
        let value = |argument: &'e FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
            _ => Err(wrong("takes values without names or *")),
        };
        Ok(Self { values: list.args.iter().map(value).collect::<Result<_>>()?, nulls })
    }
}

impl GroupScope<'_> {
    /// Resolves one of these aggregates.
    pub(crate) fn json(
        &self,
        aggregate: JsonAggregate,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<Bound> {
        let arguments = Arguments::of(function, name, at)?;
        let input = Binder::new(self.input, at);
        if function.filter.is_some() {
            return Err(SqlError::new(at, format!("{name} takes no FILTER"))
                .hint("write the condition behind WHERE"));
        }
        let (kept, texts, nulls) = match (aggregate, arguments.values.as_slice()) {
            (JsonAggregate::Array, [value]) => {
                let (json, text) = self.json_value(value, name, at)?;
                (json, text, arguments.nulls.unwrap_or(Nulls::LeftOut))
            }
            (JsonAggregate::Object, [key, value]) => {
                let place = place_of(key, at);
                let key = input.bind(key)?.plain();
                if key.data_type != DataType::Utf8 {
                    let type_name = flink_name(&key.data_type);
                    let message =
                        format!("the key of {name} is STRING, {} is {type_name}", key.text);
                    return Err(SqlError::new(place, message).hint("use CAST(<key> AS STRING)"));
                }
                let (json, text) = self.json_value(value, name, at)?;
                let text = format!("{} VALUE {text}", key.text);
                let pair = [key, json];
                let expr = rows::row(&pair, at)?;
                let kept = input.finish(expr, false, (text.clone(), precedence::ATOM), || {
                    SqlError::new(at, format!("{name} cannot be applied here"))
                })?;
                (kept, text, arguments.nulls.unwrap_or(Nulls::Written))
            }
            (JsonAggregate::Array, _) => {
                return Err(SqlError::new(at, format!("{name} takes one argument")));
            }
            (JsonAggregate::Object, _) => {
                return Err(SqlError::new(at, format!("{name} takes a key with its value"))
                    .hint(format!("write {name}(KEY <key> VALUE <value>)")));
            }
        };
        let said = if nulls == Nulls::Written { "NULL ON NULL" } else { "ABSENT ON NULL" };
        let text = format!("{name}({texts} {said})");
        let data_type = (array_of(kept.data_type.clone(), true), true);
        let all = AggregateFunction::AllValues;
        let list = self.register(all, Some((kept, false)), None, data_type);
        let expr: Value = match aggregate {
            JsonAggregate::Array => json_listed::array(list, nulls),
            JsonAggregate::Object => json_listed::object(list, nulls),
        };
        Binder::new(self, at).finish(expr, false, (text, precedence::ATOM), || {
            SqlError::new(at, format!("{name} cannot be applied here"))
        })
    }

    /// A value as JSON, NULL where it is NULL, and the value's text.
    fn json_value(&self, value: &Expr, name: &str, at: Position) -> Result<(Bound, String)> {
        let is_json = is_made_json(value);
        let input = Binder::new(self.input, at);
        let part = Part { value: input.bind(value)?.plain(), is_json };
        let text = part.value.text.clone();
        let json = format!("JSON({text})");
        let expr = json_made::json_of(name, &part, at)?;
        let bound = input.finish(expr, true, (json, precedence::ATOM), || {
            SqlError::new(at, format!("{name} cannot be applied to {text}"))
        })?;
        Ok((bound, text))
    }
}
