//! Waiting for a condition: always with a deadline, never just for time to pass.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What a look found.
pub(crate) enum Seen<T> {
    /// It holds.
    Done(T),
    /// Not yet; what there is instead, for the message when time runs out.
    NotYet(String),
}

/// Looks until it is done. A look that fails is tried again too: the server that it asks may be
/// the one that the case just killed.
pub(crate) async fn until<T, F>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> F,
) -> Outcome<T>
where
    F: Future<Output = Outcome<Seen<T>>>,
{
    let began = Instant::now();
    loop {
        let last = match tokio::time::timeout(limit, look()).await {
            Ok(Ok(Seen::Done(value))) => return Ok(value),
            Ok(Ok(Seen::NotYet(state))) => state,
            Ok(Err(error)) => format!("the last look failed: {error}"),
            Err(_) => "the last look did not end".to_owned(),
        };
        if began.elapsed() >= limit {
            let seconds = limit.as_secs_f64();
            return Err(Failure(format!("after {seconds:.0} s still waiting for {what}; {last}")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
