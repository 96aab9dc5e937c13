//! The objects of a job, built from values: one kind a file, no client.

mod config_map;
mod revision;
mod service;
mod stateful_set;
mod task;

pub use config_map::config_map;
pub use revision::{controller_revision, read_revision};
pub use service::service;
pub use stateful_set::stateful_set;
pub use task::{Task, task_job, task_name};

use sabot_crds::{CurrentSet, StreamJob, StreamJobSpec};

/// A set that is to be made, and all that its objects are built from.
#[derive(Debug, Clone)]
pub struct SetPlan<'a> {
    /// The job that owns it.
    pub job: &'a StreamJob,
    /// Its number, revision and slots.
    pub set: &'a CurrentSet,
    /// The revision's content, defaults filled in.
    pub spec: StreamJobSpec,
    /// The operation that makes it.
    pub operation: &'a str,
    /// The image of jobs that name none.
    pub default_image: &'a str,
}

impl SetPlan<'_> {
    fn name(&self) -> String {
        super::names::set_name(&self.job_name(), self.set.number)
    }

    fn job_name(&self) -> String {
        kube::ResourceExt::name_any(self.job)
    }

    fn image(&self) -> String {
        self.spec.image.clone().unwrap_or_else(|| self.default_image.to_owned())
    }

    fn labels(&self) -> std::collections::BTreeMap<String, String> {
        super::names::labels(&self.job_name(), Some(self.set.number), Some(&self.set.revision))
    }

    /// Whether the set starts by itself: only the very first one of a job may.
    fn starts_fresh(&self) -> bool {
        self.set.number == 1
    }
}

#[cfg(test)]
mod tests;
