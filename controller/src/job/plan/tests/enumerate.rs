//! Every (operation step, world) pair has an answer, and the answer makes sense.

use super::super::*;
use crate::job::seen::{ApiSeen, Clock, Observed, PodsSeen, SavepointSeen, SetSeen, TaskSeen};

const SETS: [SetSeen; 4] =
    [SetSeen::Absent, SetSeen::Partial, SetSeen::Complete, SetSeen::Terminating];
const PODS: [PodsSeen; 5] = [
    PodsSeen::ImageFailure,
    PodsSeen::ConfigurationError,
    PodsSeen::CrashLoop,
    PodsSeen::Starting,
    PodsSeen::Ready,
];
const APIS: [ApiSeen; 10] = [
    ApiSeen::Unreachable,
    ApiSeen::Starting,
    ApiSeen::Standby,
    ApiSeen::Restoring,
    ApiSeen::Running,
    ApiSeen::Proven,
    ApiSeen::ParkedByUs,
    ApiSeen::ParkedByOther,
    ApiSeen::Finished,
    ApiSeen::Failed,
];
const SAVEPOINTS: [SavepointSeen; 5] = [
    SavepointSeen::Unknown,
    SavepointSeen::NotAsked,
    SavepointSeen::InProgress,
    SavepointSeen::Completed,
    SavepointSeen::Failed,
];
const TASKS: [TaskSeen; 5] =
    [TaskSeen::Absent, TaskSeen::Running, TaskSeen::Succeeded, TaskSeen::Refused, TaskSeen::Broken];
const CLOCKS: [Clock; 3] = [Clock::Early, Clock::ProbationOver, Clock::DeadlinePassed];
const STEPS: [OperationStep; 14] = [
    OperationStep::Preflight,
    OperationStep::Quiesce,
    OperationStep::Unpark,
    OperationStep::Stop,
    OperationStep::Provision,
    OperationStep::Activate,
    OperationStep::Start,
    OperationStep::Probation,
    OperationStep::RollbackStop,
    OperationStep::RollbackProvision,
    OperationStep::RollbackActivate,
    OperationStep::RollbackStart,
    OperationStep::Cleanup,
    OperationStep::Finish,
];
const KINDS: [OperationType; 7] = [
    OperationType::Deploy,
    OperationType::Upgrade,
    OperationType::Rescale,
    OperationType::Suspend,
    OperationType::Resume,
    OperationType::Restore,
    OperationType::Delete,
];
const BOTH: [bool; 2] = [false, true];

/// Every world; the savepoint and the Job are looked at in different steps and so go together.
fn worlds() -> Vec<Observed> {
    let mut worlds = Vec::new();
    let asked = SAVEPOINTS.map(|savepoint| (savepoint, TaskSeen::Absent));
    let tasks = TASKS.map(|task| (SavepointSeen::Unknown, task));
    for set in SETS {
        for pods in PODS {
            for api in APIS {
                for (savepoint, task) in asked.into_iter().chain(tasks) {
                    for clock in CLOCKS {
                        for leftovers in BOTH {
                            worlds.push(Observed {
                                set,
                                has_pods: true,
                                pods,
                                api,
                                savepoint,
                                task,
                                clock,
                                lost_pods: false,
                                leftovers,
                            });
                        }
                    }
                }
            }
        }
    }
    worlds
}

/// Every operation, at every step.
fn operations() -> Vec<OpFacts> {
    let mut operations = Vec::new();
    for kind in KINDS {
        for step in STEPS {
            for savepoint in
                [SavepointPlan::Required, SavepointPlan::Wanted, SavepointPlan::Skipped]
            {
                for claim in [Claim::Parked, Claim::Takeover, Claim::Refused] {
                    for on_failure in [Fallback::Rollback, Fallback::None] {
                        for outdated in BOTH {
                            operations.push(OpFacts {
                                kind,
                                step,
                                savepoint,
                                claim,
                                on_failure,
                                first_set: kind == OperationType::Deploy,
                                outdated,
                            });
                        }
                    }
                }
            }
        }
    }
    operations
}

fn situation(op: Option<OpFacts>, seen: Observed) -> Situation {
    Situation {
        wants: Wants::Nothing,
        op,
        revision_recorded: true,
        finalizer: true,
        rest: Rest::Running,
        seen,
    }
}

fn for_every_pair(check: impl FnMut(&OpFacts, &Observed, Plan)) {
    for_every_pair_at(&STEPS, check);
}

fn for_every_pair_at(steps: &[OperationStep], mut check: impl FnMut(&OpFacts, &Observed, Plan)) {
    let worlds = worlds();
    for op in operations().into_iter().filter(|op| steps.contains(&op.step)) {
        for seen in &worlds {
            check(&op, seen, plan(&situation(Some(op), *seen)));
        }
    }
}

/// The world after `effect` has succeeded and nothing else has happened, as far as it shows.
fn after(effect: Effect, seen: Observed) -> Option<Observed> {
    Some(match effect {
        Effect::StartPreflight | Effect::StartCleanup => {
            Observed { task: TaskSeen::Running, ..seen }
        }
        Effect::RequestSavepoint => Observed { savepoint: SavepointSeen::InProgress, ..seen },
        Effect::ResumeJob => Observed { api: ApiSeen::Running, ..seen },
        Effect::RemoveSet => Observed { set: SetSeen::Terminating, ..seen },
        Effect::CreateSet => Observed {
            set: SetSeen::Complete,
            pods: PodsSeen::Starting,
            api: ApiSeen::Unreachable,
            ..seen
        },
        Effect::Activate => Observed { api: ApiSeen::Restoring, ..seen },
        Effect::ForceDeletePods => Observed { lost_pods: false, ..seen },
        Effect::RemoveLeftovers => Observed { leftovers: false, ..seen },
        Effect::ScaleToZero => Observed { has_pods: false, ..seen },
        // They change the status, or end the object.
        Effect::AddFinalizer
        | Effect::RemoveFinalizer
        | Effect::RecordRevision
        | Effect::Begin(_)
        | Effect::Advance(_)
        | Effect::Conclude
        | Effect::MarkFinished => return None,
    })
}

#[test]
fn an_effect_that_succeeds_is_not_planned_again() {
    for_every_pair(|op, seen, planned| {
        let Plan::Act { effect, .. } = planned else { return };
        let Some(next) = after(effect, *seen) else {
            // A step never leads to itself.
            if let Effect::Advance(advance) = effect {
                assert_ne!(advance.to, op.step, "{op:?} {seen:?}");
            }
            return;
        };
        let again = plan(&situation(Some(*op), next));
        let repeats = matches!(again, Plan::Act { effect: second, .. } if second == effect);
        assert!(!repeats, "{effect:?} twice: {op:?} {seen:?}");
    });
}

#[test]
fn a_lost_pod_comes_first_in_every_step() {
    for op in operations() {
        let mut seen = worlds()[0];
        seen.lost_pods = true;
        let planned = plan(&situation(Some(op), seen));
        assert_eq!(planned, Plan::act(Effect::ForceDeletePods, Reason::NodeLost));
    }
}

#[test]
fn the_old_set_is_never_removed_before_its_state_is_safe() {
    for_every_pair(|op, _, planned| {
        let removes = matches!(planned, Plan::Act { effect: Effect::RemoveSet, .. });
        let allowed = matches!(op.step, OperationStep::Stop | OperationStep::RollbackStop);
        assert!(!removes || allowed, "{op:?}");
    });
}

#[test]
fn a_required_savepoint_that_fails_never_stops_the_job() {
    for_every_pair_at(&[OperationStep::Quiesce], |op, seen, planned| {
        if op.step != OperationStep::Quiesce
            || op.savepoint != SavepointPlan::Required
            || op.kind == OperationType::Delete
            || seen.savepoint != SavepointSeen::Failed
        {
            return;
        }
        let Plan::Act { effect: Effect::Advance(advance), .. } = planned else {
            panic!("{planned:?}");
        };
        assert_eq!(advance.to, OperationStep::Unpark);
        assert_eq!(advance.outcome.map(|(result, _)| result), Some(OperationResult::Blocked));
    });
}

#[test]
fn a_refused_check_leaves_the_job_alone() {
    for_every_pair_at(&[OperationStep::Preflight], |op, seen, planned| {
        if op.step != OperationStep::Preflight || seen.task != TaskSeen::Refused || op.outdated {
            return;
        }
        let Plan::Act { effect: Effect::Advance(advance), .. } = planned else {
            panic!("{planned:?}");
        };
        assert_eq!(advance.to, OperationStep::Finish);
        let blocked = (OperationResult::Blocked, Reason::PreflightRefused);
        assert_eq!(advance.outcome, Some(blocked));
    });
}

#[test]
fn nothing_is_stuck_while_there_is_a_way_back() {
    for_every_pair(|op, _, planned| {
        let stuck = matches!(planned, Plan::Stuck { .. });
        let rolling_back =
            matches!(op.step, OperationStep::RollbackActivate | OperationStep::RollbackStart);
        if stuck && !rolling_back {
            assert_eq!(op.on_failure, Fallback::None, "{op:?}");
            assert!(!op.outdated, "a new spec ends it: {op:?}");
        }
    });
}

#[test]
fn a_deletion_cuts_every_other_operation_short() {
    for op in operations() {
        let mut situation = situation(Some(op), worlds()[0]);
        situation.wants = Wants::Operation(OperationType::Delete);
        let begins =
            plan(&situation) == Plan::act(Effect::Begin(OperationType::Delete), Reason::Deleting);
        assert_eq!(begins, op.kind != OperationType::Delete, "{op:?}");
    }
}

#[test]
fn without_operation_every_world_has_an_answer_that_settles() {
    for rest in [Rest::Running, Rest::Stopped, Rest::Finished] {
        for wants in [Wants::Nothing, Wants::Held(Reason::Paused)] {
            for seen in worlds() {
                let mut situation = situation(None, seen);
                situation.rest = rest;
                situation.wants = wants;
                let mut effects = 0;
                while let Plan::Act { effect, .. } = plan(&situation) {
                    effects += 1;
                    assert!(effects < 5, "{rest:?} {seen:?}");
                    match after(effect, situation.seen) {
                        Some(next) => situation.seen = next,
                        None if effect == Effect::MarkFinished => situation.rest = Rest::Finished,
                        None => panic!("{effect:?} without being asked for"),
                    }
                }
            }
        }
    }
}
