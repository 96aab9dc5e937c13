//! Decodes JSON objects into batches.
//!
//! Many records are decoded at once; only when that fails are they decoded one by one, to find
//! the one at fault. Dates and timestamps are decoded as text first and read by our own rules,
//! since the decoder below would take numbers and zones that Flink refuses.

mod nested;

pub(in crate::format) use nested::last_of_keys;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, cast::AsArray};
use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, PrimitiveArray, Time32MillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowTimestampType, DataType, Field, Fields, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sabot_core::row_kind;

use super::beside::{self, Beside};
use super::debezium::{self, Changes};
use super::{JsonOptions, Record};
use crate::format::time::{Zone, nanos_per, parse_date, parse_time, parse_timestamp, zone_of};
use crate::format::{Decoded, Malformed, decimal, parse_boolean};

/// Decodes records of one table.
#[derive(Debug)]
pub(crate) struct RowDecoder {
    schema: SchemaRef,
    wire: SchemaRef,
    options: JsonOptions,
    /// What is wanted beside the rows.
    beside: Vec<&'static str>,
}

impl RowDecoder {
    /// A decoder of rows of `schema`, whose columns were checked.
    pub(crate) fn new(schema: SchemaRef, options: JsonOptions) -> Self {
        let columns = &schema.fields()[..row_kind::width(&schema)];
        let fields: Fields = columns.iter().map(|field| wire_field(field)).collect();
        let wire = match options.record {
            Record::Row => Arc::new(Schema::new(fields)),
            Record::Change => debezium::wire_schema(&fields),
            Record::ChangeWithSchema => debezium::beside_schema(&debezium::wire_schema(&fields)),
        };
        Self { schema, wire, options, beside: Vec::new() }
    }

    /// A decoder of changes that gives these keys of [`beside::METADATA`] as well.
    pub(crate) fn with_beside(mut self, keys: Vec<&'static str>) -> Self {
        self.beside = keys;
        self
    }

    /// Decodes records, each one JSON object.
    pub(crate) fn decode(&self, records: &[&[u8]]) -> Result<Decoded, Malformed> {
        match self.attempt(records, Mode::Strict) {
            Ok(Made { rows, records, beside }) => {
                Ok(Decoded { rows, records, malformed: 0, beside })
            }
            Err(_) => self.decode_one_by_one(records),
        }
    }

    fn decode_one_by_one(&self, records: &[&[u8]]) -> Result<Decoded, Malformed> {
        let mut kept = Vec::with_capacity(records.len());
        let mut malformed = 0;
        for (i, record) in records.iter().enumerate() {
            if let Err(reason) = self.attempt(&[record], Mode::Strict) {
                if !self.options.ignore_parse_errors {
                    let reason = self.field_at_fault(record).unwrap_or(reason);
                    return Err(Malformed { record: i, reason });
                }
                malformed += 1;
                if self.attempt(&[record], Mode::Lenient).is_err() {
                    continue;
                }
            }
            kept.push(i);
        }
        let good: Vec<&[u8]> = kept.iter().map(|i| records[*i]).collect();
        match self.attempt(&good, Mode::Lenient) {
            Ok(Made { rows, records: None, beside }) => {
                Ok(Decoded { rows, records: Some(kept), malformed, beside })
            }
            Ok(Made { rows, records: Some(records), beside }) => {
                let records = records.into_iter().map(|record| kept[record]).collect();
                Ok(Decoded { rows, records: Some(records), malformed, beside })
            }
            // Each of them was decoded alone: only limits of a whole batch are left.
            Err(reason) => Err(Malformed { record: 0, reason }),
        }
    }

    /// What is wrong with a record's field, when it is one field of valid JSON.
    fn field_at_fault(&self, record: &[u8]) -> Option<String> {
        serde_json::from_slice::<serde::de::IgnoredAny>(record).ok()?;
        if self.options.is_debezium() {
            return None;
        }
        self.schema.fields().iter().find_map(|field| {
            let alone = Arc::new(Schema::new(vec![Arc::clone(field)]));
            let reason = Self::new(alone, self.options).attempt(&[record], Mode::Strict).err()?;
            let names_it = reason.contains(&format!("'{}'", field.name()));
            Some(if names_it { reason } else { format!("field '{}': {reason}", field.name()) })
        })
    }

    /// The rows, and of each its record if that is not the one of the same number.
    fn attempt(&self, records: &[&[u8]], mode: Mode) -> Result<Made, String> {
        if records.is_empty() {
            let beside = self.beside(&[], &[], mode)?;
            return Ok(Made {
                rows: RecordBatch::new_empty(self.schema.clone()),
                records: None,
                beside,
            });
        }
        let mut decoder = self.decoder(records.len(), mode).map_err(|e| reason(&e))?;
        for (i, record) in records.iter().enumerate() {
            if self.options.fail_on_missing_field {
                missing::check(&self.schema, record)?;
            }
            decoder.decode(record).map_err(|e| reason(&e))?;
            decoder.decode(b"\n").map_err(|e| reason(&e))?;
            if decoder.has_partial_record() || decoder.len() != i + 1 {
                return Err(match decoder.len() {
                    _ if decoder.has_partial_record() => "the JSON object does not end",
                    len if len > i + 1 => "there is more than one JSON object in it",
                    _ => "there is no JSON object in it",
                }
                .to_owned());
            }
        }
        let rows = decoder.flush().map_err(|e| reason(&e))?;
        let rows = rows.ok_or_else(|| "there is no JSON object in it".to_owned())?;
        let convert = |field: &Field, column: &ArrayRef| {
            let place = format!("field '{}'", field.name());
            from_wire(&place, field.data_type(), column, mode)
        };
        if self.options.is_debezium() {
            let changes = debezium::changes(&rows, &self.schema, convert)?;
            let beside = self.beside(records, &changes.records, mode)?;
            let Changes { rows, records } = changes;
            return Ok(Made { rows, records: Some(records), beside });
        }
        let mut columns = Vec::with_capacity(rows.num_columns());
        for (field, column) in self.schema.fields().iter().zip(rows.columns()) {
            columns.push(convert(field, column)?);
        }
        // Nothing but the number of rows may be wanted.
        let count = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &count);
        Ok(Made { rows: rows.map_err(|e| reason(&e))?, records: None, beside: Vec::new() })
    }

    /// What is wanted beside rows, each of a record.
    fn beside(
        &self,
        records: &[&[u8]],
        of_rows: &[usize],
        mode: Mode,
    ) -> Result<Vec<(&'static str, ArrayRef)>, String> {
        if self.beside.is_empty() {
            return Ok(Vec::new());
        }
        let has_schema = self.options.record == Record::ChangeWithSchema;
        let read = |record: &&[u8]| match Beside::read(record, has_schema) {
            Err(_) if mode == Mode::Lenient => Ok(Beside::default()),
            read => read,
        };
        let read: Vec<Beside> = records.iter().map(read).collect::<Result<_, _>>()?;
        let rows: Vec<&Beside> = of_rows.iter().map(|record| &read[*record]).collect();
        let column = |key: &&'static str| Ok((*key, beside::column(key, &rows, mode)?));
        self.beside.iter().map(column).collect()
    }

    fn decoder(&self, rows: usize, mode: Mode) -> Result<Decoder, arrow::error::ArrowError> {
        ReaderBuilder::new(self.wire.clone())
            // One more, or the decoder would leave a second object of the last record alone.
            .with_batch_size(rows + 1)
            .with_coerce_primitive(true)
            .with_ignore_type_conflicts(mode == Mode::Lenient)
            .build_decoder()
    }
}

/// Rows, the index of each one's record, and what is beside them.
struct Made {
    rows: RecordBatch,
    records: Option<Vec<usize>>,
    beside: Vec<(&'static str, ArrayRef)>,
}

/// What a parse error of a field does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The record is refused.
    Strict,
    /// The field becomes NULL.
    Lenient,
}

fn wire_field(field: &Field) -> Field {
    field.clone().with_data_type(nested::wire_type(field.data_type()))
}

/// The values of what stands at `place`, such as `field 'a'`, as those of `data_type`.
fn from_wire(
    place: &str,
    data_type: &DataType,
    column: &ArrayRef,
    mode: Mode,
) -> Result<ArrayRef, String> {
    match data_type {
        DataType::Boolean => booleans(place, column.as_string(), mode),
        DataType::Binary => bytes(place, column.as_string(), mode),
        DataType::Date32 => dates(place, column.as_string(), mode),
        DataType::Time32(_) => times_of_day(place, column.as_string(), mode),
        DataType::Decimal128(precision, scale) => {
            let read = |text: &str| decimal::parse(text, *precision, *scale);
            let expected = format!("a DECIMAL({precision}, {scale})");
            let values = read_texts(place, column.as_string(), mode, &expected, read)?;
            Ok(Arc::new(Decimal128Array::from(values).with_data_type(data_type.clone())))
        }
        DataType::Utf8View => cast(column, &DataType::Utf8View).map_err(|e| reason(&e)),
        DataType::Timestamp(unit, timezone) => {
            let (text, zone) = (column.as_string(), zone_of(timezone.as_ref()));
            let read = match unit {
                TimeUnit::Second => timestamps::<TimestampSecondType>,
                TimeUnit::Millisecond => timestamps::<TimestampMillisecondType>,
                TimeUnit::Microsecond => timestamps::<TimestampMicrosecondType>,
                TimeUnit::Nanosecond => timestamps::<TimestampNanosecondType>,
            };
            read(place, data_type, text, zone, mode)
        }
        DataType::List(_) | DataType::Map(..) | DataType::Struct(_) => {
            nested::parts_from_wire(data_type, column, mode)
        }
        _ => Ok(column.clone()),
    }
}

fn timestamps<T: ArrowTimestampType>(
    place: &str,
    data_type: &DataType,
    text: &StringArray,
    zone: Zone,
    mode: Mode,
) -> Result<ArrayRef, String> {
    let unit = nanos_per(T::UNIT);
    let values = read_texts(place, text, mode, zone.example(), |text| {
        i64::try_from(parse_timestamp(text, zone)?.div_euclid(unit)).ok()
    })?;
    let array: PrimitiveArray<T> = values.into_iter().collect();
    Ok(Arc::new(array.with_data_type(data_type.clone())))
}

fn booleans(place: &str, text: &StringArray, mode: Mode) -> Result<ArrayRef, String> {
    let values = read_texts(place, text, mode, "true or false", parse_boolean)?;
    Ok(Arc::new(BooleanArray::from(values)))
}

fn dates(place: &str, text: &StringArray, mode: Mode) -> Result<ArrayRef, String> {
    let example = "a text such as '2024-05-01'";
    let values = read_texts(place, text, mode, example, parse_date)?;
    Ok(Arc::new(values.into_iter().collect::<Date32Array>()))
}

fn times_of_day(place: &str, text: &StringArray, mode: Mode) -> Result<ArrayRef, String> {
    let example = "a text such as '12:30:00'";
    let values = read_texts(place, text, mode, example, parse_time)?;
    Ok(Arc::new(values.into_iter().collect::<Time32MillisecondArray>()))
}

fn bytes(place: &str, text: &StringArray, mode: Mode) -> Result<ArrayRef, String> {
    let read = |text: &str| BASE64_STANDARD.decode(text).ok();
    let values = read_texts(place, text, mode, "bytes in base64", read)?;
    Ok(Arc::new(values.into_iter().collect::<BinaryArray>()))
}

fn read_texts<T>(
    place: &str,
    texts: &StringArray,
    mode: Mode,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>, String> {
    let mut values = Vec::with_capacity(texts.len());
    for text in texts {
        let value = text.and_then(&read);
        if let (Some(text), None, Mode::Strict) = (text, &value, mode) {
            return Err(format!("{place} is {text:?}: expected {expected}"));
        }
        values.push(value);
    }
    Ok(values)
}

/// The decoder's message without the words that mean nothing to a user.
pub(super) fn reason(error: &arrow::error::ArrowError) -> String {
    let text = error.to_string();
    let text = text
        .strip_prefix("Json error: ")
        .or_else(|| text.strip_prefix("Parser error: "))
        .unwrap_or(&text);
    text.replace("whilst", "while")
        .replace("Encountered unmasked nulls in non-nullable", "NULL in NOT NULL")
}

/// Finds fields that are not there, for `json.fail-on-missing-field`.
mod missing {
    use std::collections::HashSet;
    use std::fmt;

    use arrow::datatypes::Schema;
    use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

    pub(super) fn check(schema: &Schema, record: &[u8]) -> Result<(), String> {
        let mut json = serde_json::Deserializer::from_slice(record);
        let names = json.deserialize_map(Names).map_err(|error| error.to_string())?;
        match schema.fields().iter().find(|field| !names.contains(field.name().as_str())) {
            Some(field) => Err(format!("field '{}' is missing", field.name())),
            None => Ok(()),
        }
    }

    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = HashSet<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names = HashSet::new();
            while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                names.insert(name);
            }
            Ok(names)
        }
    }
}
