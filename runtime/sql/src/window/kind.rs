//! What windows are called, in uids and for people, and how they go on.

use sabot_core::plan::{Steps, Window};

use crate::settings::duration_text;

/// The window's name in uids, over the row-time that `path` names.
pub(crate) fn uid_name(window: Window, path: &str) -> String {
    let steps = |name: &str, Steps { step_ms, size_ms, offset_ms }: Steps| {
        format!("{name}({path},{step_ms},{size_ms},{offset_ms})")
    };
    match window {
        Window::Tumble { size_ms, offset_ms } => format!("tumble({path},{size_ms},{offset_ms})"),
        Window::Hop(s) => steps("hop", s),
        Window::Cumulate(s) => steps("cumulate", s),
        Window::HopResults(s) => steps("hop-results", s),
        Window::CumulateResults(s) => steps("cumulate-results", s),
        Window::Session { gap_ms } => format!("session({path},{gap_ms})"),
    }
}

/// The window for people, such as `hop 2 s/10 s`.
pub(crate) fn title(window: Window) -> String {
    let steps = |name: &str, Steps { step_ms, size_ms, .. }: Steps| {
        format!("{name} {}/{}", duration_text(step_ms), duration_text(size_ms))
    };
    match window {
        Window::Tumble { size_ms, .. } => format!("tumble {}", duration_text(size_ms)),
        Window::Hop(s) => steps("hop", s),
        Window::Cumulate(s) => steps("cumulate", s),
        Window::HopResults(s) => steps("results of hop", s),
        Window::CumulateResults(s) => steps("results of cumulate", s),
        Window::Session { gap_ms } => format!("session {}", duration_text(gap_ms)),
    }
}

/// By how much the windows are shifted; 0 for most.
pub(crate) fn offset_ms(window: Window) -> i64 {
    match window {
        Window::Tumble { offset_ms, .. } => offset_ms,
        Window::Hop(s)
        | Window::Cumulate(s)
        | Window::HopResults(s)
        | Window::CumulateResults(s) => s.offset_ms,
        Window::Session { .. } => 0,
    }
}

/// The windows that results of `window` carry on; none where a result's time alone does not tell
/// its window.
pub(crate) fn results_of(window: Window) -> Option<Window> {
    match window {
        Window::Tumble { .. } | Window::HopResults(_) | Window::CumulateResults(_) => Some(window),
        Window::Hop(steps) => {
            // A window's end tells it: where sizes are no multiple of the step, ends lie elsewhere
            // than begins.
            let offset_ms = (steps.offset_ms + steps.size_ms).rem_euclid(steps.step_ms);
            Some(Window::HopResults(Steps { offset_ms, ..steps }))
        }
        Window::Cumulate(steps) => Some(Window::CumulateResults(steps)),
        Window::Session { .. } => None,
    }
}

/// The function, where a row's window cannot be computed from the row alone.
pub(super) fn expanding(window: Window) -> Option<&'static str> {
    match window {
        Window::Hop(_) => Some("HOP"),
        Window::Cumulate(_) => Some("CUMULATE"),
        Window::Session { .. } => Some("SESSION"),
        Window::Tumble { .. } | Window::HopResults(_) | Window::CumulateResults(_) => None,
    }
}
