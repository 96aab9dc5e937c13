//! Requests: savepoints, parking, resuming, activation, and stopping.

use std::time::Duration;

use sabot_api::{ActivateRequest, RestoreFrom, SavepointMode, SavepointRequest, SavepointView};
use sabot_core::protocol::CoordinatorMessage;
use sabot_snapshot::{Loaded, Manifest, SavepointInfo};
use sabot_types::{ControlRecord, Epoch, ManifestRef, OperationId, Phase};

use super::recover::savepoint_ref;
use super::{Effect, ExitReason, Machine, Mode, Purpose, Reply, Request, RequestId, Stage};

/// A savepoint in progress; at most one.
#[derive(Debug)]
pub(super) struct SavepointRun {
    operation: OperationId,
    quiesce: bool,
    /// 0: none.
    lease_seconds: u32,
    deadline: Duration,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// Wants to trigger.
    Waiting,
    /// The checkpoint of this epoch is on its way.
    Checkpoint(Epoch),
    /// It exists; its output is being committed.
    Committing(Box<Manifest>),
    /// It is being copied.
    Copying(Epoch),
    /// The record is being parked.
    Parking,
}

impl Machine {
    pub(super) fn request(&mut self, id: RequestId, request: Request, effects: &mut Vec<Effect>) {
        match request {
            Request::View => {
                effects.push(Effect::Reply(id, Reply::View(Box::new(self.view()))));
            }
            Request::Savepoint(operation, request) => {
                let reply = self.ask_savepoint(&operation, request);
                effects.push(Effect::Reply(id, reply));
            }
            Request::SavepointStatus(operation) => {
                let reply = match self.savepoints.get(&operation) {
                    Some(view) => Reply::Savepoint(view.clone()),
                    None => Reply::NotFound(format!("no savepoint {operation} was asked for")),
                };
                effects.push(Effect::Reply(id, reply));
            }
            Request::Resume(operation) => self.ask_resume(id, &operation, effects),
            Request::Activate(request) => self.ask_activate(id, &request, effects),
            Request::Stop => self.stop_request = true,
        }
    }

    fn ask_savepoint(&mut self, operation: &OperationId, request: SavepointRequest) -> Reply {
        // A failed savepoint is tried again when it is asked for again.
        if let Some(view) = self.savepoints.get(operation)
            && !matches!(view, SavepointView::Failed { .. })
        {
            return Reply::Savepoint(view.clone());
        }
        match &self.mode {
            Mode::Owner(_) => {}
            Mode::Finished => return Reply::Conflict("the job has finished".to_string()),
            _ => return Reply::Conflict("this coordinator does not run the job".to_string()),
        }
        self.savepoints.insert(operation.clone(), SavepointView::InProgress);
        self.queued.push_back((operation.clone(), request));
        Reply::Savepoint(SavepointView::InProgress)
    }

    fn ask_resume(&mut self, id: RequestId, operation: &OperationId, effects: &mut Vec<Effect>) {
        let parked_by = match &self.mode {
            Mode::Owner(owner) => match &owner.stage {
                Stage::Parked { operation, .. } => Some(operation.clone()),
                // Repeating a resume that has happened gives the same answer.
                _ => {
                    let view = Reply::View(Box::new(self.view()));
                    self.cancel_savepoint(operation, effects);
                    effects.push(Effect::Reply(id, view));
                    return;
                }
            },
            Mode::ParkedByOther { operation, .. } => Some(operation.clone()),
            _ => None,
        };
        if parked_by.as_ref() != Some(operation) || self.busy {
            let message = format!("the job is not parked by {operation}, or it is changing");
            effects.push(Effect::Reply(id, Reply::Conflict(message)));
            return;
        }
        self.resume(operation, Some(id), effects);
    }

    fn resume(
        &mut self,
        operation: &OperationId,
        request: Option<RequestId>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(record) = self.control.as_ref().map(|c| c.record.clone()) else { return };
        match record.resume(record.attempt, operation) {
            Ok(next) => self.write(next, Purpose::Resume(operation.clone(), request), effects),
            Err(error) => {
                if let Some(id) = request {
                    effects.push(Effect::Reply(id, Reply::Conflict(error.to_string())));
                }
            }
        }
    }

    /// The record says Running again.
    pub(super) fn resumed(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.mode, Mode::ParkedByOther { .. }) {
            // The slots are gone: a new attempt from the latest checkpoint.
            self.mode = Mode::Starting;
            self.busy = true;
            effects.push(Effect::ReadControl);
            return;
        }
        self.unpark_if_parked(effects);
    }

    pub(super) fn unpark_if_parked(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now;
        let Some(owner) = self.owner() else { return };
        if let Stage::Parked { operation, .. } = &owner.stage {
            let operation = operation.clone();
            owner.stage = Stage::Running;
            owner.next_trigger = now;
            let attempt = owner.attempt;
            self.savepoints.remove(&operation);
            // Nobody listened to the workers of a parked job: they are not silent yet.
            self.links.values_mut().for_each(|link| link.heard = now);
            self.broadcast(&CoordinatorMessage::Resume { attempt }, effects);
        }
    }

    fn ask_activate(
        &mut self,
        id: RequestId,
        request: &ActivateRequest,
        effects: &mut Vec<Effect>,
    ) {
        match &self.mode {
            Mode::Standby if !self.busy => {}
            Mode::Owner(_) | Mode::Finished => {
                // The claim has happened; the reply may have been lost.
                effects.push(Effect::Reply(id, Reply::View(Box::new(self.view()))));
                return;
            }
            _ => {
                let message = "the coordinator is starting: ask again".to_string();
                effects.push(Effect::Reply(id, Reply::Conflict(message)));
                return;
            }
        }
        match self.activated(request) {
            Ok(next) => {
                let purpose = Purpose::Activate(id);
                self.write(next, purpose, effects);
            }
            Err(message) => {
                effects.push(Effect::Reply(id, Reply::Conflict(message)));
                // The record may have changed since it was read.
                self.busy = true;
                effects.push(Effect::ReadControl);
            }
        }
    }

    fn activated(&self, request: &ActivateRequest) -> Result<ControlRecord, String> {
        let me = &self.config.identity;
        let restore = match &request.restore {
            RestoreFrom::Latest { .. } | RestoreFrom::Empty => None,
            RestoreFrom::Checkpoint { manifest } => Some(manifest.clone()),
            RestoreFrom::Savepoint { location } => Some(savepoint_ref(location.clone())),
        };
        let Some(loaded) = &self.control else {
            return match &request.restore {
                RestoreFrom::Latest { allow_empty: false } | RestoreFrom::Checkpoint { .. } => Err(
                    format!("{} has no state: name a savepoint, or start empty", self.config.root),
                ),
                _ => Ok(ControlRecord::first(me, restore)),
            };
        };
        let empty = request.restore == RestoreFrom::Empty;
        let allow_empty =
            empty || matches!(request.restore, RestoreFrom::Latest { allow_empty: true });
        let mut next = loaded
            .record
            .activate(me, request.parked_by.as_ref(), restore)
            .map_err(|refused| refused.to_string())?;
        if empty {
            next.latest = None;
        }
        if next.latest.is_none() && !allow_empty {
            return Err("the job has no checkpoint yet: name a savepoint, or start empty".into());
        }
        Ok(next)
    }

    pub(super) fn proceed_savepoint(&mut self, effects: &mut Vec<Effect>) {
        if self.savepoint.is_none()
            && let Some((operation, request)) = self.queued.pop_front()
        {
            self.savepoint = Some(SavepointRun {
                operation,
                quiesce: request.mode == SavepointMode::Quiesce,
                lease_seconds: request.lease_seconds,
                deadline: self.now + Duration::from_secs(u64::from(request.timeout_seconds.max(1))),
                step: Step::Waiting,
            });
        }
        let Some(run) = &self.savepoint else { return };
        if self.now >= run.deadline && !matches!(run.step, Step::Parking) {
            self.savepoint_failed("it timed out", effects);
            return;
        }
        self.proceed_savepoint_step(effects);
    }

    fn proceed_savepoint_step(&mut self, effects: &mut Vec<Effect>) {
        let Some(run) = &self.savepoint else { return };
        match &run.step {
            Step::Waiting if self.may_trigger() => {
                let quiesce = run.quiesce;
                if let Some(epoch) = self.trigger(quiesce, effects)
                    && let Some(run) = &mut self.savepoint
                {
                    run.step = Step::Checkpoint(epoch);
                }
            }
            Step::Committing(_) => {
                let clean = self
                    .owner_ref()
                    .is_some_and(|owner| owner.outstanding.is_empty() && !owner.committing);
                if clean && let Some(run) = &mut self.savepoint {
                    let epoch = match &run.step {
                        Step::Committing(manifest) => manifest.epoch,
                        _ => return,
                    };
                    let step = std::mem::replace(&mut run.step, Step::Copying(epoch));
                    if let Step::Committing(mut manifest) = step {
                        // Everything is committed: a savepoint carries no duties of this job.
                        manifest.committables.clear();
                        effects.push(Effect::CopySavepoint(run.operation.clone(), manifest));
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn savepoint_checkpoint_exists(&mut self, manifest: &Manifest) {
        if let Some(run) = &mut self.savepoint
            && matches!(run.step, Step::Checkpoint(epoch) if epoch == manifest.epoch)
        {
            run.step = Step::Committing(Box::new(manifest.clone()));
        }
    }

    /// The savepoint's checkpoint failed: try again until the deadline, with sources running.
    pub(super) fn savepoint_checkpoint_lost(&mut self, _why: &str) {
        if let Some(run) = &mut self.savepoint
            && matches!(run.step, Step::Checkpoint(_))
        {
            // Another barrier passes paused sources just as well.
            run.step = Step::Waiting;
        }
    }

    pub(super) fn copied(
        &mut self,
        operation: &OperationId,
        result: Result<SavepointInfo, String>,
        effects: &mut Vec<Effect>,
    ) {
        let attempt = self.owner_ref().map(|owner| owner.attempt);
        let Some(run) = self.savepoint.as_mut().filter(|run| &run.operation == operation) else {
            return;
        };
        let (Step::Copying(epoch), Some(attempt)) = (&run.step, attempt) else { return };
        let info = match result {
            Ok(info) => info,
            Err(message) => return self.savepoint_failed(&message, effects),
        };
        let view = SavepointView::Completed {
            location: info.location,
            epoch: *epoch,
            attempt,
            size_bytes: info.size_bytes,
        };
        if !run.quiesce {
            self.savepoints.insert(operation.clone(), view);
            self.savepoint = None;
            return;
        }
        run.step = Step::Parking;
        self.savepoints.insert(operation.clone(), SavepointView::InProgress);
        self.parking_view = Some(view);
        self.try_park(effects);
    }

    pub(super) fn try_park(&mut self, effects: &mut Vec<Effect>) {
        if self.busy || self.read_again_at.is_some() {
            return;
        }
        let Some(run) = &self.savepoint else { return };
        if !matches!(run.step, Step::Parking) {
            return;
        }
        let operation = run.operation.clone();
        let Some(attempt) = self.owner_ref().map(|owner| owner.attempt) else { return };
        let Some(record) = self.control.as_ref().map(|c| &c.record) else { return };
        match record.park(attempt, operation.clone(), run.lease_seconds) {
            Ok(next) => self.write(next, Purpose::Park(operation), effects),
            Err(error) => self.savepoint_failed(&error.to_string(), effects),
        }
    }

    /// The record says Parked; also when it is read again because a write's outcome was not known.
    pub(super) fn parked(&mut self, operation: &OperationId, loaded: Loaded) {
        let lease_until = match &loaded.record.phase {
            Phase::Parked { lease_seconds, .. } => self.lease_until(*lease_seconds),
            _ => None,
        };
        self.control = Some(loaded);
        if self.savepoint.as_ref().is_some_and(|run| &run.operation == operation) {
            self.savepoint = None;
            if let Some(view) = self.parking_view.take() {
                self.savepoints.insert(operation.clone(), view);
            }
        }
        if let Some(owner) = self.owner() {
            // A lease that has run out does not begin anew: the job resumes at once.
            if matches!(&owner.stage, Stage::Parked { operation: by, .. } if by == operation) {
                return;
            }
            tracing::info!(%operation, "parked");
            owner.stage = Stage::Parked { operation: operation.clone(), lease_until };
        }
    }

    /// When a lease ends that begins now; none when there is none.
    pub(super) fn lease_until(&self, lease_seconds: u32) -> Option<Duration> {
        let lease = Duration::from_secs(u64::from(lease_seconds));
        (lease_seconds > 0).then(|| self.now + lease)
    }

    pub(super) fn proceed_lease(&mut self, effects: &mut Vec<Effect>) {
        self.try_park(effects);
        let now = self.now;
        if self.busy || self.read_again_at.is_some() {
            return;
        }
        let (operation, until) = match &self.mode {
            Mode::ParkedByOther { operation, lease_until: Some(until) } => (operation, *until),
            Mode::Owner(owner) => match &owner.stage {
                Stage::Parked { operation, lease_until: Some(until) } => (operation, *until),
                _ => return,
            },
            _ => return,
        };
        if now >= until {
            let operation = operation.clone();
            tracing::warn!(%operation, "nobody came for the parked job: it resumes");
            self.resume(&operation, None, effects);
        }
    }

    fn cancel_savepoint(&mut self, operation: &OperationId, effects: &mut Vec<Effect>) {
        self.queued.retain(|(queued, _)| queued != operation);
        if self
            .savepoint
            .as_ref()
            .is_some_and(|run| &run.operation == operation && !matches!(run.step, Step::Parking))
        {
            self.savepoint_failed("it was cancelled", effects);
        }
    }

    /// Gives the savepoint up; the job runs on.
    pub(super) fn savepoint_failed(&mut self, why: &str, effects: &mut Vec<Effect>) {
        let Some(run) = self.savepoint.take() else { return };
        tracing::warn!(operation = %run.operation, why, "savepoint failed");
        self.parking_view = None;
        let view = SavepointView::Failed { message: why.to_string() };
        self.savepoints.insert(run.operation, view);
        if run.quiesce
            && let Some(owner) = self.owner_ref()
            && owner.stage == Stage::Running
        {
            let attempt = owner.attempt;
            self.broadcast(&CoordinatorMessage::Resume { attempt }, effects);
        }
    }

    /// A savepoint whose job was parked before this coordinator started.
    pub(super) fn parked_savepoint_view(
        &self,
        operation: &OperationId,
        record: &ControlRecord,
        latest: &ManifestRef,
    ) -> SavepointView {
        SavepointView::Completed {
            location: format!("{}/savepoints/{operation}-{}", self.config.root, latest.epoch()),
            epoch: latest.epoch(),
            attempt: record.attempt,
            size_bytes: 0,
        }
    }

    /// Ctrl-C: a last checkpoint that pauses the sources, its commits, then exit.
    pub(super) fn proceed_stop(&mut self, effects: &mut Vec<Effect>) {
        if !self.stop_request {
            return;
        }
        let may_trigger = self.may_trigger();
        let Some(owner) = self.owner() else {
            effects.push(Effect::Exit(ExitReason::Stopped { complete: false }));
            return;
        };
        if owner.stage != Stage::Running {
            effects.push(Effect::Exit(ExitReason::Stopped { complete: false }));
            return;
        }
        match owner.stopping {
            None => {
                if may_trigger {
                    let epoch = self.trigger(true, effects);
                    if let Some(owner) = self.owner() {
                        owner.stopping = epoch;
                    }
                }
            }
            Some(epoch) => {
                let gone = owner.pending.is_none() && owner.publishing.is_none();
                let exists = self.checkpoint.as_ref().is_some_and(|c| c.manifest.epoch() == epoch);
                let Some(owner) = self.owner() else { return };
                if exists && owner.outstanding.is_empty() && !owner.committing {
                    effects.push(Effect::Exit(ExitReason::Stopped { complete: true }));
                } else if gone && !exists {
                    effects.push(Effect::Exit(ExitReason::Stopped { complete: false }));
                }
            }
        }
    }
}
