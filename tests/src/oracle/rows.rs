//! Rows as lines of text, which are the same for the same values, and what differs between two
//! multisets of them.
//!
//! Floats are rounded to nine significant digits, since the order of additions is not fixed;
//! timestamps are milliseconds since the Unix epoch; NULL is written as `NULL`, a text in quotes.

use std::cmp::Ordering;
use std::fmt;

use arrow::array::types::{Decimal128Type, DecimalType};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampMillisecondType,
};
use arrow::error::ArrowError;
use serde_json::Value;

/// Differing rows that a report shows of each side.
const SHOWN: usize = 5;

/// A multiset of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows(Vec<String>);

/// What is wrong with the rows that a job has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    written: usize,
    expected: usize,
    missing: Vec<String>,
    extra: Vec<String>,
}

/// What values of a type have in common when they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Boolean,
    Integer,
    Float,
    Decimal,
    Text,
    Date,
    Time,
    Instant,
    /// An ARRAY, MAP or MULTISET, which only JSON is read of.
    Nested,
}

impl Family {
    fn of(data_type: &DataType) -> Result<Self, String> {
        Ok(match data_type {
            DataType::Boolean => Self::Boolean,
            t if t.is_signed_integer() => Self::Integer,
            DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Decimal128(..) => Self::Decimal,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(_, None) => Self::Time,
            DataType::Timestamp(_, Some(_)) => Self::Instant,
            DataType::List(_) | DataType::Map(..) => Self::Nested,
            other => return Err(format!("values of type {other} cannot be compared")),
        })
    }
}

impl Rows {
    /// The rows of a sink with these columns, from the JSON objects that it has written: rows, or
    /// changes of rows, of which what is left in the end counts.
    pub fn written(objects: &[Value], schema: &Schema, changes: bool) -> Result<Self, String> {
        if !changes {
            return Self::of_objects(objects.iter(), schema);
        }
        let (mut added, mut gone) = (Vec::new(), Vec::new());
        for change in objects {
            match change["op"].as_str() {
                Some("c") => added.push(&change["after"]),
                Some("d") => gone.push(&change["before"]),
                _ => return Err(format!("{change} is no change")),
            }
        }
        let added = Self::of_objects(added.into_iter(), schema)?;
        let gone = Self::of_objects(gone.into_iter(), schema)?;
        match added.difference(&gone) {
            None => Ok(Self(Vec::new())),
            Some(Difference { missing, extra, .. }) if missing.is_empty() => Ok(Self(extra)),
            Some(Difference { missing, .. }) => {
                Err(format!("{} rows went that never came: {}", missing.len(), missing[0]))
            }
        }
    }

    fn of_objects<'a>(
        objects: impl Iterator<Item = &'a Value>,
        schema: &Schema,
    ) -> Result<Self, String> {
        let row = |object: &Value| {
            let cells = schema.fields().iter().map(|field| {
                let value = object.get(field.name());
                let family = Family::of(field.data_type())?;
                value
                    .ok_or_else(|| "the field is missing".to_string())
                    .and_then(|value| json_cell(value, family))
                    .map_err(|error| format!("column {} of {object}: {error}", field.name()))
            });
            Ok(cells.collect::<Result<Vec<_>, String>>()?.join(" "))
        };
        objects.map(row).collect::<Result<Vec<_>, String>>().map(Self::sorted)
    }

    /// The rows of a batch answer that is to be written to columns of `schema`. The columns'
    /// types have to be of the same kind: nothing is converted.
    pub fn answered(batches: &[RecordBatch], schema: &Schema) -> Result<Self, String> {
        let mut lines = Vec::new();
        for batch in batches {
            if batch.num_columns() != schema.fields().len() {
                return Err(format!(
                    "the batch answer has {} columns, the sink {}",
                    batch.num_columns(),
                    schema.fields().len()
                ));
            }
            let mut columns = Vec::new();
            for (array, field) in batch.columns().iter().zip(schema.fields()) {
                let family = Family::of(field.data_type())?;
                if Family::of(array.data_type())? != family {
                    return Err(format!(
                        "column {} is {}, the batch answer gives {} for it",
                        field.name(),
                        field.data_type(),
                        array.data_type()
                    ));
                }
                columns.push(column_cells(array, family).map_err(|error| error.to_string())?);
            }
            for row in 0..batch.num_rows() {
                let cells: Vec<&str> = columns.iter().map(|cells| cells[row].as_str()).collect();
                lines.push(cells.join(" "));
            }
        }
        Ok(Self::sorted(lines))
    }

    fn sorted(mut lines: Vec<String>) -> Self {
        lines.sort_unstable();
        Self(lines)
    }

    /// The rows' lines, sorted.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What differs from `expected`; none when nothing does.
    pub fn difference(&self, expected: &Self) -> Option<Difference> {
        let (mut missing, mut extra) = (Vec::new(), Vec::new());
        let (mut ours, mut theirs) = (self.0.iter().peekable(), expected.0.iter().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(our), Some(their)) => our.cmp(their),
            };
            let our = if order.is_le() { ours.next() } else { None };
            let their = if order.is_ge() { theirs.next() } else { None };
            if order.is_lt() {
                extra.extend(our.cloned());
            } else if order.is_gt() {
                missing.extend(their.cloned());
            }
        }
        let differ = !missing.is_empty() || !extra.is_empty();
        differ.then(|| Difference { written: self.len(), expected: expected.len(), missing, extra })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, expected, missing, extra } = self;
        write!(f, "{written} rows were written, {expected} expected")?;
        for (rows, what) in [(missing, "missing"), (extra, "extra")] {
            for row in rows.iter().take(SHOWN) {
                write!(f, "\n  {what}: {row}")?;
            }
            if rows.len() > SHOWN {
                write!(f, "\n  and {} more {what}", rows.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

fn json_cell(value: &Value, family: Family) -> Result<String, String> {
    let wrong = || format!("{value} is no value of the column's type");
    let text = || value.as_str().ok_or_else(wrong);
    if value.is_null() {
        return Ok(null());
    }
    match family {
        Family::Boolean => value.as_bool().map(|b| b.to_string()).ok_or_else(wrong),
        Family::Integer => value.as_i64().map(|n| n.to_string()).ok_or_else(wrong),
        Family::Float => match value.as_str() {
            Some(text) => text.parse().map(float).map_err(|_| wrong()),
            None => value.as_f64().map(float).ok_or_else(wrong),
        },
        Family::Decimal => value.as_f64().map(decimal).ok_or_else(wrong),
        Family::Text => text().map(quoted),
        Family::Date => text().map(str::to_string),
        Family::Time | Family::Instant => {
            let text = text()?;
            if text.ends_with('Z') != (family == Family::Instant) {
                return Err(wrong());
            }
            let nanos = string_to_timestamp_nanos(text).map_err(|error| error.to_string())?;
            Ok(nanos.div_euclid(1_000_000).to_string())
        }
        Family::Nested => nested(value).ok_or_else(wrong),
    }
}

/// An array's elements in their order, a map's entries in that of their texts.
fn nested(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(null()),
        Value::Array(elements) => {
            let elements: Option<Vec<_>> = elements.iter().map(nested).collect();
            Some(format!("[{}]", elements?.join(", ")))
        }
        Value::Object(entries) => {
            let entry =
                |(key, value): (&String, &Value)| Some(format!("{key:?}={}", nested(value)?));
            let mut entries = entries.iter().map(entry).collect::<Option<Vec<_>>>()?;
            entries.sort_unstable();
            Some(format!("{{{}}}", entries.join(", ")))
        }
        Value::String(text) => Some(quoted(text)),
        Value::Number(number) => number.as_i64().map(|n| n.to_string()),
        Value::Bool(_) => None,
    }
}

fn column_cells(array: &ArrayRef, family: Family) -> arrow::error::Result<Vec<String>> {
    let as_type = |data_type| cast(array, &data_type);
    Ok(match family {
        Family::Boolean => cells(array.as_boolean(), |b| b.to_string()),
        Family::Integer => {
            cells(as_type(DataType::Int64)?.as_primitive::<Int64Type>(), |n| n.to_string())
        }
        Family::Float => cells(as_type(DataType::Float64)?.as_primitive::<Float64Type>(), float),
        Family::Decimal => {
            let values = array.as_primitive::<Decimal128Type>();
            let (precision, scale) = (values.precision(), values.scale());
            cells(values, |v| {
                let text = Decimal128Type::format_decimal(v, precision, scale);
                decimal(text.parse().expect("a decimal's text is a number"))
            })
        }
        Family::Text => cells(as_type(DataType::Utf8)?.as_string::<i32>(), quoted),
        Family::Date => cells(as_type(DataType::Utf8)?.as_string::<i32>(), str::to_string),
        Family::Time | Family::Instant => {
            let millis = as_type(DataType::Timestamp(TimeUnit::Millisecond, None))?;
            cells(millis.as_primitive::<TimestampMillisecondType>(), |n| n.to_string())
        }
        Family::Nested => {
            let message = "a batch answer of arrays or maps is not compared".to_owned();
            return Err(ArrowError::NotYetImplemented(message));
        }
    })
}

fn cells<T>(
    values: impl IntoIterator<Item = Option<T>>,
    text: impl Fn(T) -> String,
) -> Vec<String> {
    values.into_iter().map(|value| value.map_or_else(null, &text)).collect()
}

fn null() -> String {
    "NULL".to_string()
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Nine significant digits; the zero that is added makes -0.0 a 0.0.
fn float(value: f64) -> String {
    format!("{:.8e}", value + 0.0)
}

/// All digits that a JSON number keeps when it is read.
fn decimal(value: f64) -> String {
    format!("{:.14e}", value + 0.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray, TimestampSecondArray};
    use arrow::datatypes::Field;
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("x", DataType::Float64, true),
            Field::new("s", DataType::Utf8, true),
            Field::new("t", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        ])
    }

    #[test]
    fn both_sides_write_the_same_values_alike() {
        let batch = RecordBatch::try_from_iter([
            ("a", Arc::new(Int64Array::from(vec![Some(2), None])) as ArrayRef),
            ("b", Arc::new(Float64Array::from(vec![Some(0.1 + 0.2), Some(-0.0)]))),
            ("c", Arc::new(StringArray::from(vec![Some("NULL"), None]))),
            ("d", Arc::new(TimestampSecondArray::from(vec![Some(1_583_020_799), None]))),
        ])
        .unwrap();
        let objects = [
            json!({"n": null, "x": 0, "s": null, "t": null}),
            json!({"n": 2, "x": 0.3, "s": "NULL", "t": "2020-02-29 23:59:59"}),
        ];
        let answered = Rows::answered(&[batch], &schema()).unwrap();
        let written = Rows::written(&objects, &schema(), false).unwrap();
        assert_eq!(written.difference(&answered), None);
        assert_eq!(written.0[0], "2 3.00000000e-1 \"NULL\" 1583020799000");
        assert_eq!(written.0[1], "NULL 0.00000000e0 NULL NULL");
    }

    #[test]
    fn rows_are_compared_as_often_as_they_occur() {
        let rows = |lines: &[&str]| Rows::sorted(lines.iter().map(ToString::to_string).collect());
        let difference = rows(&["b", "a", "a"]).difference(&rows(&["a", "b", "b", "c"])).unwrap();
        assert_eq!(difference.missing, ["b", "c"]);
        assert_eq!(difference.extra, ["a"]);
    }

    #[test]
    fn an_answer_of_another_kind_is_refused() {
        let floats = Arc::new(Float64Array::from(vec![1.0])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", floats)]).unwrap();
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, true)]);
        let error = Rows::answered(&[batch], &schema).unwrap_err();
        assert_eq!(error, "column n is Int64, the batch answer gives Float64 for it");
    }
}
