//! Windows of processing time: the operator's clock in place of row times and watermarks.
//!
//! Rows get the time at which they come, so that they are never late; windows fire when the clock
//! has passed their end. What the operator emits is a stream with a row time (`window_time`) and
//! watermarks like any other: those follow the clock. The watermarks of the input say nothing
//! here, but for the last one: at the end of the input the windows that are open fire, since no
//! row must be lost.

use sabot_types::EventTime;

/// The time of rows that come at `now_ms`: behind what has fired, even where a clock goes back or
/// another machine's was ahead.
pub(super) fn after(now_ms: i64, fired: EventTime) -> i64 {
    now_ms.max(fired.millis().saturating_add(1))
}

/// Whether a watermark of the input is the last one.
pub(super) fn is_end(watermark: EventTime) -> bool {
    watermark == EventTime::MAX
}
