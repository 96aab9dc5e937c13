//! The binary: started without the caller's environment, never left running, judged by what it
//! says.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A command that is not done by then hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) printed: String,
    /// Standard error.
    pub(crate) said: String,
}

impl Outcome {
    /// It failed with `code`, and said where and what to do.
    pub(crate) fn refused(&self, case: &str, code: i32, says: &[&str]) {
        assert!(!self.said.contains("panicked at"), "{case}: {}", self.said);
        assert_eq!(self.code, Some(code), "{case}: {}", self.said);
        // Progress and warnings may come first.
        let lines = self.said.lines().skip_while(|line| !line.starts_with("error: "));
        let error = lines.collect::<Vec<_>>().join("\n");
        for text in says {
            assert!(error.contains(text), "{case}: not {text:?} in the error, but: {}", self.said);
        }
    }

    /// It did what it should.
    pub(crate) fn succeeded(&self, case: &str) {
        assert!(!self.said.contains("panicked at"), "{case}: {}", self.said);
        assert_eq!(self.code, Some(0), "{case}: {}", self.said);
    }
}

/// A command that runs; it is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: std::path::PathBuf,
    stderr: std::path::PathBuf,
}

impl Running {
    /// Runs `command` in `folder`. Its output goes into files there, which fill without end.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let stdout = folder.join(format!("stdout-{number}"));
        let stderr = folder.join(format!("stderr-{number}"));
        command
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        // The dynamic linker needs what it needed to start the test.
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        Self { child: command.spawn().unwrap(), stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as Ctrl-C does.
    pub(crate) fn stop(&self) {
        let kill = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.id())).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self, case: &str) -> Outcome {
        let ended = eventually(PATIENCE, || self.child.try_wait().unwrap());
        let said = std::fs::read_to_string(&self.stderr).unwrap();
        let ended = ended.unwrap_or_else(|| panic!("{case}: it hangs, and said: {said}"));
        let printed = std::fs::read_to_string(&self.stdout).unwrap();
        Outcome { code: ended.code(), printed, said }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails when the child has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `sabot` with arguments, separated by blanks.
pub(crate) fn sabot(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    command.args(args.split(' '));
    command
}

/// Asks again and again until there is an answer; none when the time is up.
pub(crate) fn eventually<T>(within: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + within;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
