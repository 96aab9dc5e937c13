//! State directories: shared, without rights, without room.
//!
//! The latter are file systems that only the command and its namespace see: they hold for root
//! too, and nothing stays mounted.

use std::fs;
use std::process::Command;

use super::sabot::{Outcome, PATIENCE, Running, eventually};
use super::table::{CONFIG, Case, FAILED, Fault, check};
use super::world::{World, job};

#[test]
fn two_jobs_or_processes_do_not_share_their_state() {
    check(&[Case {
        name: "two jobs with one directory",
        fault: Fault::Edit("name: prices", "name: sales"),
        commands: &["run job.yaml"],
        code: FAILED,
        says: &[
            "/state belongs to job local-prices, this is job local-sales",
            "give the job another prefix",
        ],
    }]);

    let name = "two processes with one directory";
    let world = World::half_done();
    world.write("slow.yaml", job(1));
    let first = world.start("run slow.yaml");
    let owner = first.id().to_string();
    let lock = world.path().join("state/.sabot-lock");
    let owns = || fs::read_to_string(&lock).ok().filter(|found| found == &owner);
    eventually(PATIENCE, owns).expect("the first process owns the directory");
    let uses = format!("another process (pid {owner}) uses directory file:///");
    let says = [uses.as_str(), "stop it first, or choose another directory"];
    world.sabot(name, "run job.yaml").refused(name, CONFIG, &says);
    // Killed, not stopped.
    drop(first);
    world.completes(name, "");
}

#[test]
fn a_state_directory_without_rights_is_refused_and_left_alone() {
    check(&[Case {
        name: "a file in the way",
        fault: Fault::Command,
        commands: &["run job.yaml --state-dir job.yaml/state"],
        code: CONFIG,
        says: &[
            "using the store job.yaml/state: ",
            "a part of the path is a file: choose another directory",
        ],
    }]);
    let name = "a read-only file system";
    let world = World::half_done();
    let before = world.durable();
    let script = "
        mount --bind state state
        mount -o remount,bind,ro state
        exec \"$SABOT\" run job.yaml";
    let Some(outcome) = in_namespace(name, &world, script) else { return };
    outcome.refused(
        name,
        CONFIG,
        &["using the store state: access to file:///", "/state/", "was refused: check", "ead-only"],
    );
    assert!(world.durable() == before, "{name}: something durable has changed");
    world.completes(name, "");
}

#[test]
fn a_state_directory_without_room_is_told_and_used_again_once_there_is_some() {
    let name = "no room at the start";
    let world = World::half_done();
    let before = world.durable();
    // What is left behind in the small file system is copied out of it.
    let script = "
        mkdir small kept
        mount -t tmpfs -o size=1m none small
        cp -a state/. small
        dd if=/dev/zero of=small/ballast bs=4k 2>/dev/null || true
        code=0; \"$SABOT\" run job.yaml --state-dir small || code=$?
        rm small/ballast
        rm -r state; cp -a small state
        exit $code";
    let Some(outcome) = in_namespace(name, &world, script) else { return };
    outcome.refused(
        name,
        FAILED,
        &[
            "using the store small: ",
            "/small/probe/",
            "make room there, or choose another directory",
        ],
    );
    assert!(world.durable() == before, "{name}: something durable has changed");
    world.completes(name, "");

    let name = "no room while it runs";
    let world = World::half_done();
    world.write("slow.yaml", job(20_000));
    // Enough for the record, too little for a checkpoint.
    let script = "
        mkdir small
        mount -t tmpfs -o size=1m none small
        cp -a state/. small
        dd if=/dev/zero of=small/ballast bs=4k 2>/dev/null || true
        truncate -s -8k small/ballast
        \"$SABOT\" run slow.yaml --state-dir small 2>said & job=$!
        for i in $(seq 200); do
          if grep -q 'make room there' said; then break; fi
          sleep 0.1
        done
        rm small/ballast
        code=0; wait $job || code=$?
        cat said >&2
        exit $code";
    let Some(outcome) = in_namespace(name, &world, script) else { return };
    outcome.succeeded(name);
    for text in ["/small/", "make room there, or choose another directory"] {
        assert!(outcome.said.contains(text), "{name}: {}", outcome.said);
    }
    world.is_complete(name);
}

/// Runs a script of the shell in a mount and process namespace of its own, with `$SABOT` as the
/// binary. None, with the reason printed, where that is not allowed.
fn in_namespace(case: &str, world: &World, script: &str) -> Option<Outcome> {
    let probe = "mount -t tmpfs none .";
    // Root first; others may be root in a user namespace.
    let allowed = ["--mount", "--mount --user --map-root-user"].into_iter().find(|flags| {
        if Command::new("unshare").arg("--version").output().is_err() {
            return false;
        }
        let probed = World::empty();
        let outcome = Running::start(unshare(flags, probe), probed.path()).wait("probing unshare");
        outcome.code == Some(0)
    });
    let Some(flags) = allowed else {
        eprintln!("skipped: {case}: mounting in a namespace is not allowed here");
        return None;
    };
    Some(Running::start(unshare(flags, script), world.path()).wait(case))
}

fn unshare(flags: &str, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(flags.split(' ')).args(["--pid", "--fork", "--kill-child", "sh", "-euc"]);
    let sabot = env!("CARGO_BIN_EXE_sabot");
    command.arg(format!("SABOT='{sabot}'\n{script}"));
    command
}
