//! A small world without a cluster, in which whole operations are played.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use sabot_api::SavepointView;
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
pub(super) enum Fault {
    NewImageMissing,
    SavepointFails,
    PreflightRefuses,
    CoordinatorDead,
    ClaimRefusedOnce,
}

#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) number: i64,
    pub(super) revision: String,
    pub(super) api: ApiSeen,
    pub(super) fresh: bool,
}

/// A world that does at once what it is asked to.
pub(super) struct Small {
    pub(super) job: StreamJob,
    pub(super) sets: Vec<Set>,
    pub(super) savepoint: SavepointSeen,
    pub(super) task: TaskSeen,
    pub(super) recorded: Vec<String>,
    pub(super) fault: Option<Fault>,
    pub(super) good_revision: Option<String>,
    pub(super) seconds: i64,
    /// The effects so far.
    pub(super) log: Vec<String>,
    pub(super) deleted: bool,
}

impl Small {
    pub(super) fn new() -> Self {
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

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds).unwrap()
    }

    pub(super) fn target(&self) -> Target {
        target(&self.job, None).unwrap()
    }

    pub(super) fn focus(&self) -> Option<i64> {
        crate::job::world::focus(&self.job)
    }

    pub(super) fn is_bad(&self, set: &Set) -> bool {
        self.fault == Some(Fault::NewImageMissing)
            && self.good_revision.as_ref() != Some(&set.revision)
    }

    /// What the real world would be read as.
    pub(super) fn world(&self) -> World {
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

    pub(super) fn seen(&self) -> Observed {
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

    pub(super) fn situation(&self) -> Situation {
        let mut situation =
            wants::situation(&self.job, &Ok(self.target()), &self.world(), self.now());
        situation.revision_recorded = self.recorded.contains(&self.target().revision);
        situation.seen = self.seen();
        situation
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
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

    pub(super) fn create_set(&mut self) {
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
    pub(super) fn settle(&mut self) -> Plan {
        self.settle_dying(&mut |_, _| false)
    }

    /// As `settle`; where `dies` says so, the effect is carried out twice: its first time was not
    /// noted, because the controller died.
    pub(super) fn settle_dying(&mut self, dies: &mut dyn FnMut(usize, Effect) -> bool) -> Plan {
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

    pub(super) fn deployed() -> Self {
        let mut small = Self::new();
        small.settle();
        small.good_revision = Some(small.target().revision);
        small
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut StreamJob)) {
        change(&mut self.job);
        *self.job.metadata.generation.get_or_insert_default() += 1;
        self.log.clear();
    }

    pub(super) fn last(&self) -> (OperationResult, String) {
        let record = &self.job.status.as_ref().unwrap().last_operations[0];
        (record.result, record.reason.clone())
    }

    pub(super) fn assert_at_rest(&mut self, planned: Plan) {
        let resting =
            matches!(planned, Plan::Wait { on: WaitingOn::Nothing, .. } | Plan::Stuck { .. });
        assert!(resting, "{planned:?}");
        // And then nothing more is done.
        self.log.clear();
        self.settle();
        assert_eq!(self.log, Vec::<String>::new());
    }
}

pub(super) fn is_external(effect: Effect) -> bool {
    !matches!(
        effect,
        Effect::Begin(_) | Effect::Advance(_) | Effect::Conclude | Effect::MarkFinished
    )
}

pub(super) fn another_program(job: &mut StreamJob) {
    job.spec.program.sql.inline = Some("INSERT INTO out SELECT 2".to_owned());
}
