//! What the spec asks for, validated and complete: the revision's content and the parallelism.

use sabot_crds::spec::{DesiredState, RolloutSpec};
use sabot_crds::spec::{SavepointsSpec, StateMode, UpgradeSpec};
use sabot_crds::{FieldError, Place, StreamJob, StreamJobSpec, validate};
use serde_json::Value;

/// What the spec asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Names the content.
    pub revision: String,
    /// What the pods get, defaults left out.
    pub content: RevisionContent,
    /// Slots.
    pub parallelism: i32,
}

/// What the pods of a revision get: kept as a `ControllerRevision`.
///
/// Values that equal the schema's defaults are left out, so that a field that a later version adds
/// changes no revision.
#[derive(Debug, Clone, PartialEq)]
pub struct RevisionContent(Value);

/// Why there is no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTarget {
    /// Fields of the spec are not right.
    Invalid(Vec<FieldError>),
    /// The program's ConfigMap, or its key, is not there.
    ProgramNotFound(String),
}

/// The target of `job`, whose referenced program text is `referenced` where it has one.
pub fn target(
    job: &StreamJob,
    referenced: Option<Result<String, String>>,
) -> Result<Target, NoTarget> {
    let errors = validate(&job.spec, Place::Cluster);
    if !errors.is_empty() {
        return Err(NoTarget::Invalid(errors));
    }
    let sql = match (&job.spec.program.sql.inline, referenced) {
        (Some(inline), _) => inline.clone(),
        (None, Some(Ok(text))) => text,
        (None, Some(Err(problem))) => return Err(NoTarget::ProgramNotFound(problem)),
        (None, None) => {
            return Err(NoTarget::ProgramNotFound("the ConfigMap was not read".to_owned()));
        }
    };
    let content = RevisionContent::of(&job.spec, sql);
    Ok(Target { revision: content.hash(), content, parallelism: job.spec.parallelism })
}

impl RevisionContent {
    fn of(spec: &StreamJobSpec, sql: String) -> Self {
        // Destructured in full: whether a new field belongs to the revision must be decided here.
        let StreamJobSpec {
            desired_state: _,
            paused: _,
            image,
            program: _,
            parallelism: _,
            key_groups,
            workers,
            state,
            checkpoint,
            performance,
            monitoring,
            savepoints: _,
            upgrade: _,
            rollout: _,
            restore: _,
            acknowledge_state_loss: _,
            restarted_at,
            service_account_name,
        } = spec;
        let pods = StreamJobSpec {
            image: image.clone(),
            key_groups: *key_groups,
            workers: workers.clone(),
            state: state.clone(),
            checkpoint: checkpoint.clone(),
            performance: performance.clone(),
            monitoring: monitoring.clone(),
            restarted_at: restarted_at.clone(),
            service_account_name: service_account_name.clone(),
            ..StreamJobSpec::from_sql(sql)
        };
        let defaults = serde_json::to_value(StreamJobSpec::from_sql("")).unwrap_or_default();
        let mut value = serde_json::to_value(pods).unwrap_or_default();
        strip(&mut value, &defaults);
        Self(value)
    }

    /// Reads the content back from a `ControllerRevision`.
    pub fn from_value(value: Value) -> Self {
        Self(value)
    }

    /// The content as a `ControllerRevision` keeps it.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Ten hexadecimal digits.
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))[..10].to_owned()
    }

    /// The pods' part of a spec, defaults filled in.
    pub fn spec(&self) -> Result<StreamJobSpec, serde_json::Error> {
        let mut spec: StreamJobSpec = serde_json::from_value(self.0.clone())?;
        // What only the controller reads never reaches the pods.
        spec.desired_state = DesiredState::default();
        spec.savepoints = SavepointsSpec::default();
        spec.upgrade = UpgradeSpec { state_mode: StateMode::default(), ..UpgradeSpec::default() };
        spec.rollout = RolloutSpec::default();
        Ok(spec)
    }
}

/// Takes out of `value` what equals `defaults`, and objects that are empty then.
fn strip(value: &mut Value, defaults: &Value) {
    let (Value::Object(fields), Value::Object(defaults)) = (value, defaults) else { return };
    for (name, default) in defaults {
        let Some(field) = fields.get_mut(name) else { continue };
        strip(field, default);
        let emptied =
            default.is_object() && field.as_object().is_some_and(serde_json::Map::is_empty);
        if field == default || emptied {
            fields.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stream_job;

    #[test]
    fn parallelism_and_the_controllers_own_fields_are_not_in_the_revision() {
        let job = stream_job("orders");
        let before = target(&job, None).unwrap();
        let mut other = job.clone();
        other.spec.parallelism = 4;
        other.spec.paused = true;
        other.spec.savepoints.on_delete = sabot_crds::spec::OnDelete::None;
        other.spec.upgrade.savepoint_timeout = sabot_crds::DurationText::new("3s");
        let after = target(&other, None).unwrap();
        assert_eq!(before.revision, after.revision);
        assert_eq!(after.parallelism, 4);
    }

    #[test]
    fn what_pods_get_makes_another_revision() {
        let job = stream_job("orders");
        let before = target(&job, None).unwrap().revision;
        let changes: [fn(&mut StreamJobSpec); 4] = [
            |s| s.program.sql.inline = Some("other".to_owned()),
            |s| s.image = Some("other".to_owned()),
            |s| s.workers.slots_per_pod = 2,
            |s| s.restarted_at = Some("now".to_owned()),
        ];
        for change in changes {
            let mut other = job.clone();
            change(&mut other.spec);
            assert_ne!(target(&other, None).unwrap().revision, before);
        }
    }

    #[test]
    fn a_default_written_out_is_the_same_revision() {
        let job = stream_job("orders");
        let content = target(&job, None).unwrap().content;
        assert!(content.value().get("checkpoint").is_none(), "{}", content.value());
        assert_eq!(content.spec().unwrap().checkpoint, job.spec.checkpoint);
    }

    #[test]
    fn the_same_text_inline_or_referenced_is_the_same_revision() {
        let job = stream_job("orders");
        let mut referring = job.clone();
        let text = referring.spec.program.sql.inline.take().unwrap();
        referring.spec.program.sql.config_map_ref = Some(sabot_crds::spec::ConfigMapKeyRef {
            name: "program".to_owned(),
            key: "sql".to_owned(),
        });
        let direct = target(&job, None).unwrap().revision;
        assert_eq!(target(&referring, Some(Ok(text))).unwrap().revision, direct);
        assert!(matches!(
            target(&referring, Some(Err("no".to_owned()))),
            Err(NoTarget::ProgramNotFound(_))
        ));
    }
}
