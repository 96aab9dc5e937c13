//! Claiming an attempt, gathering workers, deploying, and starting over after a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sabot_core::protocol::{CoordinatorMessage, PodSlots, WorkerMessage};
use sabot_snapshot::{Loaded, Manifest, SlotSnapshot};
use sabot_types::{ClaimOutcome, ControlRecord, Epoch, ManifestRef, OperationId};

use super::align::Aligned;
use super::{
    Effect, ExitReason, Link, LinkId, Machine, Mode, Owner, Purpose, ReadFailure, Reply, Stage,
    Start, WriteFailure,
};

/// The first restart is immediate, the next ones double from here up to the maximum.
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(15);
/// How long after a failed access to the record it is read again.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A worker that is silent for this long is taken for lost.
const SILENCE_MAX: Duration = Duration::from_secs(8);

impl Machine {
    pub(super) fn control_read(
        &mut self,
        result: Result<Option<Loaded>, ReadFailure>,
        effects: &mut Vec<Effect>,
    ) {
        self.busy = false;
        match result {
            Err(failure) if failure.is_lasting && self.config.stop_on_user_error => {
                self.fail(failure.message, effects);
            }
            Err(ReadFailure { message, .. }) => {
                tracing::warn!(message, "the control record could not be read, trying again");
                self.last_failure = Some(message);
                self.read_again_at = Some(self.now + READ_AGAIN_AFTER);
            }
            Ok(None) => self.no_record(effects),
            Ok(Some(loaded)) => self.known(loaded, effects),
        }
    }

    fn no_record(&mut self, effects: &mut Vec<Effect>) {
        self.control = None;
        match &self.config.start {
            Start::Fresh { restore } => {
                let restore = restore.clone().map(savepoint_ref);
                let first = ControlRecord::first(&self.config.identity, restore);
                self.write(first, Purpose::Claim, effects);
            }
            Start::Standby => self.mode = Mode::Standby,
        }
    }

    /// The record as it is now: what may this coordinator do with it?
    fn known(&mut self, loaded: Loaded, effects: &mut Vec<Effect>) {
        let record = loaded.record.clone();
        let ours = self.owner_ref().is_some_and(|owner| owner.attempt == record.attempt)
            && record.set == self.config.identity.set;
        self.control = Some(loaded);
        if ours && !matches!(self.mode, Mode::Standby) {
            // A write whose outcome was not known: the record tells it.
            return self.outcome_found(&record, effects);
        }
        if self.has_owned && self.control.as_ref().is_some_and(|c| c.writer() != self.config.writer)
        {
            // Another process has taken the job over: a replacement of this pod, or a newer set.
            // Claiming it back would be a fight without end.
            return self.superseded(&record, effects);
        }
        match record.claim(&self.config.identity) {
            ClaimOutcome::Claim(next) => self.write(next, Purpose::Claim, effects),
            ClaimOutcome::Parked { operation, lease_seconds } => {
                self.parked_by_other(operation, lease_seconds, &record);
            }
            ClaimOutcome::Standby => self.mode = Mode::Standby,
            ClaimOutcome::Finished => {
                self.mode = Mode::Finished;
                effects.push(Effect::Exit(ExitReason::Finished));
            }
            ClaimOutcome::Superseded(_) => self.superseded(&record, effects),
            ClaimOutcome::ForeignJob(owner) => self.fail(
                format!(
                    "{} belongs to job {owner}, this is job {}: give the job another prefix, or \
                     start it from a savepoint of that job with restore.from",
                    self.config.root, self.config.identity.job_uid
                ),
                effects,
            ),
        }
    }

    fn parked_by_other(
        &mut self,
        operation: OperationId,
        lease_seconds: u32,
        record: &ControlRecord,
    ) {
        if let Some(latest) = &record.latest {
            let view = self.parked_savepoint_view(&operation, record, latest);
            self.savepoints.entry(operation.clone()).or_insert(view);
        }
        let lease_until = self.lease_until(lease_seconds);
        self.mode = Mode::ParkedByOther { operation, lease_until };
    }

    fn superseded(&mut self, record: &ControlRecord, effects: &mut Vec<Effect>) {
        if let Some(owner) = self.owner_ref() {
            let attempt = owner.attempt;
            self.broadcast(&CoordinatorMessage::Cancel { attempt }, effects);
        }
        self.mode =
            Mode::Failed(format!("attempt {} of set {} owns the job", record.attempt, record.set));
        effects.push(Effect::Exit(ExitReason::Superseded));
    }

    /// The record was read again after a doubtful write of ours.
    fn outcome_found(&mut self, record: &ControlRecord, effects: &mut Vec<Effect>) {
        if let Some(pending) = self.owner().and_then(|owner| owner.publishing.take()) {
            let epoch = pending.epoch;
            let attempt = record.attempt;
            if record.latest == Some(ManifestRef::Checkpoint { attempt, epoch }) {
                self.checkpoint_exists(pending, effects);
            } else {
                self.checkpoint_failed("its outcome was not known, and it did not happen");
            }
        }
        let loaded = self.control.clone();
        match &record.phase {
            sabot_types::Phase::Parked { operation, .. } => {
                let operation = operation.clone();
                if let Some(loaded) = loaded {
                    self.parked(&operation, loaded);
                }
            }
            sabot_types::Phase::Finished => self.finished(effects),
            sabot_types::Phase::Running => self.unpark_if_parked(effects),
        }
    }

    /// A write has an outcome.
    pub(super) fn written(
        &mut self,
        purpose: Purpose,
        result: Result<Loaded, WriteFailure>,
        effects: &mut Vec<Effect>,
    ) {
        self.busy = false;
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(failure) => return self.not_written(&purpose, &failure, effects),
        };
        self.control = Some(loaded.clone());
        match purpose {
            Purpose::Claim => self.claimed(&loaded, effects),
            Purpose::Activate(request) => {
                self.claimed(&loaded, effects);
                effects.push(Effect::Reply(request, Reply::View(Box::new(self.view()))));
            }
            Purpose::Park(operation) => self.parked(&operation, loaded),
            Purpose::Resume(_, request) => {
                self.resumed(effects);
                if let Some(request) = request {
                    effects.push(Effect::Reply(request, Reply::View(Box::new(self.view()))));
                }
            }
            Purpose::Finish => self.finished(effects),
        }
    }

    fn not_written(
        &mut self,
        purpose: &Purpose,
        failure: &WriteFailure,
        effects: &mut Vec<Effect>,
    ) {
        let message = match failure {
            WriteFailure::Lost(record) => {
                format!("attempt {} of set {} owns the job now", record.attempt, record.set)
            }
            WriteFailure::Unknown(message) => message.clone(),
        };
        if let Purpose::Activate(request) | Purpose::Resume(_, Some(request)) = purpose {
            effects.push(Effect::Reply(*request, Reply::Conflict(message.clone())));
        }
        self.last_failure = Some(message);
        self.doubt(failure, effects);
    }

    /// The record is not what the machine believes: read it before anything else.
    pub(super) fn doubt(&mut self, failure: &WriteFailure, effects: &mut Vec<Effect>) {
        match failure {
            WriteFailure::Lost(_) => {
                self.busy = true;
                effects.push(Effect::ReadControl);
            }
            WriteFailure::Unknown(_) => {
                self.read_again_at = Some(self.now + READ_AGAIN_AFTER);
            }
        }
    }

    fn claimed(&mut self, loaded: &Loaded, effects: &mut Vec<Effect>) {
        let record = &loaded.record;
        self.has_owned = true;
        tracing::info!(attempt = %record.attempt, set = %record.set, "attempt claimed");
        self.mode = Mode::Owner(Box::new(Owner {
            attempt: record.attempt,
            stage: Stage::Gathering,
            restore: record.latest.clone(),
            manifest_loaded: false,
            outstanding: Vec::new(),
            committing: false,
            commit_at: None,
            pending: None,
            publishing: None,
            last_epoch: record.epoch_high,
            published: record.epoch_high,
            next_trigger: self.now,
            ended: BTreeSet::new(),
            finishing: false,
            stopping: None,
            rows: BTreeMap::new(),
            watermarks: BTreeMap::new(),
            troubles: BTreeMap::new(),
            aligned: Aligned::default(),
        }));
        match &record.latest {
            Some(latest) => effects.push(Effect::LoadManifest(latest.clone())),
            None => self.restored(Ok(None), effects),
        }
    }

    /// The manifest to restore is known: what it left uncommitted is committed first.
    pub(super) fn restored(
        &mut self,
        result: Result<Option<Box<Manifest>>, ReadFailure>,
        effects: &mut Vec<Effect>,
    ) {
        let count = self.config.key_groups;
        match result {
            Err(failure) if failure.is_lasting && self.config.stop_on_user_error => {
                self.fail(failure.message, effects);
            }
            Err(failure) => self.restart(&failure.message, effects),
            Ok(Some(manifest)) if manifest.key_groups != count => self.fail(
                format!(
                    "the state has {} key groups, the job asks for {count}: keyGroups is fixed at \
                     a job's first start, set it back to {}",
                    manifest.key_groups, manifest.key_groups
                ),
                effects,
            ),
            Ok(manifest) => {
                let Some(owner) = self.owner() else { return };
                owner.manifest_loaded = true;
                if let Some(manifest) = manifest {
                    owner.last_epoch = owner.last_epoch.max(manifest.epoch);
                    owner.outstanding = manifest.committables;
                }
            }
        }
    }

    pub(super) fn worker(
        &mut self,
        link: LinkId,
        message: WorkerMessage<SlotSnapshot>,
        effects: &mut Vec<Effect>,
    ) {
        if let WorkerMessage::Hello { set, pod, slots, data_addr, plan_fingerprint, started_ms } =
            message
        {
            let expected = self.config.pods.get(pod as usize);
            if set != self.config.identity.set || expected != Some(&slots) {
                self.last_failure = Some(format!(
                    "pod {pod} of set {set} with {slots} slots does not belong to this set"
                ));
            } else if plan_fingerprint != self.config.plan_fingerprint {
                self.last_failure =
                    Some(format!("pod {pod} runs another version of the job or of Sabot"));
            } else if self.links.get(&pod).is_some_and(|before| before.started_ms > started_ms) {
                effects.push(Effect::Send(link, CoordinatorMessage::Leave));
            } else {
                let joined = Link { id: link, data_addr, started_ms, heard: self.now };
                self.joined(pod, joined, effects);
            }
            return;
        }
        let Some(pod) = self.pod_of(link) else { return };
        if let Some(link) = self.links.get_mut(&pod) {
            link.heard = self.now;
        }
        self.about_attempt(pod, message, effects);
    }

    fn about_attempt(
        &mut self,
        pod: u32,
        message: WorkerMessage<SlotSnapshot>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(current) = self.owner_ref().map(|owner| owner.attempt) else { return };
        match message {
            WorkerMessage::Deployed { attempt } if attempt == current => {
                self.deployed(pod, effects);
            }
            WorkerMessage::Progress {
                attempt, rows_read, watermark_ms, trouble, aligned, ..
            } if attempt == current => {
                if let Some(owner) = self.owner() {
                    match trouble {
                        Some(trouble) => drop(owner.troubles.insert(pod, trouble)),
                        None => drop(owner.troubles.remove(&pod)),
                    }
                    owner.rows.insert(pod, rows_read);
                    owner.watermarks.insert(pod, watermark_ms);
                }
                self.align(pod, aligned, effects);
            }
            WorkerMessage::Snapshot { attempt, epoch, snapshot } if attempt == current => {
                self.snapshot(epoch, snapshot);
            }
            WorkerMessage::SnapshotFailed { attempt, epoch, message } if attempt == current => {
                let pending = self.owner_ref().and_then(|owner| owner.pending.as_ref());
                if pending.is_some_and(|pending| pending.epoch == epoch) {
                    self.drop_pending(&message);
                }
            }
            WorkerMessage::Ended { attempt, slot } if attempt == current => {
                if let Some(owner) = self.owner() {
                    owner.ended.insert(slot);
                }
            }
            WorkerMessage::Failed { attempt, message, by_user } if attempt == current => {
                if by_user && self.config.stop_on_user_error {
                    self.fail(message, effects);
                } else {
                    self.restart(&message, effects);
                }
            }
            // Of another attempt.
            _ => {}
        }
    }

    fn pod_of(&self, link: LinkId) -> Option<u32> {
        self.links.iter().find(|(_, l)| l.id == link).map(|(pod, _)| *pod)
    }

    fn joined(&mut self, pod: u32, link: Link, effects: &mut Vec<Effect>) {
        tracing::info!(pod, data_addr = link.data_addr, "worker registered");
        let started_ms = link.started_ms;
        if let Some(before) = self.links.insert(pod, link) {
            if before.started_ms < started_ms {
                effects.push(Effect::Send(before.id, CoordinatorMessage::Leave));
            }
            self.pod_gone(pod, effects);
        }
    }

    pub(super) fn link_lost(&mut self, link: LinkId, effects: &mut Vec<Effect>) {
        if let Some(pod) = self.pod_of(link) {
            self.links.remove(&pod);
            self.pod_gone(pod, effects);
        }
    }

    fn pod_gone(&mut self, pod: u32, effects: &mut Vec<Effect>) {
        let needs_it = self.owner_ref().is_some_and(|owner| {
            matches!(owner.stage, Stage::Deploying { .. } | Stage::Running | Stage::Parked { .. })
        });
        if needs_it {
            self.restart(&format!("the stream to pod {pod} broke"), effects);
        }
    }

    pub(super) fn find_silent_workers(&mut self, effects: &mut Vec<Effect>) {
        if !self.owner_ref().is_some_and(|owner| owner.stage == Stage::Running) {
            return;
        }
        let now = self.now;
        let silent = self.links.iter().find(|(_, l)| now.saturating_sub(l.heard) > SILENCE_MAX);
        if let Some(pod) = silent.map(|(pod, _)| *pod) {
            self.links.remove(&pod);
            self.restart(&format!("pod {pod} is silent"), effects);
        }
    }

    /// Drops what runs and claims the next attempt after a while.
    pub(super) fn restart(&mut self, why: &str, effects: &mut Vec<Effect>) {
        let now = self.now;
        let failures = self.failures_in_row;
        let Some(owner) = self.owner() else { return };
        if matches!(owner.stage, Stage::Restarting { .. }) {
            return;
        }
        let attempt = owner.attempt;
        let parked = match &owner.stage {
            Stage::Parked { operation, lease_until } => Some((operation.clone(), *lease_until)),
            _ => None,
        };
        let wait = match failures {
            0 => Duration::ZERO,
            n => BACKOFF_FIRST.saturating_mul(1 << n.min(10)).min(BACKOFF_MAX),
        };
        owner.stage = Stage::Restarting { at: now + wait };
        owner.pending = None;
        self.failures_in_row += 1;
        self.restarts += 1;
        tracing::warn!(%attempt, why, ?wait, "attempt failed, the next one follows");
        self.last_failure = Some(why.to_owned());
        self.broadcast(&CoordinatorMessage::Cancel { attempt }, effects);
        for link in self.links.values_mut() {
            link.heard = now;
        }
        match parked {
            // Parked jobs stay parked; only their slots are lost.
            Some((operation, lease_until)) => {
                self.mode = Mode::ParkedByOther { operation, lease_until };
            }
            None => self.savepoint_failed(why, effects),
        }
    }

    pub(super) fn proceed_restart(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now;
        if self.busy || self.read_again_at.is_some() || self.publishing() {
            return;
        }
        let due = self
            .owner_ref()
            .is_some_and(|owner| matches!(owner.stage, Stage::Restarting { at } if now >= at));
        if !due {
            return;
        }
        let Some(loaded) = self.control.clone() else { return };
        self.mode = Mode::Starting;
        self.known(loaded, effects);
    }

    pub(super) fn proceed_deploy(&mut self, effects: &mut Vec<Effect>) {
        let all_here = self.links.len() == self.config.pods.len();
        let mut first_slot = 0;
        let pods: Vec<PodSlots> = self
            .links
            .iter()
            .zip(&self.config.pods)
            .map(|((pod, link), slots)| {
                let entry = PodSlots {
                    pod: *pod,
                    first_slot,
                    slots: *slots,
                    data_addr: link.data_addr.clone(),
                };
                first_slot += slots;
                entry
            })
            .collect();
        let Some(owner) = self.owner() else { return };
        let committed = owner.manifest_loaded && owner.outstanding.is_empty();
        if owner.stage != Stage::Gathering || !all_here || !committed {
            return;
        }
        let waiting = pods.iter().map(|pod| pod.pod).collect();
        owner.stage = Stage::Deploying { waiting };
        let deploy = CoordinatorMessage::Deploy {
            attempt: owner.attempt,
            pods,
            restore: owner.restore.clone(),
        };
        effects.push(Effect::Sweep(owner.attempt));
        self.broadcast(&deploy, effects);
    }

    fn deployed(&mut self, pod: u32, effects: &mut Vec<Effect>) {
        let now = self.now;
        let interval = self.config.interval.unwrap_or_default();
        let Some(owner) = self.owner() else { return };
        let Stage::Deploying { waiting } = &mut owner.stage else { return };
        waiting.remove(&pod);
        if !waiting.is_empty() {
            return;
        }
        owner.stage = Stage::Running;
        owner.next_trigger = now + interval;
        let attempt = owner.attempt;
        tracing::info!(%attempt, "all pods deployed, running");
        for link in self.links.values_mut() {
            link.heard = now;
        }
        self.broadcast(&CoordinatorMessage::Run { attempt }, effects);
    }
}

/// A savepoint that is named by its location; its epoch is known once its manifest is read.
pub(super) fn savepoint_ref(location: String) -> ManifestRef {
    ManifestRef::Savepoint { location, epoch: Epoch::new(0) }
}
