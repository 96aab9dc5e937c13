//! A job that is half done: some of its output is visible, the rest depends on what is durable.
//!
//! Every case gets a copy of the same one in a folder of its own, breaks something, and in the
//! end must come to the output of the undisturbed job.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use sabot_core::store::ObjectStore;
use sabot_core::{Stores, SystemClock};
use sabot_snapshot::{LoadedManifest, control, create_savepoint, load_manifest};
use sabot_snapshot::{S3Config, UriStores};
use sabot_types::OperationId;

use super::sabot::{Outcome, PATIENCE, Running, eventually, sabot};

/// The job: bids a second and auction, over six seconds.
pub(crate) const JOB: &str = "\
apiVersion: sabot.dev/v1alpha1
kind: StreamJob
metadata:
  name: prices
spec:
  parallelism: 2
  keyGroups: 16
  program:
    sql:
      inline: |
        CREATE TABLE bids (
          auction BIGINT,
          price BIGINT,
          ts TIMESTAMP(3),
          WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
        ) WITH ('connector' = 'nexmark', 'number-of-rows' = '60000', 'rows-per-second' = '0');
        CREATE TABLE results (at TIMESTAMP(3), auction BIGINT, bids BIGINT, price BIGINT)
        WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'json');
        INSERT INTO results
        SELECT window_start, auction, COUNT(*), SUM(price)
        FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' SECOND))
        GROUP BY window_start, window_end, auction;
  checkpoint:
    interval: 100ms
  state:
    storage:
      local:
        path: state
";

/// Files by their path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What the cases begin with.
struct Beginning {
    files: Files,
    results: Vec<String>,
    /// The latest checkpoint's manifest and the first of its segments.
    manifest: String,
    segment: String,
}

static BEGINNING: LazyLock<Beginning> = LazyLock::new(Beginning::make);

/// A folder with a half-done job.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// The job half done: `job.yaml`, `state`, `out`, and `savepoint`, one of the job.
    pub(crate) fn half_done() -> Self {
        let world = Self::empty();
        for (path, bytes) in &BEGINNING.files {
            world.write(path, bytes);
        }
        world
    }

    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path().join(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Starts `sabot` with arguments, separated by blanks.
    pub(crate) fn start(&self, args: &str) -> Running {
        Running::start(sabot(args), self.path())
    }

    /// Runs `sabot` to its end.
    pub(crate) fn sabot(&self, case: &str, args: &str) -> Outcome {
        self.start(args).wait(case)
    }

    /// Everything that must survive: checkpoints, savepoints and visible output.
    pub(crate) fn durable(&self) -> Files {
        let mut files = Files::new();
        for folder in ["state", "out", "savepoint"] {
            files.extend(read_all(self.path(), folder));
        }
        durable(files)
    }

    /// The objects of a folder, with the whole control record.
    pub(crate) fn objects(&self, folder: &str) -> Files {
        let mut files = read_all(self.path(), folder);
        files.retain(|path, _| !path.contains("/.sabot-"));
        files
    }

    /// The visible output, in order.
    pub(crate) fn results(&self) -> Vec<String> {
        let files = durable(read_all(self.path(), "out"));
        let mut lines: Vec<String> = files
            .values()
            .flat_map(|bytes| std::str::from_utf8(bytes).unwrap().lines().map(str::to_owned))
            .collect();
        lines.sort();
        lines
    }

    /// The output is that of the undisturbed job: complete, and nothing twice.
    pub(crate) fn is_complete(&self, case: &str) {
        let (found, expected) = (self.results(), &BEGINNING.results);
        assert_eq!(found.len(), expected.len(), "{case}: lines of output");
        assert!(&found == expected, "{case}: the output differs");
    }

    /// Runs the job of `job.yaml` with `flags` to its end, which must be the right one.
    pub(crate) fn completes(&self, case: &str, flags: &str) {
        self.sabot(case, &format!("run job.yaml{flags}")).succeeded(case);
        self.is_complete(case);
    }
}

/// The manifest of the latest checkpoint of [`World::half_done`].
pub(crate) fn latest_manifest() -> &'static str {
    &BEGINNING.manifest
}

/// A segment of that checkpoint.
pub(crate) fn latest_segment() -> &'static str {
    &BEGINNING.segment
}

/// The job with a source of `rows_per_second`; 0 for as fast as it can.
pub(crate) fn job(rows_per_second: u32) -> String {
    JOB.replace("'rows-per-second' = '0'", &format!("'rows-per-second' = '{rows_per_second}'"))
}

/// Without what may change at any time: locks, hidden output, and of the control record all but
/// the checkpoint that it names (an attempt that was refused may have been counted).
pub(crate) fn durable(mut files: Files) -> Files {
    files.retain(|path, _| !path.contains("/.sabot-") && !path.contains("_sabot-pending"));
    for (path, bytes) in &mut files {
        if path.ends_with("control.json")
            && let Ok(record) = serde_json::from_slice::<serde_json::Value>(bytes)
        {
            *bytes = format!("{} of {}", record["latest"], record["jobUid"]).into_bytes();
        }
    }
    files
}

fn read_all(root: &Path, folder: &str) -> Files {
    let mut files = Files::new();
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return files };
    for entry in entries {
        let path = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
        if root.join(&path).is_dir() {
            files.extend(read_all(root, &path));
        } else {
            match fs::read(root.join(&path)) {
                Ok(bytes) => drop(files.insert(path, bytes)),
                // A job that runs has given it another name since the folder was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => panic!("{path}: {error}"),
            }
        }
    }
    files
}

impl Beginning {
    fn make() -> Self {
        let undisturbed = World::empty();
        undisturbed.write("job.yaml", job(0));
        undisturbed.sabot("undisturbed", "run job.yaml").succeeded("undisturbed");

        let world = World::empty();
        world.write("job.yaml", job(20_000));
        let running = world.start("run job.yaml");
        let some = eventually(PATIENCE, || (!world.results().is_empty()).then_some(()));
        some.expect("the job has output");
        running.stop();
        running.wait("half done").succeeded("half done");
        // Once more, so slowly that nothing is emitted: then the latest checkpoint carries no
        // committable, in which the folder would be named.
        world.write("job.yaml", job(1));
        let running = world.start("run job.yaml");
        let checkpoint = || {
            let record = durable(read_all(world.path(), "state")).remove("state/control.json");
            record.filter(|record| String::from_utf8_lossy(record).contains("\"attempt\":2"))
        };
        eventually(PATIENCE, checkpoint).expect("the second attempt has a checkpoint");
        running.stop();
        running.wait("settled").succeeded("settled");
        world.write("job.yaml", job(0));

        let (manifest, segment) = world.take_savepoint();
        let results = undisturbed.results();
        assert!(world.results().len() < results.len(), "the job is only half done");
        let mut files = Files::new();
        for folder in ["state", "out", "savepoint"] {
            files.extend(read_all(world.path(), folder));
        }
        files.insert("job.yaml".to_owned(), world.read("job.yaml"));
        Self { files, results, manifest, segment }
    }
}

impl World {
    /// Makes `savepoint` of the latest checkpoint, whose manifest and first segment it names.
    fn take_savepoint(&self) -> (String, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let loaded = runtime.block_on(async {
            let (store, loaded) = latest(&self.path().join("state")).await;
            let id = OperationId::new("taken").unwrap();
            let clock = SystemClock::default();
            create_savepoint(&store, &clock, &id, &loaded.manifest).await.unwrap();
            loaded
        });
        fs::rename(self.path().join("state/savepoints/taken"), self.path().join("savepoint"))
            .unwrap();
        fs::remove_dir(self.path().join("state/savepoints")).unwrap();
        let manifest = &loaded.manifest;
        let key = sabot_snapshot::layout::checkpoint_manifest(manifest.attempt, manifest.epoch);
        (format!("state/{key}"), format!("state/{}", manifest.segments[0].key))
    }
}

async fn latest(state: &Path) -> (Arc<dyn ObjectStore>, LoadedManifest) {
    let stores = UriStores::new(S3Config::default());
    let store = stores.open(state.to_str().unwrap()).await.unwrap();
    let record = control::read(store.as_ref()).await.unwrap().unwrap().record;
    let loaded = load_manifest(&store, &stores, &record.latest.unwrap()).await.unwrap();
    (store, loaded)
}
