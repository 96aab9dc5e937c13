//! Buckets: missing, refusing, without conditional writes, shared.

use std::fs;

use super::rows;
use super::s3::{Bucket, Mood};
use super::sabot::{PATIENCE, eventually};
use super::table::{CONFIG, FAILED};
use super::world::{World, job};

/// The manifest's storage, in `bucket`.
fn in_bucket(bucket: &Bucket) -> String {
    format!(
        "      s3:\n        bucket: streams\n        prefix: team/prices\n        endpoint: \
         {}\n        forcePathStyle: true\n",
        bucket.endpoint()
    )
}

/// The half-done job with its state in a bucket.
fn half_done_in_bucket() -> (World, Bucket) {
    let world = World::half_done();
    let objects = world
        .objects("state")
        .into_iter()
        .map(|(path, bytes)| (path.replacen("state/", "team/prices/", 1), bytes));
    let bucket = Bucket::with(objects.collect());
    fs::remove_dir_all(world.path().join("state")).unwrap();
    let yaml = job(0).replace("      local:\n        path: state\n", &in_bucket(&bucket));
    world.write("job.yaml", &yaml);
    (world, bucket)
}

#[test]
fn a_bucket_that_cannot_be_used_is_refused_and_left_alone() {
    let (world, bucket) = half_done_in_bucket();
    let before = (world.durable(), bucket.durable());
    let run = "run job.yaml --remote-storage";
    let inspect = format!(
        "savepoint inspect s3://streams/team/prices --region us-east-1 --endpoint {}",
        bucket.endpoint()
    );
    let missing = ["bucket streams does not exist", "create it, or correct the name"];
    let denied = [
        "access to s3://streams/team/prices/",
        "was refused: check the credentials and their rights: AccessDenied",
    ];
    let careless = [
        "s3://streams/team/prices ignores the condition If-None-Match: *",
        "use a store that has them, such as Amazon S3, MinIO, Ceph or versitygw",
    ];
    for (name, mood, command, says) in [
        ("no bucket", Mood::NoSuchBucket, run, missing),
        ("no bucket to inspect", Mood::NoSuchBucket, &inspect, missing),
        ("a bucket that refuses", Mood::Denies(""), run, denied),
        ("a bucket that refuses to be inspected", Mood::Denies(""), &inspect, denied),
        ("a store without conditional writes", Mood::Unconditional, run, careless),
    ] {
        bucket.set(mood);
        world.sabot(name, command).refused(name, CONFIG, &says);
        bucket.set(Mood::Right);
        assert!((world.durable(), bucket.durable()) == before, "{name}: something has changed");
    }
    world.completes("the bucket again", " --remote-storage");
}

#[test]
fn rows_in_a_bucket_that_cannot_be_used_end_the_job() {
    let rows = [("input/rows.jsonl".to_owned(), rows::input(false).into_bytes())];
    let bucket = Bucket::with(rows.into());
    let world = World::empty();
    let run = "run job.yaml --remote-storage";
    let write = |path| world.write("job.yaml", rows::job(path, "") + &in_bucket(&bucket));
    let name = "a source's bucket that is not there";
    write("s3://nowhere/input");
    let says = ["bucket nowhere does not exist: create it, or correct the option 'path'"];
    world.sabot(name, run).refused(name, FAILED, &says);

    let name = "a source's bucket that refuses";
    write("s3://streams/input");
    bucket.set(Mood::Denies("input"));
    let says = ["access to s3://streams", "was refused: check the credentials and their rights"];
    world.sabot(name, run).refused(name, FAILED, &says);
    bucket.set(Mood::Right);
    world.sabot(name, run).succeeded(name);
    rows::are_complete(&world, name, false);
}

#[test]
fn a_prefix_in_a_bucket_has_one_job_and_one_process() {
    let (world, bucket) = half_done_in_bucket();
    let before = bucket.durable();
    let name = "two jobs with one prefix";
    let yaml = String::from_utf8(world.read("job.yaml")).unwrap();
    world.write("sales.yaml", yaml.replace("name: prices", "name: sales"));
    world.sabot(name, "run sales.yaml --remote-storage").refused(
        name,
        FAILED,
        &[
            "s3://streams/team/prices belongs to job local-prices, this is job local-sales",
            "give the job another prefix",
        ],
    );
    assert!(bucket.durable() == before, "{name}: something durable has changed");

    let name = "two processes with one prefix";
    let slow = yaml.replace("'rows-per-second' = '0'", "'rows-per-second' = '1'");
    world.write("slow.yaml", slow);
    let first = world.start("run slow.yaml --remote-storage");
    let checkpoint = || (bucket.durable() != before).then_some(());
    eventually(PATIENCE, checkpoint).expect("the first process takes checkpoints");
    world.completes(name, " --remote-storage");
    first.wait(name).refused(
        name,
        FAILED,
        &["took over the job in s3://streams/team/prices", "run it in one place at a time"],
    );
    world.is_complete(name);
}
