//! Which splits a subtask owns, and where each goes on.

use std::collections::{BTreeMap, BTreeSet};

use sabot_core::SplitState;

/// A split of this subtask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnSplit {
    /// Its name.
    pub(crate) name: String,
    /// The restored position; none: from its start.
    pub(crate) position: Option<serde_json::Value>,
    /// Whether it had ended at the restored checkpoint.
    pub(crate) finished: bool,
}

/// Deals all splits (those found now and those of the checkpoint), sorted by name, round-robin.
///
/// Every split has exactly one owner, as long as all subtasks find the same names.
pub(crate) fn deal(
    found: impl IntoIterator<Item = String>,
    restored: &[SplitState],
    subtask: u32,
    parallelism: u32,
) -> Vec<OwnSplit> {
    let states: BTreeMap<&str, &SplitState> =
        restored.iter().map(|state| (state.split.as_str(), state)).collect();
    let names: BTreeSet<String> =
        found.into_iter().chain(restored.iter().map(|state| state.split.clone())).collect();
    names
        .into_iter()
        .skip(subtask as usize)
        .step_by(parallelism.max(1) as usize)
        .map(|name| {
            let state = states.get(name.as_str());
            OwnSplit {
                position: state.map(|state| state.position.clone()),
                finished: state.is_some_and(|state| state.finished),
                name,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("split-{i:02}")).collect()
    }

    #[test]
    fn every_split_has_one_owner_at_any_parallelism() {
        for parallelism in 1..=9 {
            let mut owned: Vec<String> = (0..parallelism)
                .flat_map(|subtask| deal(names(7), &[], subtask, parallelism))
                .map(|split| split.name)
                .collect();
            owned.sort();
            assert_eq!(owned, names(7), "parallelism {parallelism}");
        }
    }

    #[test]
    fn a_restored_split_goes_on_at_any_parallelism_also_when_it_is_gone() {
        let restored: Vec<SplitState> = names(3)
            .into_iter()
            .chain(["gone".to_owned()])
            .map(|split| SplitState {
                position: serde_json::json!({"at": split}),
                finished: split == "gone",
                split,
                watermark: None,
            })
            .collect();
        for parallelism in 1..=5 {
            let all: Vec<OwnSplit> = (0..parallelism)
                .flat_map(|subtask| deal(names(4), &restored, subtask, parallelism))
                .collect();
            assert_eq!(all.len(), 5);
            for split in all {
                assert_eq!(split.position.is_none(), split.name == "split-03");
                assert_eq!(split.finished, split.name == "gone");
            }
        }
    }
}
