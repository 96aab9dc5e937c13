//! What some connectors are told of a table's columns, beside those that are read.

use std::collections::BTreeMap;

use sabot_core::partitions::{self, DeclaredType};

use super::TableColumn;

/// Adds the names of the connector's columns where a format knows them by their places, or a message's
/// key has some of them, and their types where the connector makes their values.
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
    if options.get("connector").is_some_and(|connector| connector == "datagen") {
        options.insert(partitions::DECLARED_TYPES.to_owned(), partitions::to_option(types));
    }
}

/// Whether rows are stored in a format that has no names for their columns, or some columns are told
/// apart by their names.
fn wants_columns(options: &BTreeMap<String, String>) -> bool {
    let is_csv = |key| options.get(key).is_some_and(|format| format.eq_ignore_ascii_case("csv"));
    is_csv("format")
        || is_csv("value.format")
        || is_csv("key.format")
        || options.contains_key("key.fields")
}
