//! Rows of a state as columns.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    UInt16Array,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_row::{RowConverter, SortField};
use sabot_core::state::{StateField, StateRows, StateSpec};
use sabot_types::OperatorUid;

use super::InspectError;

/// Decodes rows; keeps what it has made of a state's description.
#[derive(Default)]
pub(super) struct Decoder {
    states: HashMap<(OperatorUid, String), Converters>,
}

struct Converters {
    key: RowConverter,
    value: RowConverter,
}

impl Decoder {
    pub(super) fn batch(
        &mut self,
        spec: &StateSpec,
        rows: &StateRows,
    ) -> Result<RecordBatch, InspectError> {
        let wrong = |what: String| InspectError::Decode {
            operator: spec.operator.clone(),
            state: spec.name.clone(),
            what,
        };
        let at = (spec.operator.clone(), spec.name.clone());
        if !self.states.contains_key(&at) {
            let converters = Converters::of(spec).map_err(wrong)?;
            self.states.insert(at.clone(), converters);
        }
        let Converters { key, value } = &self.states[&at];
        let count = rows.groups.len();
        let text = |text: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count)))
        };
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("operator".to_owned(), text(spec.operator.as_str())),
            ("state".to_owned(), text(&spec.name)),
            ("namespace".to_owned(), Arc::new(Int64Array::from(vec![rows.namespace.0; count]))),
            (
                "keyGroup".to_owned(),
                Arc::new(UInt16Array::from_iter_values(rows.groups.iter().map(|g| g.index()))),
            ),
        ];
        let parts =
            [("key", key, &spec.key, &rows.keys), ("value", value, &spec.value, &rows.values)];
        for (part, converter, fields, encoded) in parts {
            let decoded =
                decode(converter, encoded).map_err(|what| wrong(format!("{part}: {what}")))?;
            let names = fields.iter().map(|field| format!("{part}.{}", field.name));
            columns.extend(names.zip(decoded));
        }
        let schema = Schema::new(
            columns
                .iter()
                .map(|(name, column)| Field::new(name, column.data_type().clone(), true))
                .collect::<Vec<_>>(),
        );
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)?)
    }
}

impl Converters {
    fn of(spec: &StateSpec) -> Result<Self, String> {
        Ok(Self { key: converter(&spec.key)?, value: converter(&spec.value)? })
    }
}

fn converter(fields: &[StateField]) -> Result<RowConverter, String> {
    let fields = fields
        .iter()
        .map(|field| {
            DataType::from_str(&field.data_type)
                .map(SortField::new)
                .map_err(|error| format!("column {:?}: {error}", field.name))
        })
        .collect::<Result<Vec<_>, _>>()?;
    RowConverter::new(fields).map_err(|error| error.to_string())
}

fn decode(converter: &RowConverter, encoded: &BinaryArray) -> Result<Vec<ArrayRef>, String> {
    let parser = converter.parser();
    // The row format is not checked while it is decoded: bytes that another encoding wrote can
    // make it index out of bounds.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        converter.convert_rows((0..encoded.len()).map(|row| parser.parse(encoded.value(row))))
    }));
    match decoded {
        Ok(columns) => columns.map_err(|error| error.to_string()),
        Err(_) => Err("the bytes are no encoded row".to_owned()),
    }
}
