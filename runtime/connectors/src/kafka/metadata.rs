//! What Kafka has beside the value of a message: where it is, and when it was written.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    cast::AsArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Timestamp};
use sabot_core::{Error, Result};

use crate::metadata::{Columns, Kind, MetadataKey, instant};
use crate::options::Role;

const TOPIC: &str = "topic";
const PARTITION: &str = "partition";
const OFFSET: &str = "offset";
const TIMESTAMP: &str = "timestamp";
const TIMESTAMP_TYPE: &str = "timestamp-type";

/// What is read.
const READ: &[MetadataKey] = &[
    MetadataKey { name: TOPIC, kind: Kind::Text },
    MetadataKey { name: PARTITION, kind: Kind::Int },
    MetadataKey { name: OFFSET, kind: Kind::BigInt },
    MetadataKey { name: TIMESTAMP, kind: Kind::Time },
    MetadataKey { name: TIMESTAMP_TYPE, kind: Kind::Text },
];

/// What is written.
const WRITTEN: &[MetadataKey] = &[MetadataKey { name: TIMESTAMP, kind: Kind::Time }];

/// What Flink has, and we have not.
pub(super) const MISSING: &[(&str, &str)] = &[
    ("headers", "there is no type MAP yet"),
    ("leader-epoch", "the client library does not tell it"),
];

/// What tables that are read or written can have.
pub(super) fn keys(role: Role) -> &'static [MetadataKey] {
    match role {
        Role::Source => READ,
        Role::Sink => WRITTEN,
    }
}

/// What is under `key` of the messages that rows were made of.
pub(super) fn of_messages(key: &str, messages: &[&BorrowedMessage<'_>]) -> ArrayRef {
    let messages = messages.iter();
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
        _ => {
            // A message without a time has the time -1, as Kafka's own client says.
            let time = |m: &&BorrowedMessage<'_>| m.timestamp().to_millis().unwrap_or(-1);
            let times = TimestampMillisecondArray::from_iter_values(messages.map(time));
            Arc::new(times.with_data_type(instant()))
        }
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
