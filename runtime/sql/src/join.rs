//! Joins: rows of two relations that are partners by keys and a condition.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::DFSchemaRef;
use datafusion_expr::{BinaryExpr, Expr as Value, ExprSchemable, Operator, lit, when};
use sabot_core::plan::JoinKind;
use sqlparser::ast::{BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator};

use crate::ambient;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, Scope, binary, boolean, null, place_of, precedence};
use crate::functions::{whole_keys, wholes};
use crate::relation::{Base, EventWindows, Feed, Field, Relation, both, columns_schema, inlined};
use crate::types::flink_name;

/// A join.
#[derive(Debug, Clone)]
pub(crate) struct JoinNode {
    pub kind: JoinKind,
    /// Left and right.
    pub feeds: [Feed; 2],
    /// What has to be equal.
    pub keys: Vec<JoinKey>,
    /// What else has to hold, over the node's columns.
    pub conditions: Vec<Bound>,
    /// The windows that the feeds' rows lie in.
    pub windows: [Option<EventWindows>; 2],
    /// How long rows of the sides are kept, in milliseconds, 0 for ever; none: as is set for all.
    pub ttls: [Option<u64>; 2],
    /// The columns of the left feed, then those of the right one; these are only for the
    /// condition where the kind gives left rows alone.
    pub schema: DFSchemaRef,
}

/// Two values that have to be equal.
#[derive(Debug, Clone)]
pub(crate) struct JoinKey {
    /// Over the feeds' bases, left and right.
    pub sides: [Bound; 2],
    /// Both over the node's columns, such as `L.id = R.auction`.
    pub text: String,
}

impl JoinKey {
    /// One that is equal in all rows.
    pub(crate) fn of_all() -> Self {
        let one = || Bound {
            expr: lit(1_i64),
            data_type: DataType::Int64,
            text: "1".to_owned(),
            ..null()
        };
        Self { sides: [one(), one()], text: "1 = 1".to_owned() }
    }
}

/// The parts of a condition that all have to hold.
pub(crate) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut parts = conjuncts(left);
            parts.extend(conjuncts(right));
            parts
        }
        Expr::Nested(inner) => conjuncts(inner),
        other => vec![other],
    }
}

/// All pairs of both relations' rows.
pub(crate) fn cross(left: Relation, right: Relation, at: Position) -> Result<Relation> {
    pair(left, right, JoinKind::Inner, at)
}

/// A join of two relations without a condition: the left fields, then the right ones.
pub(crate) fn pair(
    left: Relation,
    right: Relation,
    kind: JoinKind,
    at: Position,
) -> Result<Relation> {
    let (left, right) = (left.expanded(at)?, right.expanded(at)?);
    let windows = [&left, &right].map(Relation::event_windows);
    let mut names: Vec<String> = Vec::new();
    let (mut fields, mut arrow) = (Vec::new(), Vec::new());
    let mut side = |port: usize, relation: Relation| {
        let side = ["L", "R"][port];
        let mut columns: Vec<(String, Bound)> = Vec::new();
        for field in relation.fields {
            let known = columns.iter().find(|(_, bound)| bound.expr == field.value.expr);
            let Bound { data_type, nullable, .. } = field.value.clone();
            let nullable = nullable || kind.pads(port);
            let name = match known {
                Some((name, _)) => name.clone(),
                None => {
                    let mut name = format!("{side}.{}", field.value.text_within(precedence::ATOM));
                    while names.contains(&name) {
                        name.push('\'');
                    }
                    names.push(name.clone());
                    arrow.push(ArrowField::new(&name, data_type.clone(), nullable));
                    columns.push((name.clone(), field.value.clone()));
                    name
                }
            };
            // A join gives rows in no order of time; the clock is the same.
            let mut value = Bound::column(&name, name.clone(), data_type, nullable);
            if field.value.meaning == Meaning::ProcTime && !kind.pads(port) {
                value.meaning = Meaning::ProcTime;
            }
            fields.push(Field { value, ..field });
        }
        Feed { base: relation.base, filter: relation.filter, columns }
    };
    let feeds = [side(0, left), side(1, right)];
    let schema = columns_schema(arrow, at)?;
    let (keys, conditions, ttls) = (Vec::new(), Vec::new(), [None; 2]);
    let node = JoinNode { kind, feeds, keys, conditions, windows, ttls, schema };
    Ok(Relation { base: Base::Join(Arc::new(node)), filter: None, fields, window: None })
}

/// Joins `right` to `left` as a FROM says.
pub(crate) fn join(
    left: Relation,
    right: Relation,
    operator: &JoinOperator,
    at: Position,
) -> Result<Relation> {
    let (kind, constraint) = match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
            (JoinKind::Inner, constraint)
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
            (JoinKind::Left, constraint)
        }
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
            (JoinKind::Right, constraint)
        }
        JoinOperator::FullOuter(constraint) => (JoinKind::Full, constraint),
        JoinOperator::CrossJoin(_) => return cross(left, right, at),
        _ => {
            return Err(SqlError::new(at, "this kind of join is not supported yet").hint(
                "JOIN, LEFT JOIN, RIGHT JOIN and FULL JOIN are, and IN and EXISTS in WHERE",
            ));
        }
    };
    match constraint {
        JoinConstraint::On(condition) => {
            let mut joined = pair(left, right, kind, at)?;
            for part in conjuncts(condition) {
                let place = place_of(part, at);
                let bound = boolean(Binder::new(&joined, place).bind(part)?, "ON", place)?;
                ambient::refuse(&bound, "ON", place)?;
                hold_on(&mut joined, bound);
            }
            Ok(joined)
        }
        JoinConstraint::Using(names) => {
            let columns = names.iter().map(|name| match name.0.as_slice() {
                [part] => part.as_ident(),
                _ => None,
            });
            let columns: Option<Vec<&Ident>> = columns.collect();
            let columns = columns.ok_or_else(|| SqlError::new(at, "USING names columns"))?;
            using([left, right], kind, &columns, at)
        }
        JoinConstraint::Natural => {
            let in_right = |name: &str| right.fields.iter().any(|field| field.name == name);
            let common = left.fields.iter().filter(|field| in_right(&field.name));
            let common: Vec<Ident> = common.map(|field| Ident::new(&field.name)).collect();
            using([left, right], kind, &common.iter().collect::<Vec<_>>(), at)
        }
        JoinConstraint::None => Err(SqlError::new(at, "JOIN needs ON")),
    }
}

/// `USING (a, b)`: these columns are equal, and there is one of each; those of the sides go on by the
/// tables' names alone.
fn using(
    [left, right]: [Relation; 2],
    kind: JoinKind,
    names: &[&Ident],
    at: Position,
) -> Result<Relation> {
    let boundary = left.fields.len();
    let mut joined = pair(left, right, kind, at)?;
    let mut own = Vec::new();
    for name in names {
        let find = |mut range: std::ops::Range<usize>| {
            range.find(|index| joined.fields[*index].name == name.value)
        };
        let (Some(l), Some(r)) = (find(0..boundary), find(boundary..joined.fields.len())) else {
            let message = format!("USING: column \"{}\" is not in both tables", name.value);
            return Err(SqlError::new(at, message));
        };
        let (left, right) = (joined.fields[l].value.clone(), joined.fields[r].value.clone());
        let equal = equality(&joined, left.clone(), right.clone(), at)?;
        hold_on(&mut joined, equal);
        joined.fields[r].name = Field::by_table_only(&name.value);
        let both = match kind {
            JoinKind::Right => right,
            JoinKind::Full => first_of(&joined, left, right, at)?,
            _ => continue,
        };
        // Of the two the one that is there wherever one is.
        let both = Field { qualifier: None, value: both, ..joined.fields[l].clone() };
        let left = std::mem::replace(&mut joined.fields[l], both);
        own.push(Field { name: Field::by_table_only(&name.value), ..left });
    }
    joined.fields.extend(own);
    crate::interval::mark_times(&mut joined);
    Ok(joined)
}

/// What `NATURAL` holds equal of the first `width` columns and the others, which go on by their table's name
/// alone.
pub(crate) fn natural(joined: &mut Relation, width: usize, at: Position) -> Result<Vec<Bound>> {
    let mut equal = Vec::new();
    for place in width..joined.fields.len() {
        let right = joined.fields[place].clone();
        let Some(left) = joined.fields[..width].iter().find(|field| field.name == right.name)
        else {
            continue;
        };
        equal.push(equality(joined, left.value.clone(), right.value, at)?);
        joined.fields[place].name = Field::by_table_only(&right.name);
    }
    Ok(equal)
}

/// `left = right`, over the columns of a join.
pub(crate) fn equality(
    scope: &dyn Scope,
    left: Bound,
    right: Bound,
    at: Position,
) -> Result<Bound> {
    binary(&Binder::new(scope, at), left, &BinaryOperator::Eq, right, at)
}

/// `COALESCE(left, right)`.
fn first_of(joined: &Relation, left: Bound, right: Bound, at: Position) -> Result<Bound> {
    let text = format!("COALESCE({}, {})", left.text, right.text);
    let expr = when(left.expr.clone().is_not_null(), left.expr).otherwise(right.expr);
    let (expr, data_type) = expr
        .and_then(|expr| crate::expr::coerce(expr, joined.base.schema()))
        .map_err(|error| SqlError::new(at, error.strip_backtrace()))?;
    let precedence = precedence::ATOM;
    Ok(Bound { expr, data_type, nullable: true, text, precedence, meaning: Meaning::Plain })
}

/// Keeps only rows for which `condition` is true: where it can, in front of a join or by its
/// keys.
pub(crate) fn hold(relation: &mut Relation, condition: Bound) {
    if ambient::is_in(&condition.expr) {
        return relation.filter_by(condition);
    }
    if let Base::Unnest(node) = &relation.base {
        let mut node = (**node).clone();
        if let Some(condition) = node.hold(condition) {
            return relation.filter_by(condition);
        }
        relation.base = Base::Unnest(Arc::new(node));
        return;
    }
    if relation.filter.is_some() {
        return relation.filter_by(condition);
    }
    match &relation.base {
        Base::Join(node) => {
            let mut node = (**node).clone();
            match node.hold(condition) {
                None => {
                    relation.base = Base::Join(Arc::new(node));
                    crate::interval::mark_times(relation);
                }
                Some(condition) => relation.filter_by(condition),
            }
        }
        Base::Temporal(node) if node.join.side_of(&condition.expr) == Some(0) => {
            let mut node = (**node).clone();
            node.join.filter_feed(0, condition);
            relation.base = Base::Temporal(Arc::new(node));
        }
        _ => relation.filter_by(condition),
    }
}

/// Says of a join when rows are partners.
pub(crate) fn hold_on(joined: &mut Relation, condition: Bound) {
    match &joined.base {
        Base::Join(node) => {
            let mut node = (**node).clone();
            node.hold_on(condition);
            joined.base = Base::Join(Arc::new(node));
            crate::interval::mark_times(joined);
        }
        _ => joined.filter_by(condition),
    }
}

impl JoinNode {
    /// Keeps only rows of the output; the condition again if that has to be done behind the join.
    fn hold(&mut self, condition: Bound) -> Option<Bound> {
        if self.kind == JoinKind::Inner {
            self.hold_on(condition);
            return None;
        }
        match self.side_of(&condition.expr) {
            // A row that is kept or not by itself is so in front of the join too, unless it could
            // be missing there beside a row of the other side.
            Some(side) if !self.kind.pads(side) => {
                self.filter_feed(side, condition);
                None
            }
            _ => Some(condition),
        }
    }

    /// Says when rows are partners.
    pub(crate) fn hold_on(&mut self, condition: Bound) {
        if let Some(key) = self.equality(&condition) {
            self.keys.push(key);
            return;
        }
        if let Some(side) = self.side_of(&condition.expr)
            && self.drops_alone(side)
        {
            return self.filter_feed(side, condition);
        }
        self.also(condition);
    }

    /// A condition that is an equality of a left and a right value.
    pub(crate) fn equality(&self, condition: &Bound) -> Option<JoinKey> {
        let [left, right] = match &condition.expr {
            Value::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => [&**left, right],
            other => wholes::sides(other)?,
        };
        let [left, right] = match (self.side_of(left), self.side_of(right)) {
            (Some(0), Some(1)) => [left, right],
            (Some(1), Some(0)) => [right, left],
            _ => return None,
        };
        let sides = [self.key(0, left)?, self.key(1, right)?];
        let text = match left.get_type(&self.schema).ok()? {
            whole if whole.is_nested() => format!("{} {}", condition.text, flink_name(&whole)),
            _ => condition.text.clone(),
        };
        Some(JoinKey { sides, text })
    }

    /// Asks a condition of pairs.
    pub(crate) fn also(&mut self, condition: Bound) {
        self.conditions.push(condition);
    }

    /// Whether rows of a side without a partner are not in the output.
    fn drops_alone(&self, side: usize) -> bool {
        !self.kind.tracks(side) || self.kind == JoinKind::LeftSemi
    }

    /// Keeps only rows of a side for which a condition over it is true.
    pub(crate) fn filter_feed(&mut self, side: usize, condition: Bound) {
        let condition = Bound { expr: self.over_feed(side, &condition.expr), ..condition };
        let feed = &mut self.feeds[side];
        feed.filter = Some(match feed.filter.take() {
            None => condition,
            Some(first) => both(first, condition),
        });
    }

    /// One side of an equality, over the feed's base.
    fn key(&self, side: usize, expr: &Value) -> Option<Bound> {
        let data_type = expr.get_type(&self.schema).ok()?;
        let name = match expr {
            Value::Column(column) => column.name.clone(),
            _ => format!("{}.key {}", ["L", "R"][side], self.keys.len()),
        };
        let bound = Bound::column(&name, name.clone(), data_type, true);
        Some(whole_keys::key(&Bound { expr: self.over_feed(side, expr), ..bound }))
    }

    /// The one side whose columns an expression reads.
    pub(crate) fn side_of(&self, expr: &Value) -> Option<usize> {
        let mut sides = expr.column_refs().into_iter().map(|column| {
            let left = self.feeds[0].columns.iter().any(|(name, _)| *name == column.name);
            usize::from(!left)
        });
        let first = sides.next()?;
        sides.all(|side| side == first).then_some(first)
    }

    /// An expression over the node's columns as one over a feed's base.
    fn over_feed(&self, side: usize, expr: &Value) -> Value {
        inlined(expr, &self.feeds[side].columns)
    }
}
