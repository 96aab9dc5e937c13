//! What names and calls mean in `DEFINE` and `MEASURES`.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::{DFSchema, DFSchemaRef};
use sabot_core::plan::{AggregateFunction, MatchFunction};
use sqlparser::ast::{
    self, DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
};

use super::{MatchColumn, WrittenTime, unknown};
use crate::ambient;
use crate::columns::Columns;
use crate::error::{Position, Result, SqlError};
use crate::expr::{
    Binder, Bound, Meaning, Scope, function_arguments, function_name, is_aggregate, place_of,
};
use crate::names::new_text;
use crate::relation::{Relation, columns_schema};
use crate::sums::{check_extreme, narrow_sum, quotient, wide_sum};
use crate::zone::is_instant;

/// The scope of a condition, or of the measures.
pub(super) struct MatchScope<'a> {
    pub(super) input: &'a Relation,
    /// The columns of the input that are read.
    pub(super) columns: &'a RefCell<Columns>,
    /// The names of the variables.
    pub(super) variables: &'a [&'a Ident],
    /// The variable that is defined; none: these are measures.
    pub(super) defined: Option<usize>,
    /// What is read of rows of matches.
    pub(super) found: &'a RefCell<Vec<MatchColumn>>,
    /// What rows are ordered by first.
    pub(super) time: &'a WrittenTime,
    pub(super) at: Position,
}

/// A variable, or all.
type Variable = Option<usize>;

impl MatchScope<'_> {
    /// The variable that stands before a column; none: all.
    fn variable(&self, qualifier: Option<&Ident>, at: Position) -> Result<Variable> {
        let Some(name) = qualifier else { return Ok(None) };
        let found = self.variables.iter().position(|variable| variable.value == name.value);
        found.map(Some).ok_or_else(|| unknown(name, self.variables.iter().copied(), at))
    }

    /// A column of the input, as one that is read.
    fn input_column(&self, name: &Ident, at: Position) -> Result<usize> {
        let value = self.input.column(None, name, at)?;
        Ok(self.columns.borrow_mut().take(&value))
    }

    fn navigate(
        &self,
        variable: Variable,
        function: MatchFunction,
        name: &Ident,
        at: Position,
    ) -> Result<Bound> {
        let index = self.input_column(name, at)?;
        let column = self.columns.borrow().column(index);
        let is_current = function == MatchFunction::Last(0)
            && self.defined.is_some_and(|own| variable.is_none_or(|variable| variable == own));
        if is_current {
            return Ok(column.plain());
        }
        let of = format!("{}{}", self.prefix(variable), column.text);
        let text = match function {
            MatchFunction::First(0) => format!("FIRST({of})"),
            MatchFunction::Last(0) => format!("LAST({of})"),
            MatchFunction::First(offset) => format!("FIRST({of}, {offset})"),
            MatchFunction::Last(offset) => format!("LAST({of}, {offset})"),
            MatchFunction::Aggregate(_) | MatchFunction::Time => of,
        };
        let data_type = column.data_type.clone();
        Ok(self.register(text, variable, Some(index), function, (data_type, true)))
    }

    fn prefix(&self, variable: Variable) -> String {
        variable.map_or(String::new(), |index| {
            format!("{}.", crate::expr::quoted(&self.variables[index].value))
        })
    }

    fn register(
        &self,
        name: String,
        variable: Variable,
        argument: Option<usize>,
        function: MatchFunction,
        (data_type, nullable): (DataType, bool),
    ) -> Bound {
        // No text of a column begins so.
        let column = format!("$match {name}");
        let text = new_text(&self.input.fields, name);
        let mut found = self.found.borrow_mut();
        if !found.iter().any(|known| known.column == column) {
            found.push(MatchColumn {
                column: column.clone(),
                name: text.clone(),
                variable,
                argument,
                function,
                data_type: data_type.clone(),
                nullable,
            });
        }
        Bound::column(&column, text, data_type, nullable)
    }

    fn call(&self, function: &Function, name: &str, at: Position) -> Result<Option<Bound>> {
        match name {
            "FIRST" | "LAST" => self.navigation(function, name, at).map(Some),
            "MATCH_ROWTIME" => self.row_time(function, at).map(Some),
            "MATCH_PROCTIME" if self.defined.is_none() => {
                match function_arguments(function, name, at)?.as_slice() {
                    [] => Ok(Some(ambient::attribute())),
                    _ => Err(SqlError::new(at, "MATCH_PROCTIME takes no arguments")),
                }
            }
            "MATCH_PROCTIME" => Err(SqlError::new(
                at,
                "MATCH_PROCTIME cannot stand in DEFINE: it changes by itself",
            )
            .hint("it stands in MEASURES")),
            // Of the time at which a row comes: the conditions are asked of rows that have come.
            "CURRENT_TIMESTAMP"
            | "CURRENT_ROW_TIMESTAMP"
            | "NOW"
            | "LOCALTIMESTAMP"
            | "CURRENT_DATE"
            | "CURRENT_TIME"
            | "LOCALTIME"
                if self.defined.is_some() =>
            {
                let call = ast::Expr::Function(function.clone());
                let time = Binder::new(self.input, at).bind(&call)?;
                let index = self.columns.borrow_mut().take(&time);
                Ok(Some(self.columns.borrow().column(index).plain()))
            }
            "PREV" | "NEXT" => {
                Err(SqlError::new(at, format!("{name} is not supported in MATCH_RECOGNIZE"))
                    .hint("LAST(A.price, 1) is the value of the row of A before its last one"))
            }
            "CLASSIFIER" | "MATCH_NUMBER" => {
                Err(SqlError::new(at, format!("{name} is not supported in MATCH_RECOGNIZE")))
            }
            _ if is_aggregate(name) && function.over.is_none() => {
                self.aggregate(function, name, at).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// `FIRST(value [, n])`.
    fn navigation(&self, function: &Function, name: &str, at: Position) -> Result<Bound> {
        let wrong = || {
            SqlError::new(at, format!("{name} takes a value and how many rows it is away"))
                .hint(format!("write {name}(A.price), or {name}(A.price, 1) with a whole number"))
        };
        let arguments = function_arguments(function, name, at)?;
        let (value, offset) = match arguments.as_slice() {
            [value] => (*value, 0),
            [value, offset] => {
                let offset = Binder::new(self.input, at).bind(offset).map_err(|_| wrong())?;
                let offset = offset.literal_integer().and_then(|offset| offset.try_into().ok());
                (*value, offset.ok_or_else(wrong)?)
            }
            _ => return Err(wrong()),
        };
        let kind = if name == "FIRST" { MatchFunction::First } else { MatchFunction::Last };
        let inner = Within::new(self, name, Some(kind(offset)));
        let bound = Binder::new(&inner, place_of(value, at)).bind(value)?;
        if inner.variable.get().is_none() {
            return Err(SqlError::new(at, format!("{name} needs a column"))
                .hint(format!("write {name}(A.price)")));
        }
        Ok(bound)
    }

    fn row_time(&self, function: &Function, at: Position) -> Result<Bound> {
        let name = "MATCH_ROWTIME";
        if self.defined.is_some() {
            return Err(SqlError::new(at, "MATCH_ROWTIME cannot stand in DEFINE")
                .hint("compare with the column that rows are ordered by"));
        }
        let Some(time) = &self.time.row_time else {
            return Err(SqlError::new(
                at,
                "MATCH_ROWTIME needs rows that are ordered by event time",
            )
            .hint("MATCH_PROCTIME() is the time of rows that are ordered by processing time"));
        };
        let data_type = time.data_type.clone();
        match function_arguments(function, name, at)?.as_slice() {
            [] if !is_instant(&data_type) => {}
            [column] if Binder::new(self.input, at).bind(column)?.expr == time.expr => {}
            _ => {
                let hint = format!("write MATCH_ROWTIME({})", time.text);
                let message = "MATCH_ROWTIME takes the column that rows are ordered by";
                return Err(SqlError::new(at, message).hint(hint));
            }
        }
        let text = format!("{name}()");
        let time = self.register(text, None, None, MatchFunction::Time, (data_type, false));
        Ok(Bound { meaning: Meaning::RowTime, ..time })
    }

    fn aggregate(&self, function: &Function, name: &str, at: Position) -> Result<Bound> {
        if !matches!(name, "COUNT" | "SUM" | "AVG" | "MIN" | "MAX" | "FIRST_VALUE" | "LAST_VALUE") {
            return Err(SqlError::new(
                at,
                format!("the aggregate function {name} is not supported in MATCH_RECOGNIZE"),
            )
            .hint("supported are COUNT, SUM, AVG, MIN, MAX, FIRST_VALUE and LAST_VALUE"));
        }
        let (variable, argument) = self.argument(function, name, at)?;
        let Some(argument) = argument else { return Ok(self.count(variable, None)) };
        let data_type = argument.data_type.clone();
        let simple = |kind| {
            let result = (data_type.clone(), true);
            self.computed(name, variable, &argument, MatchFunction::Aggregate(kind), result)
        };
        match name {
            "COUNT" => Ok(self.count(variable, Some(&argument))),
            "SUM" => Ok(narrow_sum(self.sum(variable, &argument, at)?, data_type)),
            "AVG" => {
                let sum = self.sum(variable, &argument, at)?;
                let text = format!("AVG({}{})", self.prefix(variable), argument.text);
                let text = new_text(&self.input.fields, text);
                let count = self.count(variable, Some(&argument));
                quotient(sum, count, &data_type, text, &self.schema(), at)
            }
            "MIN" | "MAX" => {
                check_extreme(&argument, at)?;
                let is_least = name == "MIN";
                Ok(simple(if is_least { AggregateFunction::Min } else { AggregateFunction::Max }))
            }
            "FIRST_VALUE" => Ok(simple(AggregateFunction::First)),
            _ => Ok(simple(AggregateFunction::Last)),
        }
    }

    fn count(&self, variable: Variable, argument: Option<&Bound>) -> Bound {
        let of = argument.map_or("*", |argument| argument.text.as_str());
        let text = format!("COUNT({}{of})", self.prefix(variable));
        let index = argument.map(|argument| self.columns.borrow_mut().take(argument));
        let function = MatchFunction::Aggregate(AggregateFunction::Count);
        self.register(text, variable, index, function, (DataType::Int64, false))
    }

    fn sum(&self, variable: Variable, argument: &Bound, at: Position) -> Result<Bound> {
        let wide = wide_sum(argument, at)?;
        let argument = argument.clone().implicit_cast(&wide);
        let function = MatchFunction::Aggregate(AggregateFunction::Sum);
        Ok(self.computed("SUM", variable, &argument, function, (wide, true)))
    }

    fn computed(
        &self,
        name: &str,
        variable: Variable,
        argument: &Bound,
        function: MatchFunction,
        result: (DataType, bool),
    ) -> Bound {
        let index = self.columns.borrow_mut().take(argument);
        let text = format!("{name}({}{})", self.prefix(variable), argument.text);
        self.register(text, variable, Some(index), function, result)
    }

    /// The variable and the one argument of an aggregate; none of what counts rows.
    fn argument(
        &self,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<(Variable, Option<Bound>)> {
        let FunctionArguments::List(list) = &function.args else {
            return Err(SqlError::new(at, format!("{name} needs an argument")));
        };
        if matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct)) {
            return Err(SqlError::new(
                at,
                format!("{name}(DISTINCT ...) is not supported in MATCH_RECOGNIZE"),
            )
            .hint(format!("write {name}(...)")));
        }
        if function.filter.is_some() {
            return Err(SqlError::new(at, format!("{name} takes no FILTER in MATCH_RECOGNIZE"))
                .hint("aggregate CASE WHEN <condition> THEN <value> END"));
        }
        if !list.clauses.is_empty() || !function.within_group.is_empty() {
            return Err(SqlError::new(at, format!("{name} takes only a value")));
        }
        match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if name == "COUNT" => {
                Ok((None, None))
            }
            [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(of))] if name == "COUNT" => {
                let [ast::ObjectNamePart::Identifier(of)] = of.0.as_slice() else {
                    return Err(SqlError::new(at, format!("{of} is no variable of the pattern")));
                };
                Ok((self.variable(Some(of), at)?, None))
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => {
                let inner = Within::new(self, name, None);
                let value = Binder::new(&inner, at).bind(expr)?.plain();
                Ok((inner.variable.get().flatten(), Some(value)))
            }
            _ => Err(SqlError::new(at, format!("{name} takes one argument"))),
        }
    }
}

impl Scope for MatchScope<'_> {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        let variable = self.variable(qualifier, at)?;
        self.navigate(variable, MatchFunction::Last(0), name, at)
    }

    fn schema(&self) -> DFSchemaRef {
        let mut fields = self.columns.borrow().fields();
        let found = self.found.borrow();
        fields.extend(found.iter().map(MatchColumn::field));
        // Names are unique by construction, so that this cannot fail.
        columns_schema(fields, self.at).unwrap_or_else(|_| Arc::new(DFSchema::empty()))
    }

    fn whole(&self, expr: &ast::Expr, at: Position) -> Result<Option<Bound>> {
        match expr {
            ast::Expr::Function(function) => {
                let name = function_name(&function.name, at)?.to_ascii_uppercase();
                self.call(function, &name, at)
            }
            _ => Ok(None),
        }
    }
}

impl MatchColumn {
    /// Its column.
    pub(crate) fn field(&self) -> ArrowField {
        ArrowField::new(&self.column, self.data_type.clone(), self.nullable)
    }
}

/// The scope within `FIRST`, `LAST` or an aggregate, whose columns are all of one variable.
struct Within<'a> {
    outer: &'a MatchScope<'a>,
    name: &'a str,
    /// Which row a column is of; none: of each row.
    function: Option<MatchFunction>,
    /// The variable, once a column has told it.
    variable: Cell<Option<Variable>>,
}

impl<'a> Within<'a> {
    fn new(outer: &'a MatchScope<'a>, name: &'a str, function: Option<MatchFunction>) -> Self {
        Self { outer, name, function, variable: Cell::new(None) }
    }
}

impl Scope for Within<'_> {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        let variable = self.outer.variable(qualifier, at)?;
        if self.variable.get().is_some_and(|known| known != variable) {
            let message = format!("the columns within {} are of different variables", self.name);
            return Err(SqlError::new(at, message)
                .hint(format!("write {0}(A.price) + {0}(B.price)", self.name)));
        }
        let bound = match self.function {
            None => self.outer.input.column(None, name, at)?,
            Some(function) => self.outer.navigate(variable, function, name, at)?,
        };
        self.variable.set(Some(variable));
        Ok(bound)
    }

    fn schema(&self) -> DFSchemaRef {
        match self.function {
            None => self.outer.input.schema(),
            Some(_) => self.outer.schema(),
        }
    }

    fn whole(&self, expr: &ast::Expr, at: Position) -> Result<Option<Bound>> {
        let ast::Expr::Function(function) = expr else { return Ok(None) };
        let inner = function_name(&function.name, at)?.to_ascii_uppercase();
        let own = ["FIRST", "LAST", "PREV", "NEXT", "MATCH_ROWTIME", "MATCH_PROCTIME"];
        if own.contains(&inner.as_str()) || is_aggregate(&inner) {
            return Err(SqlError::new(at, format!("{inner} cannot stand within {}", self.name)));
        }
        Ok(None)
    }
}
