use super::*;

fn config(spec: &str) -> Result<JobConfig, CliError> {
    let manifest = format!(
        "apiVersion: sabot.dev/v1alpha1\nkind: StreamJob\nmetadata:\n  name: flights\nspec:\n  \
         program:\n    sql:\n      inline: INSERT INTO a SELECT 1\n{spec}"
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("job.yaml");
    std::fs::write(&file, manifest).unwrap();
    JobConfig::for_run(&file, None)
}

#[test]
fn a_manifest_without_storage_runs_in_a_directory_of_its_own() {
    let config = config("").unwrap();
    assert_eq!(config.job_uid.as_str(), "local-flights");
    assert_eq!(config.local_dir(), Path::new(".sabot/flights"));
    assert_eq!(config.storage.uri(), ".sabot/flights");
    assert_eq!(config.scratch_dir, Path::new(".sabot/flights.work"));
    assert_eq!(config.checkpoint_interval, Some(Duration::from_secs(10)));
    assert_eq!(config.backend, StateBackendConfig::Memory);
    assert_eq!(config.key_groups, KeyGroupCount::DEFAULT);
}

#[test]
fn a_bucket_without_prefix_gets_namespace_and_name() {
    let config = config(
        "  state:\n    storage:\n      s3:\n        bucket: streams\n        region: eu-1\n",
    )
    .unwrap();
    assert_eq!(config.storage.uri(), "s3://streams/default/flights");
    assert_eq!(config.s3.region.as_deref(), Some("eu-1"));
    assert_eq!(config.local_dir(), Path::new(".sabot/flights"));
}

#[test]
fn slots_share_the_cache_of_their_process() {
    let config =
        config("  parallelism: 4\n  state:\n    backend: rocksdb\n    cacheSizeMb: 400\n").unwrap();
    assert_eq!(config.backend, StateBackendConfig::RocksDb { cache_size_mb: 100 });
}

#[test]
fn checkpoints_can_be_switched_off() {
    let config = config("  checkpoint:\n    enabled: false\n").unwrap();
    assert_eq!(config.checkpoint_interval, None);
}

#[test]
fn mistakes_name_the_file_and_the_field() {
    let error = config("  paralelism: 4\n").unwrap_err();
    assert_eq!(error.exit_code(), 78);
    assert!(error.to_string().contains("job.yaml: line 9: spec.paralelism"), "{error}");

    let error = JobConfig::for_run(Path::new("/nowhere/job.yaml"), None).unwrap_err();
    assert!(error.to_string().starts_with("reading the manifest /nowhere/job.yaml: "), "{error}");
}
