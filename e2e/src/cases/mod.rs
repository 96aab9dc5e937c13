//! The cases, one a file.

mod bad_image;
mod bad_input;
mod controller_killed;
mod install;
mod kills;
mod large_state;
mod lifecycle;
mod power_cut;
mod rescale;
mod store_away;
mod upgrade;

use futures::future::BoxFuture;

use crate::failure::Outcome;
use crate::scene::Scene;

/// How a case ended that did not fail.
pub(crate) enum Verdict {
    /// Everything was right.
    Passed,
    /// It cannot run here, and why.
    Skipped(String),
}

/// What a case does in its scene.
type Run = for<'a> fn(&'a Scene<'a>) -> BoxFuture<'a, Outcome<Verdict>>;

/// A case.
pub(crate) struct Case {
    /// Its number, for `--cases`.
    pub(crate) number: u32,
    /// What it does.
    pub(crate) name: &'static str,
    /// How long it should take on two cores.
    pub(crate) budget_seconds: u32,
    /// Does it.
    pub(crate) run: Run,
}

const fn case(number: u32, name: &'static str, budget_seconds: u32, run: Run) -> Case {
    Case { number, name, budget_seconds, run }
}

/// All cases.
pub(crate) static ALL: &[Case] = &[
    case(1, "install, apply, Available, metrics, controller upgrade", 120, |s| {
        Box::pin(install::run(s))
    }),
    case(2, "kill -9 of a worker and of pod 0, forced deletion", 120, |s| Box::pin(kills::run(s))),
    case(3, "upgrade keeps state, an added aggregate is refused", 120, |s| {
        Box::pin(upgrade::run(s))
    }),
    case(4, "rescale 1 to 3 to 2 under load", 120, |s| Box::pin(rescale::run(s))),
    case(5, "the controller is killed at every effect of an upgrade", 300, |s| {
        Box::pin(controller_killed::run(s))
    }),
    case(6, "S3 is away for 20 s", 120, |s| Box::pin(store_away::run(s))),
    case(7, "a bad image is rolled back", 150, |s| Box::pin(bad_image::run(s))),
    case(8, "suspend, resume, delete, restore elsewhere", 150, |s| Box::pin(lifecycle::run(s))),
    case(9, "power cut of a node", 150, |s| Box::pin(power_cut::run(s))),
    case(10, "upgrade, rescale and kill with a million keys", 240, |s| {
        Box::pin(large_state::run(s))
    }),
    case(11, "mistakes are refused or told, and run once mended", 180, |s| {
        Box::pin(bad_input::run(s))
    }),
];
