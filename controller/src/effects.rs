//! The names of all effects, for tests that let the controller die at each of them.

use sabot_crds::{OperationStep, OperationType};

use crate::job::plan::{Advance, Effect};

/// The effects that an undisturbed operation of this kind has, in order; all effects without one.
pub fn names(kind: Option<OperationType>) -> Vec<String> {
    let effects = match kind {
        Some(kind) => of(kind),
        None => all(),
    };
    effects.into_iter().map(Effect::name).collect()
}

fn to(step: OperationStep) -> Effect {
    Effect::Advance(Advance { to: step, outcome: None, claim: None })
}

fn of(kind: OperationType) -> Vec<Effect> {
    let bring_up = [
        to(OperationStep::Provision),
        Effect::CreateSet,
        to(OperationStep::Activate),
        Effect::Activate,
        to(OperationStep::Start),
        to(OperationStep::Probation),
    ];
    let first_set = [Effect::CreateSet, to(OperationStep::Start), to(OperationStep::Probation)];
    let save = [Effect::RequestSavepoint, to(OperationStep::Stop), Effect::RemoveSet];
    let preflight = [Effect::StartPreflight, to(OperationStep::Quiesce)];
    let end = [to(OperationStep::Finish), Effect::RemoveLeftovers, Effect::Conclude];
    let begin = |record: bool| {
        let record = record.then_some(Effect::RecordRevision);
        record.into_iter().chain([Effect::Begin(kind)])
    };
    match kind {
        OperationType::Deploy => [Effect::AddFinalizer]
            .into_iter()
            .chain(begin(true))
            .chain(first_set)
            .chain([to(OperationStep::Finish), Effect::Conclude])
            .collect(),
        OperationType::Upgrade => {
            begin(true).chain(preflight).chain(save).chain(bring_up).chain(end).collect()
        }
        OperationType::Rescale | OperationType::Restore => {
            begin(false).chain(save).chain(bring_up).chain(end).collect()
        }
        OperationType::Suspend => begin(false).chain(save).chain(end).collect(),
        OperationType::Resume => begin(false)
            .chain(bring_up.into_iter().skip(1))
            .chain([to(OperationStep::Finish), Effect::Conclude])
            .collect(),
        OperationType::Delete => begin(false)
            .chain(save)
            .chain([
                to(OperationStep::Cleanup),
                Effect::StartCleanup,
                to(OperationStep::Finish),
                Effect::RemoveFinalizer,
            ])
            .collect(),
    }
}

fn all() -> Vec<Effect> {
    let kinds = [
        OperationType::Deploy,
        OperationType::Upgrade,
        OperationType::Rescale,
        OperationType::Suspend,
        OperationType::Resume,
        OperationType::Restore,
        OperationType::Delete,
    ];
    let mut all: Vec<Effect> = Vec::new();
    let others = [
        to(OperationStep::Unpark),
        Effect::ResumeJob,
        to(OperationStep::RollbackStop),
        to(OperationStep::RollbackProvision),
        to(OperationStep::RollbackActivate),
        to(OperationStep::RollbackStart),
        Effect::ForceDeletePods,
        Effect::MarkFinished,
        Effect::ScaleToZero,
    ];
    for effect in kinds.into_iter().flat_map(of).chain(others) {
        if !all.contains(&effect) {
            all.push(effect);
        }
    }
    all
}
