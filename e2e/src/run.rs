//! Runs the chosen cases one after the other and sums up.

use std::time::{Duration, Instant};

use crate::cases::{self, Case, Verdict};
use crate::expect::tallies;
use crate::failure::{Failure, Outcome, fail};
use crate::install;
use crate::output::Output;
use crate::producer::{self, Load};
use crate::report::{explain, line};
use crate::scene::Scene;
use crate::settings::Settings;
use crate::world::World;
use sabot_core::Stores;

/// A case that takes this many times its budget is ended.
const PATIENCE: u32 = 3;

/// Runs the chosen cases; whether all passed.
pub(crate) async fn run(chosen: &str, keep: bool) -> Outcome<bool> {
    let chosen = choose(chosen)?;
    let world = World::connect(Settings::from_env()?, keep).await?;
    let began = Instant::now();
    let installed = install::install(&world, "info").await;
    if let Err(failure) = installed {
        line(format_args!("installing the controller failed: {failure}"));
        let args = ["-n", install::NAMESPACE, "describe", "pods"];
        line(format_args!("{}", world.kubectl(&args).await.unwrap_or_default()));
        line(format_args!("0 passed, {} failed", chosen.len()));
        return Ok(false);
    }
    line(format_args!(
        "the controller was ready {:.1} s after helm",
        began.elapsed().as_secs_f64()
    ));
    let mut summary = Vec::new();
    let (mut passed, mut failed) = (0, 0);
    for case in chosen {
        let began = Instant::now();
        let result = one(&world, case).await;
        let seconds = began.elapsed().as_secs_f64();
        let verdict = match &result {
            Ok(Verdict::Passed) => {
                passed += 1;
                "passed".to_owned()
            }
            Ok(Verdict::Skipped(why)) => format!("skipped: {why}"),
            Err(failure) => {
                failed += 1;
                format!("FAILED: {failure}")
            }
        };
        let over = seconds > f64::from(case.budget_seconds);
        let over = if over { ", over budget" } else { "" };
        let text = format!(
            "case {} {}: {verdict} ({seconds:.1} s of {} s{over})",
            case.number, case.name, case.budget_seconds
        );
        line(format_args!("{text}"));
        summary.push(text);
    }
    if !world.keep && failed == 0 {
        install::uninstall(&world).await.unwrap_or_else(|failure| {
            line(format_args!("the controller was not removed: {failure}"));
        });
    }
    line(format_args!("\nsummary"));
    for text in summary {
        line(format_args!("  {text}"));
    }
    line(format_args!("{passed} passed, {failed} failed"));
    Ok(failed == 0)
}

async fn one(world: &World, case: &Case) -> Outcome<Verdict> {
    line(format_args!("\ncase {} {} (budget {} s)", case.number, case.name, case.budget_seconds));
    let scene = Scene::set(world, case.number).await?;
    let limit = Duration::from_secs(u64::from(case.budget_seconds * PATIENCE));
    let result = match tokio::time::timeout(limit, (case.run)(&scene)).await {
        Ok(result) => result,
        Err(_) => fail(format!("it did not end within {} s", limit.as_secs())),
    };
    if let Err(failure) = &result {
        line(format_args!("  failed: {failure}"));
        explain(&scene).await;
    }
    if !world.keep {
        let struck = tokio::time::timeout(limit, scene.strike()).await;
        let struck = struck.unwrap_or_else(|_| fail("it took too long"));
        if let Err(failure) = struck {
            line(format_args!("  the case left something behind: {failure}"));
        }
    }
    result
}

/// Reads `1,3,rotate` and `all`.
fn choose(text: &str) -> Outcome<Vec<&'static Case>> {
    let mut chosen: Vec<&Case> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let found: Vec<&Case> = match part {
            "all" => cases::ALL.iter().collect(),
            "rotate" => vec![rotating(&commit())],
            number => cases::ALL.iter().filter(|case| case.number.to_string() == number).collect(),
        };
        if found.is_empty() {
            return Err(Failure(format!(
                "there is no case {part:?}: give numbers of `sabot-e2e list`, `rotate` or `all`"
            )));
        }
        let new: Vec<&Case> = found
            .into_iter()
            .filter(|case| chosen.iter().all(|c| c.number != case.number))
            .collect();
        chosen.extend(new);
    }
    Ok(chosen)
}

/// One of the cases that are not always run; the same commit always has the same.
fn rotating(commit: &str) -> &'static Case {
    let others: Vec<&Case> =
        cases::ALL.iter().filter(|case| !matches!(case.number, 1 | 3 | 5)).collect();
    let digits: String = commit.chars().take(7).collect();
    let number = usize::from_str_radix(&digits, 16).unwrap_or(0);
    others[number % others.len()]
}

fn commit() -> String {
    let output = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Writes `records` records into each partition of a new topic.
pub(crate) async fn produce(topic: &str, records: u64, rate: u64) -> Outcome<bool> {
    let settings = Settings::from_env()?;
    producer::create_topic(&settings.kafka, topic).await?;
    let load = Load::start_bounded(&settings.kafka, topic, rate, records)?;
    let count = load.wait_end().await?;
    line(format_args!("{count} records and a last row are in each partition of {topic}"));
    Ok(true)
}

/// Compares the output below `uri` with what `records` records of each partition make.
pub(crate) async fn check(uri: &str, records: u64) -> Outcome<bool> {
    let world = World::connect(Settings::from_env()?, true).await?;
    let mut output = Output::new(world.stores.open(uri).await?);
    output.refresh().await?;
    output.compare(&tallies(&[records; 4]))?;
    line(format_args!("{} rows are there, each right", output.rows()));
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_chosen_by_number_once_each() {
        let numbers = |text: &str| -> Vec<u32> {
            choose(text).unwrap().iter().map(|case| case.number).collect()
        };
        assert_eq!(numbers("3,1,3"), [3, 1]);
        assert_eq!(numbers("all").len(), cases::ALL.len());
        assert!(choose("77").is_err());
        assert_eq!(rotating("0000001").number, rotating("0000001ff").number);
        assert!(!matches!(rotating("abcdef0").number, 1 | 3 | 5));
    }
}
