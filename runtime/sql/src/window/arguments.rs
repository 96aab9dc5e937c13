//! The arguments of window table functions, by place or by name, and the windows they make.

use sabot_core::plan::{Steps, Window};
use sqlparser::ast::{
    self, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned, UnaryOperator,
};

use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{interval_ms, place_of};

/// A window table function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

impl Kind {
    /// The function of a name in upper case.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Tumble, Self::Hop, Self::Cumulate, Self::Session]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tumble => "TUMBLE",
            Self::Hop => "HOP",
            Self::Cumulate => "CUMULATE",
            Self::Session => "SESSION",
        }
    }

    /// How it is written.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::Tumble => "write TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))",
            Self::Hop => {
                "write TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' \
                 SECOND)): first the slide, then the size"
            }
            Self::Cumulate => {
                "write TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' \
                 SECOND)): first the step, then the largest size"
            }
            Self::Session => {
                "write TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
            }
        }
    }

    /// The arguments' names, with how many of them must be there.
    fn arguments(self) -> (&'static [&'static str], usize) {
        match self {
            Self::Tumble => (&["DATA", "TIMECOL", "SIZE", "OFFSET"], 3),
            Self::Hop => (&["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"], 4),
            Self::Cumulate => (&["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"], 4),
            Self::Session => (&["DATA", "TIMECOL", "GAP"], 3),
        }
    }

    fn needs(self) -> &'static str {
        match self {
            Self::Tumble => "TUMBLE needs a table, a DESCRIPTOR and a size",
            Self::Hop => "HOP needs a table, a DESCRIPTOR, a slide and a size",
            Self::Cumulate => "CUMULATE needs a table, a DESCRIPTOR, a step and a size",
            Self::Session => "SESSION needs a table, a DESCRIPTOR and a gap",
        }
    }
}

/// Whether a size that is no multiple of the slide is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnySize {
    Taken,
    Refused,
}

/// What a call gives.
pub(super) struct Arguments<'a> {
    pub(super) data: &'a ast::Expr,
    pub(super) time: &'a ast::Expr,
    /// The intervals, in the function's order.
    pub(super) intervals: Vec<&'a ast::Expr>,
}

/// The arguments by place or by name.
pub(super) fn arguments(kind: Kind, function: &Function, at: Position) -> Result<Arguments<'_>> {
    let (names, needed) = kind.arguments();
    let FunctionArguments::List(list) = &function.args else {
        let message = format!("{} needs arguments", kind.name());
        return Err(SqlError::new(at, message).hint(kind.form()));
    };
    let mut found: Vec<Option<&ast::Expr>> = vec![None; names.len()];
    for (place, argument) in list.args.iter().enumerate() {
        let (index, value) = match argument {
            FunctionArg::Unnamed(value) => (Some(place), value),
            FunctionArg::Named { name, arg, .. } => {
                (names.iter().position(|n| n.eq_ignore_ascii_case(&name.value)), arg)
            }
            FunctionArg::ExprNamed { arg, .. } => (None, arg),
        };
        let (Some(slot), FunctionArgExpr::Expr(value)) =
            (index.and_then(|i| found.get_mut(i)), value)
        else {
            let place = start_of(argument.span()).unwrap_or(at);
            let message = format!("{} has no argument {argument}", kind.name());
            let (last, first) = names.split_last().unwrap_or((&"", &[]));
            return Err(SqlError::new(place, message)
                .hint(format!("its arguments are {} and {last}", first.join(", "))));
        };
        *slot = Some(value);
    }
    let given = found.iter().take_while(|value| value.is_some()).count();
    match found.into_iter().flatten().collect::<Vec<_>>().as_slice() {
        [data, time, intervals @ ..] if given >= needed => {
            Ok(Arguments { data, time, intervals: intervals.to_vec() })
        }
        _ => Err(SqlError::new(at, kind.needs()).hint(kind.form())),
    }
}

/// The windows of these intervals, which come in the function's order. As groups the size of HOP can be
/// any.
pub(super) fn window(
    kind: Kind,
    intervals: &[&ast::Expr],
    any_size: AnySize,
    at: Position,
) -> Result<Window> {
    let length = |index: usize, what: &str| {
        let Some(expr) = intervals.get(index) else {
            return Err(SqlError::new(at, kind.needs()).hint(kind.form()));
        };
        let place = place_of(expr, at);
        let ms = interval(expr, place)?;
        if ms <= 0 {
            return Err(SqlError::new(place, format!("the {what} of a window must be above 0")));
        }
        Ok((ms, place))
    };
    let offset = |index: usize, modulus: i64| match intervals.get(index) {
        Some(expr) => interval(expr, place_of(expr, at)).map(|ms| ms.rem_euclid(modulus)),
        None => Ok(0),
    };
    let (first, what) = match kind {
        Kind::Tumble => {
            let (size_ms, _) = length(0, "size")?;
            return Ok(Window::Tumble { size_ms, offset_ms: offset(1, size_ms)? });
        }
        Kind::Session => return Ok(Window::Session { gap_ms: length(0, "gap")?.0 }),
        Kind::Hop => (length(0, "slide")?, "slide"),
        Kind::Cumulate => (length(0, "step")?, "step"),
    };
    let (step_ms, _) = first;
    let (size_ms, size_at) = length(1, "size")?;
    let any_size = kind == Kind::Hop && any_size == AnySize::Taken;
    if size_ms % step_ms != 0 && !any_size {
        let message = format!(
            "the size of {} must be a multiple of its {what}: {size_ms} ms is none of {step_ms} ms",
            kind.name()
        );
        return Err(
            SqlError::new(size_at, message).hint(format!("the {what} stands before the size"))
        );
    }
    Ok(if kind == Kind::Hop {
        Window::Hop(Steps { step_ms, size_ms, offset_ms: offset(2, step_ms)? })
    } else {
        Window::Cumulate(Steps { step_ms, size_ms, offset_ms: offset(2, size_ms)? })
    })
}

/// The milliseconds of a constant interval, possibly with a minus before it.
fn interval(expr: &ast::Expr, at: Position) -> Result<i64> {
    match expr {
        ast::Expr::Interval(interval) => interval_ms(interval, at),
        ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(-interval(expr, at)?),
        ast::Expr::Nested(inner) => interval(inner, at),
        other => Err(SqlError::new(at, format!("expected an interval, found: {other}"))
            .hint("write INTERVAL '10' SECOND")),
    }
}
