//! Checkpoints and savepoints.

use std::fs;

use super::table::{CONFIG, Case, FAILED, Fault, check};
use super::world::{World, job, latest_manifest, latest_segment};

#[test]
fn a_damaged_or_missing_checkpoint_is_refused_and_left_alone() {
    const RUN: &[&str] = &["run job.yaml"];
    let (manifest, segment) = (latest_manifest(), latest_segment());
    let case = |name, fault, says| Case { name, fault, commands: RUN, code: FAILED, says };
    check(&[
        case(
            "damaged record",
            Fault::Cut("state/control.json"),
            &["/state/control.json is damaged (", "restore the object from a backup"],
        ),
        case(
            "damaged manifest",
            Fault::Flip(manifest),
            &["/manifest is damaged (", "restore another savepoint or retained checkpoint"],
        ),
        case(
            "missing manifest",
            Fault::Remove(manifest),
            &["/manifest does not exist", "restore another savepoint or retained checkpoint"],
        ),
        case(
            "damaged segment",
            Fault::Flip(segment),
            &["segment file:///", "is damaged (", "restore another savepoint or retained"],
        ),
        case(
            "missing segment",
            Fault::Remove(segment),
            &["segment file:///", "does not exist", "restore another savepoint or retained"],
        ),
    ]);
    let inspect = |name, fault, code, says| {
        let commands = &["savepoint inspect state"];
        Case { name, fault, commands, code, says }
    };
    check(&[
        inspect(
            "inspecting a damaged record",
            Fault::Cut("state/control.json"),
            CONFIG,
            &["/state/control.json is damaged (", "restore the object from a backup"],
        ),
        Case {
            name: "inspecting what is no savepoint",
            fault: Fault::Command,
            commands: &["savepoint inspect out"],
            code: CONFIG,
            says: &["out holds no savepoint that can be read: ", "correct the location"],
        },
        inspect(
            "inspecting a missing segment",
            Fault::Remove(segment),
            FAILED,
            &["segment file:///", "does not exist", "restore another savepoint or retained"],
        ),
    ]);
}

#[test]
fn a_savepoint_that_is_not_the_jobs_is_refused_before_anything_is_written() {
    let name = "a savepoint of another job";
    let world = World::half_done();
    fs::rename(world.path().join("state"), world.path().join("before")).unwrap();
    // Another job: it reads and writes other tables.
    let other = job(0).replace("bids", "offers").replace("results", "totals");
    world.write("other.yaml", other.replace("name: prices", "name: offers"));
    let savepoint = world.path().join("savepoint").display().to_string();
    let run = format!("run other.yaml --state-dir theirs --from-savepoint {savepoint}");
    world.sabot(name, &run).refused(
        name,
        CONFIG,
        &[
            "/savepoint holds state of job local-prices that the job cannot go on with",
            "name a savepoint of this job, or set spec.acknowledgeStateLoss to true",
        ],
    );
    // Nothing remembers the refused one.
    let name = "a savepoint that is not there";
    let before = world.durable();
    world.sabot(name, &format!("run job.yaml --from-savepoint {savepoint}/elsewhere")).refused(
        name,
        CONFIG,
        &[
            "starting from savepoint /",
            "/elsewhere/manifest does not exist",
            "correct the location",
        ],
    );
    assert!(world.durable() == before, "{name}: something durable has changed");
    world.completes(name, &format!(" --from-savepoint {savepoint}"));
}

#[test]
fn what_a_changed_job_would_keep_is_told_before_it_runs() {
    let world = World::half_done();
    let name = "explain against a savepoint";
    let explain = |job: &str, code: i32, prints: &[&str], says: &[&str]| {
        world.write("changed.yaml", job);
        let outcome = world.sabot(name, "explain changed.yaml --against savepoint");
        match code {
            0 => outcome.succeeded(name),
            code => outcome.refused(name, code, says),
        }
        for text in prints {
            assert!(outcome.printed.contains(text), "not {text:?}, but: {}", outcome.printed);
        }
    };
    let same = job(0);
    explain(&same, 0, &["kept", "position", "COUNT(*), SUM(price)", "can go on with it"], &[]);
    let less = same.replace(", SUM(price)", ", 0");
    explain(&less, 0, &["COUNT(*); without SUM(price)", "can go on with it"], &[]);
    let more = same.replace("SUM(price)", "SUM(price) + MAX(price)");
    let added = ["incompatible", "aggregate MAX(price) is not in the state"];
    explain(&more, CONFIG, &added, &["cannot go on with savepoint", "another sink table"]);
    let other = same.replace("results", "totals");
    let prints = ["  new           ", "totals", "  dropped       ", "results"];
    explain(&other, CONFIG, &prints, &["spec.acknowledgeStateLoss"]);
}
