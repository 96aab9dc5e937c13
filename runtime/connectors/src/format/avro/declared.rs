//! The fields of records, of the types that `CREATE TABLE` has: a source is given only the columns that
//! are read, a record of `avro` has all of them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use sabot_core::partitions::{DeclaredType, declared_types};

use crate::options::{OptionError, Options};

/// The columns that were declared; none without a declaration.
pub(super) fn fields(options: &Options<'_>) -> Result<Vec<FieldRef>, OptionError> {
    let all = declared_types(options.map);
    let partitions = options.partitions();
    let columns = all.iter().filter(|of| of.path.len() == 1 && !partitions.contains(&of.path[0]));
    let field = |of: &DeclaredType| {
        field(&all, of).map_err(|name| {
            options.column(&of.path[0], format!("has the type {name}, which Avro does not have"))
        })
    };
    columns.map(field).collect()
}

/// The field of a type, or the name of one that is not known.
fn field(all: &[DeclaredType], of: &DeclaredType) -> Result<FieldRef, String> {
    let name = of.path.last().map(String::as_str).unwrap_or_default();
    let data_type = data_type(all, of)?;
    Ok(Arc::new(Field::new(name, data_type, of.nullable)))
}

fn data_type(all: &[DeclaredType], of: &DeclaredType) -> Result<DataType, String> {
    let (word, numbers) = of.name.split_once('(').unwrap_or((&of.name, ""));
    let mut numbers = numbers.trim_end_matches(')').split(',');
    let mut number = || numbers.next().and_then(|number| number.trim().parse::<u8>().ok());
    let parts = || {
        let within = |part: &&DeclaredType| {
            part.path.len() == of.path.len() + 1 && part.path.starts_with(&of.path)
        };
        all.iter().filter(within).map(|part| field(all, part)).collect::<Result<Vec<_>, _>>()
    };
    let unknown = || of.name.clone();
    Ok(match word {
        "BOOLEAN" => DataType::Boolean,
        "TINYINT" => DataType::Int8,
        "SMALLINT" => DataType::Int16,
        "INT" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "FLOAT" => DataType::Float32,
        "DOUBLE" => DataType::Float64,
        "DECIMAL" => {
            let (precision, scale) = (number().unwrap_or(10), number().unwrap_or(0));
            DataType::Decimal128(precision, scale.try_into().map_err(|_| unknown())?)
        }
        "CHAR" | "VARCHAR" | "STRING" => DataType::Utf8,
        "BINARY" | "VARBINARY" | "BYTES" => DataType::Binary,
        "DATE" => DataType::Date32,
        "TIME" => DataType::Time32(TimeUnit::Millisecond),
        "TIMESTAMP" => DataType::Timestamp(unit(number()), None),
        "TIMESTAMP_LTZ" => DataType::Timestamp(unit(number()), Some("UTC".into())),
        "ROW" => DataType::Struct(parts()?.into()),
        "ARRAY" => DataType::List(parts()?.first().cloned().ok_or_else(unknown)?),
        "MAP" => match parts()?.as_slice() {
            [key, value] => map(key, Arc::clone(value)),
            _ => return Err(unknown()),
        },
        // How often each element is there, which may be NULL in Flink's schema.
        "MULTISET" => match parts()?.as_slice() {
            [element, ..] => map(element, Arc::new(Field::new("value", DataType::Int32, true))),
            _ => return Err(unknown()),
        },
        _ => return Err(unknown()),
    })
}

fn map(key: &Field, value: FieldRef) -> DataType {
    let key = Arc::new(key.clone().with_name("key").with_nullable(false));
    let entries = DataType::Struct(vec![key, value].into());
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

/// The unit of timestamps of a precision, which is 6 if it is not told.
fn unit(precision: Option<u8>) -> TimeUnit {
    match precision.unwrap_or(6) {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}
