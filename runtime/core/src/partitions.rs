//! What connectors have to know of a table beside its options, travelling as entries of them: how it
//! is partitioned, its primary key, that it is read whole, its columns for formats that know them
//! by their places, and their types for connectors that make values and formats that need them.
//! Connectors that know partitions look them up, the others refuse them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The entry's key. No option of a user's can have it: the planner refuses it in `WITH (...)`.
pub const PARTITIONED_BY: &str = "partitioned by";

/// The same for `PRIMARY KEY`.
pub const PRIMARY_KEY: &str = "primary key";

/// There with a table that a lookup join reads: from its first row to its last one, whatever the
/// options say of begin and end.
pub const READ_WHOLE: &str = "read whole";

/// The connector's own columns in the order of the table, where a format knows them by their places, or
/// some are told apart by their names: those that nothing reads are left out elsewhere.
pub const PHYSICAL_COLUMNS: &str = "physical columns";

/// The types of the connector's own columns, where it makes their values itself, or a format cannot step over
/// those that nothing reads without them.
pub const DECLARED_TYPES: &str = "declared types";

/// The type of a column, or of what is within one, as `CREATE TABLE` has it: with the length of a
/// text, which Arrow's types do not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredType {
    /// The column's name, then for each type within another one a ROW's field, or `element`, `key` or
    /// `value`.
    pub path: Vec<String>,
    /// As Flink writes it: `VARCHAR(20)`, `DECIMAL(10, 2)`; of what has others within it, which follow
    /// in their own entries, the word alone.
    pub name: String,
    /// Whether it can be NULL.
    pub nullable: bool,
}

/// Whether an entry of the options is one of these, and no option.
pub fn is_declaration(key: &str) -> bool {
    matches!(key, PARTITIONED_BY | PRIMARY_KEY | READ_WHOLE | PHYSICAL_COLUMNS | DECLARED_TYPES)
}

/// The types of the connector's columns and of what is within them; none for most connectors.
pub fn declared_types(options: &BTreeMap<String, String>) -> Vec<DeclaredType> {
    let types = options.get(DECLARED_TYPES);
    types.and_then(|types| serde_json::from_str(types).ok()).unwrap_or_default()
}

/// The columns of the primary key; none for tables whose connector does not store rows by it.
pub fn primary_key(options: &BTreeMap<String, String>) -> Vec<String> {
    columns(options, PRIMARY_KEY)
}

/// The connector's columns in their order; none for most formats.
pub fn physical_columns(options: &BTreeMap<String, String>) -> Vec<String> {
    columns(options, PHYSICAL_COLUMNS)
}

/// The entry's value for these columns, or types.
pub fn to_option<T: Serialize>(columns: &[T]) -> String {
    serde_json::json!(columns).to_string()
}

/// The columns that a table is partitioned by, outermost first; none for most tables.
pub fn of_options(options: &BTreeMap<String, String>) -> Vec<String> {
    columns(options, PARTITIONED_BY)
}

fn columns(options: &BTreeMap<String, String>, key: &str) -> Vec<String> {
    let columns = options.get(key);
    // Only `to_option` writes it.
    columns.and_then(|columns| serde_json::from_str(columns).ok()).unwrap_or_default()
}
