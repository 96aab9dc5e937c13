//! Elements as Flight messages.
//!
//! The first message of a stream names the channel in its descriptor (JSON). Batches are Arrow
//! IPC messages: a schema when it is new, dictionaries when they changed, rows. Elements without
//! rows are messages without a header whose metadata is a tag and a number, so that their order
//! among the batches is kept.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::{FlightData, FlightDescriptor};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_ipc::{MessageHeader, reader};
use bytes::Bytes;
use sabot_core::Element;
use sabot_types::{Attempt, Epoch, EventTime};
use serde::{Deserialize, Serialize};

use crate::ChannelId;

/// No message between pods is larger.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Batches above this are cut by rows, so that they come out below [`MESSAGE_BYTES_MAX`].
const BATCH_BYTES_MAX: usize = 8 << 20;

const TAG_WATERMARK: u8 = 1;
const TAG_IDLE: u8 = 2;
const TAG_BARRIER: u8 = 3;
const TAG_END: u8 = 4;
const TAG_MARKER: u8 = 5;

/// A message that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the first message names no channel")]
    NoChannel(#[source] Option<serde_json::Error>),
    #[error("a message is malformed: {0}")]
    Malformed(String),
    #[error("a batch could not be encoded or decoded")]
    Arrow(#[from] ArrowError),
}

/// What a stream's first message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) attempt: Attempt,
    pub(crate) channel: ChannelId,
}

impl Opening {
    pub(crate) fn encode(self) -> FlightData {
        // Numbers in a struct: this cannot fail.
        let command = serde_json::to_vec(&self).unwrap_or_default();
        FlightData::new().with_descriptor(FlightDescriptor::new_cmd(command))
    }

    pub(crate) fn decode(message: &FlightData) -> Result<Self, WireError> {
        let descriptor = message.flight_descriptor.as_ref().ok_or(WireError::NoChannel(None))?;
        serde_json::from_slice(&descriptor.cmd).map_err(|error| WireError::NoChannel(Some(error)))
    }
}

/// Turns the elements of one channel into messages.
pub(crate) struct Encoder {
    schema: Option<SchemaRef>,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
    scratch: IpcWriteContext,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self {
            schema: None,
            dictionaries: DictionaryTracker::new(false),
            options: IpcWriteOptions::default(),
            scratch: IpcWriteContext::default(),
        }
    }

    /// Appends the element's messages to `out`.
    pub(crate) fn encode(
        &mut self,
        element: &Element,
        out: &mut impl Extend<FlightData>,
    ) -> Result<(), WireError> {
        match element {
            Element::Batch(batch) => self.encode_batch(batch, element.bytes(), out)?,
            Element::Watermark(time) => out.extend([tagged(TAG_WATERMARK, time.millis() as u64)]),
            Element::Idle => out.extend([tagged(TAG_IDLE, 0)]),
            Element::Marker(micros) => out.extend([tagged(TAG_MARKER, *micros as u64)]),
            Element::Barrier(epoch) => out.extend([tagged(TAG_BARRIER, epoch.get())]),
            Element::End => out.extend([tagged(TAG_END, 0)]),
        }
        Ok(())
    }

    fn encode_batch(
        &mut self,
        batch: &RecordBatch,
        bytes: usize,
        out: &mut impl Extend<FlightData>,
    ) -> Result<(), ArrowError> {
        let generator = IpcDataGenerator::default();
        let schema = batch.schema_ref();
        if self.schema.as_ref().is_none_or(|known| known != schema) {
            self.dictionaries = DictionaryTracker::new(false);
            let message = generator.schema_to_bytes_with_dictionary_tracker(
                schema,
                &mut self.dictionaries,
                &self.options,
            );
            self.schema = Some(schema.clone());
            out.extend([message.into()]);
        }
        let pieces = bytes.div_ceil(BATCH_BYTES_MAX).max(1);
        let rows = batch.num_rows().div_ceil(pieces).max(1);
        for start in (0..batch.num_rows().max(1)).step_by(rows) {
            let piece = compact(&batch.slice(start, rows.min(batch.num_rows() - start)))?;
            let (dictionaries, data) = generator.encode(
                &piece,
                &mut self.dictionaries,
                &self.options,
                &mut self.scratch,
            )?;
            out.extend(dictionaries.into_iter().map(FlightData::from));
            out.extend([data.into()]);
        }
        Ok(())
    }
}

/// The batch without what its rows no longer refer to: a slice of a view column would carry the
/// texts of all rows that it was cut from.
fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let is_view = |field: &Arc<arrow::datatypes::Field>| {
        matches!(field.data_type(), DataType::Utf8View | DataType::BinaryView)
    };
    if !batch.schema_ref().fields().iter().any(is_view) {
        return Ok(batch.clone());
    }
    let columns = batch.columns().iter().map(compact_column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
}

fn compact_column(column: &ArrayRef) -> ArrayRef {
    // Copying pays when it saves more than half.
    fn wasteful(buffers: &[Buffer], used: usize) -> bool {
        buffers.iter().map(Buffer::len).sum::<usize>() > 2 * used
    }
    match column.data_type() {
        DataType::Utf8View => {
            let texts = column.as_string_view();
            if wasteful(texts.data_buffers(), texts.total_buffer_bytes_used()) {
                return Arc::new(texts.gc());
            }
        }
        DataType::BinaryView => {
            let values = column.as_binary_view();
            if wasteful(values.data_buffers(), values.total_buffer_bytes_used()) {
                return Arc::new(values.gc());
            }
        }
        _ => {}
    }
    column.clone()
}

fn tagged(tag: u8, number: u64) -> FlightData {
    let mut metadata = Vec::with_capacity(9);
    metadata.push(tag);
    metadata.extend_from_slice(&number.to_le_bytes());
    FlightData::new().with_app_metadata(metadata)
}

/// Turns the messages of one channel back into elements.
#[derive(Default)]
pub(crate) struct Decoder {
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl Decoder {
    /// The element that the message completes; none for schemas and dictionaries.
    pub(crate) fn decode(&mut self, message: &FlightData) -> Result<Option<Element>, WireError> {
        if message.data_header.is_empty() {
            return untagged(&message.app_metadata).map(Some);
        }
        let header = arrow_ipc::root_as_message(&message.data_header)
            .map_err(|error| WireError::Malformed(error.to_string()))?;
        match header.header_type() {
            MessageHeader::Schema => {
                self.schema = Some(Arc::new(Schema::try_from(message)?));
                self.dictionaries.clear();
                Ok(None)
            }
            MessageHeader::DictionaryBatch => {
                let schema = known(self.schema.as_ref())?.clone();
                let dictionary = header.header_as_dictionary_batch().ok_or_else(unreadable)?;
                let body = Buffer::from(message.data_body.clone());
                let version = header.version();
                let dictionaries = &mut self.dictionaries;
                reader::read_dictionary(&body, dictionary, &schema, dictionaries, &version)?;
                Ok(None)
            }
            MessageHeader::RecordBatch => {
                let schema = known(self.schema.as_ref())?.clone();
                let rows = header.header_as_record_batch().ok_or_else(unreadable)?;
                let body = Buffer::from(message.data_body.clone());
                let version = header.version();
                let dictionaries = &self.dictionaries;
                let batch =
                    reader::read_record_batch(&body, rows, schema, dictionaries, None, &version)?;
                Ok(Some(Element::Batch(batch)))
            }
            other => Err(WireError::Malformed(format!("unexpected header {other:?}"))),
        }
    }
}

fn known(schema: Option<&SchemaRef>) -> Result<&SchemaRef, WireError> {
    schema.ok_or_else(|| WireError::Malformed("rows came before their schema".into()))
}

fn unreadable() -> WireError {
    WireError::Malformed("the header is not what it says".into())
}

fn untagged(metadata: &Bytes) -> Result<Element, WireError> {
    let parts = metadata.split_first().and_then(|(tag, rest)| {
        let number = u64::from_le_bytes(rest.try_into().ok()?);
        Some((*tag, number))
    });
    match parts {
        Some((TAG_WATERMARK, millis)) => {
            Ok(Element::Watermark(EventTime::from_millis(millis as i64)))
        }
        Some((TAG_IDLE, _)) => Ok(Element::Idle),
        Some((TAG_MARKER, micros)) => Ok(Element::Marker(micros as i64)),
        Some((TAG_BARRIER, epoch)) => Ok(Element::Barrier(Epoch::new(epoch))),
        Some((TAG_END, _)) => Ok(Element::End),
        _ => Err(WireError::Malformed("neither rows nor a known element".into())),
    }
}

#[cfg(test)]
mod tests;
