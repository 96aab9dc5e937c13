//! Tables whose rows change and go when they are read, by their connector and format.

use std::collections::BTreeMap;

/// The connectors that read formats, and the format whose rows are changes.
const CONNECTORS: [&str; 2] = ["filesystem", "kafka"];
const FORMAT: &str = "debezium-json";

/// Whether reading a table with these options gives changes.
pub(crate) fn is_changelog(options: &BTreeMap<String, String>) -> bool {
    let is = |key: &str, value: &str| {
        options.get(key).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    CONNECTORS.iter().any(|connector| options.get("connector").is_some_and(|c| c == connector))
        && (is("format", FORMAT) || is("value.format", FORMAT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_changes_is_told_by_its_format() {
        for (connector, option, format, changes) in [
            ("kafka", "format", "debezium-json", true),
            ("kafka", "value.format", "Debezium-JSON", true),
            ("filesystem", "format", "debezium-json", true),
            ("kafka", "format", "json", false),
            ("print", "format", "debezium-json", false),
        ] {
            let pairs = [("connector", connector), (option, format)];
            let options = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(is_changelog(&BTreeMap::from(options)), changes, "{connector} {format}");
        }
    }
}
