//! The columns of a table, found by their names, and how they are made from events' numbers.
//!
//! A table is either all events, with `event_type` and a ROW for each kind, as the Nexmark project
//! declares it, or the columns of one kind. What is not declared, or not read, is not made.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, StringArray, StructArray, TimestampMillisecondArray,
    UInt32Array, new_null_array,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Fields, SchemaRef, TimeUnit};
use sabot_core::Result;

use super::model::{Event, Kind, Model, Prices, auction_category};
use super::text;
use crate::options::{OptionError, Options};

/// The column that says what an event is about.
pub(super) const EVENT_TYPE: &str = "event_type";

/// What a table has.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// The columns of one kind of event.
    Table(Kind, Vec<Make>),
    /// Columns of events of all kinds.
    Events(Vec<Column>),
}

/// A column of a table of all events.
#[derive(Debug, Clone)]
pub(super) enum Column {
    /// The kind, as a number.
    Type,
    /// The fields of events of one kind; null for others.
    Row(Kind, Vec<Make>),
}

/// How a column is made from events of its kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Make {
    Long(fn(&Model, &[Event]) -> Vec<i64>),
    Time(fn(&Model, &[Event]) -> Vec<i64>),
    Text(fn(&Model, u64, &mut String)),
}

/// A column of a kind: its name, other names, how it is made.
type Known = (&'static str, &'static [&'static str], Make);

const TIME_NAMES: &[&str] = &["datetime", "date_time", "ts"];

/// After so many texts the memory for the others is reserved.
const SAMPLE: usize = 64;

fn longs(events: &[Event], value: impl Fn(Event) -> i64) -> Vec<i64> {
    events.iter().map(|event| value(*event)).collect()
}

const TIME: Make = Make::Time(|model, events| longs(events, |e| model.time(e.n)));
const PRICE: Make = Make::Long(|_, events| {
    let prices = Prices::get();
    longs(events, |e| prices.price(e.n))
});

const BID: &[Known] = &[
    ("auction", &[], Make::Long(|model, events| longs(events, |e| model.bid_auction(e)))),
    ("bidder", &[], Make::Long(|model, events| longs(events, |e| model.bid_bidder(e)))),
    ("price", &[], PRICE),
    ("channel", &[], Make::Text(|_, n, out| out.push_str(&text::channel(n).0))),
    ("url", &[], Make::Text(|_, n, out| out.push_str(&text::channel(n).1))),
    ("dateTime", TIME_NAMES, TIME),
    ("extra", &[], Make::Text(|model, n, out| text::bid_extra(n, model.sizes.bid, out))),
];

const AUCTION: &[Known] = &[
    ("id", &[], Make::Long(|model, events| longs(events, |e| model.auction_id(e)))),
    ("itemName", &["item_name"], Make::Text(|_, n, out| out.push_str(text::item_name(n)))),
    ("description", &[], Make::Text(|_, n, out| out.push_str(text::description(n)))),
    ("initialBid", &["initial_bid"], PRICE),
    (
        "reserve",
        &[],
        Make::Long(|_, events| {
            let prices = Prices::get();
            longs(events, |e| prices.reserve(e.n))
        }),
    ),
    ("dateTime", TIME_NAMES, TIME),
    ("expires", &[], Make::Time(|model, events| longs(events, |e| model.auction_expires(e)))),
    ("seller", &[], Make::Long(|model, events| longs(events, |e| model.auction_seller(e)))),
    ("category", &[], Make::Long(|_, events| longs(events, |e| auction_category(e.n)))),
    ("extra", &[], Make::Text(|model, n, out| text::auction_extra(n, model.sizes.auction, out))),
];

const PERSON: &[Known] = &[
    ("id", &[], Make::Long(|model, events| longs(events, |e| model.person_id(e)))),
    ("name", &[], Make::Text(|_, n, out| text::person_name(n, out))),
    ("emailAddress", &["email_address"], Make::Text(|_, n, out| text::email_address(n, out))),
    ("creditCard", &["credit_card"], Make::Text(|_, n, out| text::credit_card(n, out))),
    ("city", &[], Make::Text(|_, n, out| out.push_str(text::city(n)))),
    ("state", &[], Make::Text(|_, n, out| out.push_str(text::state(n)))),
    ("dateTime", TIME_NAMES, TIME),
    ("extra", &[], Make::Text(|model, n, out| text::person_extra(n, model.sizes.person, out))),
];

fn known(kind: Kind) -> &'static [Known] {
    match kind {
        Kind::Bid => BID,
        Kind::Auction => AUCTION,
        Kind::Person => PERSON,
    }
}

/// Finds how each column of `schema` is made. `table` is the kind that was asked for, if one was.
pub(super) fn resolve(
    options: &Options<'_>,
    table: Option<Kind>,
    schema: &SchemaRef,
) -> Result<Shape, OptionError> {
    let of_events = |field: &Arc<Field>| {
        field.name() == EVENT_TYPE || matches!(field.data_type(), DataType::Struct(_))
    };
    if table.is_none() && schema.fields().iter().any(of_events) {
        let columns = schema.fields().iter().map(|field| resolve_column(options, field));
        return Ok(Shape::Events(columns.collect::<Result<_, _>>()?));
    }
    let kind = table.unwrap_or(Kind::Bid);
    let makes = schema.fields().iter().map(|field| resolve_make(options, kind, field, ""));
    Ok(Shape::Table(kind, makes.collect::<Result<_, _>>()?))
}

fn resolve_column(options: &Options<'_>, field: &Field) -> Result<Column, OptionError> {
    let name = field.name();
    if name == EVENT_TYPE {
        return match field.data_type() {
            DataType::Int32 => Ok(Column::Type),
            other => Err(options.column(name, format!("has the type {other}: declare it as INT"))),
        };
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name));
    match (kind, field.data_type()) {
        (Some(kind), DataType::Struct(_)) if !field.is_nullable() => {
            let problem =
                format!("is NULL for all events but {}s: leave NOT NULL out", kind.name());
            Err(options.column(name, problem))
        }
        (Some(kind), DataType::Struct(fields)) => {
            let prefix = format!("{name}.");
            let make = |field: &Arc<Field>| resolve_make(options, kind, field, &prefix);
            Ok(Column::Row(kind, fields.iter().map(make).collect::<Result<_, _>>()?))
        }
        _ => Err(options.column(
            name,
            "is not part of nexmark's events, which have event_type INT and person, auction and \
             bid, each a ROW",
        )),
    }
}

fn resolve_make(
    options: &Options<'_>,
    kind: Kind,
    field: &Field,
    prefix: &str,
) -> Result<Make, OptionError> {
    let name = field.name();
    let found = known(kind).iter().find(|(column, others, _)| {
        column.eq_ignore_ascii_case(name)
            || others.iter().any(|other| other.eq_ignore_ascii_case(name))
    });
    let column = format!("{prefix}{name}");
    let Some((_, _, make)) = found else {
        let names: Vec<_> = known(kind).iter().map(|(name, _, _)| *name).collect();
        let kind = kind.name();
        let problem = format!("is not part of a nexmark {kind}, which has: {}", names.join(", "));
        return Err(options.column(&column, problem));
    };
    check_type(options, &column, field.data_type(), *make)?;
    Ok(*make)
}

fn check_type(
    options: &Options<'_>,
    column: &str,
    data_type: &DataType,
    make: Make,
) -> Result<(), OptionError> {
    let (fits, expected) = match make {
        Make::Long(_) => (*data_type == DataType::Int64, "BIGINT"),
        Make::Text(_) => (
            matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
            "STRING",
        ),
        Make::Time(_) => (
            matches!(data_type, DataType::Timestamp(TimeUnit::Millisecond, _)),
            "TIMESTAMP(3) or TIMESTAMP_LTZ(3)",
        ),
    };
    if fits {
        return Ok(());
    }
    Err(options.column(column, format!("has the type {data_type}: declare it as {expected}")))
}

impl Shape {
    /// Makes the columns of `events`, which are all of the kind `only` if it is given.
    pub(super) fn make(
        &self,
        model: &Model,
        events: &[Event],
        only: Option<Kind>,
        schema: &SchemaRef,
    ) -> Result<Vec<ArrayRef>> {
        match self {
            Self::Table(_, makes) => {
                make_fields(makes, model, events, schema.fields().iter().map(AsRef::as_ref))
            }
            Self::Events(columns) => {
                let fields = schema.fields().iter();
                let column = |(column, field): (&Column, &Arc<Field>)| match column {
                    Column::Type => Ok(event_types(model, events, only)),
                    Column::Row(kind, _) if only.is_some_and(|only| only != *kind) => {
                        Ok(new_null_array(field.data_type(), events.len()))
                    }
                    Column::Row(kind, makes) => {
                        let own = only.is_none().then_some(*kind);
                        make_row(own, makes, model, events, field.data_type())
                    }
                };
                columns.iter().zip(fields).map(column).collect()
            }
        }
    }
}

fn event_types(model: &Model, events: &[Event], only: Option<Kind>) -> ArrayRef {
    Arc::new(match only {
        Some(kind) => Int32Array::from_value(kind as i32, events.len()),
        None => Int32Array::from_iter_values(events.iter().map(|e| model.kind(*e) as i32)),
    })
}

/// The ROW of events of one kind, null for others; without a kind all are of its own.
fn make_row(
    kind: Option<Kind>,
    makes: &[Make],
    model: &Model,
    events: &[Event],
    data_type: &DataType,
) -> Result<ArrayRef> {
    let DataType::Struct(fields) = data_type else { return Ok(new_null_array(data_type, 0)) };
    let each_field = || fields.iter().map(AsRef::as_ref);
    let Some(kind) = kind else {
        let values = make_fields(makes, model, events, each_field())?;
        return row(fields, values, events.len(), None);
    };
    let own: Vec<Event> = events.iter().copied().filter(|e| model.kind(*e) == kind).collect();
    let values = make_fields(makes, model, &own, each_field())?;
    let mut next = 0;
    let places = events.iter().map(|event| {
        (model.kind(*event) == kind).then(|| {
            next += 1;
            next - 1
        })
    });
    let places: UInt32Array = places.collect();
    let spread =
        values.iter().map(|values| take(values, &places, None)).collect::<Result<Vec<_>, _>>()?;
    let nulls = arrow::array::Array::nulls(&places).cloned();
    row(fields, spread, events.len(), nulls)
}

fn row(
    fields: &Fields,
    values: Vec<ArrayRef>,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), values, nulls, rows)?))
}

fn make_fields<'f>(
    makes: &[Make],
    model: &Model,
    events: &[Event],
    fields: impl Iterator<Item = &'f Field>,
) -> Result<Vec<ArrayRef>> {
    let make = |(make, field): (&Make, &Field)| make.array(model, events, field.data_type());
    makes.iter().zip(fields).map(make).collect()
}

impl Make {
    /// Makes one column of events of its kind.
    fn array(self, model: &Model, events: &[Event], data_type: &DataType) -> Result<ArrayRef> {
        let array: ArrayRef = match self {
            Self::Long(values) => Arc::new(Int64Array::from(values(model, events))),
            Self::Time(values) => Arc::new(
                TimestampMillisecondArray::from(values(model, events))
                    .with_data_type(data_type.clone()),
            ),
            Self::Text(value) => Arc::new(texts(events, |n, out| value(model, n, out))?),
        };
        if array.data_type() == data_type { Ok(array) } else { Ok(cast(&array, data_type)?) }
    }
}

/// Texts one behind the other, as an array has them.
fn texts(events: &[Event], value: impl Fn(u64, &mut String)) -> Result<StringArray> {
    let mut out = String::new();
    let mut ends: Vec<i32> = Vec::with_capacity(events.len() + 1);
    ends.push(0);
    for (index, event) in events.iter().enumerate() {
        value(event.n, &mut out);
        ends.push(out.len() as i32);
        if index == SAMPLE {
            // The rest is about as long, and a little more than that keeps it from being moved.
            let average = out.len() / SAMPLE;
            out.reserve((average + average / 16 + 1) * (events.len() - SAMPLE));
        }
    }
    let ends = OffsetBuffer::new(ends.into());
    Ok(StringArray::try_new(ends, Buffer::from_vec(out.into_bytes()), None)?)
}
