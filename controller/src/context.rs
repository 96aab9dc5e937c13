//! What every reconciliation shares.

use kube::Client;
use kube::runtime::events::Recorder;

use crate::coordinator;
use crate::failpoint::Failpoints;
use crate::metrics::Metrics;

/// What every reconciliation shares.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The jobs' coordinators.
    pub coordinators: coordinator::Client,
    /// Publishes events.
    pub recorder: Recorder,
    /// Counts.
    pub metrics: Metrics,
    /// Where tests let the controller die.
    pub failpoints: Failpoints,
    /// The image of jobs that name none.
    pub default_image: String,
}
