//! Runs the commands that a user would run: kubectl, helm, and the cluster's own levers.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::failure::{Outcome, fail};

/// Runs a command and returns what it printed.
pub(crate) async fn run(program: &str, args: &[&str], limit: Duration) -> Outcome<String> {
    run_with(program, args, "", limit).await
}

/// The same, with text on its standard input.
pub(crate) async fn run_with(
    program: &str,
    args: &[&str],
    input: &str,
    limit: Duration,
) -> Outcome<String> {
    let shown = format!("{program} {}", args.join(" "));
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let Ok(output) = tokio::time::timeout(limit, child.wait_with_output()).await else {
        return fail(format!("{shown} did not end within {} s", limit.as_secs()));
    };
    let output = output?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    fail(format!("{shown} failed with {}: {}{}", output.status, errors.trim(), text.trim()))
}
