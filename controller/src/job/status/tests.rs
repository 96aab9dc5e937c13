use super::*;
use crate::job::plan::Plan;
use crate::job::seen::{ApiSeen, Clock, PodsSeen, SavepointSeen, SetSeen, TaskSeen};
use crate::job::target::target;
use crate::testing::stream_job;
use sabot_crds::{CurrentSet, FailedVersion};

fn seen(api: ApiSeen) -> Observed {
    Observed {
        set: SetSeen::Complete,
        has_pods: true,
        pods: PodsSeen::Ready,
        api,
        savepoint: SavepointSeen::Unknown,
        task: TaskSeen::Absent,
        clock: Clock::Early,
        lost_pods: false,
        leftovers: false,
    }
}

fn rendered(job: &StreamJob, api: ApiSeen, plan: Plan, second: i64) -> StreamJobStatus {
    render(&Look {
        job,
        target: &target(job, None),
        world: &World::default(),
        seen: seen(api),
        plan,
        now: Timestamp::from_second(second).unwrap(),
    })
}

fn condition<'a>(status: &'a StreamJobStatus, kind: &str) -> &'a Condition {
    status.conditions.iter().find(|condition| condition.type_ == kind).unwrap()
}

fn running_job() -> StreamJob {
    let mut job = stream_job("orders");
    job.status = Some(StreamJobStatus {
        current: Some(CurrentSet {
            number: 1,
            revision: "a".to_owned(),
            parallelism: 1,
            live: true,
        }),
        ..StreamJobStatus::default()
    });
    job
}

#[test]
fn a_running_job_is_ready_and_available_and_its_second_look_writes_nothing() {
    let mut job = running_job();
    let idle = Plan::wait(WaitingOn::Nothing);
    let first = rendered(&job, ApiSeen::Proven, idle, 100);
    for kind in ["Ready", "Available", "Accepted"] {
        assert_eq!(condition(&first, kind).status, "True", "{kind}");
    }
    for kind in ["Reconciling", "Stalled", "UpgradeBlocked", "RolledBack", "Suspended"] {
        assert_eq!(condition(&first, kind).status, "False", "{kind}");
    }
    assert_eq!(first.phase, Some(JobPhase::Running));
    job.status = Some(first.clone());
    assert_eq!(rendered(&job, ApiSeen::Proven, idle, 200), first);
}

#[test]
fn a_job_that_does_not_answer_is_neither_available_nor_ready() {
    let status =
        rendered(&running_job(), ApiSeen::Unreachable, Plan::wait(WaitingOn::Recovery), 100);
    assert_eq!(condition(&status, "Available").status, "False");
    assert_eq!(condition(&status, "Ready").status, "False");
    assert_eq!(condition(&status, "Reconciling").reason, "Recovering");
}

#[test]
fn a_spec_that_is_not_valid_names_the_field() {
    let mut job = stream_job("orders");
    job.spec.parallelism = 5000;
    let stuck = Plan::Stuck { because: Reason::InvalidSpec };
    let status = rendered(&job, ApiSeen::Unreachable, stuck, 100);
    let accepted = condition(&status, "Accepted");
    assert_eq!((accepted.status.as_str(), accepted.reason.as_str()), ("False", "InvalidSpec"));
    assert!(accepted.message.starts_with("spec.parallelism: 5000"), "{}", accepted.message);
    assert_eq!(status.phase, Some(JobPhase::Invalid));
}

#[test]
fn a_rolled_back_version_is_told_until_another_succeeds() {
    let mut job = running_job();
    job.status.as_mut().unwrap().failed = Some(FailedVersion {
        generation: 1,
        revision: "b".to_owned(),
        parallelism: 1,
        result: OperationResult::RolledBack,
        reason: Reason::ImagePullFailed.name(),
        message: Some("pod orders-2-0: not found".to_owned()),
        retry_at: None,
    });
    let stuck = Plan::Stuck { because: Reason::VersionFailed };
    let status = rendered(&job, ApiSeen::Proven, stuck, 100);
    let rolled_back = condition(&status, "RolledBack");
    assert_eq!(rolled_back.status, "True");
    assert_eq!(rolled_back.reason, "ImagePullFailed");
    assert_eq!(rolled_back.message, "pod orders-2-0: not found");
    assert_eq!(condition(&status, "Available").status, "True");
    assert_eq!(condition(&status, "Stalled").status, "True");
    assert_eq!(condition(&status, "Ready").status, "False");
}

#[test]
fn every_reason_is_found_by_its_name() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_name(&reason.name()), Some(reason));
    }
}
