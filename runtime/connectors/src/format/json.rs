//! JSON: one object a row, fields by the columns' names, as Flink's format `json`; or one object
//! a change, as `debezium-json`.
//!
//! A missing field is NULL, unknown fields are ignored, a value that does not fit its column is
//! a parse error. With `json.ignore-parse-errors` a field that cannot be parsed becomes NULL and
//! a row that cannot be parsed is skipped; both are counted.

pub(crate) mod beside;
mod debezium;
mod decode;
mod encode;

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};

pub(crate) use decode::RowDecoder;
pub(super) use decode::last_of_keys;
pub(crate) use encode::RowEncoder;

use super::time::Standard;
#[cfg(test)]
use super::{Decoded, Malformed};
use crate::options::{OptionError, Options};

/// Options of sources that read JSON.
pub(crate) const SOURCE_OPTIONS: &[&str] = &[
    "format",
    "json.ignore-parse-errors",
    "json.fail-on-missing-field",
    "json.timestamp-format.standard",
    "debezium-json.ignore-parse-errors",
    "debezium-json.schema-include",
    "debezium-json.timestamp-format.standard",
];

/// Options of sinks that write JSON.
pub(crate) const SINK_OPTIONS: &[&str] =
    &["format", "json.timestamp-format.standard", "debezium-json.timestamp-format.standard"];

/// What one object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Record {
    /// A row: the format `json`.
    #[default]
    Row,
    /// A change: `debezium-json`.
    Change,
    /// A change with its schema beside it, as it can be read.
    ChangeWithSchema,
}

/// The format's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct JsonOptions {
    /// `json.ignore-parse-errors`.
    pub(crate) ignore_parse_errors: bool,
    /// `json.fail-on-missing-field`.
    pub(crate) fail_on_missing_field: bool,
    /// `json.timestamp-format.standard`, used for writing.
    pub(crate) standard: Standard,
    pub(crate) record: Record,
}

impl JsonOptions {
    /// Reads the options; `format` must be `json` or `debezium-json`.
    #[cfg(test)]
    pub(crate) fn read(options: &Options<'_>) -> Result<Self, OptionError> {
        Self::read_named(options, "format", "json.")
    }

    /// Whether the format is `debezium-json`.
    pub(crate) fn is_debezium(self) -> bool {
        self.record != Record::Row
    }

    /// The format's name.
    pub(crate) fn format(self) -> &'static str {
        if self.is_debezium() { "debezium-json" } else { "json" }
    }

    /// Reads the options under another name, such as `value.format` and `value.json.`.
    pub(crate) fn read_named(
        options: &Options<'_>,
        format: &str,
        prefix: &str,
    ) -> Result<Self, OptionError> {
        options.required(format, "'json'")?;
        let debezium = options.one_of(format, &[("json", false), ("debezium-json", true)])?;
        let debezium = debezium.unwrap_or_default();
        let name = |option: &str| {
            let json = if debezium { "debezium-json" } else { "json" };
            format!("{}{option}", prefix.replace("json", json))
        };
        let ignore = name("ignore-parse-errors");
        let missing = name("fail-on-missing-field");
        let schema_include = options.boolean(&name("schema-include"))?.unwrap_or_default();
        let read = Self {
            ignore_parse_errors: options.boolean(&ignore)?.unwrap_or_default(),
            fail_on_missing_field: options.boolean(&missing)?.unwrap_or_default(),
            standard: options
                .one_of(
                    &name("timestamp-format.standard"),
                    &[("SQL", Standard::Sql), ("ISO-8601", Standard::Iso8601)],
                )?
                .unwrap_or_default(),
            record: match (debezium, schema_include) {
                (false, _) => Record::Row,
                (true, false) => Record::Change,
                (true, true) => Record::ChangeWithSchema,
            },
        };
        if read.ignore_parse_errors && read.fail_on_missing_field {
            return Err(options.bad(&missing, format!("'false' when '{ignore}' is 'true'")));
        }
        Ok(read)
    }
}

/// Refuses columns that JSON cannot carry.
pub(crate) fn check_columns(options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
    for field in schema.fields() {
        match unsupported(field.data_type()) {
            None => {}
            Some(Unsupported::Type(data_type)) => {
                return Err(options.column(
                    field.name(),
                    format!(
                        "has the type {data_type}, which the format 'json' does not support here: \
                         use BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL, \
                         STRING, BYTES, DATE, TIME, TIMESTAMP, TIMESTAMP_LTZ, ROW, ARRAY or MAP"
                    ),
                ));
            }
            Some(Unsupported::Key(data_type)) => {
                return Err(options.column(
                    field.name(),
                    format!(
                        "has a MAP with keys of the type {}: the keys of JSON objects are texts, \
                         use MAP<STRING, ...>",
                        sql_name(data_type)
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// The name of a type in SQL, where it has no parts.
pub(super) fn sql_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INT".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Utf8 | DataType::Utf8View => "STRING".to_owned(),
        DataType::Binary => "BYTES".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Time32(_) => "TIME".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP_LTZ".to_owned(),
        DataType::List(_) => "ARRAY".to_owned(),
        DataType::Map(..) => "MAP".to_owned(),
        DataType::Struct(_) => "ROW".to_owned(),
        other => other.to_string(),
    }
}

/// What JSON cannot carry.
enum Unsupported<'t> {
    Type(&'t DataType),
    /// The type of a MAP's keys.
    Key(&'t DataType),
}

/// The part of a type that JSON cannot carry.
fn unsupported(data_type: &DataType) -> Option<Unsupported<'_>> {
    match data_type {
        DataType::List(item) => unsupported(item.data_type()),
        DataType::Struct(fields) => fields.iter().find_map(|field| unsupported(field.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if *fields[0].data_type() != DataType::Utf8 => {
                Some(Unsupported::Key(fields[0].data_type()))
            }
            entries => unsupported(entries),
        },
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(_, _)
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::Date32
        | DataType::Time32(TimeUnit::Millisecond)
        | DataType::Timestamp(_, _) => None,
        other => Some(Unsupported::Type(other)),
    }
}

#[cfg(test)]
mod tests;
