//! The options of a table: how many rows, how fast, and what its columns are like.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;

use super::declared::{self, Type};
use super::fields::Made;
use super::known;
use super::make::Maker;
use crate::options::{OptionError, Options};

/// The options that are not of columns.
pub(super) const OPTIONS: &[&str] = &[ROWS, RATE];
const ROWS: &str = "number-of-rows";
const RATE: &str = "rows-per-second";

const DEFAULT_RATE: u64 = 10_000;
/// A faster one is none.
const RATE_MAX: u64 = 1 << 40;
/// A table without an end ends here.
const ROWS_MAX: u64 = 1 << 60;
/// What a value takes at most: more would not fit a batch.
const VALUE_BYTES_MAX: u64 = 64 << 20;

/// What a table's options say.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) rows_per_second: u64,
    pub(super) rows: u64,
    /// The columns that are read.
    pub(super) makers: Vec<Maker>,
}

impl Settings {
    /// Reads the options of all columns that were declared; `schema` has those that are read.
    pub(super) fn read(options: &Options<'_>, schema: &SchemaRef) -> Result<Self, OptionError> {
        let declared = declared::all(options, schema)?;
        known::check(options, &declared)?;
        let mut made = BTreeMap::new();
        let mut rows = options.number(ROWS)?.unwrap_or(ROWS_MAX).min(ROWS_MAX);
        for of in &declared {
            let column = Made::read(options, of)?;
            rows = rows.min(column.rows.unwrap_or(ROWS_MAX));
            if of.data_type == Type::Multiset {
                made.insert(format!("{}.value", of.path), Made::OFTEN);
            }
            made.insert(of.path.clone(), column);
        }
        let new = |field| Maker::new(options, &made, field, field.name());
        let makers: Vec<Maker> =
            schema.fields().iter().map(|field| new(field)).collect::<Result<_, _>>()?;
        for (maker, field) in makers.iter().zip(schema.fields()) {
            if maker.bytes > VALUE_BYTES_MAX {
                let problem = format!(
                    "has values of {} bytes, more than {VALUE_BYTES_MAX}: lower the lengths",
                    maker.bytes
                );
                return Err(options.column(field.name(), problem));
            }
        }
        Ok(Self { rows_per_second: rate(options)?, rows, makers })
    }
}

fn rate(options: &Options<'_>) -> Result<u64, OptionError> {
    match options.number(RATE)? {
        Some(0) => Err(options.bad(RATE, "a whole number from 1")),
        rate => Ok(rate.unwrap_or(DEFAULT_RATE).min(RATE_MAX)),
    }
}

/// Whether the table has an end: a number of rows, or a sequence.
pub(super) fn is_bounded(options: &Options<'_>) -> bool {
    let is_sequence = |(option, value): (&String, &String)| {
        option.starts_with(known::PREFIX)
            && option.strip_suffix(".kind").is_some()
            && value.eq_ignore_ascii_case("sequence")
    };
    options.get(ROWS).is_some() || options.map.iter().any(is_sequence)
}
