//! `JOIN t FOR SYSTEM_TIME AS OF time`: joins with what a table has, or had, at a row's time.
//!
//! Of processing time the table is looked up as it is (`NodeKind::LookupJoin`); of event time it is
//! a table of versions (`NodeKind::TemporalJoin`), by a primary key and a watermark or by a
//! deduplication view. A version is chosen before any condition is asked, so that conditions on
//! versions stay in the join.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_expr::expr::Cast;
use datafusion_expr::{Expr as Value, ExprSchemable, lit};
use sabot_core::plan::JoinKind;
use sqlparser::ast::{Expr, JoinConstraint, JoinOperator, TableFactor, TableVersion};

use crate::ambient;
use crate::catalog::Table;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, boolean, column_expr, place_of};
use crate::join::{JoinKey, JoinNode, conjuncts, pair};
use crate::over::RANK;
use crate::rank::RankNode;
use crate::relation::{Base, Feed, Relation, inlined};
use crate::types::casts_implicitly;

/// A join as of a time.
#[derive(Debug, Clone)]
pub(crate) struct TemporalNode {
    /// An inner join or a left one.
    pub join: JoinNode,
    pub versions: Versions,
}

/// What the right side is.
#[derive(Debug, Clone)]
pub(crate) enum Versions {
    /// A table that is looked up.
    Lookup(Arc<Table>),
    /// Versions by event time: the times of both sides, over the feeds' bases.
    RowTime(Box<[Bound; 2]>),
}

/// The time behind `FOR SYSTEM_TIME AS OF`, if a table has it.
pub(crate) fn as_of(factor: &TableFactor, at: Position) -> Result<Option<&Expr>> {
    match factor {
        TableFactor::Table { version: Some(TableVersion::ForSystemTimeAsOf(time)), .. } => {
            Ok(Some(time))
        }
        TableFactor::Table { version: Some(version), .. } => {
            Err(SqlError::new(at, format!("{version} is not supported"))
                .hint("write FOR SYSTEM_TIME AS OF and a time of the left table"))
        }
        _ => Ok(None),
    }
}

/// Joins `right` to `left` as of a time of it.
pub(crate) fn temporal_join(
    left: Relation,
    right: Relation,
    time: &Expr,
    operator: &JoinOperator,
    at: Position,
) -> Result<Relation> {
    let (kind, condition) = match operator {
        JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on)) => (JoinKind::Inner, on),
        JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on)) => (JoinKind::Left, on),
        _ => {
            return Err(SqlError::new(at, "this kind of join has no FOR SYSTEM_TIME AS OF")
                .hint("JOIN ... ON and LEFT JOIN ... ON have"));
        }
    };
    let place = place_of(time, at);
    let time = Binder::new(&left, place).bind(time)?;
    let joined = match time.meaning {
        Meaning::ProcTime => lookup(left, right, kind, at)?,
        Meaning::RowTime | Meaning::WindowTime => versioned(left, right, time, kind, at)?,
        _ => {
            let message = format!("{} is neither a row time nor processing time", time.text);
            return Err(SqlError::new(place, message).hint(
                "FOR SYSTEM_TIME AS OF takes a column with a watermark, or one that is PROCTIME()",
            ));
        }
    };
    joined.on(condition, at)
}

/// A join without its condition.
struct Joined {
    relation: Relation,
    node: JoinNode,
    versions: Versions,
    /// What tells rows with versions apart, over the right feed's base; none: anything does.
    primary_key: Option<Vec<Key>>,
    right_name: String,
}

/// A part of a primary key: a column of a table, or what a view is partitioned by.
struct Key {
    name: String,
    expr: Value,
}

fn lookup(left: Relation, right: Relation, kind: JoinKind, at: Position) -> Result<Joined> {
    let name = name_of(&right);
    let Base::Table(table) = &right.base else {
        return Err(SqlError::new(at, format!("{name} cannot be looked up: it is no table")).hint(
            "a lookup join reads a table, or a view that only filters and projects one; as of a \
             row time a view can be joined that keeps the last row of each key",
        ));
    };
    let table = Arc::clone(table);
    let connector = table.options.get("connector").map_or("", String::as_str);
    if !LOOKUP_CONNECTORS.contains(&connector) {
        let message =
            format!("{name} cannot be looked up: connector {connector} does not read it whole");
        return Err(SqlError::new(at, message).hint(format!(
            "a lookup join reads a table of the connectors {}; as of a row time any table with a \
             primary key and a watermark can be joined",
            LOOKUP_CONNECTORS.join(", ")
        )));
    }
    if connector == UNORDERED_CONNECTOR && table.changes() {
        return Err(rows_change(&name, at));
    } else if table.changes() && table.primary_key.is_empty() {
        let message = format!("the rows of {name} change, and it has no primary key");
        return Err(SqlError::new(at, message)
            .hint("add PRIMARY KEY (...) NOT ENFORCED: the last row of each key is looked up"));
    }
    let (relation, node) = parts(left, right, kind, at)?;
    let versions = Versions::Lookup(table);
    Ok(Joined { relation, node, versions, primary_key: None, right_name: name })
}

fn rows_change(name: &str, at: Position) -> SqlError {
    SqlError::new(at, format!("the rows of {name} change: it cannot be joined as of a time yet"))
        .hint("leave FOR SYSTEM_TIME AS OF out: the join then follows all changes")
}

/// The connectors whose tables can be read whole.
const LOOKUP_CONNECTORS: [&str; 3] = [UNORDERED_CONNECTOR, "kafka", "upsert-kafka"];
/// The one of them whose rows have no order by which one would be the last.
const UNORDERED_CONNECTOR: &str = "filesystem";

fn versioned(
    left: Relation,
    right: Relation,
    time: Bound,
    kind: JoinKind,
    at: Position,
) -> Result<Joined> {
    let name = name_of(&right);
    let no_versions = |what: &str| {
        SqlError::new(at, format!("{name} has no versions by time: {what}")).hint(
            "versions have a table with PRIMARY KEY (...) NOT ENFORCED and WATERMARK FOR, or a view \
             that keeps for each key the one row with the last row time: ROW_NUMBER() OVER \
             (PARTITION BY k ORDER BY ts DESC) = 1",
        )
    };
    // A table's own rows say what its keys have; changes of what a view ranks do not.
    let ranked = match &right.base {
        Base::Rank(node) => Some(&node.feed.base),
        windows @ Base::Window(_) => Some(windows),
        _ => None,
    };
    if ranked.is_some_and(Base::is_updating) {
        return Err(rows_change(&name, at));
    }
    if right.filter.is_some() {
        return Err(SqlError::new(at, format!("{name} filters versions"))
            .hint("put the condition into ON: it is asked of the version of the row's time"));
    }
    let (right, version, primary_key) = match &right.base {
        Base::Table(table) => {
            let Some(watermark) = &table.watermark else {
                return Err(no_versions("its table has no watermark"));
            };
            if table.primary_key.is_empty() {
                return Err(no_versions("its table has no primary key"));
            }
            let version = table.column(&watermark.column);
            let version = version.ok_or_else(|| no_versions("its table has no watermark"))?;
            let key = |name: &String| Key { name: name.clone(), expr: column_expr(name) };
            let key = table.primary_key.iter().map(key).collect();
            (right, version, key)
        }
        Base::Rank(node) => {
            let node = Arc::clone(node);
            let (version, key) = last_row(&node)
                .ok_or_else(|| no_versions("it is not the last row of each key by row time"))?;
            (without_rank(right, &node), version, key)
        }
        _ => return Err(no_versions("it is neither a table nor such a view")),
    };
    let (relation, node) = parts(left, right, kind, at)?;
    let versions = Versions::RowTime(Box::new([time, version]));
    Ok(Joined { relation, node, versions, primary_key: Some(primary_key), right_name: name })
}

/// The time and the keys of a view that keeps the last row of each key, over what is ranked.
fn last_row(node: &RankNode) -> Option<(Bound, Vec<Key>)> {
    let [order] = node.order.as_slice() else { return None };
    let (_, time) = &node.feed.columns[order.column];
    let is_last = node.limit == 1 && order.descending && node.window_end.is_none();
    if !is_last || !matches!(time.meaning, Meaning::RowTime | Meaning::WindowTime) {
        return None;
    }
    let key = |key: &usize| {
        let (_, value) = &node.feed.columns[*key];
        Key { name: value.text.clone(), expr: value.expr.clone() }
    };
    Some((time.clone(), node.keys.iter().map(key).collect()))
}

/// The same columns over what is ranked, which are all versions.
fn without_rank(mut relation: Relation, node: &RankNode) -> Relation {
    let Feed { base, filter, columns } = &node.feed;
    let mut columns = columns.clone();
    let first = Bound::column(RANK, "ROW_NUMBER()".to_owned(), DataType::Int64, false);
    let first = Bound { expr: lit(1_i64), ..first };
    columns.push((RANK.to_owned(), first));
    for field in &mut relation.fields {
        field.value.expr = inlined(&field.value.expr, &columns);
    }
    Relation { base: base.clone(), filter: filter.clone(), window: None, ..relation }
}

/// All pairs of both relations, taken apart. A left row keeps its times: it is in one place of the
/// output, behind no watermark that it was not behind.
fn parts(
    left: Relation,
    right: Relation,
    kind: JoinKind,
    at: Position,
) -> Result<(Relation, JoinNode)> {
    let meanings: Vec<Meaning> = left.fields.iter().map(|field| field.value.meaning).collect();
    let mut relation = pair(left, right, kind, at)?;
    for (field, meaning) in relation.fields.iter_mut().zip(meanings) {
        field.value.meaning = match meaning {
            Meaning::RowTime | Meaning::WindowTime => Meaning::RowTime,
            Meaning::ProcTime => Meaning::ProcTime,
            _ => Meaning::Plain,
        };
    }
    let Base::Join(node) = &relation.base else {
        return Err(SqlError::new(at, "these tables cannot be joined"));
    };
    let node = (**node).clone();
    Ok((relation, node))
}

fn name_of(right: &Relation) -> String {
    let qualifier = right.fields.first().and_then(|field| field.qualifier.as_deref());
    qualifier.map_or_else(|| "the right side".to_owned(), |name| format!("\"{name}\""))
}

impl Joined {
    fn on(mut self, condition: &Expr, at: Position) -> Result<Relation> {
        for part in conjuncts(condition) {
            let place = place_of(part, at);
            let bound = boolean(Binder::new(&self.relation, place).bind(part)?, "ON", place)?;
            ambient::refuse(&bound, "ON", place)?;
            match &self.primary_key {
                None => self.node.hold_on(bound),
                Some(key) => hold_on_versions(&mut self.node, key, bound),
            }
        }
        let Self { relation, mut node, versions, primary_key, right_name } = self;
        let is_chosen = node.feeds[1].filter.is_some();
        if node.keys.is_empty() && primary_key.is_none() && is_chosen {
            // Rows of a table that is compared with constants are partners of all.
            node.keys.push(JoinKey::of_all());
        }
        check_keys(&node, primary_key.as_deref(), &right_name, at)?;
        let base = Base::Temporal(Arc::new(TemporalNode { join: node, versions }));
        Ok(Relation { base, ..relation })
    }
}

/// Rows are partners by equalities with the primary key; all else is asked of the version.
fn hold_on_versions(node: &mut JoinNode, primary_key: &[Key], condition: Bound) {
    if let Some(key) = node.equality(&condition)
        && primary_key.iter().any(|part| is_cast_of(node, &key.sides[1].expr, &part.expr))
    {
        node.keys.push(key);
    } else if node.kind == JoinKind::Inner && node.side_of(&condition.expr) == Some(0) {
        node.filter_feed(0, condition);
    } else {
        node.also(condition);
    }
}

fn check_keys(
    node: &JoinNode,
    primary_key: Option<&[Key]>,
    right: &str,
    at: Position,
) -> Result<()> {
    let Some(primary_key) = primary_key else {
        if node.keys.is_empty() {
            return Err(SqlError::new(at, format!("ON compares no column with one of {right}"))
                .hint("a lookup join needs an equality of a left and a right value"));
        }
        return Ok(());
    };
    let is_known =
        |part: &&Key| node.keys.iter().any(|key| is_cast_of(node, &key.sides[1].expr, &part.expr));
    match primary_key.iter().find(|part| !is_known(part)) {
        None => Ok(()),
        Some(missing) => {
            let message =
                format!("ON does not compare \"{}\" of {right} with a left value", missing.name);
            let names: Vec<&str> = primary_key.iter().map(|part| part.name.as_str()).collect();
            Err(SqlError::new(at, message).hint(format!(
                "rows are joined with versions by all of their key: {}",
                names.join(", ")
            )))
        }
    }
}

/// Whether an expression over the right feed's base is `part`, or is cast from it without loss.
fn is_cast_of(node: &JoinNode, expr: &Value, part: &Value) -> bool {
    if expr == part {
        return true;
    }
    let Value::Cast(Cast { expr: inner, .. }) = expr else { return false };
    let schema = node.feeds[1].base.schema();
    match (inner.get_type(schema), expr.get_type(schema)) {
        (Ok(from), Ok(to)) => casts_implicitly(&from, &to) && is_cast_of(node, inner, part),
        _ => false,
    }
}
