//! Whole operations in a small world: undisturbed, disturbed, and with a controller that dies.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use sabot_api::SavepointView;
use sabot_crds::spec::DesiredState;
use sabot_crds::{OperationResult, StreamJob};
use sabot_types::{Attempt, Epoch};

use super::super::*;
use crate::job::names::{FINALIZER, SET_LABEL};
use crate::job::seen::{PodsSeen, SavepointSeen, TaskSeen};
use crate::job::target::{Target, target};
use crate::job::world::World;
use crate::job::{transition, wants};
use crate::testing::stream_job;

/// What goes wrong in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NewImageMissing,
    SavepointFails,
    PreflightRefuses,
    CoordinatorDead,
    ClaimRefusedOnce,
}

#[derive(Debug, Clone)]
struct Set {
    number: i64,
    revision: String,
    api: ApiSeen,
    fresh: bool,
}

/// A world that does at once what it is asked to.
struct Small {
    job: StreamJob,
    sets: Vec<Set>,
    savepoint: SavepointSeen,
    task: TaskSeen,
    recorded: Vec<String>,
    fault: Option<Fault>,
    good_revision: Option<String>,
    seconds: i64,
    /// The effects so far.
    log: Vec<String>,
    deleted: bool,
}

impl Small {
    fn new() -> Self {
        Self {
            job: stream_job("orders"),
            sets: Vec::new(),
            savepoint: SavepointSeen::NotAsked,
            task: TaskSeen::Absent,
            recorded: Vec::new(),
            fault: None,
            good_revision: None,
            seconds: 1_000,
            log: Vec::new(),
            deleted: false,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds).unwrap()
    }

    fn target(&self) -> Target {
        target(&self.job, None).unwrap()
    }

    fn focus(&self) -> Option<i64> {
        crate::job::world::focus(&self.job)
    }

    fn is_bad(&self, set: &Set) -> bool {
        self.fault == Some(Fault::NewImageMissing)
            && self.good_revision.as_ref() != Some(&set.revision)
    }

    /// What the real world would be read as.
    fn world(&self) -> World {
        let mut world = World { focus: self.focus(), ..World::default() };
        for set in &self.sets {
            let mut object = StatefulSet::default();
            let labels = [(SET_LABEL.to_owned(), set.number.to_string())];
            object.metadata.labels = Some(labels.into());
            world.stateful_sets.push(object);
        }
        if self.savepoint == SavepointSeen::Completed {
            world.savepoint = Some(Ok(Some(SavepointView::Completed {
                location: "s3://state/savepoints/x".to_owned(),
                epoch: Epoch::new(7),
                attempt: Attempt::new(2),
                size_bytes: 1,
            })));
        }
        world
    }

    fn seen(&self) -> Observed {
        let world = self.world();
        let full = world.seen(&self.job, self.now());
        let set = self.sets.iter().find(|set| Some(set.number) == self.focus());
        let needed = world.needed_sets(&self.job);
        let op = self.job.status.as_ref().and_then(|status| status.operation.as_ref());
        let dead = (self.fault == Some(Fault::CoordinatorDead))
            && op.is_some_and(|op| op.step == OperationStep::Quiesce);
        Observed {
            set: if set.is_some() { SetSeen::Complete } else { SetSeen::Absent },
            has_pods: set.is_some(),
            pods: match set {
                Some(set) if self.is_bad(set) => PodsSeen::ImageFailure,
                Some(_) => PodsSeen::Ready,
                None => PodsSeen::Starting,
            },
            api: match set {
                Some(set) if self.is_bad(set) || dead => {
                    let _ = set;
                    ApiSeen::Unreachable
                }
                Some(set) => set.api,
                None => ApiSeen::Unreachable,
            },
            savepoint: if dead { SavepointSeen::Unknown } else { self.savepoint },
            task: self.task,
            clock: full.clock,
            lost_pods: false,
            leftovers: self.sets.iter().any(|set| !needed.contains(&set.number)),
        }
    }

    fn situation(&self) -> Situation {
        let mut situation =
            wants::situation(&self.job, &Ok(self.target()), &self.world(), self.now());
        situation.revision_recorded = self.recorded.contains(&self.target().revision);
        situation.seen = self.seen();
        situation
    }

    fn carry_out(&mut self, effect: Effect) {
        let target = self.target();
        let now = self.now();
        let world = self.world();
        let focus = self.focus();
        match effect {
            Effect::AddFinalizer => {
                self.job.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
            }
            Effect::RemoveFinalizer => self.deleted = true,
            Effect::RecordRevision => self.recorded.push(target.revision),
            Effect::Begin(kind) => {
                self.savepoint = SavepointSeen::NotAsked;
                self.task = TaskSeen::Absent;
                self.job.status = Some(transition::begin(&self.job, Some(&target), kind, now));
            }
            Effect::Advance(advance) => {
                self.task = TaskSeen::Absent;
                self.job.status = Some(transition::advance(&self.job, advance, &world, now));
            }
            Effect::Conclude => {
                self.job.status = Some(transition::conclude(&self.job, &world, now));
            }
            Effect::StartPreflight | Effect::StartCleanup => {
                self.task = match (effect, self.fault == Some(Fault::PreflightRefuses)) {
                    (Effect::StartPreflight, true) => TaskSeen::Refused,
                    _ => TaskSeen::Succeeded,
                };
            }
            Effect::RequestSavepoint => {
                let set = self.sets.iter_mut().find(|set| Some(set.number) == focus).unwrap();
                if self.fault == Some(Fault::SavepointFails) {
                    self.savepoint = SavepointSeen::Failed;
                } else {
                    self.savepoint = SavepointSeen::Completed;
                    set.api = ApiSeen::ParkedByUs;
                }
            }
            Effect::ResumeJob => {
                let set = self.sets.iter_mut().find(|set| Some(set.number) == focus).unwrap();
                set.api = ApiSeen::Proven;
            }
            Effect::RemoveSet => self.sets.retain(|set| Some(set.number) != focus),
            Effect::CreateSet => self.create_set(),
            Effect::Activate => {
                if self.fault == Some(Fault::ClaimRefusedOnce) {
                    self.fault = None;
                    let status =
                        transition::claim_refused(&self.job, "parked by another".to_owned());
                    self.job.status = Some(status);
                    return;
                }
                let set = self.sets.iter_mut().find(|set| Some(set.number) == focus).unwrap();
                set.api = ApiSeen::Proven;
            }
            Effect::ForceDeletePods => {}
            Effect::RemoveLeftovers => {
                let needed = world.needed_sets(&self.job);
                self.sets.retain(|set| needed.contains(&set.number));
            }
            Effect::MarkFinished => {
                let status = self.job.status.get_or_insert_default();
                status.finished = true;
            }
            Effect::ScaleToZero => self.sets.clear(),
        }
    }

    fn create_set(&mut self) {
        let status = self.job.status.clone().unwrap();
        let set = match status.operation {
            Some(op) => op.to.unwrap(),
            None => status.current.unwrap(),
        };
        if self.sets.iter().any(|made| made.number == set.number) {
            return;
        }
        let fresh = set.number == 1;
        self.sets.push(Set {
            number: set.number,
            revision: set.revision,
            api: if fresh { ApiSeen::Proven } else { ApiSeen::Standby },
            fresh,
        });
    }

    /// Runs until nothing is planned any more, or only time would help.
    fn settle(&mut self) -> Plan {
        self.settle_dying(&mut |_, _| false)
    }

    /// As `settle`; where `dies` says so, the effect is carried out twice: its first time was not
    /// noted, because the controller died.
    fn settle_dying(&mut self, dies: &mut dyn FnMut(usize, Effect) -> bool) -> Plan {
        let mut waited = 0;
        for _ in 0..400 {
            if self.deleted {
                return Plan::wait(WaitingOn::Nothing);
            }
            let planned = plan(&self.situation());
            match planned {
                Plan::Act { effect, .. } => {
                    self.log.push(effect.name());
                    if dies(self.log.len(), effect) && is_external(effect) {
                        self.carry_out(effect);
                    }
                    self.carry_out(effect);
                    waited = 0;
                }
                Plan::Wait { on: WaitingOn::Nothing, .. } | Plan::Stuck { .. } => return planned,
                Plan::Wait { .. } => {
                    // Time passes.
                    self.seconds += 5;
                    waited += 1;
                    assert!(waited < 200, "waits for ever: {planned:?} {:?}", self.situation());
                }
            }
        }
        panic!("does not settle: {:?}", self.log);
    }

    fn deployed() -> Self {
        let mut small = Self::new();
        small.settle();
        small.good_revision = Some(small.target().revision);
        small
    }

    fn change(&mut self, change: impl FnOnce(&mut StreamJob)) {
        change(&mut self.job);
        *self.job.metadata.generation.get_or_insert_default() += 1;
        self.log.clear();
    }

    fn last(&self) -> (OperationResult, String) {
        let record = &self.job.status.as_ref().unwrap().last_operations[0];
        (record.result, record.reason.clone())
    }

    fn assert_at_rest(&mut self, planned: Plan) {
        let resting =
            matches!(planned, Plan::Wait { on: WaitingOn::Nothing, .. } | Plan::Stuck { .. });
        assert!(resting, "{planned:?}");
        // And then nothing more is done.
        self.log.clear();
        self.settle();
        assert_eq!(self.log, Vec::<String>::new());
    }
}

fn is_external(effect: Effect) -> bool {
    !matches!(
        effect,
        Effect::Begin(_) | Effect::Advance(_) | Effect::Conclude | Effect::MarkFinished
    )
}

fn another_program(job: &mut StreamJob) {
    job.spec.program.sql.inline = Some("INSERT INTO out SELECT 2".to_owned());
}

#[test]
fn a_job_is_deployed_and_then_nothing_more_is_written() {
    let mut small = Small::new();
    let planned = small.settle();
    assert_eq!(small.log, crate::effects::names(Some(OperationType::Deploy)));
    assert_eq!(small.sets.len(), 1);
    assert!(small.sets[0].fresh);
    small.assert_at_rest(planned);
}

#[test]
fn an_undisturbed_operation_has_the_effects_that_are_listed_for_it() {
    type Change = fn(&mut StreamJob);
    let cases: [(OperationType, Change); 3] = [
        (OperationType::Upgrade, another_program),
        (OperationType::Rescale, |job| job.spec.parallelism = 4),
        (OperationType::Suspend, |job| job.spec.desired_state = DesiredState::Suspended),
    ];
    for (kind, change) in cases {
        let mut small = Small::deployed();
        small.change(change);
        let planned = small.settle();
        let listed: Vec<String> = crate::effects::names(Some(kind))
            .into_iter()
            // This world's sets leave nothing over.
            .filter(|name| name != "remove-leftovers")
            .collect();
        assert_eq!(small.log, listed, "{kind:?}");
        assert_eq!(small.last().0, OperationResult::Succeeded);
        small.assert_at_rest(planned);
    }
}

#[test]
fn an_upgrade_keeps_one_set_and_counts_the_downtime() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.settle();
    assert_eq!(small.sets.len(), 1);
    assert_eq!(small.sets[0].number, 2);
    let status = small.job.status.clone().unwrap();
    assert!(status.last_operations[0].downtime_ms.is_some());
    assert_eq!(status.current.unwrap().revision, small.target().revision);
    assert_eq!(status.savepoint.unwrap().epoch, 7);
}

#[test]
fn a_suspended_job_has_no_set_and_comes_back_as_another() {
    let mut small = Small::deployed();
    small.change(|job| job.spec.desired_state = DesiredState::Suspended);
    small.settle();
    assert!(small.sets.is_empty());
    assert!(small.job.status.as_ref().unwrap().suspended_by.is_some());
    small.change(|job| job.spec.desired_state = DesiredState::Running);
    let planned = small.settle();
    assert_eq!(small.log, crate::effects::names(Some(OperationType::Resume)));
    assert_eq!(small.sets[0].number, 2);
    assert!(small.job.status.as_ref().unwrap().suspended_by.is_none());
    small.assert_at_rest(planned);
}

#[test]
fn a_version_that_does_not_come_up_is_rolled_back_and_not_tried_again() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::NewImageMissing);
    let planned = small.settle();
    assert_eq!(small.last(), (OperationResult::RolledBack, "ImagePullFailed".to_owned()));
    assert_eq!(small.sets.len(), 1);
    assert_eq!(Some(small.sets[0].revision.clone()), small.good_revision);
    assert_eq!(planned, Plan::Stuck { because: Reason::VersionFailed });
    small.assert_at_rest(planned);
    // Another spec is tried.
    small.fault = None;
    small.change(|job| job.spec.program.sql.inline = Some("INSERT INTO out SELECT 3".to_owned()));
    small.settle();
    assert_eq!(small.last().0, OperationResult::Succeeded);
}

#[test]
fn a_roll_back_goes_to_the_epoch_at_which_the_job_was_parked() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::NewImageMissing);
    for _ in 0..200 {
        let Plan::Act { effect, .. } = plan(&small.situation()) else {
            small.seconds += 5;
            continue;
        };
        let op = small.job.status.as_ref().unwrap().operation.clone();
        if effect == Effect::Activate
            && let Some(op) = op
        {
            assert_eq!(op.step, OperationStep::RollbackActivate);
            assert_eq!(op.claim, Claim::Takeover);
            assert_eq!(op.parked.unwrap().epoch, 7);
            return;
        }
        small.carry_out(effect);
    }
    panic!("no roll-back");
}

#[test]
fn a_failed_savepoint_leaves_the_old_set_running_and_is_tried_again_later() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::SavepointFails);
    let planned = small.settle();
    assert_eq!(small.last(), (OperationResult::Blocked, "SavepointFailed".to_owned()));
    assert_eq!(planned, Plan::Stuck { because: Reason::VersionFailed });
    assert_eq!(small.sets[0].number, 1);
    assert_eq!(small.sets[0].api, ApiSeen::Proven);
    small.fault = None;
    small.seconds += 61;
    small.settle();
    assert_eq!(small.last().0, OperationResult::Succeeded);
}

#[test]
fn a_refused_preflight_touches_nothing() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::PreflightRefuses);
    let planned = small.settle();
    assert_eq!(small.last(), (OperationResult::Blocked, "PreflightRefused".to_owned()));
    assert!(small.log.iter().all(|effect| effect != "request-savepoint" && effect != "remove-set"));
    small.assert_at_rest(planned);
}

#[test]
fn a_dead_job_is_upgraded_only_where_the_policy_says_so() {
    use sabot_crds::spec::OnSavepointFailure;
    for (policy, expected) in [
        (OnSavepointFailure::Abort, OperationResult::Blocked),
        (OnSavepointFailure::UseCheckpoint, OperationResult::Succeeded),
    ] {
        let mut small = Small::deployed();
        small.fault = Some(Fault::CoordinatorDead);
        small.change(|job| {
            another_program(job);
            job.spec.upgrade.on_savepoint_failure = policy;
        });
        small.settle();
        assert_eq!(small.last().0, expected, "{policy:?}");
    }
}

#[test]
fn a_lost_claim_takes_over_from_the_latest_checkpoint() {
    let mut small = Small::deployed();
    small.fault = Some(Fault::ClaimRefusedOnce);
    small.change(another_program);
    small.settle();
    assert_eq!(small.last().0, OperationResult::Succeeded);
}

#[test]
fn a_first_version_that_does_not_come_up_is_replaced_when_the_spec_is_repaired() {
    let mut small = Small::new();
    small.fault = Some(Fault::NewImageMissing);
    let planned = small.settle();
    assert_eq!(planned, Plan::Stuck { because: Reason::ImagePullFailed });
    small.fault = None;
    small.change(another_program);
    // The old version stays bad in this world: only the new one comes up.
    small.sets[0].api = ApiSeen::Failed;
    let planned = small.settle();
    assert!(matches!(planned, Plan::Wait { on: WaitingOn::Nothing, .. }), "{planned:?}");
    assert_eq!(small.sets.len(), 1);
    assert_eq!(small.sets[0].number, 2);
}

#[test]
fn a_deleted_job_is_saved_stopped_cleaned_and_let_go() {
    let mut small = Small::deployed();
    small.change(|job| {
        job.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    });
    small.settle();
    assert_eq!(small.log, crate::effects::names(Some(OperationType::Delete)));
    assert!(small.deleted);
    assert!(small.sets.is_empty());
}

#[test]
fn a_job_that_never_came_up_is_stopped_and_cleaned_too_when_it_is_deleted() {
    let mut small = Small::new();
    small.fault = Some(Fault::NewImageMissing);
    small.settle();
    small.change(|job| {
        job.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    });
    small.settle();
    assert!(small.deleted);
    assert!(small.sets.is_empty());
    assert!(small.log.contains(&"start-cleanup".to_owned()), "{:?}", small.log);
}

#[test]
fn a_controller_that_dies_after_any_effect_ends_every_operation_right() {
    let changes: [fn(&mut StreamJob); 3] = [
        another_program,
        |job| job.spec.parallelism = 4,
        |job| job.spec.desired_state = DesiredState::Suspended,
    ];
    for change in changes {
        for fatal in 1..40 {
            let mut small = Small::deployed();
            small.change(change);
            let planned = small.settle_dying(&mut |count, _| count == fatal);
            assert_eq!(small.last().0, OperationResult::Succeeded, "effect {fatal}");
            assert!(small.sets.len() <= 1);
            small.assert_at_rest(planned);
        }
    }
}
