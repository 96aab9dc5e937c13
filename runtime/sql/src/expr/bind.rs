//! Resolves a parsed expression: names, functions, types.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion_expr::Expr;
use sqlparser::ast::{
    self, BinaryOperator, CastKind, CeilFloorKind, DateTimeField, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, ObjectName, Spanned, TrimWhereField, UnaryOperator,
    Value, visit_expressions,
};

use super::bound::{Bound, Meaning, coerce, precedence};
use super::scope::Scope;
use super::{access, cast, field, intervals, literal, operator, overlaps, rows};
use crate::ambient;
use crate::error::{Position, Result, SqlError, start_of};
use crate::functions::{self, Call};
use crate::statement::is_database;
use crate::types::{text_of, type_of_text};
use crate::window;

/// Resolves expressions in one scope.
#[derive(Clone, Copy)]
pub(crate) struct Binder<'a> {
    scope: &'a dyn Scope,
    /// The place of errors where the parser kept none.
    outer: Position,
    /// How deep the expression is nested here.
    depth: usize,
}

/// Deeper expressions are refused, since they are resolved on a thread's stack.
const DEPTH_MAX: usize = 256;

/// The aggregates, of which some are known only to be refused.
pub(crate) const AGGREGATES: [&str; 46] = [
    "COUNT",
    "SUM",
    "MIN",
    "MAX",
    "AVG",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "STDDEV",
    "VAR_POP",
    "VAR_SAMP",
    "VARIANCE",
    "FIRST_VALUE",
    "LAST_VALUE",
    "LISTAGG",
    "COLLECT",
    "ARRAY_AGG",
    "APPROX_COUNT_DISTINCT",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "PERCENTILE",
    "MEDIAN",
    "STRING_AGG",
    "APPROX_DISTINCT",
    "APPROX_MEDIAN",
    "APPROX_PERCENTILE_CONT",
    "PERCENTILE_CONT",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "BOOL_AND",
    "BOOL_OR",
    "CORR",
    "COVAR",
    "COVAR_POP",
    "COVAR_SAMP",
    "REGR_AVGX",
    "REGR_AVGY",
    "REGR_COUNT",
    "REGR_INTERCEPT",
    "REGR_R2",
    "REGR_SLOPE",
    "REGR_SXX",
    "REGR_SXY",
    "REGR_SYY",
    "APPROX_PERCENTILE_CONT_WITH_WEIGHT",
    "NTH_VALUE",
];

/// Whether a function of this name aggregates.
pub(crate) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.iter().any(|aggregate| aggregate.eq_ignore_ascii_case(name))
}

/// Whether an expression, or any part of it, is such a one.
pub(crate) fn has_part(expr: &ast::Expr, is_it: impl Fn(&ast::Expr) -> bool) -> bool {
    let found = visit_expressions(expr, |part: &ast::Expr| match is_it(part) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Where an expression begins.
pub(crate) fn place_of(expr: &ast::Expr, outer: Position) -> Position {
    match expr {
        // The parser's span of a function leaves out nothing, but that of these begins inside.
        ast::Expr::Nested(inner) => place_of(inner, outer),
        _ => start_of(expr.span()).unwrap_or(outer),
    }
}

impl<'a> Binder<'a> {
    /// A binder for one scope.
    pub(crate) fn new(scope: &'a dyn Scope, outer: Position) -> Self {
        Self { scope, outer, depth: 0 }
    }

    /// Resolves an expression.
    pub(crate) fn bind(&self, expr: &ast::Expr) -> Result<Bound> {
        let at = place_of(expr, self.outer);
        let here = Self { scope: self.scope, outer: at, depth: self.depth + 1 };
        if here.depth > DEPTH_MAX {
            return Err(SqlError::new(at, "the expression is nested too deeply")
                .hint(format!("at most {DEPTH_MAX} operators stand within each other")));
        }
        if let Some(bound) = self.scope.whole(expr, at)? {
            return Ok(bound);
        }
        here.bind_here(expr, at)
    }

    fn bind_here(&self, expr: &ast::Expr, at: Position) -> Result<Bound> {
        use ast::Expr as E;
        match expr {
            E::Nested(inner) => self.bind(inner),
            E::Identifier(name) => self.with_value(self.scope.column(None, name, at)?, at),
            E::CompoundIdentifier(parts) => self.with_value(self.qualified(parts, at)?, at),
            E::Value(value) => literal::literal(&value.value, at),
            E::TypedString(typed) => literal::typed_string(typed, at),
            E::Interval(interval) => literal::interval(interval, at),
            E::UnaryOp { op, expr } => self.unary(*op, expr, at),
            E::BinaryOp { left, op, right } => {
                if *op == BinaryOperator::Eq
                    && let Some(equal) = rows::equal(self, left, right, at)?
                {
                    return Ok(equal);
                }
                if *op == BinaryOperator::Overlaps {
                    return overlaps::overlaps(self, [left, right], at);
                }
                operator::binary(self, self.bind(left)?, op, self.bind(right)?, at)
            }
            E::IsNull(_)
            | E::IsNotNull(_)
            | E::IsTrue(_)
            | E::IsNotTrue(_)
            | E::IsFalse(_)
            | E::IsNotFalse(_)
            | E::IsUnknown(_)
            | E::IsNotUnknown(_) => operator::is(self, expr, at),
            E::IsDistinctFrom(left, right) => {
                operator::distinct(self, self.bind(left)?, self.bind(right)?, false, at)
            }
            E::IsNotDistinctFrom(left, right) => {
                operator::distinct(self, self.bind(left)?, self.bind(right)?, true, at)
            }
            E::Between { expr, negated, low, high } => {
                operator::between(self, &[expr, low, high], *negated, at)
            }
            E::InList { expr, list, negated } => {
                if let Some(found) = rows::in_list(self, expr, list, *negated, at)? {
                    return Ok(found);
                }
                operator::in_list(self, self.bind(expr)?, self.bind_all(list)?, *negated, at)
            }
            E::Like { negated, any: false, expr, pattern, escape_char } => operator::like(
                self,
                [self.bind(expr)?, self.bind(pattern)?],
                escape_char.as_ref(),
                *negated,
                at,
            ),
            E::Case { operand, conditions, else_result, .. } => {
                operator::case(self, operand.as_deref(), conditions, else_result.as_deref(), at)
            }
            E::Cast { kind, expr, data_type, .. } => {
                if *kind == CastKind::DoubleColon {
                    return Err(SqlError::new(at, "the operator :: is not supported")
                        .hint("use CAST(<value> AS <type>)"));
                }
                let name = text_of(data_type);
                let to = type_of_text(&name, at)?;
                let bound = cast::explicit(self.bind(expr)?, &to, *kind == CastKind::TryCast, at)?;
                Ok(cast::with_precision(cast::with_length(bound, &name), &name))
            }
            _ => self.function_syntax(expr, at),
        }
    }

    /// Functions with a syntax of their own.
    fn function_syntax(&self, expr: &ast::Expr, at: Position) -> Result<Bound> {
        use ast::Expr as E;
        match expr {
            E::Function(function) => self.function(function, at),
            E::Tuple(values) => rows::tuple(self, values, at),
            E::Array(array) if array.named => self.array(&array.elem, at),
            E::CompoundFieldAccess { root, access_chain } => {
                access::chain(self, root, access_chain, at)
            }
            E::Extract { field, expr, .. } => self.unit_call("EXTRACT", field, expr, at),
            E::Floor { expr, field } => self.rounding("FLOOR", expr, field, at),
            E::Ceil { expr, field } => self.rounding("CEIL", expr, field, at),
            E::Substring { expr, substring_from, substring_for, .. } => {
                let arguments = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
                self.call("SUBSTRING", arguments.into_iter().flatten().map(AsRef::as_ref), at)
            }
            E::Position { expr, r#in } => {
                self.call("POSITION", [expr.as_ref(), r#in.as_ref()].into_iter(), at)
            }
            E::Trim { trim_where, trim_what, expr, .. } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "LTRIM",
                    Some(TrimWhereField::Trailing) => "RTRIM",
                    _ => "TRIM",
                };
                let arguments = std::iter::once(expr).chain(trim_what.as_ref());
                self.call(name, arguments.map(AsRef::as_ref), at)
            }
            E::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let arguments =
                    [Some(expr), Some(overlay_what), Some(overlay_from), overlay_for.as_ref()];
                self.call("OVERLAY", arguments.into_iter().flatten().map(AsRef::as_ref), at)
            }
            E::SimilarTo { negated, expr, pattern, escape_char } => {
                let sides = [self.bind(expr)?, self.bind(pattern)?];
                operator::similar(self, sides, escape_char.as_ref(), *negated, at)
            }
            E::InSubquery { .. } | E::Exists { .. } | E::Subquery(_) => Err(unsupported(
                "a subquery here",
                at,
            )
            .hint(
                "a subquery can stand in FROM, SELECT, WHERE, HAVING and in ON of an inner JOIN",
            )),
            E::RLike { .. } | E::ILike { .. } => {
                Err(unsupported("this pattern operator", at).hint("use LIKE or REGEXP(s, pattern)"))
            }
            E::AtTimeZone { .. } => Err(unsupported("AT TIME ZONE", at)),
            E::Wildcard(_) | E::QualifiedWildcard(..) => {
                Err(SqlError::new(at, "* cannot stand here"))
            }
            other => Err(SqlError::new(at, format!("the expression {other} is not supported"))),
        }
    }

    /// Resolves several expressions.
    pub(crate) fn bind_all(&self, list: &[ast::Expr]) -> Result<Vec<Bound>> {
        list.iter().map(|expr| self.bind(expr)).collect()
    }

    /// Checks the types of a built expression and gives it its text.
    pub(crate) fn finish(
        &self,
        expr: Expr,
        nullable: bool,
        (text, precedence): (String, u8),
        wrong: impl FnOnce() -> SqlError,
    ) -> Result<Bound> {
        let (expr, data_type) = coerce(expr, &self.scope.schema()).map_err(|_| wrong())?;
        Ok(Bound { expr, data_type, nullable, text, precedence, meaning: Meaning::Plain })
    }

    /// `table.column`, `column.field`, `table.column.field`, and fields of fields. As in Flink, the
    /// first name is that of a table if there is one with such a column.
    pub(super) fn qualified(&self, parts: &[Ident], at: Position) -> Result<Bound> {
        let [first, second, rest @ ..] = parts else {
            return Err(SqlError::new(at, "expected a column"));
        };
        match self.scope.column(Some(first), second, at) {
            Ok(column) => field::fields(column, rest, at),
            Err(error) => match self.scope.column(None, first, at) {
                Ok(row) if matches!(row.data_type, DataType::Struct(_)) => {
                    field::fields(row, &parts[1..], at)
                }
                _ if is_database(first) && !rest.is_empty() => self.qualified(&parts[1..], at),
                _ => Err(error),
            },
        }
    }

    /// Refuses a window column without a value inside another expression.
    fn with_value(&self, column: Bound, at: Position) -> Result<Bound> {
        if self.depth > 1 {
            window::refuse_expanded(&column, at)?;
        }
        Ok(column)
    }

    fn unary(&self, op: UnaryOperator, expr: &ast::Expr, at: Position) -> Result<Bound> {
        if let (UnaryOperator::Minus, ast::Expr::Value(value)) = (op, expr)
            && let Value::Number(digits, _) = &value.value
        {
            return literal::number(digits, true, at);
        }
        operator::unary(self, op, self.bind(expr)?, at)
    }

    fn rounding(
        &self,
        name: &'static str,
        expr: &ast::Expr,
        field: &CeilFloorKind,
        at: Position,
    ) -> Result<Bound> {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                self.call(name, std::iter::once(expr), at)
            }
            CeilFloorKind::DateTimeField(unit) => self.unit_call(name, unit, expr, at),
            CeilFloorKind::Scale(_) => Err(SqlError::new(at, format!("{name} takes one argument"))
                .hint("ROUND takes a number of digits")),
        }
    }

    /// `EXTRACT(unit FROM value)`, `FLOOR(value TO unit)`.
    fn unit_call(
        &self,
        name: &'static str,
        unit: &DateTimeField,
        expr: &ast::Expr,
        at: Position,
    ) -> Result<Bound> {
        let unit = unit.to_string().to_ascii_uppercase();
        let argument = self.bind(expr)?;
        let text = match name {
            "EXTRACT" => format!("EXTRACT({unit} FROM {})", argument.text),
            _ => format!("{name}({} TO {unit})", argument.text),
        };
        let of_interval = match name {
            "EXTRACT" => intervals::part(&unit, &argument),
            _ => None,
        };
        let built = match of_interval {
            Some(part) => part,
            None => functions::with_unit(name, &unit, &argument, at)?,
        };
        self.finish(built, argument.nullable, (text, precedence::ATOM), || {
            functions::wrong_arguments(name, std::slice::from_ref(&argument), at)
        })
    }

    fn call<'e>(
        &self,
        name: &str,
        arguments: impl Iterator<Item = &'e ast::Expr>,
        at: Position,
    ) -> Result<Bound> {
        let arguments = arguments.map(|expr| self.bind(expr)).collect::<Result<Vec<_>>>()?;
        self.call_bound(name, &arguments, at)
    }

    pub(super) fn call_bound(
        &self,
        name: &str,
        arguments: &[Bound],
        at: Position,
    ) -> Result<Bound> {
        let call = Call { name, arguments, at };
        let built = functions::build(&call)?;
        if name == ambient::PROCTIME {
            return Ok(ambient::attribute());
        }
        let texts: Vec<&str> = arguments.iter().map(|a| a.text.as_str()).collect();
        let text = functions::text_of(&call, &texts.join(", "));
        // A function may give null for what is not null, so that it counts as nullable.
        let nullable = !functions::is_never_null(name, arguments);
        let bound = self.finish(built, nullable, (text, precedence::ATOM), || {
            functions::wrong_arguments(name, arguments, at)
        })?;
        functions::library::as_column(&call, bound)
    }

    /// `ARRAY[a, b]`.
    fn array(&self, elements: &[ast::Expr], at: Position) -> Result<Bound> {
        let elements = self.bind_all(elements)?;
        let expr = functions::collections::array(&elements, at)?;
        self.constructed("ARRAY", expr, &elements, at)
    }

    pub(super) fn constructed(
        &self,
        name: &str,
        expr: Expr,
        parts: &[Bound],
        at: Position,
    ) -> Result<Bound> {
        let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        let text = (format!("{name}[{}]", texts.join(", ")), precedence::ATOM);
        self.finish(expr, false, text, || functions::wrong_arguments(name, parts, at))
    }

    fn function(&self, function: &Function, at: Position) -> Result<Bound> {
        let name = function_name(&function.name, at)?.to_ascii_uppercase();
        if let Some(special) = super::special::call(self, function, &name, at)? {
            return Ok(special);
        }
        if function.over.is_some() {
            return Err(SqlError::new(at, "OVER cannot stand here").hint(
                "it stands in the SELECT list; put the query into a subquery to use its value",
            ));
        }
        if is_aggregate(&name) {
            return Err(self.scope.refuse_aggregate(&name, at));
        }
        window::group::refuse(&name, at)?;
        if function.filter.is_some() {
            return Err(SqlError::new(at, format!("{name} takes no FILTER: it is no aggregate")));
        }
        functions::check_known(&name, at)?;
        let arguments = function_arguments(function, &name, at)?;
        if let Some(unit) = functions::takes_unit(&name) {
            return self.unit_first(unit, &name, &arguments, at);
        }
        self.call(&name, arguments.into_iter(), at)
    }

    /// `TIMESTAMPDIFF(SECOND, a, b)`: the first argument is a word.
    fn unit_first(
        &self,
        count: usize,
        name: &str,
        arguments: &[&ast::Expr],
        at: Position,
    ) -> Result<Bound> {
        let (Some(ast::Expr::Identifier(unit)), true) =
            (arguments.first(), arguments.len() == count)
        else {
            return Err(SqlError::new(at, format!("{name} takes a unit and {} values", count - 1))
                .hint(format!("write {name}(SECOND, ..., ...)")));
        };
        let mut bound = vec![literal::text(&unit.value.to_ascii_uppercase())];
        for argument in &arguments[1..] {
            bound.push(self.bind(argument)?);
        }
        self.call_bound(name, &bound, at)
    }
}

/// A function's name, which has no catalog.
pub(crate) fn function_name(name: &ObjectName, at: Position) -> Result<&str> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.as_str()),
        _ => None,
    }
    .ok_or_else(|| SqlError::new(at, format!("unknown function {name}")))
}

/// A function's arguments, all of which are plain expressions.
pub(crate) fn function_arguments<'e>(
    function: &'e Function,
    name: &str,
    at: Position,
) -> Result<Vec<&'e ast::Expr>> {
    let list = match &function.args {
        FunctionArguments::None => return Ok(Vec::new()),
        FunctionArguments::List(list) => list,
        FunctionArguments::Subquery(_) => {
            return Err(unsupported("a subquery as an argument", at));
        }
    };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return Err(SqlError::new(at, format!("{name} takes only values in its parentheses")));
    }
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
            _ => Err(SqlError::new(at, format!("{name} takes values without names or *"))),
        })
        .collect()
}

/// The error for a construct that is known but not there yet.
fn unsupported(what: &str, at: Position) -> SqlError {
    SqlError::new(at, format!("{what} is not supported yet"))
}
