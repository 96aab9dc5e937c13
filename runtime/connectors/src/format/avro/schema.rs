//! The Avro schema of a table's columns, as Flink's `AvroSchemaConverter` derives it.
//!
//! What can be NULL is a union of `null` and its type, and NULL is the default of such a field. Records
//! within the record are named after the fields that lead to them.

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use serde_json::{Value, json};

use super::Timestamps;
use crate::format::json::sql_name;

const NAMESPACE: &str = "org.apache.flink.avro.generated";
/// The name of the record that a row is.
const RECORD: &str = "record";

/// The schema of rows with these columns.
pub(super) fn of_record(fields: &[FieldRef], timestamps: Timestamps) -> Result<Value, String> {
    let mut record = record(RECORD, fields, timestamps)?;
    record["namespace"] = json!(NAMESPACE);
    Ok(record)
}

/// The field of a column, or what is wrong with it.
pub(super) fn of_field(field: &Field, timestamps: Timestamps) -> Result<Value, String> {
    of_named(RECORD, field, timestamps)
}

fn record(name: &str, fields: &[FieldRef], timestamps: Timestamps) -> Result<Value, String> {
    let field = |field: &FieldRef| of_named(name, field, timestamps);
    let fields = fields.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"type": "record", "name": name, "fields": fields}))
}

fn of_named(record: &str, field: &Field, timestamps: Timestamps) -> Result<Value, String> {
    let name = field.name();
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(is_letter) || !name.chars().all(|c| is_letter(c) || c.is_ascii_digit()) {
        return Err(format!(
            "has the name '{name}', which no field of Avro can have: use letters, digits and \
             underscores"
        ));
    }
    let data_type = of_value(&format!("{record}_{name}"), field, timestamps)?;
    Ok(match field.is_nullable() {
        true => json!({"name": name, "type": data_type, "default": null}),
        false => json!({"name": name, "type": data_type}),
    })
}

/// The type of values that may be NULL; `name` is that of a record.
fn of_value(name: &str, field: &Field, timestamps: Timestamps) -> Result<Value, String> {
    let data_type = of_type(name, field.data_type(), timestamps)?;
    Ok(if field.is_nullable() { json!(["null", data_type]) } else { data_type })
}

fn of_type(name: &str, data_type: &DataType, timestamps: Timestamps) -> Result<Value, String> {
    let logical = |of: &str, name: &str| json!({"type": of, "logicalType": name});
    Ok(match data_type {
        DataType::Boolean => json!("boolean"),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => json!("int"),
        DataType::Int64 => json!("long"),
        DataType::Float32 => json!("float"),
        DataType::Float64 => json!("double"),
        DataType::Utf8 | DataType::Utf8View => json!("string"),
        DataType::Binary => json!("bytes"),
        DataType::Decimal128(precision, scale) => json!({
            "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale,
        }),
        DataType::Date32 => logical("int", "date"),
        DataType::Time32(_) => logical("int", "time-millis"),
        DataType::Timestamp(unit, zone) => {
            logical("long", of_timestamp(*unit, zone.is_some(), timestamps)?)
        }
        DataType::List(item) => {
            json!({"type": "array", "items": of_value(name, item, timestamps)?})
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(parts) = entries.data_type() else {
                return Err(unsupported(data_type));
            };
            if *parts[0].data_type() != DataType::Utf8 {
                return Err(format!(
                    "has a MAP with keys of the type {}: the keys of Avro's maps are texts, use \
                     MAP<STRING, ...>",
                    sql_name(parts[0].data_type())
                ));
            }
            json!({"type": "map", "values": of_value(name, &parts[1], timestamps)?})
        }
        DataType::Struct(fields) => record(name, fields, timestamps)?,
        other => return Err(unsupported(other)),
    })
}

fn unsupported(data_type: &DataType) -> String {
    format!(
        "has the type {}, which Avro does not have here: use BOOLEAN, TINYINT, SMALLINT, INT, \
         BIGINT, FLOAT, DOUBLE, DECIMAL, STRING, BYTES, DATE, TIME, TIMESTAMP(3), \
         TIMESTAMP_LTZ(3), ROW, ARRAY or MAP",
        sql_name(data_type)
    )
}

/// The logical type of a TIMESTAMP, or of an instant.
fn of_timestamp(
    unit: TimeUnit,
    is_instant: bool,
    timestamps: Timestamps,
) -> Result<&'static str, String> {
    let is_local = !is_instant && timestamps == Timestamps::Local;
    match unit {
        TimeUnit::Second | TimeUnit::Millisecond if is_local => Ok("local-timestamp-millis"),
        TimeUnit::Second | TimeUnit::Millisecond => Ok("timestamp-millis"),
        TimeUnit::Microsecond if is_local => Ok("local-timestamp-micros"),
        TimeUnit::Microsecond if is_instant => Ok("timestamp-micros"),
        TimeUnit::Microsecond => Err(
            "is a TIMESTAMP of more than milliseconds, which needs 'timestamp_mapping.legacy' = \
             'false' in the format 'avro': set that, or use TIMESTAMP(3)"
                .to_owned(),
        ),
        TimeUnit::Nanosecond => {
            Err("is a timestamp of more than microseconds: use TIMESTAMP(3)".to_owned())
        }
    }
}
