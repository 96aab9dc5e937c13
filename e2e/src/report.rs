//! What a run prints: each case with its budget, its findings, and what helps after a failure.

use std::fmt::Arguments;
use std::io::Write;

use crate::scene::Scene;

/// Characters of a line that are shown.
const WIDTH: usize = 600;

/// Prints a line at once.
pub(crate) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    // Nobody reads when the output is closed.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Prints what there is to see in a case's namespace and of the controller.
pub(crate) async fn explain(scene: &Scene<'_>) {
    let ns = scene.place.namespace.as_str();
    show(scene, "describe", &["-n", ns, "describe", "streamjobs"], 120).await;
    show(scene, "pods", &["-n", ns, "get", "pods,jobs", "-o", "wide"], 40).await;
    show(scene, "events", &["-n", ns, "get", "events", "--sort-by=.lastTimestamp"], 60).await;
    let pods = scene.world.kubectl(&["-n", ns, "get", "pods", "-o", "name"]).await;
    for pod in pods.unwrap_or_default().lines() {
        show(scene, pod, &["-n", ns, "logs", pod, "--tail=40"], 40).await;
        show(scene, "before", &["-n", ns, "logs", pod, "--previous", "--tail=20"], 20).await;
    }
    let controller = crate::install::NAMESPACE;
    let selector = crate::install::SELECTOR;
    let args = ["-n", controller, "logs", "-l", selector, "--tail=60", "--prefix"];
    show(scene, "controller", &args, 80).await;
}

async fn show(scene: &Scene<'_>, title: &str, args: &[&str], lines: usize) {
    let text = match scene.world.kubectl(args).await {
        Ok(text) => text,
        // There is no log of an earlier container, most of the time.
        Err(_) if title == "before" => return,
        Err(failure) => failure.0,
    };
    line(format_args!("  ---- {title}"));
    let all: Vec<&str> = text.lines().collect();
    for text in &all[all.len().saturating_sub(lines)..] {
        let short: String = text.chars().take(WIDTH).collect();
        line(format_args!("  | {short}"));
    }
}
