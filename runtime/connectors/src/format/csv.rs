//! CSV: one row a record, fields by their places, as Flink's format `csv`.
//!
//! A record is a line, unless a line's end stands between quotes. There is no line of names. A field
//! is NULL only where `csv.null-literal` says so; spaces around numbers, dates and the like do not
//! count. With `csv.ignore-parse-errors` a field that cannot be parsed becomes NULL and a row that
//! cannot be parsed is skipped; both are counted.

mod decode;
mod encode;
mod reading;
mod scan;

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use sabot_core::partitions;

pub(crate) use decode::RowDecoder;
pub(crate) use encode::RowEncoder;
#[cfg(test)]
pub(super) use scan::Piece;

use crate::options::{OptionError, Options};

/// The format's name.
pub(crate) const NAME: &str = "csv";

/// The options behind a prefix; those that only sources have are named behind it.
macro_rules! options {
    ($prefix:literal $(, $of_sources:literal)*) => {
        &[
            concat!($prefix, "csv.field-delimiter"),
            concat!($prefix, "csv.array-element-delimiter"),
            concat!($prefix, "csv.quote-character"),
            concat!($prefix, "csv.disable-quote-character"),
            concat!($prefix, "csv.escape-character"),
            concat!($prefix, "csv.null-literal"),
            $(concat!($prefix, "csv.", $of_sources)),*
        ]
    };
    (sources $prefix:literal) => {
        options!($prefix, "allow-comments", "ignore-parse-errors")
    };
}

/// Options of sources that read CSV.
pub(crate) const SOURCE_OPTIONS: &[&str] = options!(sources "");
/// Options of sinks that write CSV.
pub(crate) const SINK_OPTIONS: &[&str] = options!("");
/// The same behind the prefix of values, and of keys.
pub(crate) const VALUE_SOURCE_OPTIONS: &[&str] = options!(sources "value.");
pub(crate) const VALUE_SINK_OPTIONS: &[&str] = options!("value.");
pub(crate) const KEY_SOURCE_OPTIONS: &[&str] = options!(sources "key.");
pub(crate) const KEY_SINK_OPTIONS: &[&str] = options!("key.");

/// The characters that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Characters {
    pub(crate) delimiter: u8,
    /// None: quotes are text.
    pub(crate) quote: Option<u8>,
    /// What stands before a character that means itself.
    pub(crate) escape: Option<u8>,
    /// Whether lines that begin with `#` are no records.
    pub(crate) comments: bool,
}

/// The format's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsvOptions {
    pub(crate) characters: Characters,
    /// What stands between the elements of an ARRAY or a ROW.
    pub(crate) element_delimiter: u8,
    /// The text that is NULL.
    pub(crate) null: Option<String>,
    pub(crate) ignore_parse_errors: bool,
    /// The columns of a record, in its order; none: those of the table.
    pub(crate) columns: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        let characters =
            Characters { delimiter: b',', quote: Some(b'"'), escape: None, comments: false };
        Self {
            characters,
            element_delimiter: b';',
            null: None,
            ignore_parse_errors: false,
            columns: Vec::new(),
        }
    }
}

impl CsvOptions {
    /// Reads the options, whose names begin with `prefix`, such as `csv.` and `value.csv.`.
    pub(crate) fn read(options: &Options<'_>, prefix: &str) -> Result<Self, OptionError> {
        let name = |option: &str| format!("{prefix}{option}");
        let character = |option: &str| character(options, &name(option));
        let flag = |option: &str| Ok(options.boolean(&name(option))?.unwrap_or_default());
        let (quote, has_none) = (character("quote-character")?, flag("disable-quote-character")?);
        if has_none && quote.is_some() {
            let without =
                format!("it to be left out when '{}' is 'true'", name("disable-quote-character"));
            return Err(options.bad(&name("quote-character"), without));
        }
        let characters = Characters {
            delimiter: character("field-delimiter")?.unwrap_or(b','),
            quote: (!has_none).then(|| quote.unwrap_or(b'"')),
            escape: character("escape-character")?,
            comments: flag("allow-comments")?,
        };
        for (option, other) in [
            ("quote-character", characters.quote),
            ("escape-character", characters.escape.filter(|c| Some(*c) != characters.quote)),
        ] {
            if other == Some(characters.delimiter) {
                let expected = "another character than that between fields";
                return Err(options.bad(&name(option), expected));
            }
        }
        let partitions = options.partitions();
        let columns = partitions::physical_columns(options.map).into_iter();
        Ok(Self {
            characters,
            element_delimiter: character("array-element-delimiter")?.unwrap_or(b';'),
            null: options.get(&name("null-literal")).map(str::to_owned),
            ignore_parse_errors: flag("ignore-parse-errors")?,
            columns: columns.filter(|column| !partitions.contains(column)).collect(),
        })
    }
}

/// One character, as itself or as Java writes it: `\t`, `\u0001`.
fn character(options: &Options<'_>, name: &str) -> Result<Option<u8>, OptionError> {
    let Some(text) = options.get(name) else { return Ok(None) };
    let found = match text.as_bytes() {
        [one] => Some(*one),
        [b'\\', b't'] => Some(b'\t'),
        [b'\\', same @ (b'\\' | b'"' | b'\'')] => Some(*same),
        [b'\\', b'u', ..] => u8::from_str_radix(&text[2..], 16).ok().filter(|_| text.len() == 6),
        _ => None,
    };
    match found.filter(|c| c.is_ascii() && !matches!(c, b'\n' | b'\r')) {
        Some(one) => Ok(Some(one)),
        None => Err(options.bad(name, r"one ASCII character, such as ';', '\t' or '\u0001'")),
    }
}

/// Refuses columns that CSV cannot carry.
pub(crate) fn check_columns(options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
    for field in schema.fields() {
        let refused = match field.data_type() {
            DataType::List(item) => Some(item.data_type()).filter(|element| !is_plain(element)),
            DataType::Struct(fields) => {
                fields.iter().map(|field| field.data_type()).find(|element| !is_plain(element))
            }
            other => Some(other).filter(|other| !is_plain(other)),
        };
        let Some(data_type) = refused else { continue };
        let within = if data_type == field.data_type() { "" } else { " within it" };
        return Err(options.column(
            field.name(),
            format!(
                "has the type {data_type}{within}, which the format 'csv' does not support here: \
                 use BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL, STRING, \
                 BYTES, DATE, TIME, TIMESTAMP or TIMESTAMP_LTZ, an ARRAY or a ROW of these, or \
                 'format' = 'json'"
            ),
        ));
    }
    Ok(())
}

/// Whether values of a type have no parts.
fn is_plain(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal128(_, _)
            | DataType::Utf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::Date32
            | DataType::Time32(TimeUnit::Millisecond)
            | DataType::Timestamp(_, _)
    )
}

#[cfg(test)]
mod tests;
