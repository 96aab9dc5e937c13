//! What a valid spec is, as one pure function; the command line and the controller both use it.
//!
//! The schema and CEL rules refuse most of this at the API server already; here each error names
//! its field and what would be right, also for files that never reach a cluster.

use crate::spec::{
    CheckpointSpec, PerformanceSpec, PodTemplate, Program, RestoreMode, RestoreSpec, RolloutSpec,
    StateMode, StateSpec, Storage, UpgradeSpec, WorkersSpec,
};
use crate::{DurationText, StreamJobSpec};

/// A field that is not right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct FieldError {
    /// The field, such as `spec.state.storage.s3.bucket`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Where the job is to run: some fields fit only one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a Kubernetes cluster.
    Cluster,
    /// In one process, by `sabot run`.
    Local,
}

/// Everything that is wrong with `spec`; empty when it is valid.
pub fn validate(spec: &StreamJobSpec, place: Place) -> Vec<FieldError> {
    // Destructured in full, so that a new field does not compile until it is handled here.
    let StreamJobSpec {
        desired_state: _,
        paused: _,
        image,
        program,
        parallelism,
        key_groups,
        workers,
        state,
        checkpoint,
        performance,
        monitoring: _,
        savepoints: _,
        upgrade,
        rollout,
        restore,
        acknowledge_state_loss,
        restarted_at: _,
        service_account_name: _,
    } = spec;
    let mut check = Checker { errors: Vec::new() };
    if let Some(image) = image {
        check.that(!image.trim().is_empty(), "spec.image", || {
            "is empty: name an image, or leave it out for the default".to_owned()
        });
    }
    check.program(program, place);
    check.range("spec.keyGroups", *key_groups, 1, 32768);
    check.that(*key_groups < 1 || key_groups.count_ones() == 1, "spec.keyGroups", || {
        format!("{key_groups} is not a power of two: use 1024, or another power up to 32768")
    });
    check.range("spec.parallelism", *parallelism, 1, 32768);
    check.that(parallelism <= key_groups, "spec.parallelism", || {
        format!(
            "{parallelism} is above keyGroups ({key_groups}): a slot without a key group would do \
             nothing; use at most {key_groups}"
        )
    });
    check.workers(workers);
    check.state(state, place);
    check.checkpoint(checkpoint);
    check.performance(performance);
    check.upgrade(upgrade, *acknowledge_state_loss);
    check.rollout(rollout);
    if let Some(restore) = restore {
        check.restore(restore, *acknowledge_state_loss);
    }
    check.errors
}

struct Checker {
    errors: Vec<FieldError>,
}

impl Checker {
    fn that(&mut self, right: bool, path: &str, problem: impl FnOnce() -> String) {
        if !right {
            self.errors.push(FieldError { path: path.to_owned(), problem: problem() });
        }
    }

    fn range(&mut self, path: &str, value: i32, min: i32, max: i32) {
        self.that((min..=max).contains(&value), path, || {
            format!("{value} is out of range: use {min} to {max}")
        });
    }

    /// The duration must be well-formed, and not zero where `positive`.
    fn duration(&mut self, path: &str, text: &DurationText, bound: Bound) {
        match text.parse() {
            Err(invalid) => self.that(false, path, || invalid.to_string()),
            Ok(duration) => {
                self.that(bound == Bound::MayBeZero || !duration.is_zero(), path, || {
                    "must be longer than zero".to_owned()
                });
            }
        }
    }

    fn program(&mut self, program: &Program, place: Place) {
        let Program { sql } = program;
        match (&sql.inline, &sql.config_map_ref) {
            (Some(text), None) => {
                self.that(!text.trim().is_empty(), "spec.program.sql.inline", || {
                    "is empty: write at least one INSERT INTO statement".to_owned()
                });
            }
            (None, Some(reference)) => {
                let path = "spec.program.sql.configMapRef";
                self.that(place == Place::Cluster, path, || {
                    "works on a cluster only: put the text into inline".to_owned()
                });
                self.that(!reference.name.is_empty(), &format!("{path}.name"), || {
                    "is empty: name a ConfigMap of the job's namespace".to_owned()
                });
                self.that(!reference.key.is_empty(), &format!("{path}.key"), || {
                    "is empty: name a key of the ConfigMap".to_owned()
                });
            }
            (Some(_), Some(_)) | (None, None) => self.that(false, "spec.program.sql", || {
                "give exactly one of inline and configMapRef".to_owned()
            }),
        }
    }

    fn workers(&mut self, workers: &WorkersSpec) {
        let WorkersSpec { slots_per_pod, resources: _, pod_template } = workers;
        self.range("spec.workers.slotsPerPod", *slots_per_pod, 1, 256);
        let Some(PodTemplate { metadata, node_selector: _, tolerations: _, env }) = pod_template
        else {
            return;
        };
        for (index, variable) in env.iter().enumerate() {
            self.that(
                !variable.name.starts_with("SABOT_"),
                &format!("spec.workers.podTemplate.env[{index}].name"),
                || format!("{} is one of Sabot's own: choose another name", variable.name),
            );
        }
        let labels = metadata.iter().flat_map(|m| &m.labels).map(|(key, _)| ("labels", key));
        let notes =
            metadata.iter().flat_map(|m| &m.annotations).map(|(key, _)| ("annotations", key));
        for (field, key) in labels.chain(notes) {
            self.that(
                !key.starts_with("sabot.dev/") && !key.starts_with("app.kubernetes.io/"),
                &format!("spec.workers.podTemplate.metadata.{field}"),
                || format!("{key} is one of Sabot's own: choose another name"),
            );
        }
    }

    fn state(&mut self, state: &StateSpec, place: Place) {
        let StateSpec { backend: _, cache_size_mb, storage } = state;
        if let Some(megabytes) = cache_size_mb {
            self.range("spec.state.cacheSizeMb", *megabytes, 8, 1_048_576);
        }
        let path = "spec.state.storage";
        let Some(Storage { s3, local }) = storage else {
            self.that(place == Place::Local, path, || {
                "is missing: a job on a cluster keeps its state in a bucket, give s3.bucket"
                    .to_owned()
            });
            return;
        };
        match (s3, local) {
            (Some(s3), None) => self.s3(s3),
            (None, Some(local)) => {
                self.that(place == Place::Local, &format!("{path}.local"), || {
                    "is for `sabot run` only, pods lose their disks: give s3 instead".to_owned()
                });
                self.that(!local.path.is_empty(), &format!("{path}.local.path"), || {
                    "is empty: name a directory".to_owned()
                });
            }
            (Some(_), Some(_)) | (None, None) => {
                self.that(false, path, || "give exactly one of s3 and local".to_owned());
            }
        }
    }

    fn s3(&mut self, s3: &crate::spec::S3Storage) {
        let crate::spec::S3Storage {
            bucket,
            prefix,
            endpoint,
            region: _,
            force_path_style: _,
            auth,
        } = s3;
        let path = "spec.state.storage.s3";
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        self.that(
            (3..=63).contains(&bucket.len()) && bucket.bytes().all(letters),
            &format!("{path}.bucket"),
            || {
                format!(
                    "{bucket:?} is not a bucket's name: 3 to 63 lower-case letters, digits, '-' \
                     or '.'"
                )
            },
        );
        if let Some(prefix) = prefix {
            self.that(
                !prefix.is_empty() && prefix.split('/').all(|s| !matches!(s, "" | "." | "..")),
                &format!("{path}.prefix"),
                || format!("{prefix:?} is not a folder: write parts joined by '/', as in team/job"),
            );
        }
        if let Some(endpoint) = endpoint {
            self.that(
                endpoint.starts_with("http://") || endpoint.starts_with("https://"),
                &format!("{path}.endpoint"),
                || format!("{endpoint:?} is not a URL: start it with http:// or https://"),
            );
        }
        if let Some(auth) = auth {
            self.that(
                !auth.secret_ref.name.is_empty(),
                &format!("{path}.auth.secretRef.name"),
                || "is empty: name a Secret of the job's namespace".to_owned(),
            );
        }
    }

    fn checkpoint(&mut self, checkpoint: &CheckpointSpec) {
        let CheckpointSpec { enabled: _, interval, timeout, min_pause, retained } = checkpoint;
        self.duration("spec.checkpoint.interval", interval, Bound::Positive);
        self.duration("spec.checkpoint.timeout", timeout, Bound::Positive);
        self.duration("spec.checkpoint.minPause", min_pause, Bound::MayBeZero);
        self.range("spec.checkpoint.retained", *retained, 1, 100);
    }

    fn performance(&mut self, performance: &PerformanceSpec) {
        let PerformanceSpec { max_batch_size, batch_timeout_ms } = performance;
        self.range("spec.performance.maxBatchSize", *max_batch_size, 1, 65536);
        self.range("spec.performance.batchTimeoutMs", *batch_timeout_ms, 0, 60000);
    }

    fn upgrade(&mut self, upgrade: &UpgradeSpec, acknowledged: bool) {
        let UpgradeSpec {
            state_mode,
            surge: _,
            preflight: _,
            savepoint_timeout,
            on_savepoint_failure: _,
        } = upgrade;
        self.duration("spec.upgrade.savepointTimeout", savepoint_timeout, Bound::Positive);
        self.that(
            *state_mode != StateMode::Stateless || acknowledged,
            "spec.upgrade.stateMode",
            || "Stateless throws state away: set acknowledgeStateLoss to true as well".to_owned(),
        );
    }

    fn rollout(&mut self, rollout: &RolloutSpec) {
        let RolloutSpec { progress_deadline, probation, on_failure: _ } = rollout;
        self.duration("spec.rollout.progressDeadline", progress_deadline, Bound::Positive);
        self.duration("spec.rollout.probation", probation, Bound::MayBeZero);
    }

    fn restore(&mut self, restore: &RestoreSpec, acknowledged: bool) {
        let RestoreSpec { request_id, from, mode } = restore;
        self.that(!request_id.is_empty(), "spec.restore.requestId", || {
            "is empty: write any text, a new one for each request".to_owned()
        });
        self.that((*mode == RestoreMode::Savepoint) == from.is_some(), "spec.restore.from", || {
            "belongs to mode Savepoint: give both or neither".to_owned()
        });
        self.that(*mode != RestoreMode::Empty || acknowledged, "spec.restore.mode", || {
            "Empty throws state away: set acknowledgeStateLoss to true as well".to_owned()
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Positive,
    MayBeZero,
}

#[cfg(test)]
mod tests;
