//! What connectors have to know of a table beside its options, travelling as entries of them: how it
//! is partitioned, its primary key, that it is read whole, and its columns for formats that know them
//! by their places. Connectors that know partitions look them up, the others refuse them.

use std::collections::BTreeMap;

/// The entry's key. No option of a user's can have it: the planner refuses it in `WITH (...)`.
pub const PARTITIONED_BY: &str = "partitioned by";

/// The same for `PRIMARY KEY`.
pub const PRIMARY_KEY: &str = "primary key";

/// There with a table that a lookup join reads: from its first row to its last one, whatever the
/// options say of begin and end.
pub const READ_WHOLE: &str = "read whole";

/// The connector's own columns in the order of the table, where a format knows them by their places:
/// those that nothing reads are left out elsewhere.
pub const PHYSICAL_COLUMNS: &str = "physical columns";

/// Whether an entry of the options is one of these, and no option.
pub fn is_declaration(key: &str) -> bool {
    matches!(key, PARTITIONED_BY | PRIMARY_KEY | READ_WHOLE | PHYSICAL_COLUMNS)
}

/// The columns of the primary key; none for tables whose connector does not store rows by it.
pub fn primary_key(options: &BTreeMap<String, String>) -> Vec<String> {
    columns(options, PRIMARY_KEY)
}

/// The connector's columns in their order; none for most formats.
pub fn physical_columns(options: &BTreeMap<String, String>) -> Vec<String> {
    columns(options, PHYSICAL_COLUMNS)
}

/// The entry's value for these columns.
pub fn to_option(columns: &[String]) -> String {
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
