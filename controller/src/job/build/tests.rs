use super::*;
use crate::testing::stream_job;

fn rendered<K: serde::Serialize>(object: &K) -> String {
    serde_yaml_ng::to_string(object).unwrap()
}

fn plan<'a>(job: &'a StreamJob, set: &'a CurrentSet) -> SetPlan<'a> {
    let content = crate::job::target::target(job, None).unwrap().content;
    SetPlan {
        job,
        set,
        spec: content.spec().unwrap(),
        operation: "upgrade-2-6d1cd2b4",
        default_image: "sabot-runtime:test",
    }
}

#[test]
fn the_objects_of_a_set() {
    let mut job = stream_job("orders");
    job.spec.workers.slots_per_pod = 2;
    let set =
        CurrentSet { number: 3, revision: "abcdef0123".to_owned(), parallelism: 3, live: false };
    let plan = plan(&job, &set);
    insta::assert_snapshot!("config_map", rendered(&config_map(&plan)));
    insta::assert_snapshot!("service", rendered(&service(&plan)));
    insta::assert_snapshot!("stateful_set", rendered(&stateful_set(&plan)));
    insta::assert_snapshot!("preflight", rendered(&task_job(&plan, Task::Preflight)));
    insta::assert_snapshot!("cleanup", rendered(&task_job(&plan, Task::Cleanup)));
}

#[test]
fn only_the_very_first_set_starts_by_itself() {
    let job = stream_job("orders");
    for (number, start) in [(1, "fresh"), (2, "standby")] {
        let set = CurrentSet { number, revision: "a".to_owned(), parallelism: 1, live: false };
        let yaml = rendered(&stateful_set(&plan(&job, &set)));
        assert!(yaml.contains(&format!("value: {start}")), "set {number}");
    }
}

#[test]
fn pods_are_slots_divided_and_rounded_up() {
    let mut job = stream_job("orders");
    job.spec.workers.slots_per_pod = 4;
    for (parallelism, pods) in [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3)] {
        let set = CurrentSet { number: 2, revision: "a".to_owned(), parallelism, live: false };
        let replicas = stateful_set(&plan(&job, &set)).spec.unwrap().replicas;
        assert_eq!(replicas, Some(pods), "{parallelism} slots");
    }
}

#[test]
fn a_revision_survives_its_controller_revision() {
    let job = stream_job("orders");
    let target = crate::job::target::target(&job, None).unwrap();
    let object = controller_revision(&job, &target.revision, &target.content, 1);
    let (revision, content) = read_revision(&object).unwrap();
    assert_eq!(revision, target.revision);
    assert_eq!(content, target.content);
    assert_eq!(content.hash(), revision);
}

#[test]
fn the_pods_manifest_is_one_that_the_runtime_reads() {
    let job = stream_job("orders");
    let set = CurrentSet { number: 2, revision: "a".to_owned(), parallelism: 3, live: false };
    let map = config_map(&plan(&job, &set));
    let manifest = sabot_crds::parse_stream_job(&map.data.unwrap()["job.yaml"]).unwrap();
    assert_eq!(manifest.spec.parallelism, 3);
    let prefix = manifest.spec.state.storage.unwrap().s3.unwrap().prefix;
    assert_eq!(prefix.as_deref(), Some("shop/orders"));
}
