use super::*;
use crate::spec::{ConfigMapKeyRef, LocalStorage, S3Storage};

fn on_cluster() -> StreamJobSpec {
    let mut spec = StreamJobSpec::from_sql("INSERT INTO a SELECT 1");
    spec.state.storage = Some(Storage {
        s3: Some(S3Storage {
            bucket: "bucket".to_owned(),
            prefix: None,
            endpoint: None,
            region: None,
            force_path_style: false,
            auth: None,
        }),
        local: None,
    });
    spec
}

#[test]
fn defaults_are_valid() {
    assert_eq!(validate(&on_cluster(), Place::Cluster), vec![]);
    assert_eq!(validate(&StreamJobSpec::from_sql("x"), Place::Local), vec![]);
}

#[test]
fn every_wrong_field_is_named() {
    type Change = fn(&mut StreamJobSpec);
    let cases: &[(&str, Change)] = &[
        ("spec.parallelism", |s| s.parallelism = 0),
        ("spec.parallelism", |s| s.parallelism = 2000),
        ("spec.keyGroups", |s| s.key_groups = 1000),
        ("spec.image", |s| s.image = Some(" ".to_owned())),
        ("spec.program.sql", |s| s.program.sql.inline = None),
        ("spec.program.sql.inline", |s| s.program.sql.inline = Some("  ".to_owned())),
        ("spec.workers.slotsPerPod", |s| s.workers.slots_per_pod = 0),
        ("spec.checkpoint.interval", |s| s.checkpoint.interval = DurationText::new("soon")),
        ("spec.checkpoint.interval", |s| s.checkpoint.interval = DurationText::new("0s")),
        ("spec.checkpoint.retained", |s| s.checkpoint.retained = 0),
        ("spec.upgrade.stateMode", |s| s.upgrade.state_mode = StateMode::Stateless),
        ("spec.state.storage", |s| s.state.storage = None),
        ("spec.state.storage", |s| {
            s.state.storage = Some(Storage { s3: None, local: None });
        }),
        ("spec.state.storage.local", |s| {
            s.state.storage =
                Some(Storage { s3: None, local: Some(LocalStorage { path: "/x".to_owned() }) });
        }),
        ("spec.state.storage.s3.bucket", |s| {
            s.state.storage.as_mut().unwrap().s3.as_mut().unwrap().bucket = "A b".to_owned();
        }),
        ("spec.state.storage.s3.prefix", |s| {
            s.state.storage.as_mut().unwrap().s3.as_mut().unwrap().prefix = Some("a//b".to_owned());
        }),
        ("spec.state.storage.s3.endpoint", |s| {
            s.state.storage.as_mut().unwrap().s3.as_mut().unwrap().endpoint =
                Some("minio:9000".to_owned());
        }),
        ("spec.restore.from", |s| {
            s.restore = Some(RestoreSpec {
                request_id: "1".to_owned(),
                from: None,
                mode: RestoreMode::Savepoint,
            });
        }),
    ];
    for (path, change) in cases {
        let mut spec = on_cluster();
        change(&mut spec);
        let errors = validate(&spec, Place::Cluster);
        assert_eq!(errors.len(), 1, "{path}: {errors:?}");
        assert_eq!(errors[0].path, *path);
    }
}

#[test]
fn a_config_map_needs_a_cluster() {
    let mut spec = on_cluster();
    spec.program.sql.inline = None;
    spec.program.sql.config_map_ref =
        Some(ConfigMapKeyRef { name: "a".to_owned(), key: "b".to_owned() });
    assert_eq!(validate(&spec, Place::Cluster), vec![]);
    assert_eq!(validate(&spec, Place::Local).len(), 1);
}
