use kube::core::cel::Validator;
use serde_json::{Value, json};

use super::*;

fn schema() -> Value {
    let crd = serde_json::to_value(StreamJob::crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn job(spec: &Value) -> Value {
    json!({
        "apiVersion": "sabot.dev/v1alpha1",
        "kind": "StreamJob",
        "metadata": { "name": "orders" },
        "spec": spec,
    })
}

fn cel_messages(new: &Value, old: Option<&Value>) -> Vec<String> {
    match Validator::new().validate(&schema(), new, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.as_slice().iter().map(|e| e.message.clone()).collect(),
    }
}

#[test]
fn both_crds_together_stay_below_64_kib() {
    let total: usize = crd_files().iter().map(|file| file.content.len()).sum();
    assert!(total <= 64 * 1024, "{total} bytes");
}

#[test]
fn the_charts_files_are_up_to_date() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/sabot/templates/");
    for file in crd_files() {
        let written = std::fs::read_to_string(format!("{folder}{}", file.name)).unwrap();
        assert!(
            written == file.content,
            "{}: run `cargo run -p sabot-crds --bin crdgen`",
            file.name
        );
    }
}

#[test]
fn helm_does_not_take_the_crds_for_templates() {
    for file in crd_files() {
        assert!(!file.content.contains("{{"), "{}", file.name);
    }
}

#[test]
fn a_small_job_passes_every_rule() {
    let small = job(&json!({ "program": { "sql": { "inline": "INSERT INTO a SELECT 1" } } }));
    assert_eq!(cel_messages(&small, None), Vec::<String>::new());
    assert_eq!(cel_messages(&small, Some(&small)), Vec::<String>::new());
}

#[test]
fn cel_refuses_what_it_can_see() {
    let sql = json!({ "sql": { "inline": "x" } });
    let cases = [
        (json!({ "program": { "sql": {} } }), "exactly one of inline"),
        (
            json!({ "program": { "sql": { "inline": "x",
                "configMapRef": { "name": "a", "key": "b" } } } }),
            "exactly one of inline",
        ),
        (json!({ "program": sql, "keyGroups": 1000 }), "power of two"),
        (json!({ "program": sql, "keyGroups": 4, "parallelism": 5 }), "above keyGroups"),
        (json!({ "program": sql, "upgrade": { "stateMode": "Stateless" } }), "throws state away"),
        (
            json!({ "program": sql, "restore": { "requestId": "1", "mode": "Empty" } }),
            "throws state away",
        ),
        (
            json!({ "program": sql, "restore": { "requestId": "1", "from": "s3://b/x" } }),
            "Savepoint",
        ),
        (json!({ "program": sql, "state": { "storage": {} } }), "exactly one of s3"),
    ];
    for (spec, expected) in cases {
        let messages = cel_messages(&job(&spec), None);
        assert!(
            messages.iter().any(|message| message.contains(expected)),
            "{spec}: {messages:?} does not say {expected:?}"
        );
    }
}

#[test]
fn key_groups_never_change() {
    let spec =
        |groups: i32| job(&json!({ "program": { "sql": { "inline": "x" } }, "keyGroups": groups }));
    let messages = cel_messages(&spec(2048), Some(&spec(1024)));
    assert!(messages.iter().any(|m| m.contains("fixed at the job's first start")), "{messages:?}");
}

#[test]
fn a_name_that_pods_cannot_carry_is_refused() {
    for name in ["1job", "a.b", "a-", &"a".repeat(41)] {
        let mut job = job(&json!({ "program": { "sql": { "inline": "x" } } }));
        job["metadata"]["name"] = json!(name);
        assert!(!cel_messages(&job, None).is_empty(), "{name} was accepted");
    }
}

#[test]
fn the_scale_subresource_points_at_parallelism() {
    let crd = serde_json::to_value(StreamJob::crd()).unwrap();
    let scale = &crd["spec"]["versions"][0]["subresources"]["scale"];
    assert_eq!(scale["specReplicasPath"], ".spec.parallelism");
    assert_eq!(scale["statusReplicasPath"], ".status.scale.replicas");
    assert_eq!(scale["labelSelectorPath"], ".status.scale.selector");
}
