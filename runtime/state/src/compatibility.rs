//! Whether a job may go on with stored state: pure, by the descriptions of both.

use sabot_core::state::{StateField, StateSpec};
use sabot_types::OperatorUid;

/// One way in which stored state does not fit a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operator {operator}: {reason}")]
pub struct Incompatibility {
    /// The operator.
    pub operator: OperatorUid,
    /// Its state's name.
    pub state: String,
    /// What does not fit.
    pub reason: Reason,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The keys are others.
    #[error("the key of its state was ({stored}) and would be ({wanted}); {REMEDY}")]
    Key {
        /// The stored columns with their types.
        stored: String,
        /// The plan's.
        wanted: String,
    },
    /// Namespaces mean something else, such as windows of another size.
    #[error("its state is kept by {stored} and would be by {wanted}; {REMEDY}")]
    Namespace {
        /// What is stored.
        stored: String,
        /// What the plan has.
        wanted: String,
    },
    /// An aggregate was added.
    #[error("aggregate {field} is not in the state; it holds {holds}; {REMEDY}")]
    Added {
        /// The aggregate.
        field: String,
        /// What is stored.
        holds: String,
    },
    /// An aggregate's type was changed.
    #[error("aggregate {field} is stored as {stored} and would be {wanted}; {REMEDY}")]
    Type {
        /// The aggregate.
        field: String,
        /// The stored type.
        stored: String,
        /// The plan's.
        wanted: String,
    },
    /// The plan lacks the operator, or this state of it: the state would be left behind.
    #[error("its state is in the checkpoint, but the job has no such operator any more")]
    Dropped,
}

const REMEDY: &str = "start it under a new sink table, or restore with mode Empty";

/// How bad an incompatibility is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// State would be left behind, everything else goes on; the caller decides.
    Dropped,
    /// The state cannot be used.
    Refused,
}

impl Incompatibility {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self.reason {
            Reason::Dropped => Severity::Dropped,
            Reason::Key { .. }
            | Reason::Namespace { .. }
            | Reason::Added { .. }
            | Reason::Type { .. } => Severity::Refused,
        }
    }
}

/// Whether a plan that wants `wanted` can go on with `stored`; else everything that does not
/// fit.
///
/// Keys and namespaces must be the same, and every wanted value must be stored with its type.
/// Values that are no longer wanted, and states that are new, are fine.
pub fn compatibility(
    stored: &[StateSpec],
    wanted: &[StateSpec],
) -> Result<(), Vec<Incompatibility>> {
    let mut found = Vec::new();
    for stored in stored {
        let same = |w: &&StateSpec| w.operator == stored.operator && w.name == stored.name;
        let reasons = match wanted.iter().find(same) {
            Some(wanted) => compare(stored, wanted),
            None => vec![Reason::Dropped],
        };
        found.extend(reasons.into_iter().map(|reason| Incompatibility {
            operator: stored.operator.clone(),
            state: stored.name.clone(),
            reason,
        }));
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn compare(stored: &StateSpec, wanted: &StateSpec) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if stored.key != wanted.key {
        reasons.push(Reason::Key { stored: columns(&stored.key), wanted: columns(&wanted.key) });
    }
    if stored.namespace != wanted.namespace {
        reasons.push(Reason::Namespace {
            stored: stored.namespace.clone(),
            wanted: wanted.namespace.clone(),
        });
    }
    // Rows without a time get one when they are restored.
    for field in wanted.value.iter().filter(|field| field.name != StateField::WRITTEN) {
        match stored.value.iter().find(|s| s.name == field.name) {
            None => reasons
                .push(Reason::Added { field: field.name.clone(), holds: names(&stored.value) }),
            Some(found) if found.data_type != field.data_type => reasons.push(Reason::Type {
                field: field.name.clone(),
                stored: found.data_type.clone(),
                wanted: field.data_type.clone(),
            }),
            Some(_) => {}
        }
    }
    reasons
}

fn columns(fields: &[StateField]) -> String {
    if fields.is_empty() {
        return "no columns".to_string();
    }
    let columns: Vec<_> = fields.iter().map(|f| format!("{} {}", f.name, f.data_type)).collect();
    columns.join(", ")
}

fn names(fields: &[StateField]) -> String {
    if fields.is_empty() {
        return "no aggregates".to_string();
    }
    let names = fields.iter().map(|f| f.name.as_str());
    names.filter(|name| *name != StateField::WRITTEN).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use sabot_core::state::ValueEncoding;

    use super::*;

    fn field(name: &str, data_type: &str) -> StateField {
        StateField { name: name.to_string(), data_type: data_type.to_string() }
    }

    fn spec(value: &[(&str, &str)]) -> StateSpec {
        StateSpec {
            operator: OperatorUid::new("sums/window").unwrap(),
            name: "window".to_string(),
            key: vec![field("auction", "Int64")],
            value: value.iter().map(|(name, data_type)| field(name, data_type)).collect(),
            namespace: "window-end tumble(10000,0)".to_string(),
            ttl_ms: None,
            encoding: ValueEncoding::Sortable,
        }
    }

    fn problems(stored: &StateSpec, wanted: &StateSpec) -> Vec<String> {
        let stored = std::slice::from_ref(stored);
        match compatibility(stored, std::slice::from_ref(wanted)) {
            Ok(()) => Vec::new(),
            Err(found) => found.iter().map(ToString::to_string).collect(),
        }
    }

    const COUNT: (&str, &str) = ("COUNT(*)", "Int64");
    const SUM: (&str, &str) = ("SUM(price)", "Int64");

    #[test]
    fn aggregates_may_be_dropped_and_reordered() {
        let stored = spec(&[COUNT, SUM]);
        for wanted in [spec(&[COUNT, SUM]), spec(&[SUM, COUNT]), spec(&[SUM]), spec(&[])] {
            assert!(problems(&stored, &wanted).is_empty());
        }
    }

    #[test]
    fn an_added_aggregate_is_refused_by_name() {
        let found = problems(&spec(&[COUNT, SUM]), &spec(&[COUNT, ("MAX(price)", "Int64")]));
        assert_eq!(
            found,
            ["operator sums/window: aggregate MAX(price) is not in the state; it holds \
              COUNT(*), SUM(price); start it under a new sink table, or restore with mode Empty"]
        );
    }

    #[test]
    fn other_keys_windows_and_types_are_refused_all_at_once() {
        let stored = spec(&[SUM]);
        let mut wanted = spec(&[("SUM(price)", "Float64")]);
        wanted.key = vec![field("bidder", "Int64")];
        wanted.namespace = "window-end tumble(5000,0)".to_string();
        let found = problems(&stored, &wanted);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("(auction Int64)") && found[0].contains("(bidder Int64)"));
        assert!(found[1].contains("tumble(10000,0)") && found[1].contains("tumble(5000,0)"));
        assert!(found[2].contains("SUM(price) is stored as Int64 and would be Float64"));
    }

    #[test]
    fn state_of_an_operator_that_is_gone_is_reported_but_not_refused() {
        let stored = spec(&[SUM]);
        let mut wanted = spec(&[SUM]);
        wanted.operator = OperatorUid::new("other/window").unwrap();
        let found = compatibility(&[stored], &[wanted]).unwrap_err();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity(), Severity::Dropped);
    }

    #[test]
    fn new_operators_are_fine() {
        assert!(compatibility(&[], &[spec(&[SUM])]).is_ok());
    }
}
