//! What a user gets wrong: refused when it is applied, or told in the job's conditions; once
//! mended, the job runs. The job beside it is never touched.

use serde_json::{Value, json};

use super::Verdict;
use crate::check;
use crate::failure::{Outcome, ensure, fail};
use crate::manifest::{JobShape, SECRET, Version, state_folder, statements, stream_job};
use crate::scene::{Scene, holds};

const JOB: &str = "counts";
const WRONG_SECRET: &str = "wrong-credentials";
const NO_BUCKET: &str = "sabot-no-such-bucket";

/// A job that is accepted by the API server and cannot run.
struct Mistake {
    /// The job's name.
    job: &'static str,
    /// What is wrong in its manifest.
    wrong: Value,
    /// What its conditions have to tell.
    tells: &'static [&'static str],
    /// What makes it right.
    mended: Value,
}

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let load = scene.start(&JobShape::new(JOB), 100).await?;
    scene.wait_settled(JOB).await?;
    let before = scene.status(JOB).await?;
    refused_when_applied(scene).await?;

    let secret = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": WRONG_SECRET, "namespace": scene.place.namespace },
        "stringData": {
            "AWS_ACCESS_KEY_ID": scene.world.settings.s3_access_key,
            "AWS_SECRET_ACCESS_KEY": "not-the-secret-key",
        } });
    scene.apply_manifest(&secret).await?;
    let mistakes = mistakes(scene);
    for mistake in &mistakes {
        let mut job = manifest_of(scene, mistake.job);
        merge(&mut job, &mistake.wrong);
        scene.apply_manifest(&job).await?;
    }
    for Mistake { job, tells, .. } in &mistakes {
        let told = scene
            .wait_job(job, &format!("job {job} to tell {tells:?}"), |_, status| {
                let conditions = status.conditions.iter();
                let mut messages = conditions.map(|c| format!("{}: {}", c.reason, c.message));
                messages.find(|message| tells.iter().all(|part| message.contains(part)))
            })
            .await?;
        scene.note(format_args!("{job}: {told}"));
        ensure(!holds(&scene.status(job).await?, "Available"), || {
            format!("job {job} is available")
        })?;
    }
    for mistake in &mistakes {
        scene.patch(mistake.job, &mistake.mended).await?;
    }
    for mistake in &mistakes {
        scene.wait_available(mistake.job).await?;
    }
    scene.note("each runs once its mistake is mended");
    for mistake in &mistakes {
        let ns = scene.place.namespace.as_str();
        let no_savepoint = json!({ "spec": { "savepoints": { "onDelete": "None" } } });
        scene.patch(mistake.job, &no_savepoint).await?;
        let delete = ["-n", ns, "delete", "streamjob", mistake.job, "--timeout=80s"];
        scene.world.kubectl(&delete).await?;
    }

    let now = scene.status(JOB).await?;
    ensure(now.attempt == before.attempt, || "the job beside them was touched".to_owned())?;
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}

/// What the API server refuses with the schema and the rules of the CRD.
async fn refused_when_applied(scene: &Scene<'_>) -> Outcome {
    for (wrong, tells) in [
        (json!({ "spec": { "parallelism": 129 } }), "keyGroups"),
        (json!({ "spec": { "paralelism": 2 } }), "spec.paralelism"),
        (json!({ "spec": { "state": { "backend": "rocks" } } }), "rocksdb"),
        (json!({ "spec": { "checkpoint": { "interval": "soon" } } }), "spec.checkpoint.interval"),
    ] {
        let mut job = manifest_of(scene, "refused");
        merge(&mut job, &wrong);
        match scene.apply_manifest(&job).await {
            Ok(()) => return fail(format!("{wrong} was accepted")),
            Err(error) if error.to_string().contains(tells) => {}
            Err(error) => return fail(format!("{wrong}: «{tells}» is not in: {error}")),
        }
    }
    scene.note("parallelism, an unknown field, a backend, an interval: refused when applied");
    Ok(())
}

fn mistakes(scene: &Scene<'_>) -> Vec<Mistake> {
    let settings = &scene.world.settings;
    let s3 = |field: Value| json!({ "spec": { "state": { "storage": { "s3": field } } } });
    let inline = |text: &str| json!({ "spec": { "program": { "sql": { "inline": text } } } });
    let secret = |name: &str| s3(json!({ "auth": { "secretRef": { "name": name } } }));
    let syntax = own_statements(scene, "syntax");
    vec![
        Mistake {
            job: "syntax",
            wrong: inline(&syntax.replace("INSERT INTO", "INSERT INTOO")),
            tells: &["line", "column"],
            mended: inline(&syntax),
        },
        Mistake {
            job: "bucket",
            wrong: s3(json!({ "bucket": NO_BUCKET })),
            tells: &[NO_BUCKET, "does not exist"],
            mended: s3(json!({ "bucket": settings.bucket })),
        },
        Mistake {
            job: "credentials",
            wrong: secret(WRONG_SECRET),
            tells: &["SignatureDoesNotMatch"],
            mended: secret(SECRET),
        },
        Mistake {
            job: "secret",
            wrong: secret("no-such-secret"),
            tells: &["no-such-secret"],
            mended: secret(SECRET),
        },
        Mistake {
            job: "prefix",
            wrong: s3(json!({ "prefix": state_folder(&scene.place, JOB) })),
            tells: &[JOB, "prefix"],
            mended: s3(json!({ "prefix": state_folder(&scene.place, "prefix") })),
        },
    ]
}

/// A right manifest that writes into a folder of its own.
fn manifest_of(scene: &Scene<'_>, job: &str) -> Value {
    let mut manifest = stream_job(&scene.world.settings, &scene.place, &JobShape::new(job));
    manifest["spec"]["program"]["sql"]["inline"] = json!(own_statements(scene, job));
    manifest
}

/// Statements that write an output of the job's own, so that the one beside it is not disturbed.
fn own_statements(scene: &Scene<'_>, job: &str) -> String {
    let sql = statements(&scene.world.settings, &scene.place, Version::First);
    sql.replace("/out'", &format!("/{job}'"))
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value.clone(),
    }
}
