//! What the machine shows.

use sabot_api::{JobState, JobView};

use super::{Machine, Mode, Stage};

impl Machine {
    /// The job as it is now.
    pub fn view(&self) -> JobView {
        let owner = self.owner_ref();
        // A checkpoint that waits for an outage's end has not failed, but it is not well either.
        let trouble = owner.and_then(|owner| owner.troubles.values().next());
        JobView {
            set: self.config.identity.set,
            attempt: owner.map(|owner| owner.attempt),
            state: self.state(),
            parallelism: self.parallelism(),
            checkpoints_completed: self.checkpoints_completed,
            checkpoints_failed_in_row: self
                .checkpoints_failed_in_row
                .max(u32::from(trouble.is_some())),
            checkpoint: self.checkpoint.clone(),
            restarts: self.restarts,
            last_failure: trouble.or(self.last_failure.as_ref()).cloned(),
            events_processed: owner.map_or(0, |owner| owner.rows.values().sum()),
            watermark_ms: owner
                .and_then(|owner| owner.watermarks.values().copied().min().flatten()),
        }
    }

    fn state(&self) -> JobState {
        match &self.mode {
            Mode::Starting => JobState::Starting,
            Mode::Standby => JobState::Standby,
            Mode::ParkedByOther { operation, .. } => {
                JobState::Parked { operation: operation.clone() }
            }
            Mode::Finished => JobState::Finished,
            Mode::Failed(message) => JobState::Failed { message: message.clone() },
            Mode::Owner(owner) => match &owner.stage {
                Stage::Gathering | Stage::Restarting { .. } => {
                    let slots = self
                        .links
                        .keys()
                        .filter_map(|pod| self.config.pods.get(*pod as usize))
                        .sum();
                    JobState::WaitingForWorkers { slots }
                }
                Stage::Deploying { .. } => JobState::Restoring,
                Stage::Running => JobState::Running,
                Stage::Parked { operation, .. } => {
                    JobState::Parked { operation: operation.clone() }
                }
            },
        }
    }
}
