//! Rows of a state as columns.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    UInt16Array,
};
use arrow::datatypes::{Field, Schema};
use sabot_core::Error;
use sabot_core::state::{RowCodec, StateRows, StateSpec};
use sabot_types::OperatorUid;

use super::InspectError;

/// Decodes rows; keeps what it has made of a state's description.
#[derive(Default)]
pub(super) struct Decoder {
    states: HashMap<(OperatorUid, String), Codecs>,
}

struct Codecs {
    key: RowCodec,
    value: RowCodec,
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
            let made = |codec: Result<_, Error>| codec.map_err(|error| wrong(error.chain()));
            let (key, value) = (made(RowCodec::of_keys(spec))?, made(RowCodec::of_values(spec))?);
            self.states.insert(at.clone(), Codecs { key, value });
        }
        let Codecs { key, value } = &self.states[&at];
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
        for (part, codec, fields, encoded) in parts {
            let decoded =
                decode(codec, encoded).map_err(|what| wrong(format!("{part}: {what}")))?;
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

fn decode(codec: &RowCodec, encoded: &BinaryArray) -> Result<Vec<ArrayRef>, String> {
    // The row format is not checked while it is decoded: bytes that another encoding wrote can
    // make it index out of bounds.
    match catch_unwind(AssertUnwindSafe(|| codec.decode(encoded))) {
        Ok(columns) => columns.map_err(|error| error.chain()),
        Err(_) => Err("the bytes are no encoded row".to_owned()),
    }
}
