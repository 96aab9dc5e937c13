//! `MATCH_RECOGNIZE`: rows that match a pattern, one row for each match.

mod scope;
mod syntax;

use std::cell::RefCell;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::DFSchemaRef;
use sabot_core::plan::{AfterMatch, MatchFunction};
use sqlparser::ast::{
    AfterMatchSkip, Expr, FunctionArg, FunctionArgExpr, Ident, Measure, OrderByExpr, Query,
    RowsPerMatch, Spanned, SymbolDefinition, TableFactor,
};

use self::scope::MatchScope;
use self::syntax::Written;
use crate::ambient;
use crate::columns::Columns;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Meaning, boolean, interval_ms, place_of};
use crate::functions::whole_keys;
use crate::grouping::check_key;
use crate::hints::StateTtl;
use crate::over::Order;
use crate::query::Queries;
use crate::relation::{Base, Feed, Field, Relation, columns_schema};
use crate::tokens::{ROWS, WITHIN};

/// Rows of a relation that match a pattern.
#[derive(Debug, Clone)]
pub(crate) struct PatternNode {
    pub feed: Feed,
    /// Columns of the feed, by index.
    pub keys: Vec<usize>,
    /// Without processing time.
    pub order: Vec<Order>,
    /// The row-time column of the feed; none: rows are ordered as they come.
    pub row_time: Option<usize>,
    pub variables: Vec<Variable>,
    pub after: AfterMatch,
    pub within_ms: Option<i64>,
    /// What conditions read of rows before the current one.
    pub values: Vec<MatchColumn>,
    /// What is read of matches.
    pub measures: Vec<MatchColumn>,
    /// The keys, the measures.
    pub schema: DFSchemaRef,
}

/// A variable of a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub name: String,
    pub min: u32,
    pub max: Option<u32>,
    pub greedy: bool,
    /// Over the feed's columns and the values.
    pub condition: Option<Bound>,
}

/// Something that is read of the rows of a match.
#[derive(Debug, Clone)]
pub(crate) struct MatchColumn {
    /// Its column.
    pub column: String,
    /// Its canonical text.
    pub name: String,
    /// The variable whose rows it is of; none: all rows.
    pub variable: Option<usize>,
    /// A column of the feed, by index.
    pub argument: Option<usize>,
    pub function: MatchFunction,
    pub data_type: DataType,
    pub nullable: bool,
}

/// What rows are ordered by first.
#[derive(Debug)]
struct WrittenTime {
    /// Over the input; none: processing time.
    row_time: Option<Bound>,
}

/// The clauses of `MATCH_RECOGNIZE`.
struct Clauses<'c> {
    partition_by: &'c [Expr],
    order_by: &'c [OrderByExpr],
    measures: &'c [Measure],
    after: Option<&'c AfterMatchSkip>,
    variables: Vec<Written<'c>>,
    within: Option<&'c SymbolDefinition>,
    definitions: Vec<&'c SymbolDefinition>,
}

impl Queries<'_> {
    /// The rows of `FROM t MATCH_RECOGNIZE (...)`, if a factor is one.
    pub(crate) fn matches(
        &self,
        factor: &TableFactor,
        ttl: &StateTtl,
        at: Position,
    ) -> Result<Relation> {
        let TableFactor::MatchRecognize {
            table,
            partition_by,
            order_by,
            measures,
            rows_per_match,
            after_match_skip,
            pattern,
            symbols,
            alias,
        } = factor
        else {
            return Err(SqlError::new(at, "expected MATCH_RECOGNIZE"));
        };
        let input = match query_of(table) {
            Some(query) => self.query(query)?,
            None => self.versions(table, ttl, at)?,
        };
        if matches!(rows_per_match, Some(RowsPerMatch::AllRows(_))) {
            let place = measures.last().and_then(|measure| start_of(measure.alias.span));
            return Err(SqlError::new(place.unwrap_or(at), "ALL ROWS PER MATCH is not supported")
                .hint("write ONE ROW PER MATCH, which is also what it is without"));
        }
        let is_within = |symbol: &&SymbolDefinition| symbol.symbol.value == WITHIN;
        let clauses = Clauses {
            partition_by,
            order_by,
            measures,
            after: after_match_skip.as_ref(),
            variables: syntax::variables(pattern, at)?,
            within: symbols.iter().find(is_within),
            definitions: symbols.iter().filter(|symbol| !is_within(symbol)).collect(),
        };
        let mut rows = clauses.resolve(input, at)?;
        self.alias(&mut rows, alias.as_ref())?;
        Ok(rows)
    }
}

/// The query in parentheses that stands in front of `MATCH_RECOGNIZE`.
fn query_of(table: &TableFactor) -> Option<&Query> {
    let TableFactor::Table { name, args: Some(arguments), .. } = table else { return None };
    let name = name.0.first().and_then(|part| part.as_ident())?;
    match arguments.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(query)))]
            if name.value == ROWS =>
        {
            Some(query)
        }
        _ => None,
    }
}

/// Columns that rows are told apart by, with the fields that show them.
struct Keys {
    columns: Vec<usize>,
    fields: Vec<Field>,
}

impl Clauses<'_> {
    fn resolve(&self, input: Relation, at: Position) -> Result<Relation> {
        let input = input.expanded(at)?;
        if input.base.is_updating() {
            return Err(SqlError::new(at, "MATCH_RECOGNIZE needs rows that only come").hint(
                "the rows in front of it change: put it in front of what makes them change, \
                       such as a GROUP BY without windows",
            ));
        }
        let columns = RefCell::new(Columns::default());
        let keys = self.keys(&input, &columns, at)?;
        let (time, order) = self.order(&input, &columns, at)?;
        let row_time = time.row_time.as_ref().map(|time| columns.borrow_mut().take(time));
        let names: Vec<&Ident> = self.variables.iter().map(|variable| variable.name).collect();
        let (values, measures) = (RefCell::default(), RefCell::default());
        let scope = |defined, found| MatchScope {
            input: &input,
            columns: &columns,
            variables: &names,
            defined,
            found,
            time: &time,
            at,
        };
        let mut variables = Vec::new();
        for (index, variable) in self.variables.iter().enumerate() {
            let condition = self.definition(variable.name)?;
            let condition = condition.map(|condition| -> Result<Bound> {
                let place = place_of(condition, at);
                let bound = Binder::new(&scope(Some(index), &values), place).bind(condition)?;
                let bound = boolean(bound, "DEFINE", place)?;
                ambient::refuse(&bound, "DEFINE", place)?;
                Ok(bound)
            });
            let Written { name, min, max, greedy } = variable;
            variables.push(Variable {
                name: name.value.clone(),
                min: *min,
                max: *max,
                greedy: *greedy,
                condition: condition.transpose()?.filter(|condition| !condition.is_true()),
            });
        }
        self.check_definitions(at)?;
        let mut fields = keys.fields;
        for Measure { expr, alias } in self.measures {
            let place = start_of(alias.span).unwrap_or(at);
            if fields.iter().any(|field| field.name == alias.value) {
                let message = format!("MATCH_RECOGNIZE gives two columns \"{}\"", alias.value);
                return Err(SqlError::new(place, message)
                    .hint("columns of PARTITION BY and measures need names of their own"));
            }
            let value = Binder::new(&scope(None, &measures), place_of(expr, at)).bind(expr)?;
            let name = alias.value.clone();
            fields.push(Field { qualifier: None, name, value, at: Some(place) });
        }
        if fields.is_empty() {
            return Err(SqlError::new(at, "MATCH_RECOGNIZE gives no columns")
                .hint("name some in MEASURES, such as LAST(A.price) AS price"));
        }
        let after = self.after(&names, at)?;
        let within_ms = self.within(at)?;
        let (columns, measures) = (columns.into_inner(), measures.into_inner());
        let mut schema: Vec<ArrowField> = Vec::new();
        let all = columns.fields();
        schema.extend(keys.columns.iter().map(|key| all[*key].clone()));
        schema.extend(measures.iter().map(MatchColumn::field));
        let node = PatternNode {
            feed: Feed { base: input.base, filter: input.filter, columns: columns.columns },
            keys: keys.columns,
            order,
            row_time,
            variables,
            after,
            within_ms,
            values: values.into_inner(),
            measures,
            schema: columns_schema(schema, at)?,
        };
        Ok(Relation { base: Base::Pattern(Arc::new(node)), filter: None, fields, window: None })
    }

    fn keys(&self, input: &Relation, columns: &RefCell<Columns>, at: Position) -> Result<Keys> {
        let mut keys = Keys { columns: Vec::new(), fields: Vec::new() };
        for expr in self.partition_by {
            let place = place_of(expr, at);
            let name = match expr {
                Expr::Identifier(name) => Some(name),
                Expr::CompoundIdentifier(parts) => parts.last(),
                _ => None,
            };
            let Some(name) = name else {
                return Err(SqlError::new(place, "PARTITION BY of MATCH_RECOGNIZE takes columns")
                    .hint("compute others in a subquery, and give them names"));
            };
            let bound = Binder::new(input, place).bind(expr)?;
            check_key(&bound, place)?;
            let index = columns.borrow_mut().take(&whole_keys::key(&bound).plain());
            if keys.columns.contains(&index) {
                continue;
            }
            let value = whole_keys::value(columns.borrow().column(index), &bound.data_type);
            keys.columns.push(index);
            let name = name.value.clone();
            keys.fields.push(Field { qualifier: None, name, value, at: Some(place) });
        }
        Ok(keys)
    }

    fn order(
        &self,
        input: &Relation,
        columns: &RefCell<Columns>,
        at: Position,
    ) -> Result<(WrittenTime, Vec<Order>)> {
        let [time, ..] = self.order_by else {
            return Err(SqlError::new(at, "MATCH_RECOGNIZE needs ORDER BY")
                .hint("write ORDER BY with the column of the event time, or of processing time"));
        };
        let place = place_of(&time.expr, at);
        let bound = Binder::new(input, place).bind(&time.expr)?;
        let row_time = match bound.meaning {
            Meaning::RowTime | Meaning::WindowTime => Some(bound),
            Meaning::ProcTime => None,
            Meaning::Plain | Meaning::WindowStart | Meaning::WindowEnd => {
                let message = format!("ORDER BY has to begin with a time, {} is none", bound.text);
                return Err(SqlError::new(place, message).hint(
                    "the first column is the one that a WATERMARK is declared for, or PROCTIME()",
                ));
            }
        };
        if time.options.asc == Some(false) {
            return Err(SqlError::new(place, "the time of ORDER BY has to be ascending")
                .hint("leave out DESC"));
        }
        let mut order = Vec::new();
        for (index, by) in self.order_by.iter().enumerate() {
            if index == 0 && row_time.is_none() {
                continue;
            }
            let place = place_of(&by.expr, at);
            let bound = Binder::new(input, place).bind(&by.expr)?;
            if bound.data_type.is_nested() {
                let name = crate::types::flink_name(&bound.data_type);
                let message = format!("{} is {name}, which has no order", bound.text);
                return Err(SqlError::new(place, message));
            }
            order.push(Order::by(columns.borrow_mut().take(&bound), by.options));
        }
        Ok((WrittenTime { row_time }, order))
    }

    /// What DEFINE says of a variable.
    fn definition(&self, name: &Ident) -> Result<Option<&Expr>> {
        let mut found = self.definitions.iter().filter(|found| found.symbol.value == name.value);
        match (found.next(), found.next()) {
            (_, Some(second)) => {
                let message = format!("variable \"{}\" is defined twice", name.value);
                Err(SqlError::new(start_of(second.symbol.span), message)
                    .hint("write the conditions as one, with AND between them"))
            }
            (first, None) => Ok(first.map(|first| &first.definition)),
        }
    }

    fn check_definitions(&self, at: Position) -> Result<()> {
        let names = || self.variables.iter().map(|variable| variable.name);
        let is_unknown =
            |found: &&&SymbolDefinition| names().all(|name| name.value != found.symbol.value);
        match self.definitions.iter().find(is_unknown) {
            None => Ok(()),
            Some(found) => Err(unknown(&found.symbol, names(), at)),
        }
    }

    fn after(&self, names: &[&Ident], at: Position) -> Result<AfterMatch> {
        let index = |name: &Ident| {
            let index = names.iter().position(|known| known.value == name.value);
            index.ok_or_else(|| unknown(name, names.iter().copied(), at))
        };
        let first_of = |name: &Ident| match index(name)? {
            // The first row of a match could not be skipped to without the same match again.
            0 if self.variables[0].min > 0 => {
                let place = start_of(name.span).unwrap_or(at);
                let message =
                    format!("every match begins with the first row of \"{}\"", name.value);
                Err(SqlError::new(place, message)
                    .hint("skip to another variable, to its LAST row, or TO NEXT ROW"))
            }
            index => Ok(AfterMatch::ToFirst(index)),
        };
        match self.after {
            // As in Flink; other systems skip past the last row.
            None | Some(AfterMatchSkip::ToNextRow) => Ok(AfterMatch::ToNextRow),
            Some(AfterMatchSkip::PastLastRow) => Ok(AfterMatch::PastLastRow),
            Some(AfterMatchSkip::ToFirst(name)) => first_of(name),
            Some(AfterMatchSkip::ToLast(name)) => index(name).map(AfterMatch::ToLast),
        }
    }

    fn within(&self, at: Position) -> Result<Option<i64>> {
        let Some(SymbolDefinition { symbol, definition }) = self.within else { return Ok(None) };
        let place = start_of(definition.span()).or(start_of(symbol.span)).unwrap_or(at);
        let Expr::Interval(interval) = definition else {
            return Err(SqlError::new(place, "WITHIN takes an interval")
                .hint("write WITHIN INTERVAL '1' HOUR"));
        };
        match interval_ms(interval, place)? {
            ms if ms > 0 => Ok(Some(ms)),
            _ => Err(SqlError::new(place, "the interval of WITHIN has to be above 0")),
        }
    }
}

/// The error for a name that is no variable's; `at` is where it stands, if its own place is not known.
fn unknown<'n>(
    name: &Ident,
    variables: impl IntoIterator<Item = &'n Ident>,
    at: Position,
) -> SqlError {
    let message = format!("\"{}\" is no variable of the pattern", name.value);
    let names = variables.into_iter().map(|variable| variable.value.as_str());
    SqlError::new(start_of(name.span).unwrap_or(at), message).suggest(
        &name.value,
        "variables",
        names,
    )
}
