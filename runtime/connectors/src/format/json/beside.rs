//! What Debezium writes beside the rows of a change: when it was seen, where it comes from, and the
//! schema around it.
//!
//! It is read from the record a second time, and only if a column asks for it.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, StringBuilder, TimestampMillisecondArray};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::decode::Mode;
use crate::metadata::{Columns, Kind, MetadataKey, instant, map_builder};

const SCHEMA: &str = "schema";
const INGESTION: &str = "ingestion-timestamp";
const SOURCE_TIME: &str = "source.timestamp";
const DATABASE: &str = "source.database";
const SOURCE_SCHEMA: &str = "source.schema";
const TABLE: &str = "source.table";
const PROPERTIES: &str = "source.properties";

/// What stands before a key in a connector that has keys of its own.
pub(crate) const VALUE: &str = "value.";

/// The keys, as Flink names them.
pub(crate) const METADATA: &[MetadataKey] = &[
    MetadataKey { name: SCHEMA, kind: Kind::Text },
    MetadataKey { name: INGESTION, kind: Kind::Time },
    MetadataKey { name: SOURCE_TIME, kind: Kind::Time },
    MetadataKey { name: DATABASE, kind: Kind::Text },
    MetadataKey { name: SOURCE_SCHEMA, kind: Kind::Text },
    MetadataKey { name: TABLE, kind: Kind::Text },
    MetadataKey { name: PROPERTIES, kind: Kind::Texts },
];

/// The same behind [`VALUE`].
pub(crate) const VALUE_METADATA: &[MetadataKey] = &[
    MetadataKey { name: "value.schema", kind: Kind::Text },
    MetadataKey { name: "value.ingestion-timestamp", kind: Kind::Time },
    MetadataKey { name: "value.source.timestamp", kind: Kind::Time },
    MetadataKey { name: "value.source.database", kind: Kind::Text },
    MetadataKey { name: "value.source.schema", kind: Kind::Text },
    MetadataKey { name: "value.source.table", kind: Kind::Text },
    MetadataKey { name: "value.source.properties", kind: Kind::Texts },
];

/// The keys among a table's columns, without what stands before them.
pub(crate) fn keys_of(columns: &Columns, before: &str) -> Vec<&'static str> {
    let asked = |key: &MetadataKey| {
        columns.keys().any(|column| column.strip_prefix(before) == Some(key.name))
    };
    METADATA.iter().filter(|key| asked(key)).map(|key| key.name).collect()
}

/// A record that has its schema beside it.
#[derive(Deserialize)]
struct WithSchema<'r> {
    #[serde(borrow)]
    schema: Option<&'r RawValue>,
    payload: Option<Change>,
}

#[derive(Default, Deserialize)]
struct Change {
    ts_ms: Option<Value>,
    source: Option<Map<String, Value>>,
}

/// What is read of one record.
#[derive(Default)]
pub(super) struct Beside {
    schema: Option<String>,
    change: Change,
}

impl Beside {
    /// Reads a record, which has its schema beside it or not.
    pub(super) fn read(record: &[u8], has_schema: bool) -> Result<Self, String> {
        let failed = |error: serde_json::Error| error.to_string();
        if !has_schema {
            let change = serde_json::from_slice(record).map_err(failed)?;
            return Ok(Self { schema: None, change });
        }
        let whole: WithSchema<'_> = serde_json::from_slice(record).map_err(failed)?;
        let schema = whole.schema.map(|schema| schema.get().to_owned());
        Ok(Self { schema, change: whole.payload.unwrap_or_default() })
    }

    fn of_source(&self, name: &str) -> Option<&Value> {
        self.change.source.as_ref()?.get(name)
    }
}

/// The column under a key, of the rows of these records.
pub(super) fn column(key: &str, records: &[&Beside], mode: Mode) -> Result<ArrayRef, String> {
    let records = records.iter();
    let of_source = |name: &'static str| -> ArrayRef {
        let texts = records.clone().map(|record| record.of_source(name).and_then(text));
        Arc::new(texts.collect::<StringArray>())
    };
    Ok(match key {
        SCHEMA => Arc::new(records.map(|record| record.schema.clone()).collect::<StringArray>()),
        INGESTION => times("ts_ms", records.map(|record| record.change.ts_ms.as_ref()), mode)?,
        SOURCE_TIME => {
            times("source.ts_ms", records.map(|record| record.of_source("ts_ms")), mode)?
        }
        DATABASE => of_source("db"),
        SOURCE_SCHEMA => of_source("schema"),
        TABLE => of_source("table"),
        _ => {
            let mut maps = map_builder(StringBuilder::new());
            for record in records {
                for (name, value) in record.change.source.iter().flatten() {
                    maps.keys().append_value(name);
                    maps.values().append_option(text(value));
                }
                let added = maps.append(record.change.source.is_some());
                added.map_err(|error| error.to_string())?;
            }
            Arc::new(maps.finish())
        }
    })
}

/// A value as a text; a nested one as JSON.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The instants that a field has as milliseconds.
fn times<'r>(
    field: &str,
    values: impl Iterator<Item = Option<&'r Value>>,
    mode: Mode,
) -> Result<ArrayRef, String> {
    let millis = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match (value.as_i64(), value.as_str().and_then(|t| t.trim().parse().ok())) {
            (Some(millis), _) | (None, Some(millis)) => Ok(Some(millis)),
            (None, None) if mode == Mode::Lenient => Ok(None),
            (None, None) => {
                Err(format!("field '{field}' is {value}: expected milliseconds since 1970-01-01"))
            }
        },
    };
    let times: Vec<Option<i64>> = values.map(millis).collect::<Result<_, String>>()?;
    Ok(Arc::new(TimestampMillisecondArray::from(times).with_data_type(instant())))
}

#[cfg(test)]
mod tests;
