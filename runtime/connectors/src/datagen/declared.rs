//! The types of a table's columns and of what is within them, with their lengths.

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use sabot_core::partitions::{DeclaredType, declared_types};

use crate::options::{OptionError, Options};

/// A type, as far as values of it are made in their own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    /// A whole number and the least and greatest one of its type.
    Integer(i64, i64),
    Float,
    Double,
    /// Its precision and its scale.
    Decimal(u8, u8),
    /// A text or bytes of always this length.
    Fixed(Letters, u32),
    /// A text or bytes of at most this length, if there is one.
    Varying(Letters, Option<u32>),
    Date,
    Time,
    Timestamp,
    Row,
    Array,
    Map,
    Multiset,
}

/// What a text is made of, or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    Text,
    Bytes,
}

/// A column, or what is within one.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    /// As the options name it: `order.price`, `tags.element`.
    pub(super) path: String,
    pub(super) data_type: Type,
    /// The type, for messages.
    pub(super) name: String,
    pub(super) nullable: bool,
    /// Whether it is a whole column.
    pub(super) is_column: bool,
}

/// The columns that were declared and what is within them, each before what is within it. Without a
/// declaration those of the schema.
pub(super) fn all(options: &Options<'_>, schema: &SchemaRef) -> Result<Vec<Declared>, OptionError> {
    let mut types = declared_types(options.map);
    if types.is_empty() {
        for field in schema.fields() {
            add(&mut types, &[], field.name(), field);
        }
    }
    let declared = |of: DeclaredType| {
        let path = of.path.join(".");
        let Some(data_type) = parse(&of.name) else {
            let problem = format!("has the type {}, of which datagen makes no values", of.name);
            return Err(options.column(&path, problem));
        };
        let is_column = of.path.len() == 1;
        Ok(Declared { path, data_type, name: of.name, nullable: of.nullable, is_column })
    };
    types.into_iter().map(declared).collect()
}

/// Reads a type as `CREATE TABLE` has it.
fn parse(name: &str) -> Option<Type> {
    let (word, numbers) = match name.split_once('(') {
        Some((word, rest)) => (word, rest.trim_end_matches(')')),
        None => (name, ""),
    };
    let mut numbers = numbers.split(',').map_while(|number| number.trim().parse::<u32>().ok());
    // What every text fits in is no limit.
    let mut number = || numbers.next().filter(|number| *number < i32::MAX as u32);
    Some(match word {
        "BOOLEAN" => Type::Boolean,
        "TINYINT" => Type::Integer(i8::MIN.into(), i8::MAX.into()),
        "SMALLINT" => Type::Integer(i16::MIN.into(), i16::MAX.into()),
        "INT" => Type::Integer(i32::MIN.into(), i32::MAX.into()),
        "BIGINT" => Type::Integer(i64::MIN, i64::MAX),
        "FLOAT" => Type::Float,
        "DOUBLE" => Type::Double,
        "DECIMAL" => Type::Decimal(number()? as u8, number()? as u8),
        "CHAR" => Type::Fixed(Letters::Text, number()?),
        "BINARY" => Type::Fixed(Letters::Bytes, number()?),
        "VARCHAR" | "STRING" => Type::Varying(Letters::Text, number()),
        "VARBINARY" | "BYTES" => Type::Varying(Letters::Bytes, number()),
        "DATE" => Type::Date,
        "TIME" => Type::Time,
        "TIMESTAMP" | "TIMESTAMP_LTZ" => Type::Timestamp,
        "ROW" => Type::Row,
        "ARRAY" => Type::Array,
        "MAP" => Type::Map,
        "MULTISET" => Type::Multiset,
        _ => return None,
    })
}

/// Adds the type of a field under its path, then those within it.
fn add(types: &mut Vec<DeclaredType>, above: &[String], name: &str, field: &Field) {
    let path = [above, &[name.to_owned()]].concat();
    let (name, parts): (String, Vec<(&str, &Field)>) = match field.data_type() {
        DataType::Boolean => ("BOOLEAN".into(), vec![]),
        DataType::Int8 => ("TINYINT".into(), vec![]),
        DataType::Int16 => ("SMALLINT".into(), vec![]),
        DataType::Int32 => ("INT".into(), vec![]),
        DataType::Int64 => ("BIGINT".into(), vec![]),
        DataType::Float32 => ("FLOAT".into(), vec![]),
        DataType::Float64 => ("DOUBLE".into(), vec![]),
        DataType::Decimal128(precision, scale) => {
            (format!("DECIMAL({precision}, {scale})"), vec![])
        }
        DataType::Utf8 => ("STRING".into(), vec![]),
        DataType::Binary => ("BYTES".into(), vec![]),
        DataType::Date32 => ("DATE".into(), vec![]),
        DataType::Time32(_) => ("TIME".into(), vec![]),
        DataType::Timestamp(TimeUnit::Millisecond, None) => ("TIMESTAMP(3)".into(), vec![]),
        DataType::Timestamp(..) => ("TIMESTAMP".into(), vec![]),
        DataType::Struct(fields) => {
            ("ROW".into(), fields.iter().map(|field| (field.name().as_str(), &**field)).collect())
        }
        DataType::List(item) => ("ARRAY".into(), vec![("element", item)]),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let parts = ["key", "value"].into_iter().zip(fields.iter().map(AsRef::as_ref));
                ("MAP".into(), parts.collect())
            }
            other => (other.to_string(), vec![]),
        },
        other => (other.to_string(), vec![]),
    };
    types.push(DeclaredType { path: path.clone(), name, nullable: field.is_nullable() });
    for (name, field) in parts {
        add(types, &path, name, field);
    }
}
