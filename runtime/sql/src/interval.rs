//! Joins whose rows have to be near each other in time: their state ends, and so do their answers
//! come in the order of time.

use datafusion_common::ScalarValue;
use datafusion_expr::{BinaryExpr, Expr, Operator};
use sabot_core::plan::{JoinKind, TimeBounds};

use crate::expr::{Bound, Meaning};
use crate::join::{JoinKey, JoinNode};
use crate::relation::{Base, Relation};
use crate::window::of_ends;

/// What makes a join one of rows near each other in time.
#[derive(Debug, Clone)]
pub(crate) struct Interval {
    /// The times, over the feeds' bases.
    pub times: [Bound; 2],
    /// Whether they are processing time.
    pub by_processing_time: bool,
    pub bounds: TimeBounds,
    /// The conditions that are not in the bounds.
    pub rest: Vec<Bound>,
}

/// A condition on how far apart two times are.
struct Apart<'n> {
    /// The columns, of the left feed and of the right one.
    times: [&'n (String, Bound); 2],
    /// The right time without the left one.
    from_ms: Option<i64>,
    to_ms: Option<i64>,
}

/// Until when rows of one side of a join can find partners.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    /// 0 for the left side, 1 for the right one.
    pub side: usize,
    /// The rows' times, over the feed's base.
    pub row_time: Bound,
    /// How long after its time a row can find a partner, in milliseconds.
    pub reach_ms: i64,
}

impl JoinNode {
    /// The bounds of times that its conditions make; none where its rows can be any time apart, or
    /// change.
    pub(crate) fn interval(&self) -> Option<Interval> {
        if self.reads_changes() { None } else { self.interval_of_rows() }
    }

    /// Whether rows change that are joined.
    fn reads_changes(&self) -> bool {
        self.feeds.iter().any(|feed| feed.base.is_updating())
    }

    /// Whether its own rows change. Each join below is asked once: a chain of joins would take as long as
    /// there are ways through it.
    pub(crate) fn is_updating(&self) -> bool {
        let is_final = || self.interval_of_rows().is_some() || self.window_ends_of_rows().is_some();
        self.reads_changes() || self.kind.retracts() && !is_final()
    }

    /// The bounds of times, where the rows that are joined only come.
    fn interval_of_rows(&self) -> Option<Interval> {
        let kind = matches!(
            self.kind,
            JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full
        );
        if !kind || self.keys.is_empty() || self.window_ends_of_rows().is_some() {
            return None;
        }
        let equal = self.keys.iter().find_map(|key| self.equal_times(&key.sides));
        if let Some(times) = equal {
            let bounds = TimeBounds { from_ms: 0, to_ms: 0 };
            let rest = self.conditions.clone();
            return Some(Interval { times, by_processing_time: false, bounds, rest });
        }
        self.interval_by(is_time).or_else(|| {
            let by_arrival = self.interval_by(is_processing_time)?;
            Some(Interval { by_processing_time: true, ..by_arrival })
        })
    }

    /// The bounds that conditions make of times, those of which `is_time` says so.
    fn interval_by(&self, is_time: fn(&Bound) -> bool) -> Option<Interval> {
        let apart: Vec<Option<Apart<'_>>> = self
            .conditions
            .iter()
            .map(|condition| self.apart(&condition.expr, [is_time; 2]))
            .collect();
        for times in apart.iter().flatten().map(|apart| apart.times) {
            let same = |apart: &&Apart<'_>| apart.times.map(|t| &t.0) == times.map(|t| &t.0);
            let of_times = || apart.iter().flatten().filter(same);
            let from_ms = of_times().filter_map(|apart| apart.from_ms).max();
            let to_ms = of_times().filter_map(|apart| apart.to_ms).min();
            let (Some(from_ms), Some(to_ms)) = (from_ms, to_ms) else { continue };
            if from_ms > to_ms {
                return None;
            }
            let rest = self.conditions.iter().zip(&apart);
            let rest = rest.filter(|(_, apart)| apart.as_ref().is_none_or(|a| !same(&a)));
            return Some(Interval {
                times: times.map(|(_, bound)| bound.clone()),
                by_processing_time: false,
                bounds: TimeBounds { from_ms, to_ms },
                rest: rest.map(|(condition, _)| condition.clone()).collect(),
            });
        }
        None
    }

    /// Until when rows of a side can find partners, where the other side's are those of windows that
    /// are over: each comes before the watermark passes the end of its window, and none later.
    pub(crate) fn until(&self) -> Option<Until> {
        if self.kind != JoinKind::Inner || self.interval().is_some() || self.window_ends().is_some()
        {
            return None;
        }
        let until = |side: usize| {
            let [mine, other] = [side, 1 - side].map(|side| &self.feeds[side].base);
            if mine.is_updating() || !gives_windows_at_their_ends(other) {
                return None;
            }
            let mut which: [fn(&Bound) -> bool; 2] = [is_time; 2];
            which[1 - side] = |bound| bound.meaning == Meaning::WindowEnd;
            let apart = self.conditions.iter().filter_map(|c| self.apart(&c.expr, which));
            apart.into_iter().find_map(|apart| {
                let reach_ms = match side {
                    0 => apart.to_ms?,
                    _ => apart.from_ms?.checked_neg()?,
                };
                Some(Until { side, row_time: apart.times[side].1.clone(), reach_ms })
            })
        };
        (0..2).find_map(until)
    }

    /// The ends of windows, over the feeds' bases, where rows have to lie in the same windows to be
    /// partners; none where they have not, or change.
    pub(crate) fn window_ends(&self) -> Option<[Bound; 2]> {
        if self.reads_changes() { None } else { self.window_ends_of_rows() }
    }

    /// The ends, where the rows that are joined only come.
    fn window_ends_of_rows(&self) -> Option<[Bound; 2]> {
        if self.windows[0].is_none() || self.windows[0] != self.windows[1] {
            return None;
        }
        let equal = |meaning| self.keys.iter().find(|key| self.is_bound(key, meaning));
        equal(Meaning::WindowStart)?;
        equal(Meaning::WindowEnd).map(|key| key.sides.clone())
    }

    /// Whether a key makes these bounds of windows equal.
    fn is_bound(&self, key: &JoinKey, meaning: Meaning) -> bool {
        (0..2).all(|side| {
            let mut columns = self.feeds[side].columns.iter().map(|(_, bound)| bound);
            columns.any(|bound| bound.meaning == meaning && bound.expr == key.sides[side].expr)
        })
    }

    /// The row times that a key makes equal.
    fn equal_times(&self, sides: &[Bound; 2]) -> Option<[Bound; 2]> {
        let time = |side: usize| {
            let columns = self.feeds[side].columns.iter().map(|(_, bound)| bound);
            columns.filter(|bound| is_time(bound)).find(|bound| bound.expr == sides[side].expr)
        };
        Some([time(0)?.clone(), time(1)?.clone()])
    }

    /// How far apart times are for which a condition is true, of columns of the left feed and the
    /// right one of which `which` says so.
    fn apart(&self, condition: &Expr, which: [fn(&Bound) -> bool; 2]) -> Option<Apart<'_>> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return None };
        if *op == Operator::And {
            let (left, right) = (self.apart(left, which)?, self.apart(right, which)?);
            let same = left.times.map(|time| &time.0) == right.times.map(|time| &time.0);
            return same.then_some(Apart {
                times: left.times,
                from_ms: left.from_ms.max(right.from_ms),
                to_ms: left.to_ms.into_iter().chain(right.to_ms).min(),
            });
        }
        let ((left, left_ms), (right, right_ms)) = (shifted(left)?, shifted(right)?);
        let (left, right) = (self.time(left, which)?, self.time(right, which)?);
        // The right time without the left one, were it equal.
        let (times, ms, op) = match (left, right) {
            ((0, left), (1, right)) => ([left, right], left_ms.checked_sub(right_ms)?, *op),
            ((1, left), (0, right)) => ([right, left], right_ms.checked_sub(left_ms)?, op.swap()?),
            _ => return None,
        };
        let (from_ms, to_ms) = match op {
            Operator::GtEq => (None, Some(ms)),
            Operator::Gt => (None, Some(ms.checked_sub(1)?)),
            Operator::LtEq => (Some(ms), None),
            Operator::Lt => (Some(ms.checked_add(1)?), None),
            Operator::Eq => (Some(ms), Some(ms)),
            _ => return None,
        };
        Some(Apart { times, from_ms, to_ms })
    }

    /// What a column of a feed means that is there in every row.
    fn meaning(&self, name: &str) -> Meaning {
        let sides = self.feeds.iter().enumerate().filter(|(side, _)| !self.kind.pads(*side));
        let mut columns = sides.flat_map(|(_, feed)| &feed.columns);
        let found = columns.find(|(column, _)| column == name);
        found.map_or(Meaning::Plain, |(_, bound)| bound.meaning)
    }

    /// The column of this name, with its side, if it is one of `which`.
    fn time(
        &self,
        name: &str,
        which: [fn(&Bound) -> bool; 2],
    ) -> Option<(usize, &(String, Bound))> {
        let sides = self.feeds.iter().enumerate();
        let mut columns =
            sides.flat_map(|(side, feed)| feed.columns.iter().map(move |column| (side, column)));
        columns.find(|(side, (column, bound))| column == name && which[*side](bound))
    }
}

/// Whether its rows are those of windows of event time, each of which comes once, when the watermark
/// passes the end of its window.
fn gives_windows_at_their_ends(base: &Base) -> bool {
    match base {
        Base::Window(node) => node.window.of_event_time().is_some() && node.lateness_ms.is_none(),
        _ => false,
    }
}

fn is_time(bound: &Bound) -> bool {
    matches!(bound.meaning, Meaning::RowTime | Meaning::WindowTime)
}

fn is_processing_time(bound: &Bound) -> bool {
    bound.meaning == Meaning::ProcTime
}

/// A column and the milliseconds that are added to it.
fn shifted(expr: &Expr) -> Option<(&str, i64)> {
    match expr {
        Expr::Column(column) => Some((&column.name, 0)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) => {
            let (time, by) = match (shifted(left), shifted(right)) {
                (Some(time), None) => (time, milliseconds(right)?),
                (None, Some(time)) => (time, milliseconds(left)?),
                _ => return None,
            };
            Some((time.0, time.1.checked_add(by)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => {
            let (name, ms) = shifted(left)?;
            Some((name, ms.checked_sub(milliseconds(right)?)?))
        }
        _ => None,
    }
}

fn milliseconds(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::DurationMillisecond(ms), _) => *ms,
        _ => None,
    }
}

/// Gives the times of a join their meaning, where it has its rows in the order of time.
pub(crate) fn mark_times(joined: &mut Relation) {
    let Base::Join(node) = &joined.base else { return };
    let interval = node.interval();
    let by_row_time = interval.as_ref().is_some_and(|interval| !interval.by_processing_time);
    let windows = node.window_ends().is_some();
    for field in &mut joined.fields {
        let Expr::Column(column) = &field.value.expr else { continue };
        let was = node.meaning(&column.name);
        field.value.meaning = match was {
            Meaning::RowTime | Meaning::WindowTime if by_row_time => Meaning::RowTime,
            Meaning::WindowStart | Meaning::WindowEnd | Meaning::WindowTime if windows => was,
            Meaning::ProcTime if interval.is_some() => was,
            _ => Meaning::Plain,
        };
    }
    let ends = joined.fields.iter().find(|field| field.value.meaning == Meaning::WindowEnd);
    joined.window = match (node.windows[0], ends) {
        (Some(of), Some(end)) if windows => of_ends(&joined.base, &end.value, of),
        _ => None,
    };
}
