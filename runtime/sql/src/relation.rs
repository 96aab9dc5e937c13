//! What a FROM names: columns over one base, with the filters on the way to it.
//!
//! Views, subqueries and projections add no node: their expressions are put into those above, so
//! that every column is an expression over the base: a table, an aggregation, a join.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, DFSchemaRef};
use datafusion_expr::{Expr, Operator};
use sqlparser::ast::{BinaryOperator, Ident};

use crate::aggregate::{GroupNode, WindowNode};
use crate::catalog::Table;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning, Scope, precedence};
use crate::join::JoinNode;
use crate::over::OverNode;
use crate::pattern::PatternNode;
use crate::rank::RankNode;
use crate::temporal::TemporalNode;
use crate::union::UnionNode;
use crate::unnest::UnnestNode;
use crate::window::{self, ExpandNode};
use crate::zone::is_instant;
use sabot_core::plan::Window;

/// What rows come from.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// A table.
    Table(Arc<Table>),
    /// Windows of another relation.
    Window(Arc<WindowNode>),
    /// Groups of another relation.
    Group(Arc<GroupNode>),
    /// Rows of two relations that are partners, or have none.
    Join(Arc<JoinNode>),
    /// The rows of several relations.
    Union(Arc<UnionNode>),
    /// The first rows of another relation with their ranks.
    Rank(Arc<RankNode>),
    /// Rows of a relation with what another has, or had, at their time.
    Temporal(Arc<TemporalNode>),
    /// The rows of another relation, each once for every window that it lies in.
    Expand(Arc<ExpandNode>),
    /// The rows of another relation with aggregates over those up to each.
    Over(Arc<OverNode>),
    /// The rows of another relation, each once for every element of a value that it has.
    Unnest(Arc<UnnestNode>),
    /// A row for each match of a pattern in the rows of another relation.
    Pattern(Arc<PatternNode>),
}

/// An input of a node: columns over a base.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub base: Base,
    /// Only rows for which it is true.
    pub filter: Option<Bound>,
    /// By the names that the node knows them by.
    pub columns: Vec<(String, Bound)>,
}

impl Base {
    /// Its columns.
    pub(crate) fn schema(&self) -> &DFSchemaRef {
        match self {
            Self::Table(table) => &table.schema,
            Self::Window(node) => &node.schema,
            Self::Group(node) => &node.schema,
            Self::Join(node) => &node.schema,
            Self::Union(node) => &node.schema,
            Self::Rank(node) => &node.schema,
            Self::Temporal(node) => &node.join.schema,
            Self::Over(node) => &node.schema,
            Self::Expand(node) => &node.schema,
            Self::Unnest(node) => &node.schema,
            Self::Pattern(node) => &node.schema,
        }
    }

    /// The names of the tables that are read, sorted.
    pub(crate) fn tables(&self) -> Vec<&str> {
        let mut tables = match self {
            Self::Table(table) => vec![table.name.as_str()],
            Self::Window(node) => node.base.tables(),
            Self::Group(node) => node.base.tables(),
            Self::Join(node) => node.feeds.iter().flat_map(|feed| feed.base.tables()).collect(),
            Self::Union(node) => node.feeds.iter().flat_map(|feed| feed.base.tables()).collect(),
            Self::Rank(node) => node.feed.base.tables(),
            Self::Temporal(node) => {
                node.join.feeds.iter().flat_map(|feed| feed.base.tables()).collect()
            }
            Self::Over(node) => node.feed.base.tables(),
            Self::Expand(node) => node.feed.base.tables(),
            Self::Unnest(node) => node.feed.base.tables(),
            Self::Pattern(node) => node.feed.base.tables(),
        };
        tables.sort_unstable();
        tables.dedup();
        tables
    }

    /// Whether its rows can change and go.
    pub(crate) fn is_updating(&self) -> bool {
        match self {
            Self::Table(table) => table.changes(),
            Self::Window(node) => node.lateness_ms.is_some(),
            Self::Pattern(_) => false,
            Self::Temporal(node) => node.join.feeds[0].base.is_updating(),
            Self::Group(node) => !node.aggregates.is_empty() || node.base.is_updating(),
            Self::Join(node) => node.is_updating(),
            Self::Union(node) => node.feeds.iter().any(|feed| feed.base.is_updating()),
            Self::Rank(node) => node.is_updating(),
            Self::Over(node) => node.time.is_none(),
            Self::Expand(node) => node.feed.base.is_updating(),
            Self::Unnest(node) => node.feed.base.is_updating(),
        }
    }
}

/// An expression with `columns` put in for their names.
pub(crate) fn inlined(expr: &Expr, columns: &[(String, Bound)]) -> Expr {
    let inline = |expr: Expr| {
        let found = match &expr {
            Expr::Column(column) => columns.iter().find(|(name, _)| *name == column.name),
            _ => None,
        };
        Ok(match found {
            Some((_, bound)) => Transformed::yes(bound.expr.clone()),
            None => Transformed::no(expr),
        })
    };
    // What is put in is not looked at again: its columns are those of another base.
    expr.clone().transform_up(inline).map_or_else(|_| expr.clone(), |done| done.data)
}

/// The columns of a base.
pub(crate) fn columns_schema(fields: Vec<ArrowField>, at: Position) -> Result<DFSchemaRef> {
    DFSchema::try_from(Schema::new(fields))
        .map(Arc::new)
        .map_err(|error| SqlError::new(at, error.strip_backtrace()))
}

/// Windows over a time.
#[derive(Debug, Clone)]
pub(crate) struct WindowSpec {
    pub window: Window,
    /// The row-time over the base, or processing time.
    pub row_time: Bound,
    /// The row-time's name from its source on, such as `bids.ts`.
    pub path: String,
    /// The columns that `SESSION` is partitioned by; none where the grouping decides.
    pub partition: Option<Vec<Bound>>,
    /// Of `SESSION`: what has to be true of its rows, which no session ends by.
    pub behind: Vec<Bound>,
    /// Where a table function stands.
    pub at: Option<Position>,
}

/// Windows of event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventWindows {
    pub window: Window,
    /// Whether the times are instants, so that their bounds are local times.
    pub of_instants: bool,
}

impl WindowSpec {
    /// The windows, if they are of event time: only the watermark tells when they are over.
    pub(crate) fn of_event_time(&self) -> Option<Window> {
        (self.row_time.meaning != Meaning::ProcTime).then_some(self.window)
    }

    /// The window's name in uids, such as `tumble(bids.ts,10000,0)`.
    pub(crate) fn name(&self) -> String {
        window::kind::uid_name(self.window, &self.path)
    }

    /// Whether the windows cut processing time.
    pub(crate) fn is_processing(&self) -> bool {
        self.row_time.meaning == Meaning::ProcTime
    }
}

/// A column of a relation.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The table's name or alias that can stand before the column's.
    pub qualifier: Option<String>,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Bound,
    /// Where a SELECT names it.
    pub at: Option<Position>,
}

impl Field {
    /// What names begin with that no query can name.
    pub(crate) const HIDDEN: &str = "$value";

    /// The name of a column that only its table's name before it can tell, as of one in `USING`.
    pub(crate) fn by_table_only(name: &str) -> String {
        format!("{} of {name}", Self::HIDDEN)
    }

    /// Whether only the query itself put it there.
    pub(crate) fn is_hidden(&self) -> bool {
        self.name.starts_with(Self::HIDDEN)
    }
}

/// What a FROM names.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub base: Base,
    /// Only rows for which it is true.
    pub filter: Option<Bound>,
    pub fields: Vec<Field>,
    /// The windows that its window columns belong to.
    pub window: Option<WindowSpec>,
}

impl Relation {
    /// The windows that its rows lie in, if the watermark tells when they are over.
    pub(crate) fn event_windows(&self) -> Option<EventWindows> {
        let spec = self.window.as_ref()?;
        let window = spec.of_event_time()?;
        let windows = EventWindows { window, of_instants: is_instant(&spec.row_time.data_type) };
        match &self.base {
            Base::Window(node) => node.window.of_event_time().map(|_| windows),
            _ => Some(windows),
        }
    }

    /// Keeps only rows for which `condition` is true too.
    pub(crate) fn filter_by(&mut self, condition: Bound) {
        self.filter = Some(match self.filter.take() {
            None => condition,
            Some(first) => both(first, condition),
        });
    }

    /// Gives all columns one qualifier.
    pub(crate) fn qualify(&mut self, name: &str) {
        for field in &mut self.fields {
            field.qualifier = Some(name.to_owned());
        }
    }

    /// Names the columns anew.
    pub(crate) fn rename(&mut self, names: &[Ident], what: &str, at: Position) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        if names.len() != self.fields.len() {
            let message = format!(
                "{what} names {} columns, its query has {}",
                names.len(),
                self.fields.len()
            );
            return Err(SqlError::new(at, message));
        }
        for (field, name) in self.fields.iter_mut().zip(names) {
            field.name.clone_from(&name.value);
        }
        Ok(())
    }
}

/// `left AND right`.
pub(crate) fn both(left: Bound, right: Bound) -> Bound {
    let level = precedence::AND;
    Bound {
        text: format!(
            "{} {} {}",
            left.text_within(level),
            BinaryOperator::And,
            right.text_within(level + 1)
        ),
        nullable: left.nullable || right.nullable,
        expr: datafusion_expr::binary_expr(left.expr, Operator::And, right.expr),
        precedence: level,
        ..right
    }
}

impl Scope for Relation {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        let of_table = |field: &&Field| {
            qualifier.is_none_or(|q| field.qualifier.as_deref() == Some(q.value.as_str()))
        };
        let mut found =
            self.fields.iter().filter(of_table).filter(|field| field.name == name.value);
        match (found.next(), found.next()) {
            (Some(field), None) => Ok(field.value.clone()),
            (Some(_), Some(_)) => {
                Err(SqlError::new(at, format!("column \"{}\" is ambiguous", name.value))
                    .hint("two columns of the query in FROM have this name: give them aliases"))
            }
            (None, _) => {
                let own = qualifier.map(|_| Field::by_table_only(&name.value));
                let mut own_fields = self.fields.iter().filter(of_table);
                match own.and_then(|own| own_fields.find(|field| field.name == own)) {
                    Some(field) => Ok(field.value.clone()),
                    None => match self.field_of_row(qualifier, name, at)? {
                        Some(field) => Ok(field),
                        None => Err(self.no_column(qualifier, name, at)),
                    },
                }
            }
        }
    }

    fn schema(&self) -> DFSchemaRef {
        Arc::clone(self.base.schema())
    }
}

impl Relation {
    /// A field of a ROW that is named without its row, as Flink has it where no column is called so.
    fn field_of_row(
        &self,
        qualifier: Option<&Ident>,
        name: &Ident,
        at: Position,
    ) -> Result<Option<Bound>> {
        let of_table = |field: &&Field| {
            qualifier.is_none_or(|q| field.qualifier.as_deref() == Some(q.value.as_str()))
        };
        let has = |field: &&Field| match &field.value.data_type {
            DataType::Struct(fields) => fields.find(&name.value).is_some(),
            _ => false,
        };
        let mut rows = self.fields.iter().filter(of_table).filter(|f| !f.is_hidden()).filter(has);
        match (rows.next(), rows.next()) {
            (Some(row), None) => {
                crate::expr::fields(row.value.clone(), std::slice::from_ref(name), at).map(Some)
            }
            (Some(_), Some(_)) => {
                Err(SqlError::new(at, format!("field \"{}\" is ambiguous", name.value))
                    .hint("two rows have it: write the name of the row in front of it"))
            }
            (None, _) => Ok(None),
        }
    }

    fn no_column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> SqlError {
        let qualifiers = || self.fields.iter().filter_map(|f| f.qualifier.as_deref());
        if let Some(table) = qualifier
            && !qualifiers().any(|q| q == table.value)
        {
            let message = format!("\"{}\" is no table of this query", table.value);
            let known: std::collections::BTreeSet<&str> = qualifiers().collect();
            return SqlError::new(at, message).suggest(&table.value, "tables", known);
        }
        SqlError::new(at, format!("column \"{}\" does not exist", name.value)).suggest(
            &name.value,
            "columns",
            self.fields.iter().filter(|f| !f.is_hidden()).map(|f| f.name.as_str()),
        )
    }
}
