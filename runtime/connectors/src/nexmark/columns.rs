//! The columns of the three kinds of events, made column by column.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringBuilder, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use sabot_core::Result;

use super::generator::{
    self as event, AUCTIONS, PERSONS, PROPORTION, Salt, below, draw, extra_length, text,
};
use crate::options::{OptionError, Options};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bid,
    Auction,
    Person,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Auction => "auction",
            Self::Person => "person",
        }
    }

    /// Whether event `n` is of this kind.
    #[inline]
    pub(super) fn has(self, n: u64) -> bool {
        let place = n % PROPORTION;
        match self {
            Self::Person => place < PERSONS,
            Self::Auction => (PERSONS..PERSONS + AUCTIONS).contains(&place),
            Self::Bid => place >= PERSONS + AUCTIONS,
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Self::Bid => BID,
            Self::Auction => AUCTION,
            Self::Person => PERSON,
        }
    }
}

/// When events happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeline {
    /// The first event's time.
    pub(super) base_ms: i64,
    /// Events a second.
    pub(super) events_per_second: u64,
}

impl Timeline {
    #[inline]
    fn at(&self, n: u64) -> i64 {
        let millis = u128::from(n) * 1000 / u128::from(self.events_per_second);
        self.base_ms + millis as i64
    }
}

/// How a column is made from the event's number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Make {
    Long(fn(u64) -> i64),
    Time(fn(&Timeline, u64) -> i64),
    Text(fn(u64, &mut StringBuilder)),
}

/// A column: its name, other names, how it is made.
type Column = (&'static str, &'static [&'static str], Make);

const TIME_NAMES: &[&str] = &["datetime", "date_time", "ts"];

const BID: &[Column] = &[
    ("auction", &[], Make::Long(event::bid_auction)),
    ("bidder", &[], Make::Long(event::bid_bidder)),
    ("price", &[], Make::Long(event::price)),
    ("channel", &[], Make::Text(|n, out| out.append_value(&event::channel(n).0))),
    ("url", &[], Make::Text(|n, out| out.append_value(&event::channel(n).1))),
    ("dateTime", TIME_NAMES, Make::Time(Timeline::at)),
    ("extra", &[], Make::Text(|n, out| random(n, Salt::Extra, extra_length(n, 32, 100), out))),
];

const AUCTION: &[Column] = &[
    ("id", &[], Make::Long(event::auction_id)),
    ("itemName", &["item_name"], Make::Text(|n, out| sized(n, Salt::Name, 20, out))),
    ("description", &[], Make::Text(|n, out| sized(n, Salt::Description, 100, out))),
    ("initialBid", &["initial_bid"], Make::Long(event::price)),
    ("reserve", &[], Make::Long(event::auction_reserve)),
    ("dateTime", TIME_NAMES, Make::Time(Timeline::at)),
    (
        "expires",
        &[],
        Make::Time(|time, n| time.at(n) + event::auction_length_ms(n, time.events_per_second)),
    ),
    ("seller", &[], Make::Long(event::auction_seller)),
    ("category", &[], Make::Long(event::auction_category)),
    ("extra", &[], Make::Text(|n, out| random(n, Salt::Extra, extra_length(n, 170, 500), out))),
];

const PERSON: &[Column] = &[
    ("id", &[], Make::Long(event::person_id)),
    (
        "name",
        &[],
        Make::Text(|n, out| {
            let names =
                (pick(n, Salt::FirstName, FIRST_NAMES), pick(n, Salt::LastName, LAST_NAMES));
            finish(out, &format_args!("{} {}", names.0, names.1));
        }),
    ),
    (
        "emailAddress",
        &["email_address"],
        Make::Text(|n, out| {
            word(n, Salt::Email, 7, out);
            push(out, "@");
            word(n, Salt::Name, 5, out);
            finish(out, &".com");
        }),
    ),
    (
        "creditCard",
        &["credit_card"],
        Make::Text(|n, out| {
            let bits = draw(n, Salt::Card);
            let part = |i: u64| below(bits << (16 * i), 10_000);
            finish(
                out,
                &format_args!("{:04} {:04} {:04} {:04}", part(0), part(1), part(2), part(3)),
            );
        }),
    ),
    ("city", &[], Make::Text(|n, out| out.append_value(pick(n, Salt::City, CITIES)))),
    ("state", &[], Make::Text(|n, out| out.append_value(pick(n, Salt::State, STATES)))),
    ("dateTime", TIME_NAMES, Make::Time(Timeline::at)),
    ("extra", &[], Make::Text(|n, out| random(n, Salt::Extra, extra_length(n, 80, 200), out))),
];

const FIRST_NAMES: &[&str] = &[
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
];
const LAST_NAMES: &[&str] =
    &["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const CITIES: &[&str] = &[
    "Phoenix",
    "Los Angeles",
    "San Francisco",
    "Boise",
    "Portland",
    "Bend",
    "Redmond",
    "Seattle",
    "Kent",
    "Cheyenne",
];
const STATES: &[&str] = &["AZ", "CA", "ID", "OR", "WA", "WY"];

fn pick(n: u64, salt: Salt, from: &[&'static str]) -> &'static str {
    from[below(draw(n, salt), from.len() as u64) as usize]
}

fn push(out: &mut StringBuilder, text: &str) {
    out.write_str(text).expect("a string builder takes every text");
}

fn finish(out: &mut StringBuilder, text: &dyn std::fmt::Display) {
    write!(out, "{text}").expect("a string builder takes every text");
    out.append_value("");
}

/// Random text of one length as the value.
fn random(n: u64, salt: Salt, length: u64, out: &mut StringBuilder) {
    text(draw(n, salt), length, &mut |piece| push(out, piece));
    out.append_value("");
}

/// Random text of 3 letters up to `most` as the value.
fn sized(n: u64, salt: Salt, most: u64, out: &mut StringBuilder) {
    let bits = draw(n, salt);
    random(n, salt, 3 + below(bits.rotate_left(32), most - 2), out);
}

/// Random text of one length without blanks, as a part of a value.
fn word(n: u64, salt: Salt, length: u64, out: &mut StringBuilder) {
    text(draw(n, salt), length, &mut |piece| push(out, &piece.replace(' ', "x")));
}

/// Finds how each column of `schema` is made.
pub(super) fn resolve(
    options: &Options<'_>,
    kind: Kind,
    schema: &SchemaRef,
) -> Result<Vec<Make>, OptionError> {
    let find = |name: &str| {
        kind.columns().iter().find(|(column, others, _)| {
            column.eq_ignore_ascii_case(name)
                || others.iter().any(|other| other.eq_ignore_ascii_case(name))
        })
    };
    schema
        .fields()
        .iter()
        .map(|field| {
            let Some((_, _, make)) = find(field.name()) else {
                let known: Vec<_> = kind.columns().iter().map(|(name, _, _)| *name).collect();
                return Err(options.column(
                    field.name(),
                    format!(
                        "is not part of a nexmark {}, which has: {}",
                        kind.name(),
                        known.join(", ")
                    ),
                ));
            };
            check_type(options, field.name(), field.data_type(), *make)?;
            Ok(*make)
        })
        .collect()
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

/// Makes one column of the events `numbers`.
pub(super) fn make_column(
    make: Make,
    numbers: &[u64],
    timeline: &Timeline,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let array: ArrayRef = match make {
        Make::Long(value) => {
            Arc::new(Int64Array::from_iter_values(numbers.iter().map(|n| value(*n))))
        }
        Make::Time(value) => {
            let values = numbers.iter().map(|n| value(timeline, *n));
            Arc::new(
                TimestampMillisecondArray::from_iter_values(values)
                    .with_data_type(data_type.clone()),
            )
        }
        Make::Text(value) => {
            let mut out = StringBuilder::with_capacity(numbers.len(), numbers.len() * 32);
            for n in numbers {
                value(*n, &mut out);
            }
            Arc::new(out.finish())
        }
    };
    if array.data_type() == data_type { Ok(array) } else { Ok(cast(&array, data_type)?) }
}
