//! Tables whose rows change and go when they are read, by their connector and format.

use std::collections::BTreeMap;

/// The connectors that read formats, and the format whose rows are changes.
const CONNECTORS: [&str; 2] = ["filesystem", "kafka"];
const FORMAT: &str = "debezium-json";
/// The connector whose rows say what a key has now.
const UPSERT_CONNECTOR: &str = "upsert-kafka";

/// What the rows of a table are when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changelog {
    /// Rows that only come.
    Appends,
    /// Rows that come, change and go.
    Changes,
    /// What a key has now, or that it is gone.
    Upserts,
}

impl Changelog {
    /// That of a table with these options.
    pub(crate) fn of(options: &BTreeMap<String, String>) -> Self {
        let is = |key: &str, value: &str| {
            options.get(key).is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        match options.get("connector").map(String::as_str) {
            Some(UPSERT_CONNECTOR) => Self::Upserts,
            Some(connector)
                if CONNECTORS.contains(&connector)
                    && (is("format", FORMAT) || is("value.format", FORMAT)) =>
            {
                Self::Changes
            }
            _ => Self::Appends,
        }
    }
}

/// Whether a table with these options cannot be written where rows change and go.
pub(crate) fn takes_no_changes(options: &BTreeMap<String, String>) -> bool {
    let connector = options.get("connector").map(String::as_str);
    connector.is_some_and(|connector| CONNECTORS.contains(&connector))
        && Changelog::of(options) == Changelog::Appends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_changes_is_told_by_its_connector_and_format() {
        use Changelog::{Appends, Changes, Upserts};
        for (connector, option, format, changelog) in [
            ("kafka", "format", "debezium-json", Changes),
            ("kafka", "value.format", "Debezium-JSON", Changes),
            ("filesystem", "format", "debezium-json", Changes),
            ("kafka", "format", "json", Appends),
            ("print", "format", "debezium-json", Appends),
            ("upsert-kafka", "value.format", "json", Upserts),
        ] {
            let pairs = [("connector", connector), (option, format)];
            let options = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(Changelog::of(&BTreeMap::from(options)), changelog, "{connector} {format}");
        }
    }
}
