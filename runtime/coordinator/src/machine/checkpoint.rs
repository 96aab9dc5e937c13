//! Checkpoints: trigger, collect the slots' parts, publish, commit, confirm.

use std::collections::BTreeMap;
use std::time::Duration;

use sabot_api::CheckpointView;
use sabot_core::Committable;
use sabot_core::protocol::CoordinatorMessage;
use sabot_snapshot::{Loaded, Manifest, ManifestHeader, SlotSnapshot, assemble};
use sabot_types::{Epoch, ManifestRef};

use super::{Effect, ExitReason, Machine, Mode, Purpose, Stage, WriteFailure};

/// How long after a failed commit it is tried again.
const COMMIT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A checkpoint that does not exist yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) epoch: Epoch,
    pub(super) began: Duration,
    pub(super) parts: BTreeMap<u32, SlotSnapshot>,
    pub(super) manifest: Option<Box<Manifest>>,
}

impl Machine {
    pub(super) fn publishing(&self) -> bool {
        self.owner_ref().is_some_and(|owner| owner.publishing.is_some())
    }

    /// Begins a checkpoint; its epoch.
    pub(super) fn trigger(&mut self, then_pause: bool, effects: &mut Vec<Effect>) -> Option<Epoch> {
        let now = self.now;
        let owner = self.owner()?;
        let epoch = owner.last_epoch.next();
        owner.last_epoch = epoch;
        owner.pending = Some(Pending { epoch, began: now, parts: BTreeMap::new(), manifest: None });
        let (attempt, published) = (owner.attempt, owner.published);
        tracing::debug!(%epoch, then_pause, "checkpoint triggered");
        let barrier = CoordinatorMessage::Checkpoint { attempt, epoch, then_pause, published };
        self.broadcast(&barrier, effects);
        Some(epoch)
    }

    /// Whether a checkpoint could begin now.
    pub(super) fn may_trigger(&self) -> bool {
        !self.busy
            && self.read_again_at.is_none()
            && self.owner_ref().is_some_and(|owner| {
                owner.stage == Stage::Running
                    && owner.pending.is_none()
                    && owner.publishing.is_none()
            })
    }

    pub(super) fn proceed_checkpoint(&mut self, effects: &mut Vec<Effect>) {
        let (now, timeout) = (self.now, self.config.checkpoint_timeout);
        if let Some(pending) = self.owner_ref().and_then(|owner| owner.pending.as_ref())
            && now.saturating_sub(pending.began) > timeout
        {
            self.drop_pending("it timed out");
        }
        self.publish_when_complete(effects);
        let Some(interval) = self.config.interval else { return };
        // At the end of the input the last checkpoint is the next one. Behind it none may follow: it
        // would hold up the end, and another one behind it again if it took longer than the interval.
        let due = self.owner_ref().is_some_and(|owner| now >= owner.next_trigger)
            && !self.input_has_ended();
        if due && self.savepoint.is_none() && !self.stop_request && self.may_trigger() {
            if let Some(owner) = self.owner() {
                owner.next_trigger = now + interval;
            }
            self.trigger(false, effects);
        }
    }

    /// Whether all slots have processed all input.
    fn input_has_ended(&self) -> bool {
        let parallelism = self.parallelism() as usize;
        self.owner_ref().is_some_and(|owner| owner.ended.len() >= parallelism)
    }

    /// A slot's part has come.
    pub(super) fn snapshot(&mut self, epoch: Epoch, snapshot: SlotSnapshot) {
        let Some(owner) = self.owner() else { return };
        if let Some(pending) = owner.pending.as_mut().filter(|pending| pending.epoch == epoch) {
            pending.parts.insert(snapshot.slot, snapshot);
        }
    }

    fn publish_when_complete(&mut self, effects: &mut Vec<Effect>) {
        let parallelism = self.parallelism();
        if self.busy || self.read_again_at.is_some() {
            return;
        }
        let Some(loaded) = self.control.clone() else { return };
        let key_groups = self.config.key_groups;
        let (job_uid, now_ms) = (self.config.identity.job_uid.clone(), self.now_ms);
        let Some(owner) = self.owner() else { return };
        if owner.pending.as_ref().is_none_or(|p| p.parts.len() != parallelism as usize) {
            return;
        }
        let Some(mut pending) = owner.pending.take() else { return };
        let header = ManifestHeader {
            job_uid,
            attempt: owner.attempt,
            epoch: pending.epoch,
            created_at_ms: now_ms,
            key_groups,
            parallelism,
        };
        let parts = std::mem::take(&mut pending.parts).into_values().collect();
        match assemble(header, parts, owner.outstanding.clone()) {
            Ok(manifest) => {
                let manifest = Box::new(manifest);
                pending.manifest = Some(manifest.clone());
                owner.publishing = Some(pending);
                self.busy = true;
                effects.push(Effect::Publish { loaded, manifest });
            }
            Err(error) => self.restart(&format!("assembling the manifest: {error}"), effects),
        }
    }

    pub(super) fn published(
        &mut self,
        epoch: Epoch,
        result: Result<Loaded, WriteFailure>,
        effects: &mut Vec<Effect>,
    ) {
        self.busy = false;
        match result {
            Ok(loaded) => {
                self.control = Some(loaded);
                let pending = self.owner().and_then(|owner| owner.publishing.take());
                if let Some(pending) = pending {
                    self.checkpoint_exists(pending, effects);
                }
            }
            Err(failure) => {
                let why = match &failure {
                    WriteFailure::Lost(record) => {
                        format!("attempt {} of set {} owns the job", record.attempt, record.set)
                    }
                    WriteFailure::Unknown(message) => message.clone(),
                };
                tracing::warn!(%epoch, why, "publishing a checkpoint failed");
                self.last_failure = Some(why);
                self.doubt(&failure, effects);
            }
        }
    }

    /// `latest` names it.
    pub(super) fn checkpoint_exists(&mut self, pending: Pending, effects: &mut Vec<Effect>) {
        let Some(manifest) = pending.manifest else { return };
        let (now, now_ms, min_pause) = (self.now, self.now_ms, self.config.min_pause);
        let duration = now.saturating_sub(pending.began);
        let Some(owner) = self.owner() else { return };
        let reference =
            ManifestRef::Checkpoint { attempt: manifest.attempt, epoch: manifest.epoch };
        owner.outstanding.clone_from(&manifest.committables);
        owner.published = manifest.epoch;
        owner.next_trigger = owner.next_trigger.max(now + min_pause);
        let pinned = owner.restore.iter().cloned().collect();
        let attempt = owner.attempt;
        let bytes = manifest.size_bytes();
        tracing::info!(epoch = %manifest.epoch, bytes, ?duration, "checkpoint completed");
        self.checkpoint = Some(CheckpointView {
            manifest: reference,
            completed_at_ms: now_ms,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            size_bytes: bytes,
        });
        self.checkpoints_completed += 1;
        self.checkpoints_failed_in_row = 0;
        self.failures_in_row = 0;
        self.savepoint_checkpoint_exists(&manifest);
        effects.push(Effect::Collect { attempt, retained: self.config.retained, pinned });
    }

    pub(super) fn drop_pending(&mut self, why: &str) {
        if let Some(owner) = self.owner() {
            owner.pending = None;
        }
        self.checkpoint_failed(why);
    }

    pub(super) fn checkpoint_failed(&mut self, why: &str) {
        tracing::warn!(why, "checkpoint failed");
        self.checkpoints_failed_in_row += 1;
        self.last_failure = Some(format!("checkpoint failed: {why}"));
        self.savepoint_checkpoint_lost(why);
        if let Some(owner) = self.owner() {
            owner.finishing = false;
        }
    }

    pub(super) fn proceed_commits(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now;
        let Some(owner) = self.owner() else { return };
        let due = owner.commit_at.is_none_or(|at| now >= at);
        if owner.outstanding.is_empty() || owner.committing || !due {
            return;
        }
        // Nothing is committed that a published checkpoint does not carry.
        owner.committing = true;
        owner.commit_at = None;
        effects.push(Effect::Commit(owner.outstanding.clone()));
    }

    pub(super) fn committed(
        &mut self,
        result: Result<Vec<Committable>, String>,
        effects: &mut Vec<Effect>,
    ) {
        let now = self.now;
        let Some(owner) = self.owner() else { return };
        owner.committing = false;
        match result {
            Ok(done) => owner.outstanding.retain(|committable| !done.contains(committable)),
            Err(message) => {
                tracing::warn!(message, "committing sink output failed, trying again");
                owner.commit_at = Some(now + COMMIT_AGAIN_AFTER);
                self.last_failure = Some(message);
            }
        }
        self.proceed_deploy(effects);
    }

    /// All input is processed: a last checkpoint, its commits, then `Finished`.
    pub(super) fn proceed_finish(&mut self, effects: &mut Vec<Effect>) {
        let has_ended = self.input_has_ended();
        let may_trigger = self.may_trigger() && self.savepoint.is_none();
        let busy = self.busy || self.read_again_at.is_some();
        let Some(owner) = self.owner() else { return };
        if owner.stage != Stage::Running || !has_ended {
            return;
        }
        if !owner.finishing {
            if may_trigger {
                owner.finishing = true;
                // Once more: an older attempt may have uploaded output after this one began.
                effects.push(Effect::Sweep(owner.attempt));
                self.trigger(false, effects);
            }
            return;
        }
        let done = owner.pending.is_none()
            && owner.publishing.is_none()
            && owner.outstanding.is_empty()
            && !owner.committing;
        let attempt = owner.attempt;
        if done
            && !busy
            && let Some(Ok(next)) = self.control.as_ref().map(|c| c.record.finish(attempt))
        {
            self.write(next, Purpose::Finish, effects);
        }
    }

    pub(super) fn finished(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.mode, Mode::Finished) {
            return;
        }
        tracing::info!("the input has ended and everything is committed");
        self.mode = Mode::Finished;
        effects.push(Effect::Exit(ExitReason::Finished));
    }
}
