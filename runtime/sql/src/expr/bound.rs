//! An expression whose names are resolved and whose type is known.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{DFSchemaRef, ScalarValue};
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{Expr, ExprSchemable, cast};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;

use crate::functions::casts::{self, Otherwise};

/// How tightly an operator binds; a child that binds less needs parentheses.
pub(crate) mod precedence {
    pub(crate) const OR: u8 = 1;
    pub(crate) const AND: u8 = 2;
    pub(crate) const NOT: u8 = 3;
    pub(crate) const COMPARISON: u8 = 4;
    pub(crate) const ADDITION: u8 = 5;
    pub(crate) const MULTIPLICATION: u8 = 6;
    pub(crate) const SIGN: u8 = 7;
    pub(crate) const ATOM: u8 = 10;
}

/// What a column means to windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing.
    Plain,
    /// The event time that the watermark follows.
    RowTime,
    /// Processing time.
    ProcTime,
    /// The begin of the row's window.
    WindowStart,
    /// The end of the row's window.
    WindowEnd,
    /// The last moment of the row's window; also a row time.
    WindowTime,
}

/// A resolved expression over the columns of one base (a table or an aggregation).
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    /// The expression over the base's columns by name.
    pub expr: Expr,
    /// Its type.
    pub data_type: DataType,
    /// False only when it can never be null.
    pub nullable: bool,
    /// Its canonical text over the source's columns: state and operators are named by it, so it
    /// depends neither on aliases and views nor on the version of any library.
    pub text: String,
    /// How tightly the text's outermost operator binds.
    pub precedence: u8,
    /// What it means to windows; anything but a column is plain.
    pub meaning: Meaning,
}

impl Bound {
    /// A column of the base.
    pub(crate) fn column(name: &str, text: String, data_type: DataType, nullable: bool) -> Self {
        Self {
            expr: column_expr(name),
            data_type,
            nullable,
            text,
            precedence: precedence::ATOM,
            meaning: Meaning::Plain,
        }
    }

    /// The text, in parentheses if it binds less than `at_least`.
    pub(crate) fn text_within(&self, at_least: u8) -> String {
        if self.precedence < at_least { format!("({})", self.text) } else { self.text.clone() }
    }

    /// The same values as another type; the text stays, since the cast is implied.
    pub(crate) fn implicit_cast(mut self, to: &DataType) -> Self {
        if self.data_type != *to {
            // The library would look for fields by their names.
            let by_place = match self.data_type.is_nested() {
                true => casts::cast(self.expr.clone(), &self.data_type, to, Otherwise::Fail),
                false => None,
            };
            self.expr = by_place.unwrap_or_else(|| cast(self.expr, to.clone()));
            self.data_type = to.clone();
            self.meaning = Meaning::Plain;
        }
        self
    }

    /// A text as a DATE; NULL where it is none.
    pub(crate) fn read_as_date(mut self) -> Self {
        let (from, to) = (DataType::Utf8, DataType::Date32);
        if let Some(expr) = casts::cast(self.expr.clone(), &from, &to, Otherwise::Null) {
            self.expr = expr;
        }
        Self { data_type: to, nullable: true, meaning: Meaning::Plain, ..self }
    }

    /// A number as a BIGINT, without its digits behind the point.
    pub(crate) fn truncated(self) -> Expr {
        let cut =
            casts::cast(self.expr.clone(), &self.data_type, &DataType::Int64, Otherwise::Fail);
        cut.unwrap_or_else(|| cast(self.expr, DataType::Int64))
    }

    /// The text, if this is a literal text.
    pub(crate) fn literal_text(&self) -> Option<&str> {
        match &self.expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text),
            _ => None,
        }
    }

    /// Whether this is TRUE for every row.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self.expr, Expr::Literal(ScalarValue::Boolean(Some(true)), _))
    }

    /// The number, if this is a literal whole number.
    pub(crate) fn literal_integer(&self) -> Option<i64> {
        match &self.expr {
            Expr::Literal(ScalarValue::Int32(Some(n)), _) => Some(i64::from(*n)),
            Expr::Literal(ScalarValue::Int64(Some(n)), _) => Some(*n),
            _ => None,
        }
    }

    /// The same expression without a meaning to windows.
    pub(crate) fn plain(mut self) -> Self {
        self.meaning = Meaning::Plain;
        self
    }
}

/// A reference to a column by its exact name.
pub(crate) fn column_expr(name: &str) -> Expr {
    Expr::Column(datafusion_common::Column::new_unqualified(name))
}

/// A name as it stands in canonical texts: in backticks unless it is a simple name.
pub(crate) fn quoted(name: &str) -> String {
    let simple = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if simple { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

/// Inserts the casts that make the expression's types fit, and finds its type.
pub(crate) fn coerce(
    expr: Expr,
    schema: &DFSchemaRef,
) -> datafusion_common::Result<(Expr, DataType)> {
    let expr = simplifier(Arc::clone(schema)).coerce(expr, schema)?;
    let data_type = expr.get_type(schema)?;
    Ok(match data_type {
        // The engine's texts are plain Utf8 throughout.
        DataType::Utf8View | DataType::LargeUtf8 => (cast(expr, DataType::Utf8), DataType::Utf8),
        DataType::BinaryView | DataType::LargeBinary => {
            (cast(expr, DataType::Binary), DataType::Binary)
        }
        // What functions of the library give and no column has.
        DataType::UInt8 => (cast(expr, DataType::Int16), DataType::Int16),
        DataType::UInt16 => (cast(expr, DataType::Int32), DataType::Int32),
        DataType::UInt32 | DataType::UInt64 => (cast(expr, DataType::Int64), DataType::Int64),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            let millis = DataType::Timestamp(TimeUnit::Millisecond, zone);
            (cast(expr, millis.clone()), millis)
        }
        DataType::Time64(_) | DataType::Time32(TimeUnit::Second) => {
            let millis = DataType::Time32(TimeUnit::Millisecond);
            (cast(expr, millis.clone()), millis)
        }
        other => (expr, other),
    })
}

/// Folds constants; what cannot be folded is left to fail, if at all, when rows come.
pub(crate) fn simplify(expr: Expr, schema: &DFSchemaRef) -> Expr {
    let before = expr.get_type(schema).ok();
    let Ok(simple) = simplifier(Arc::clone(schema)).simplify(expr.clone()) else { return expr };
    if simple.get_type(schema).ok() == before { simple } else { expr }
}

fn simplifier(schema: DFSchemaRef) -> ExprSimplifier {
    ExprSimplifier::new(SimplifyContext::builder().with_schema(schema).build())
}
