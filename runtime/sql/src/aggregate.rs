//! `GROUP BY`: keys, aggregates and what SELECT and HAVING may say over them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::{DFSchema, DFSchemaRef};
use sabot_core::plan::{AggregateFunction, Window};
use sqlparser::ast::{self, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident};

use crate::bits::{self, Bits};
use crate::distinct;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, Scope, boolean, function_name, is_aggregate, place_of};
use crate::functions::whole_keys;
use crate::json_aggregate::JsonAggregate;
use crate::moments::Moment;
use crate::names::{key_column, key_text};
use crate::ordered::Ordered;
use crate::percentile::Percentile;
use crate::relation::{Base, Relation, WindowSpec, both, columns_schema};
use crate::spread::Spread;
use crate::sums::{check_extreme, narrow_sum, quotient, wide_sum};
use crate::window::{self, window_column};

/// A window aggregation.
#[derive(Debug)]
pub(crate) struct WindowNode {
    pub base: Base,
    pub filter: Option<Bound>,
    pub window: WindowSpec,
    /// Sorted by text, over the base.
    pub keys: Vec<Bound>,
    /// Sorted by name.
    pub aggregates: Vec<Aggregate>,
    /// How long after a window has fired rows still change its result; none: not at all.
    pub lateness_ms: Option<i64>,
    /// How long after rows have come a window that has not fired gives what it has by then; none: not at
    /// all.
    pub early_ms: Option<i64>,
    /// Keys, window columns, aggregates.
    pub schema: DFSchemaRef,
}

/// An aggregation without a window.
#[derive(Debug)]
pub(crate) struct GroupNode {
    pub base: Base,
    pub filter: Option<Bound>,
    /// Sorted by text, over the base.
    pub keys: Vec<Bound>,
    /// Sorted by name.
    pub aggregates: Vec<Aggregate>,
    /// How long a group's state is kept, in milliseconds, 0 for ever; none: as is set for all.
    pub ttl_ms: Option<u64>,
    /// Keys, aggregates.
    pub schema: DFSchemaRef,
}

/// How long an aggregation keeps things and when it gives them, as hints and settings say, in
/// milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    /// How long rows change the results of windows of event time that have fired.
    pub lateness: Option<i64>,
    /// As [`WindowNode::early_ms`].
    pub early: Option<i64>,
    /// As [`GroupNode::ttl_ms`].
    pub ttl: Option<u64>,
}

/// An aggregate with state.
#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    /// Its canonical name.
    pub name: String,
    pub function: AggregateFunction,
    /// Whether equal values count once.
    pub distinct: bool,
    /// Over the base; none for `COUNT(*)`.
    pub argument: Option<Bound>,
    /// Over the base.
    pub filter: Option<Bound>,
    pub data_type: DataType,
    pub nullable: bool,
}

/// What SELECT and HAVING see of a grouped relation.
pub(crate) struct GroupScope<'a> {
    pub(crate) input: &'a Relation,
    /// None when the groups never end.
    pub(crate) window: Option<WindowSpec>,
    /// The keys and the window columns as written.
    grouped: Vec<Bound>,
    /// What other groupings of the SELECT are by, and this one is not: NULL.
    pub(crate) absent: Vec<Bound>,
    /// How many groupings of the SELECT before this are by the same.
    pub(crate) repeated: usize,
    aggregates: RefCell<BTreeMap<String, Aggregate>>,
}

impl<'a> GroupScope<'a> {
    /// Groups `input` by resolved expressions: by windows if they contain their bounds.
    pub(crate) fn new(input: &'a Relation, mut grouped: Vec<Bound>, at: Position) -> Result<Self> {
        let has = |meaning| grouped.iter().any(|key| key.meaning == meaning);
        let by_window = has(Meaning::WindowStart) && has(Meaning::WindowEnd);
        let window = input.window.clone().filter(|_| by_window);
        if window.as_ref().is_some_and(|window| !window::takes(window, &input.base)) {
            return Err(window::rows_change(at));
        }
        if window.is_none() {
            input.refuse_expanded(at)?;
            // The bounds of a window are columns like others.
            grouped = grouped.into_iter().map(Bound::plain).collect();
        }
        let (absent, aggregates) = (Vec::new(), RefCell::default());
        let scope = Self { input, window, grouped, absent, repeated: 0, aggregates };
        if let Some(window) = &scope.window {
            window::check_partition(window, &scope.plain_keys(), at)?;
        }
        Ok(scope)
    }

    /// The aggregation, once everything over it is resolved.
    pub(crate) fn into_base(self, times: Times, at: Position) -> Result<Base> {
        let schema = self.build_schema(at)?;
        let keys = self.keys();
        let aggregates: Vec<Aggregate> = self.aggregates.into_inner().into_values().collect();
        let (base, filter) = (self.input.base.clone(), self.input.filter.clone());
        Ok(match self.window {
            Some(window) => {
                let early_ms = times.early;
                if early_ms.is_some() && matches!(window.window, Window::Session { .. }) {
                    return Err(window::early_sessions(at));
                }
                let lateness_ms = window.of_event_time().and(times.lateness);
                let lateness_ms = lateness_ms.or(early_ms.map(|_| 0));
                if lateness_ms.is_some() && base.is_updating() {
                    return Err(window::rows_change(at));
                }
                // Flink asks the conditions behind sessions in front of them, where rows are grouped.
                let filter = filter.into_iter().chain(window.behind).reduce(both);
                let node = WindowNode {
                    base,
                    filter,
                    lateness_ms,
                    early_ms,
                    // The same windows are the same wherever they are written.
                    window: WindowSpec { behind: Vec::new(), at: None, ..window },
                    keys,
                    aggregates,
                    schema,
                };
                Base::Window(Arc::new(distinct::split(node, at)?))
            }
            None => {
                let ttl_ms = times.ttl;
                let node = GroupNode { base, filter, keys, aggregates, ttl_ms, schema };
                Base::Group(Arc::new(node))
            }
        })
    }

    /// What rows are grouped by beside windows.
    fn plain_keys(&self) -> Vec<Bound> {
        let is_bound = |meaning| {
            matches!(meaning, Meaning::WindowStart | Meaning::WindowEnd | Meaning::WindowTime)
        };
        self.grouped.iter().filter(|key| !is_bound(key.meaning)).cloned().collect()
    }

    /// What rows are sent and kept by.
    fn keys(&self) -> Vec<Bound> {
        let mut keys: Vec<Bound> = self.plain_keys().iter().map(whole_keys::key).collect();
        keys.sort_by(|a, b| a.text.cmp(&b.text));
        keys.dedup_by(|a, b| a.text == b.text);
        keys
    }

    fn build_schema(&self, at: Position) -> Result<DFSchemaRef> {
        let mut fields: Vec<ArrowField> = self
            .keys()
            .iter()
            .map(|k| ArrowField::new(key_column(&k.text), k.data_type.clone(), k.nullable))
            .collect();
        if let Some(window) = &self.window {
            fields.extend(window::window_fields(&window.row_time.data_type));
        }
        for aggregate in self.aggregates.borrow().values() {
            let data_type = aggregate.data_type.clone();
            fields.push(ArrowField::new(&aggregate.name, data_type, aggregate.nullable));
        }
        columns_schema(fields, at)
    }

    /// A key as a column of the aggregation.
    pub(crate) fn key(&self, bound: &Bound) -> Option<Bound> {
        self.grouped_column(bound)
    }

    /// The grouped expression of this text, as a column of the aggregation.
    fn grouped_column(&self, bound: &Bound) -> Option<Bound> {
        if let Some(absent) = self.absent.iter().find(|absent| absent.text == bound.text) {
            return Some(crate::expr::null().implicit_cast(&absent.data_type));
        }
        let key = self.grouped.iter().find(|key| {
            key.text == bound.text && (self.window.is_none() || key.meaning == bound.meaning)
        })?;
        let window_column = |index| {
            let time = &self.window.as_ref()?.row_time.data_type;
            Some(window_column(index, key.meaning, time))
        };
        match key.meaning {
            Meaning::WindowStart => window_column(0),
            Meaning::WindowEnd => window_column(1),
            Meaning::WindowTime => window_column(2),
            Meaning::Plain | Meaning::RowTime | Meaning::ProcTime => {
                let kept = whole_keys::key(key);
                let name = key_column(&kept.text);
                let text = key_text(&key.text);
                let column = Bound::column(&name, text, kept.data_type, key.nullable);
                let column = Bound { precedence: key.precedence, ..column };
                Some(whole_keys::value(column, &key.data_type))
            }
        }
    }

    fn aggregate(&self, function: &Function, name: &str, at: Position) -> Result<Bound> {
        if let Some(ordered) = Ordered::of(name) {
            return self.ordered(ordered, function, name, at);
        }
        if let Some(json) = JsonAggregate::of(name) {
            return self.json(json, function, name, at);
        }
        if let Some(percentile) = Percentile::of(name) {
            return self.percentile(percentile, function, name, at);
        }
        if let Some(moment) = Moment::of(name) {
            return self.moment(moment, function, name, at);
        }
        bits::check_there(name, at)?;
        let argument = self.argument(function, name, at)?;
        let filter = self.filter(function, at)?;
        let Some((argument, distinct)) = argument else {
            return Ok(self.count(None, false, filter));
        };
        match name {
            "COUNT" => Ok(self.count(Some(argument), distinct, filter)),
            "SUM" => self.sum(argument, distinct, filter, at).map(|(narrow, _)| narrow),
            "AVG" => self.average(argument, distinct, filter, at),
            "MIN" => self.extreme(AggregateFunction::Min, argument, filter, at),
            "MAX" => self.extreme(AggregateFunction::Max, argument, filter, at),
            "COLLECT" => self.collect((argument, distinct), filter, at),
            "APPROX_DISTINCT" => {
                bits::check_whole(name, &argument, at)?;
                Ok(self.count(Some(argument), true, filter))
            }
            _ => match (Spread::of(name), Bits::of(name), bits::extreme_of(name)) {
                (_, Some(bits), _) => self.bits(bits, name, (argument, distinct), filter, at),
                (_, _, Some(extreme)) => self.truth(extreme, name, argument, filter, at),
                (Some(spread), ..) => self.spread(spread, name, (argument, distinct), filter, at),
                _ => Err(SqlError::new(
                    at,
                    format!("the aggregate function {name} is not supported yet"),
                )
                .hint("supported are COUNT, SUM, MIN, MAX, AVG, VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP, PERCENTILE, MEDIAN, FIRST_VALUE, LAST_VALUE, LISTAGG, ARRAY_AGG, COLLECT, JSON_ARRAYAGG, JSON_OBJECTAGG, BIT_AND, BIT_OR, BIT_XOR, BOOL_AND, BOOL_OR, CORR, COVAR_POP, COVAR_SAMP and REGR_SLOPE and its like")),
            },
        }
    }

    /// The condition of `FILTER (WHERE ...)`, if there is one.
    pub(crate) fn filter(&self, function: &Function, at: Position) -> Result<Option<Bound>> {
        let Some(filter) = &function.filter else { return Ok(None) };
        let place = place_of(filter, at);
        boolean(Binder::new(self.input, at).bind(filter)?, "FILTER", place).map(Some)
    }

    /// The one argument and whether equal values count once; none for `COUNT(*)`.
    fn argument(
        &self,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<Option<(Bound, bool)>> {
        let FunctionArguments::List(list) = &function.args else {
            return Err(SqlError::new(at, format!("{name} needs an argument")));
        };
        let distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
        if !list.clauses.is_empty() || !function.within_group.is_empty() {
            return Err(SqlError::new(at, format!("{name} takes only a value")));
        }
        match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if name == "COUNT" => Ok(None),
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => {
                let bound = Binder::new(self.input, at).bind(expr)?;
                window::refuse_expanded(&bound, place_of(expr, at))?;
                let bound = if distinct { whole_keys::different(name, bound, at)? } else { bound };
                Ok(Some((bound.plain(), distinct)))
            }
            _ => Err(SqlError::new(at, format!("{name} takes one argument"))),
        }
    }

    pub(crate) fn register(
        &self,
        function: AggregateFunction,
        argument: Option<(Bound, bool)>,
        filter: Option<Bound>,
        (data_type, nullable): (DataType, bool),
    ) -> Bound {
        let name = canonical_name(function, argument.as_ref(), filter.as_ref());
        let (argument, distinct) = argument.unzip();
        let distinct = distinct.unwrap_or_default();
        let column = Bound::column(&name, name.clone(), data_type.clone(), nullable);
        let aggregate = Aggregate {
            name: name.clone(),
            function,
            distinct,
            argument,
            filter,
            data_type,
            nullable,
        };
        self.aggregates.borrow_mut().entry(name).or_insert(aggregate);
        column
    }

    pub(crate) fn count(
        &self,
        argument: Option<Bound>,
        distinct: bool,
        filter: Option<Bound>,
    ) -> Bound {
        // What is never null is counted like rows, and so shares their count.
        let argument = argument.filter(|a| a.nullable || distinct).map(|a| (a, distinct));
        self.register(AggregateFunction::Count, argument, filter, (DataType::Int64, false))
    }

    /// The sum in the argument's type, and the wide sum that is kept.
    pub(crate) fn sum(
        &self,
        argument: Bound,
        distinct: bool,
        filter: Option<Bound>,
        at: Position,
    ) -> Result<(Bound, Bound)> {
        let narrow = argument.data_type.clone();
        let wide = wide_sum(&argument, at)?;
        let nullable = argument.nullable || filter.is_some();
        let argument = argument.implicit_cast(&wide);
        // The state is wide, so that an average does not overflow where its sum would.
        let argument = Some((argument, distinct));
        let sum = self.register(AggregateFunction::Sum, argument, filter, (wide, nullable));
        Ok((narrow_sum(sum.clone(), narrow), sum))
    }

    /// A sum over a count.
    fn average(
        &self,
        argument: Bound,
        distinct: bool,
        filter: Option<Bound>,
        at: Position,
    ) -> Result<Bound> {
        let data_type = argument.data_type.clone();
        let what = if distinct { "DISTINCT " } else { "" };
        let text = with_filter(format!("AVG({what}{})", argument.text), filter.as_ref());
        let (_, sum) = self.sum(argument.clone(), distinct, filter.clone(), at)?;
        let count = self.count(Some(argument), distinct, filter);
        quotient(sum, count, &data_type, text, &self.schema(), at)
    }

    fn extreme(
        &self,
        function: AggregateFunction,
        argument: Bound,
        filter: Option<Bound>,
        at: Position,
    ) -> Result<Bound> {
        check_extreme(&argument, at)?;
        let nullable = argument.nullable || filter.is_some();
        let data_type = argument.data_type.clone();
        // Equal values do not change an extreme.
        Ok(self.register(function, Some((argument, false)), filter, (data_type, nullable)))
    }
}

fn canonical_name(
    function: AggregateFunction,
    argument: Option<&(Bound, bool)>,
    filter: Option<&Bound>,
) -> String {
    let name = match function {
        AggregateFunction::Count => "COUNT",
        AggregateFunction::Sum => "SUM",
        AggregateFunction::Min => "MIN",
        AggregateFunction::Max => "MAX",
        AggregateFunction::First => "FIRST_VALUE",
        AggregateFunction::Last => "LAST_VALUE",
        AggregateFunction::Values => "VALUES",
        AggregateFunction::AllValues => "ARRAY_AGG",
        AggregateFunction::Collect => "COLLECT",
    };
    let argument = match argument {
        None => "*".to_owned(),
        Some((argument, true)) => format!("DISTINCT {}", argument.text),
        Some((argument, false)) => argument.text.clone(),
    };
    with_filter(format!("{name}({argument})"), filter)
}

pub(crate) fn with_filter(call: String, filter: Option<&Bound>) -> String {
    match filter {
        None => call,
        Some(filter) => format!("{call} FILTER (WHERE {})", filter.text),
    }
}

impl Scope for GroupScope<'_> {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        // A column that is grouped by was found as a whole before.
        self.input.column(qualifier, name, at)?;
        let message =
            format!("column \"{}\" is neither in GROUP BY nor inside an aggregate", name.value);
        let error = SqlError::new(at, message);
        Err(match self.grouped.iter().find(|key| key.literal_integer().is_some()) {
            None => error,
            Some(number) => error.hint(format!(
                "GROUP BY {} groups by a number, not by a column of the SELECT: repeat its expression",
                number.text
            )),
        })
    }

    fn schema(&self) -> DFSchemaRef {
        // Names are unique by construction, so that this cannot fail.
        self.build_schema(Position { line: 1, column: 1 })
            .unwrap_or_else(|_| Arc::new(DFSchema::empty()))
    }

    fn whole(&self, expr: &ast::Expr, at: Position) -> Result<Option<Bound>> {
        match expr {
            ast::Expr::Value(_) | ast::Expr::Interval(_) | ast::Expr::Nested(_) => return Ok(None),
            ast::Expr::Function(function) if function.over.is_none() => {
                let name = function_name(&function.name, at)?.to_ascii_uppercase();
                if is_aggregate(&name) {
                    return self.aggregate(function, &name, at).map(Some);
                }
                if matches!(name.as_str(), "GROUPING" | "GROUPING_ID") {
                    return self.grouping(function, &name, at).map(Some);
                }
                if name == "GROUP_ID" {
                    return self.group_id(function, at).map(Some);
                }
                if let Some(window) = &self.window
                    && let Some(bound) =
                        window::group::auxiliary(self.input, window, function, &name, at)?
                {
                    return Ok(Some(bound));
                }
            }
            _ => {}
        }
        let whole = Binder::new(self.input, at).bind(expr).ok();
        Ok(whole.and_then(|bound| self.grouped_column(&bound)))
    }
}
