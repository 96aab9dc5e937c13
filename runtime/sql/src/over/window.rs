//! The windows of OVER: which rows, in which order, and how far back.

use std::ops::ControlFlow;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::ScalarValue;
use sabot_core::plan::Frame;
use sqlparser::ast::{
    Expr, Function, Ident, NamedWindowExpr, OrderByExpr, Select, Value, WindowFrame,
    WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType, visit_expressions,
};

use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{interval_ms, place_of};
use crate::values::constant_of;

/// A window as it is written.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) partition_by: Vec<Expr>,
    pub(super) order_by: Vec<OrderByExpr>,
    pub(super) frame: Option<WindowFrame>,
}

/// Whether a SELECT list has OVER in it.
pub(crate) fn has_over(select: &Select) -> bool {
    first_function(select).is_some()
}

fn first_function(select: &Select) -> Option<Function> {
    let mut found = None;
    let _ = visit_expressions(&select.projection, |expr: &Expr| match expr {
        Expr::Function(function) if function.over.is_some() => {
            found = Some(function.clone());
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found
}

/// The window of a SELECT's first function with OVER; its others must have the same.
pub(super) fn of_select(select: &Select, at: Position) -> Result<Window> {
    let Some(function) = first_function(select) else {
        return Err(SqlError::new(at, "expected OVER"));
    };
    let place = place_of(&Expr::Function(function.clone()), at);
    of_function(select, &function, place)
}

/// The window of a function.
pub(super) fn of_function(select: &Select, function: &Function, at: Position) -> Result<Window> {
    let spec = match &function.over {
        Some(WindowType::WindowSpec(spec)) => spec,
        Some(WindowType::NamedWindow(name)) => named(select, name, at)?,
        None => return Err(SqlError::new(at, "expected OVER")),
    };
    let WindowSpec { partition_by, order_by, window_frame, .. } = &extended(select, spec, at)?;
    if order_by.is_empty() {
        return Err(SqlError::new(at, "OVER needs ORDER BY")
            .hint("write OVER (PARTITION BY ... ORDER BY ...)"));
    }
    Ok(Window {
        partition_by: partition_by.clone(),
        order_by: order_by.clone(),
        frame: window_frame.clone(),
    })
}

/// The window that WINDOW gives a name.
fn named<'s>(select: &'s Select, name: &Ident, at: Position) -> Result<&'s WindowSpec> {
    let place = start_of(name.span).unwrap_or(at);
    let named = select.named_window.iter().find(|named| named.0.value == name.value);
    match named.map(|named| &named.1) {
        Some(NamedWindowExpr::WindowSpec(spec)) => Ok(spec),
        Some(NamedWindowExpr::NamedWindow(_)) => {
            Err(SqlError::new(place, "a window by another's name is not supported"))
        }
        None => {
            let message = format!("window \"{}\" does not exist", name.value);
            let names = select.named_window.iter().map(|named| named.0.value.as_str());
            Err(SqlError::new(place, message).suggest(&name.value, "windows", names))
        }
    }
}

/// A window with what it has from the one that it names: `(w ORDER BY ts)`.
fn extended(select: &Select, spec: &WindowSpec, at: Position) -> Result<WindowSpec> {
    let Some(name) = &spec.window_name else { return Ok(spec.clone()) };
    let base = named(select, name, at)?;
    let refused = |what: &str| {
        let place = start_of(name.span).unwrap_or(at);
        Err(SqlError::new(place, format!("window \"{}\" {what}", name.value)))
    };
    if base.window_name.is_some() {
        return refused("extends a window itself");
    }
    if base.window_frame.is_some() {
        return refused("has a frame, and cannot be extended");
    }
    if !spec.partition_by.is_empty() {
        return refused("is extended by PARTITION BY, which it has to have itself");
    }
    if !(base.order_by.is_empty() || spec.order_by.is_empty()) {
        return refused("has an order, and is extended by another");
    }
    let order_by = [&base.order_by[..], &spec.order_by].concat();
    Ok(WindowSpec {
        window_name: None,
        order_by,
        partition_by: base.partition_by.clone(),
        ..spec.clone()
    })
}

impl Window {
    /// Whether rows are told apart and ordered alike.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.partition_by == other.partition_by && self.order_by == other.order_by
    }

    /// The rows that aggregates are over; `order` is the type of the one column of an ascending
    /// order.
    pub(super) fn frame(&self, order: Option<&DataType>, at: Position) -> Result<Frame> {
        let Some(WindowFrame { units, start_bound, end_bound }) = &self.frame else {
            return Ok(Frame::Range(None));
        };
        if !matches!(end_bound, None | Some(WindowFrameBound::CurrentRow)) {
            return Err(SqlError::new(at, "the frame of OVER has to end with CURRENT ROW")
                .hint("write BETWEEN ... PRECEDING AND CURRENT ROW"));
        }
        match (units, start_bound) {
            (WindowFrameUnits::Groups, _) => Err(SqlError::new(at, "GROUPS is not supported")),
            (_, WindowFrameBound::Following(_)) => {
                Err(SqlError::new(at, "the frame of OVER cannot begin behind its end"))
            }
            (WindowFrameUnits::Rows, WindowFrameBound::CurrentRow) => Ok(Frame::Rows(Some(0))),
            (WindowFrameUnits::Rows, WindowFrameBound::Preceding(None)) => Ok(Frame::Rows(None)),
            (WindowFrameUnits::Rows, WindowFrameBound::Preceding(Some(rows))) => {
                number(rows, place_of(rows, at)).map(|rows| Frame::Rows(Some(rows)))
            }
            (WindowFrameUnits::Range, WindowFrameBound::Preceding(None)) => Ok(Frame::Range(None)),
            (WindowFrameUnits::Range, start) => {
                if !matches!(order, Some(DataType::Timestamp(TimeUnit::Millisecond, _))) {
                    let message =
                        "RANGE with a bound needs an order by one TIMESTAMP(3), ascending";
                    return Err(SqlError::new(at, message).hint("ROWS counts rows in any order"));
                }
                let WindowFrameBound::Preceding(Some(time)) = start else {
                    return Ok(Frame::Range(Some(0)));
                };
                let place = place_of(time, at);
                let ms = match time.as_ref() {
                    Expr::Interval(interval) => interval_ms(interval, place)?,
                    other => computed_ms(other, place)?,
                };
                if ms < 0 {
                    return Err(SqlError::new(place, "the interval of RANGE is below 0"));
                }
                Ok(Frame::Range(Some(ms)))
            }
        }
    }
}

/// Rows that a frame goes back at most: so many are kept of each key.
const ROWS_MAX: usize = 100_000;

/// The milliseconds of an interval that is computed: `INTERVAL '1' SECOND * 2`.
fn computed_ms(interval: &Expr, at: Position) -> Result<i64> {
    match constant_of(interval, at) {
        Some(ScalarValue::DurationMillisecond(Some(ms))) => Ok(ms),
        _ => Err(SqlError::new(at, "RANGE takes an interval")
            .hint("write RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW")),
    }
}

fn number(rows: &Expr, at: Position) -> Result<usize> {
    let given = match rows {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        computed => match constant_of(computed, at) {
            Some(ScalarValue::Int32(Some(rows))) => usize::try_from(rows).ok(),
            Some(ScalarValue::Int64(Some(rows))) => usize::try_from(rows).ok(),
            // Such as POWER(2, 4).
            Some(ScalarValue::Float64(Some(rows))) if rows >= 0.0 => Some(rows as usize),
            _ => None,
        },
    };
    given.filter(|rows| *rows <= ROWS_MAX).ok_or_else(|| {
        SqlError::new(at, "ROWS takes a number of rows")
            .hint(format!("write a whole number from 0 to {ROWS_MAX}"))
    })
}
