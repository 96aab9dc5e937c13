use super::*;

const GOOD: &str = "\
apiVersion: sabot.dev/v1alpha1
kind: StreamJob
metadata:
  name: orders
spec:
  parallelism: 2
  program:
    sql:
      inline: |
        INSERT INTO a SELECT 1
  checkpoint:
    interval: 1s
";

#[test]
fn a_manifest_gets_the_defaults_of_everything_it_leaves_out() {
    let job = parse_stream_job(GOOD).unwrap();
    assert_eq!(job.spec.parallelism, 2);
    assert_eq!(job.spec.key_groups, 1024);
    assert_eq!(job.spec.checkpoint.interval.as_str(), "1s");
    assert_eq!(job.spec.checkpoint.retained, 3);
}

#[test]
fn what_was_written_can_be_read_again() {
    let job = parse_stream_job(GOOD).unwrap();
    assert_eq!(parse_stream_job(&to_manifest(&job)).unwrap(), job);
}

#[test]
fn each_mistake_is_told_with_its_place_and_remedy() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "interval: 1s",
            "intervall: 1s",
            "line 12: spec.checkpoint.intervall: unknown field; did you mean interval?",
        ),
        (
            "interval: 1s",
            "interval: soon",
            "line 12: spec.checkpoint.interval: \"soon\" is not a duration",
        ),
        (
            "parallelism: 2",
            "parallelism: many",
            "line 6: spec.parallelism: invalid type: string \"many\", expected i32",
        ),
        (
            "parallelism: 2",
            "parallelism: 5000",
            "line 6: spec.parallelism: 5000 is above keyGroups (1024)",
        ),
        (
            "parallelism: 2",
            "backend: memory",
            "line 6: spec.backend: unknown field; the fields here are",
        ),
        ("kind: StreamJob", "kind: Job", "kind is \"Job\": expected StreamJob"),
        (
            "sabot.dev/v1alpha1",
            "sabot.dev/v1",
            "apiVersion is \"sabot.dev/v1\": expected sabot.dev/v1alpha1",
        ),
        ("kind: StreamJob", "kinds: x", "kind is missing: expected StreamJob"),
        ("name: orders", "name: Orders", "line 4: metadata.name: \"Orders\" is not a job's name"),
        ("    sql:\n", "    sql: [\n", "cannot read the manifest as YAML"),
        ("spec:\n", "---\nspec:\n", "holds 2 documents"),
        ("spec:\n", "specs: 1\nspec:\n", "specs: unknown field; did you mean spec?"),
        (
            "  checkpoint:\n    interval: 1s",
            "  state: {backend: disk}",
            "spec.state.backend: unknown variant `disk`, expected `memory` or `rocksdb`",
        ),
    ];
    for (from, to, expected) in cases {
        let yaml = GOOD.replace(from, to);
        let error = parse_stream_job(&yaml).unwrap_err().to_string();
        assert!(error.contains(expected), "{to:?} gave {error:?}, not {expected:?}");
    }
}

#[test]
fn an_empty_file_is_not_a_job() {
    assert_eq!(parse_stream_job("").unwrap_err(), ManifestError::Documents { found: 0 });
}
