//! `PARTITIONED BY` of a table, which travels as an entry of its options: connectors that know
//! partitions look it up, the others refuse it.

use std::collections::BTreeMap;

/// The entry's key. No option of a user's can have it: the planner refuses it in `WITH (...)`.
pub const PARTITIONED_BY: &str = "partitioned by";

/// The entry's value for these columns.
pub fn to_option(columns: &[String]) -> String {
    serde_json::json!(columns).to_string()
}

/// The columns that a table is partitioned by, outermost first; none for most tables.
pub fn of_options(options: &BTreeMap<String, String>) -> Vec<String> {
    let columns = options.get(PARTITIONED_BY);
    // Only `to_option` writes it.
    columns.and_then(|columns| serde_json::from_str(columns).ok()).unwrap_or_default()
}
