//! `METADATA` columns of a table: what a connector tells of a row beside its columns, or is told.
//! The key under which it does travels with the column's field.

use std::collections::HashMap;

use arrow::datatypes::{Field, Schema};

/// Under which a field keeps the key.
const KEY: &str = "sabot.metadata";

/// The field of a column that holds what a connector has under `key`.
pub fn field(field: Field, key: &str) -> Field {
    field.with_metadata(HashMap::from([(KEY.to_owned(), key.to_owned())]))
}

/// The key of a metadata column; none for another column.
pub fn key(field: &Field) -> Option<&str> {
    field.metadata().get(KEY).map(String::as_str)
}

/// The schema without metadata columns.
pub fn without(schema: &Schema) -> Schema {
    let others = schema.fields().iter().filter(|field| key(field).is_none());
    Schema::new(others.cloned().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn a_metadata_column_is_told_by_its_field() {
        let plain = Field::new("a", DataType::Int64, true);
        let offset = field(Field::new("b", DataType::Int64, false), "offset");
        assert_eq!((key(&plain), key(&offset)), (None, Some("offset")));
        let schema = Schema::new(vec![offset, plain.clone()]);
        assert_eq!(without(&schema), Schema::new(vec![plain]));
    }
}
