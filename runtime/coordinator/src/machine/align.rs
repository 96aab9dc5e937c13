//! Watermark alignment: pods are told how far the sources of the others are.

use std::collections::BTreeMap;

use sabot_core::protocol::CoordinatorMessage;

use super::{Effect, Machine};

/// Of each group the lowest watermark, milliseconds; none where nobody has to wait.
type Lowest = BTreeMap<String, Option<i64>>;

/// What is known of the aligned sources of an attempt.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    /// What each pod has told last.
    pods: BTreeMap<u32, Lowest>,
    /// What each pod was told last.
    told: BTreeMap<u32, Lowest>,
}

impl Aligned {
    /// What `pod` is to be told of the others, once all of them have told theirs.
    fn elsewhere(&self, pod: u32, pods: usize) -> Option<Lowest> {
        let others = || self.pods.iter().filter(|(other, _)| **other != pod);
        if others().count() + 1 < pods {
            return None;
        }
        let mut elsewhere = Lowest::new();
        for (group, lowest) in others().flat_map(|(_, lowest)| lowest) {
            let least = elsewhere.entry(group.clone()).or_insert(*lowest);
            *least = [*least, *lowest].into_iter().flatten().min();
        }
        Some(elsewhere)
    }
}

impl Machine {
    /// Takes note of what `pod` tells, and tells the others.
    pub(super) fn align(&mut self, pod: u32, lowest: Lowest, effects: &mut Vec<Effect>) {
        let pods = self.config.pods.len();
        if lowest.is_empty() || pods == 1 {
            return;
        }
        let links: Vec<_> = self.links.iter().map(|(pod, link)| (*pod, link.id)).collect();
        let Some(owner) = self.owner() else { return };
        owner.aligned.pods.insert(pod, lowest);
        for (other, link) in links {
            let Some(elsewhere) = owner.aligned.elsewhere(other, pods) else { continue };
            if owner.aligned.told.get(&other) != Some(&elsewhere) {
                owner.aligned.told.insert(other, elsewhere.clone());
                let attempt = owner.attempt;
                effects.push(Effect::Send(link, CoordinatorMessage::Align { attempt, elsewhere }));
            }
        }
    }
}
