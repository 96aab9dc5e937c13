//! What some connectors are told of a table's columns, beside those that are read.

use std::collections::BTreeMap;

use sabot_core::partitions::{self, DeclaredType};

use super::TableColumn;

/// Adds the names of the connector's columns where a format knows them by their places, or a message's
/// key has some of them, and their types where the connector makes their values or a record has to be read
/// by them.
pub(super) fn insert(
    options: &mut BTreeMap<String, String>,
    columns: &[TableColumn],
    types: &[DeclaredType],
) {
    if wants_columns(options) {
        let own = columns.iter().filter(|c| c.computed.is_none() && c.metadata.is_none());
        let own: Vec<&str> = own.map(|column| column.name.as_str()).collect();
        options.insert(partitions::PHYSICAL_COLUMNS.to_owned(), partitions::to_option(&own));
    }
    if options.get("connector").is_some_and(|connector| connector == "datagen")
        || has_format(options, &["avro", "avro-confluent"])
    {
        options.insert(partitions::DECLARED_TYPES.to_owned(), partitions::to_option(types));
    }
}

/// Whether rows are stored in a format that has no names for their columns, or some columns are told
/// apart by their names.
fn wants_columns(options: &BTreeMap<String, String>) -> bool {
    has_format(options, &["csv", "raw"]) || options.contains_key("key.fields")
}

/// Whether rows, or their keys or values, are stored in one of these formats.
fn has_format(options: &BTreeMap<String, String>, formats: &[&str]) -> bool {
    let is_one = |format: &String| formats.iter().any(|one| format.eq_ignore_ascii_case(one));
    ["format", "value.format", "key.format"]
        .into_iter()
        .any(|key| options.get(key).is_some_and(is_one))
}
