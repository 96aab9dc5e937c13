//! What Kafka has beside the value of a message: where it is, when it was written, and its headers.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Int32Array, Int64Array, MapArray, RecordBatch, StringArray,
    TimestampMillisecondArray, cast::AsArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders, Timestamp};
use sabot_core::{Error, Result};

use super::headers;
use crate::metadata::{Columns, Kind, MetadataKey, instant, map_of};
use crate::options::Role;

const TOPIC: &str = "topic";
const PARTITION: &str = "partition";
const OFFSET: &str = "offset";
const TIMESTAMP: &str = "timestamp";
const TIMESTAMP_TYPE: &str = "timestamp-type";
const HEADERS: &str = "headers";

/// What is read.
const READ: &[MetadataKey] = &[
    MetadataKey { name: TOPIC, kind: Kind::Text },
    MetadataKey { name: PARTITION, kind: Kind::Int },
    MetadataKey { name: OFFSET, kind: Kind::BigInt },
    MetadataKey { name: TIMESTAMP, kind: Kind::Time },
    MetadataKey { name: TIMESTAMP_TYPE, kind: Kind::Text },
    MetadataKey { name: HEADERS, kind: Kind::Headers },
];

/// What is written.
const WRITTEN: &[MetadataKey] = &[
    MetadataKey { name: TIMESTAMP, kind: Kind::Time },
    MetadataKey { name: HEADERS, kind: Kind::Headers },
];

/// What Flink has, and we have not.
pub(super) const MISSING: &[(&str, &str)] = &[
    ("leader-epoch", "the client library does not tell it"),
    ("value.schema", ONLY_CHANGES),
    ("value.ingestion-timestamp", ONLY_CHANGES),
    ("value.source.timestamp", ONLY_CHANGES),
    ("value.source.database", ONLY_CHANGES),
    ("value.source.schema", ONLY_CHANGES),
    ("value.source.table", ONLY_CHANGES),
    ("value.source.properties", ONLY_CHANGES),
];

const ONLY_CHANGES: &str = "only a source with the format 'debezium-json' has it";

/// What tables that are read or written can have.
pub(super) fn keys(role: Role) -> &'static [MetadataKey] {
    match role {
        Role::Source => READ,
        Role::Sink => WRITTEN,
    }
}

/// What is under `key` of the messages that rows were made of. `left_out` is told of messages with a
/// header that cannot be read.
pub(super) fn of_messages(
    key: &str,
    all: &[&BorrowedMessage<'_>],
    left_out: impl Fn(&BorrowedMessage<'_>),
) -> ArrayRef {
    let messages = all.iter();
    match key {
        TOPIC => Arc::new(messages.map(|m| Some(m.topic())).collect::<StringArray>()),
        PARTITION => Arc::new(messages.map(|m| m.partition()).collect::<Int32Array>()),
        OFFSET => Arc::new(messages.map(|m| m.offset()).collect::<Int64Array>()),
        TIMESTAMP_TYPE => {
            let name = |m: &&BorrowedMessage<'_>| match m.timestamp() {
                Timestamp::NotAvailable => "NoTimestampType",
                Timestamp::CreateTime(_) => "CreateTime",
                Timestamp::LogAppendTime(_) => "LogAppendTime",
            };
            Arc::new(messages.map(|m| Some(name(m))).collect::<StringArray>())
        }
        HEADERS => Arc::new(headers::of_messages(all, left_out)),
        _ => {
            // A message without a time has the time -1, as Kafka's own client says.
            let time = |m: &&BorrowedMessage<'_>| m.timestamp().to_millis().unwrap_or(-1);
            let times = TimestampMillisecondArray::from_iter_values(messages.map(time));
            Arc::new(times.with_data_type(instant()))
        }
    }
}

/// The headers with which rows are written.
pub(super) struct Headers(MapArray);

impl Headers {
    /// Those of a batch, if it has them.
    pub(super) fn of(split: &Columns, batch: &RecordBatch) -> Result<Option<Self>> {
        let Some(column) = split.column(batch, HEADERS) else { return Ok(None) };
        let maps = cast(column, &map_of(DataType::Binary));
        let maps =
            maps.map_err(|error| Error::external("reading the headers of messages", error))?;
        Ok(Some(Self(maps.as_map().clone())))
    }

    /// Those of a row. Of a header without a value nothing is written, as in Flink.
    pub(super) fn of_row(&self, row: usize) -> Option<OwnedHeaders> {
        if self.0.is_null(row) || self.0.value_length(row) == 0 {
            return None;
        }
        let entries = self.0.value(row);
        let keys: &StringArray = entries.column(0).as_string();
        let values: &BinaryArray = entries.column(1).as_binary();
        let pairs = keys.iter().zip(values).filter_map(|(key, value)| Some((key?, value?)));
        let add = |headers: OwnedHeaders, (key, value): (&str, &[u8])| {
            headers.insert(Header { key, value: Some(value) })
        };
        Some(pairs.fold(OwnedHeaders::new(), add))
    }
}

/// The times with which rows are written; none: the library's.
pub(super) fn times(split: &Columns, batch: &RecordBatch) -> Result<Option<Vec<Option<i64>>>> {
    let Some(column) = split.column(batch, TIMESTAMP) else { return Ok(None) };
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    // Of a BIGINT they are the milliseconds.
    let times = cast(column, &millis);
    let times = times.map_err(|error| Error::external("reading the times of messages", error))?;
    let times = times.as_primitive::<TimestampMillisecondType>();
    if let Some(time) = times.iter().flatten().find(|time| *time < 0) {
        return Err(Error::user(format!(
            "a message cannot have the timestamp {time} ms: Kafka's begin at 1970-01-01"
        )));
    }
    Ok((!times.is_empty()).then(|| times.iter().collect()))
}
