//! `f(x) OVER (PARTITION BY ... ORDER BY ... ROWS | RANGE ...)`: aggregates over the rows up to each
//! row.
//!
//! Over rows that only come, ordered by time, the answers are final. Over others, and in another
//! order, answers change. A `ROW_NUMBER` with a limit on it is a rank (`rank`).

mod beside_groups;
mod lag;
mod library;
mod listed;
mod window;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::{DFSchema, DFSchemaRef};
use sabot_core::plan::{AggregateFunction, Frame, OverFunction, OverTime};
use sqlparser::ast::{
    self, DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    OrderByOptions, Select,
};

use self::window::Window;
use crate::columns::Columns;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, Scope, function_name, place_of};
use crate::functions::whole_keys;
use crate::names::new_text;
use crate::relation::{Base, EventWindows, Feed, Field, Relation, columns_schema};
use crate::spread::Spread;
use crate::sums::{check_extreme, narrow_sum, quotient, wide_sum};

pub(crate) use beside_groups::{BesideGroups, beside_groups};
pub(crate) use window::has_over;

/// The rows up to a row and those that are equal to it in the order, as of aggregates without a frame.
const UP_TO_PEERS: Frame = Frame::Range(None);

/// The column of a row's number.
pub(crate) const RANK: &str = "$rank";

/// Rows with aggregates over those up to each of them.
#[derive(Debug, Clone)]
pub(crate) struct OverNode {
    pub feed: Feed,
    /// Columns of the feed, by index.
    pub keys: Vec<usize>,
    pub order: Vec<Order>,
    /// The time, as a column of the feed, where rows only come and are ordered by it alone.
    pub time: Option<OverTime>,
    /// The windows that rows lie in.
    pub window: Option<EventWindows>,
    pub frame: Frame,
    pub aggregates: Vec<OverAggregate>,
    /// The feed's columns, then the aggregates.
    pub schema: DFSchemaRef,
}

/// A column of an order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// A column of the feed, by index.
    pub column: usize,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Order {
    /// The order by a column of the feed that `options` say.
    pub(crate) fn by(column: usize, options: OrderByOptions) -> Self {
        let descending = options.asc == Some(false);
        // Nulls are lower than everything, as in Flink.
        let nulls_first = options.nulls_first.unwrap_or(!descending);
        Self { column, descending, nulls_first }
    }
}

/// An aggregate over a frame.
#[derive(Debug, Clone)]
pub(crate) struct OverAggregate {
    /// Its column.
    pub column: String,
    /// Its canonical name.
    pub name: String,
    pub function: OverFunction,
    /// A column of the feed, by index.
    pub argument: Option<usize>,
    /// Whether equal values count once.
    pub distinct: bool,
    pub data_type: DataType,
    pub nullable: bool,
}

impl OverNode {
    /// Whether all that is asked for is the rows' numbers.
    pub(crate) fn is_row_number(&self) -> bool {
        matches!(
            self.aggregates.as_slice(),
            [OverAggregate { function: OverFunction::RowNumber, .. }]
        )
    }
}

/// What a SELECT list with OVER sees.
pub(crate) struct OverScope<'a> {
    select: &'a Select,
    pub(crate) input: &'a Relation,
    window: Window,
    /// The input's columns, as columns of the node.
    fields: Vec<Field>,
    columns: RefCell<Columns>,
    keys: Vec<usize>,
    order: Vec<Order>,
    time: Option<OverTime>,
    /// Of the aggregates that have a frame.
    frame: Cell<Option<Frame>>,
    aggregates: RefCell<Vec<OverAggregate>>,
    at: Position,
}

impl<'a> OverScope<'a> {
    /// The rows of `input`, in the window of the SELECT's aggregates.
    pub(crate) fn new(select: &'a Select, input: &'a Relation, at: Position) -> Result<Self> {
        let window = window::of_select(select, at)?;
        let mut columns = Columns::default();
        let mut fields = Vec::new();
        for field in &input.fields {
            let index = columns.take(&field.value);
            let value = Bound { meaning: field.value.meaning, ..columns.column(index) };
            fields.push(Field { value, ..field.clone() });
        }
        let binder = Binder::new(input, at);
        let mut keys = Vec::new();
        for key in &window.partition_by {
            let bound = binder.bind(key)?;
            crate::grouping::check_key(&bound, place_of(key, at))?;
            keys.push(columns.take(&whole_keys::key(&bound)));
        }
        let mut order = Vec::new();
        let mut time = None;
        for by in &window.order_by {
            let bound = binder.bind(&by.expr)?;
            if bound.data_type.is_nested() {
                let name = crate::types::flink_name(&bound.data_type);
                let message = format!("{} is {name}, which has no order", bound.text);
                return Err(SqlError::new(place_of(&by.expr, at), message));
            }
            let by = Order::by(columns.take(&bound), by.options);
            let is_alone = window.order_by.len() == 1;
            if !by.descending && is_alone && !input.base.is_updating() {
                time = match bound.meaning {
                    Meaning::RowTime | Meaning::WindowTime => Some(OverTime::Event(by.column)),
                    Meaning::ProcTime => Some(OverTime::Processing(by.column)),
                    _ => None,
                };
            }
            order.push(by);
        }
        let columns = RefCell::new(columns);
        let (frame, aggregates) = (Cell::new(None), RefCell::default());
        Ok(Self {
            select,
            input,
            window,
            fields,
            columns,
            keys,
            order,
            time,
            frame,
            aggregates,
            at,
        })
    }

    /// The columns of the input.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The node, once everything over it is resolved.
    pub(crate) fn into_base(self) -> Result<Base> {
        let schema = self.build_schema()?;
        let (columns, aggregates) = (self.columns.into_inner(), self.aggregates.into_inner());
        let base = self.input.base.clone();
        let feed = Feed { base, filter: self.input.filter.clone(), columns: columns.columns };
        let Self { keys, order, time, .. } = self;
        let frame = match (self.frame.get(), self.time) {
            // No two rows come at once, as in Flink.
            (None, _) | (Some(UP_TO_PEERS), Some(OverTime::Processing(_))) => Frame::Rows(None),
            (Some(frame), _) => frame,
        };
        let window = self.input.event_windows();
        let node = OverNode { feed, keys, order, time, window, frame, aggregates, schema };
        Ok(Base::Over(Arc::new(node)))
    }

    fn build_schema(&self) -> Result<DFSchemaRef> {
        let mut fields = self.columns.borrow().fields();
        fields.extend(
            self.aggregates
                .borrow()
                .iter()
                .map(|a| ArrowField::new(&a.column, a.data_type.clone(), a.nullable)),
        );
        columns_schema(fields, self.at)
    }

    fn call(&self, function: &Function, at: Position) -> Result<Bound> {
        let name = function_name(&function.name, at)?.to_ascii_uppercase();
        if function.filter.is_some() {
            return Err(SqlError::new(at, format!("{name} OVER takes no FILTER"))
                .hint("aggregate CASE WHEN <condition> THEN <value> END"));
        }
        let frame = self.frame_of(function, &name, at)?;
        match name.as_str() {
            "ROW_NUMBER" => {
                if !matches!(&function.args, FunctionArguments::List(list) if list.args.is_empty())
                {
                    return Err(SqlError::new(at, "ROW_NUMBER takes no arguments"));
                }
                Ok(self.row_number())
            }
            "RANK" | "DENSE_RANK" => {
                if !matches!(&function.args, FunctionArguments::List(list) if list.args.is_empty())
                {
                    return Err(SqlError::new(at, format!("{name} takes no arguments")));
                }
                // In Flink's streams both count the rows up to the row and its peers.
                self.set_frame(Some(UP_TO_PEERS), at)?;
                let count = self.count(None, false);
                Ok(Bound { text: self.new_text(&format!("{name}()")), ..count })
            }
            "LAG" => self.lag(function, at),
            "LEAD" | "NTILE" | "PERCENT_RANK" | "CUME_DIST" => {
                let message =
                    format!("{name} OVER is not supported: it needs rows that are still to come");
                Err(SqlError::new(at, message).hint("LAG gives the value of a row before"))
            }
            "COUNT" => {
                let argument = self.argument(function, &name, at)?;
                self.set_frame(frame, at)?;
                let (argument, distinct) = argument.unzip();
                Ok(self.count(argument, distinct.unwrap_or_default()))
            }
            "SUM" | "AVG" | "MIN" | "MAX" | "FIRST_VALUE" | "LAST_VALUE" => {
                let Some(argument) = self.argument(function, &name, at)? else {
                    return Err(SqlError::new(at, format!("{name} takes one argument")));
                };
                self.set_frame(frame, at)?;
                self.aggregate(&name, argument, at)
            }
            _ => match (self.of_library(function, &name, frame, at)?, Spread::of(&name)) {
                (Some(found), _) => Ok(found),
                (None, Some(spread)) => {
                    let Some(argument) = self.argument(function, &name, at)? else {
                        return Err(SqlError::new(at, format!("{name} takes one argument")));
                    };
                    self.set_frame(frame, at)?;
                    self.spread(spread, &name, argument, at)
                }
                _ if let Some(list) = self.listed(function, &name, frame, at)? => Ok(list),
                _ if let Some(found) = self.percentile(function, &name, frame, at)? => Ok(found),
                _ => Err(SqlError::new(at, format!("{name} OVER is not supported yet")).hint(
                    "supported are COUNT, SUM, AVG, MIN, MAX, VAR_POP, VAR_SAMP, STDDEV_POP, \
                     STDDEV_SAMP, CORR, COVAR_POP, COVAR_SAMP, REGR_SLOPE and its like, BOOL_AND, BOOL_OR, \
                     FIRST_VALUE, LAST_VALUE, LISTAGG, ARRAY_AGG, COLLECT, PERCENTILE, MEDIAN, LAG, ROW_NUMBER, RANK and DENSE_RANK",
                )),
            },
        }
    }

    /// The frame of a function, in the one window of the SELECT; none where it has none.
    fn frame_of(&self, function: &Function, name: &str, at: Position) -> Result<Option<Frame>> {
        let window = window::of_function(self.select, function, at)?;
        if !self.window.is_same(&window) {
            return Err(SqlError::new(at, "the OVER windows of a SELECT have to be the same")
                .hint("nest one query in another for another PARTITION BY or ORDER BY"));
        }
        if matches!(name, "ROW_NUMBER" | "RANK" | "DENSE_RANK" | "LAG" | "LEAD") {
            return match window.frame {
                None => Ok(None),
                Some(_) => Err(SqlError::new(at, format!("{name} takes no ROWS or RANGE"))),
            };
        }
        window.frame(self.order_type().as_ref(), at).map(Some)
    }

    /// The type of the one column of an ascending order.
    fn order_type(&self) -> Option<DataType> {
        match self.order.as_slice() {
            [Order { column, descending: false, .. }] => {
                Some(self.columns.borrow().column(*column).data_type)
            }
            _ => None,
        }
    }

    fn set_frame(&self, frame: Option<Frame>, at: Position) -> Result<()> {
        match (self.frame.get(), frame) {
            (Some(known), Some(frame)) if known != frame => {
                Err(SqlError::new(at, "the OVER windows of a SELECT have to be the same")
                    .hint(
                        "RANK, DENSE_RANK and LAG are over RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW; \
                         nest one query in another for another ROWS or RANGE",
                    ))
            }
            (None, frame) => {
                self.frame.set(frame);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The one argument, and whether equal values count once; none for `COUNT(*)`.
    fn argument(
        &self,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<Option<(Bound, bool)>> {
        let FunctionArguments::List(list) = &function.args else {
            return Err(SqlError::new(at, format!("{name} needs an argument")));
        };
        let distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
        if distinct && matches!(name, "FIRST_VALUE" | "LAST_VALUE") {
            return Err(SqlError::new(at, format!("{name} OVER takes no DISTINCT"))
                .hint("equal values make no difference to it"));
        }
        if !list.clauses.is_empty() {
            return Err(SqlError::new(at, format!("{name} OVER takes only a value")));
        }
        match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if name == "COUNT" => Ok(None),
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => {
                let value = Binder::new(self.input, at).bind(expr)?.plain();
                let value = if distinct { whole_keys::different(name, value, at)? } else { value };
                Ok(Some((value, distinct)))
            }
            _ => Err(SqlError::new(at, format!("{name} takes one argument"))),
        }
    }

    fn aggregate(
        &self,
        name: &str,
        (argument, distinct): (Bound, bool),
        at: Position,
    ) -> Result<Bound> {
        let data_type = argument.data_type.clone();
        let nullable = argument.nullable;
        match name {
            "SUM" => Ok(narrow_sum(self.sum(&argument, distinct, at)?, data_type)),
            "AVG" => {
                let sum = self.sum(&argument, distinct, at)?;
                let what = if distinct { "DISTINCT " } else { "" };
                let text = self.new_text(&format!("AVG({what}{})", argument.text));
                let count = self.count(Some(argument), distinct);
                quotient(sum, count, &data_type, text, &self.schema(), at)
            }
            "MIN" | "MAX" => {
                check_extreme(&argument, at)?;
                let function =
                    if name == "MIN" { AggregateFunction::Min } else { AggregateFunction::Max };
                let function = OverFunction::Aggregate(function);
                // Equal values do not change an extreme.
                let argument = Some((&argument, false));
                Ok(self.register(name, function, argument, (data_type, nullable)))
            }
            _ => {
                let first = name == "FIRST_VALUE";
                let function =
                    if first { OverFunction::FirstValue } else { OverFunction::LastValue };
                let argument = Some((&argument, false));
                Ok(self.register(name, function, argument, (data_type, nullable)))
            }
        }
    }

    pub(crate) fn count(&self, argument: Option<Bound>, distinct: bool) -> Bound {
        let argument = argument.filter(|a| a.nullable || distinct);
        let argument = argument.as_ref().map(|argument| (argument, distinct));
        let function = OverFunction::Aggregate(AggregateFunction::Count);
        self.register("COUNT", function, argument, (DataType::Int64, false))
    }

    pub(crate) fn sum(&self, argument: &Bound, distinct: bool, at: Position) -> Result<Bound> {
        let wide = wide_sum(argument, at)?;
        let nullable = argument.nullable;
        let argument = argument.clone().implicit_cast(&wide);
        let function = OverFunction::Aggregate(AggregateFunction::Sum);
        Ok(self.register("SUM", function, Some((&argument, distinct)), (wide, nullable)))
    }

    fn row_number(&self) -> Bound {
        let data_type = DataType::Int64;
        let known = self.aggregates.borrow().iter().any(|a| a.column == RANK);
        if !known {
            self.aggregates.borrow_mut().push(OverAggregate {
                column: RANK.to_owned(),
                name: "ROW_NUMBER()".to_owned(),
                function: OverFunction::RowNumber,
                argument: None,
                distinct: false,
                data_type: data_type.clone(),
                nullable: false,
            });
        }
        let text = new_text(&self.input.fields, "ROW_NUMBER()".to_owned());
        Bound::column(RANK, text, data_type, false)
    }

    fn register(
        &self,
        name: &str,
        function: OverFunction,
        argument: Option<(&Bound, bool)>,
        result: (DataType, bool),
    ) -> Bound {
        let text = match argument {
            None => "*".to_owned(),
            Some((argument, true)) => format!("DISTINCT {}", argument.text),
            Some((argument, false)) => argument.text.clone(),
        };
        self.register_as(format!("{name}({text})"), function, argument, result)
    }

    fn register_as(
        &self,
        name: String,
        function: OverFunction,
        argument: Option<(&Bound, bool)>,
        (data_type, nullable): (DataType, bool),
    ) -> Bound {
        let text = self.new_text(&name);
        // No text of a column begins so.
        let column = format!("$over {name}");
        let known = self.aggregates.borrow().iter().any(|a| a.column == column);
        if !known {
            let (argument, distinct) = argument.unzip();
            let argument = argument.map(|argument| self.columns.borrow_mut().take(argument));
            self.aggregates.borrow_mut().push(OverAggregate {
                column: column.clone(),
                name,
                function,
                argument,
                distinct: distinct.unwrap_or_default(),
                data_type: data_type.clone(),
                nullable,
            });
        }
        Bound::column(&column, text, data_type, nullable)
    }

    /// The canonical text of a call that no column before it has: there the same call is one of
    /// other rows.
    pub(crate) fn new_text(&self, call: &str) -> String {
        new_text(&self.input.fields, self.text(call))
    }

    /// The canonical text of a call.
    fn text(&self, call: &str) -> String {
        let columns = self.columns.borrow();
        let names = |all: Vec<usize>| {
            all.into_iter().map(|c| columns.columns[c].0.clone()).collect::<Vec<_>>().join(", ")
        };
        let partition = match self.keys.as_slice() {
            [] => String::new(),
            keys => format!("PARTITION BY {} ", names(keys.to_vec())),
        };
        let order = names(self.order.iter().map(|order| order.column).collect());
        format!("{call} OVER ({partition}ORDER BY {order})")
    }
}

impl Scope for OverScope<'_> {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        let relation = Relation {
            base: self.input.base.clone(),
            filter: None,
            fields: self.fields.clone(),
            window: None,
        };
        relation.column(qualifier, name, at)
    }

    fn schema(&self) -> DFSchemaRef {
        // Names are unique by construction, so that this cannot fail.
        self.build_schema().unwrap_or_else(|_| Arc::new(DFSchema::empty()))
    }

    fn whole(&self, expr: &ast::Expr, at: Position) -> Result<Option<Bound>> {
        match expr {
            ast::Expr::Function(function) if function.over.is_some() => {
                self.call(function, at).map(Some)
            }
            _ => Ok(None),
        }
    }
}
