//! Logs: text for people, JSON lines for pods.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Overrides the level; a filter such as `info,sabot_worker=debug`.
const FILTER: &str = "SABOT_LOG";
/// `json` for JSON lines.
const FORMAT: &str = "SABOT_LOG_FORMAT";

/// Logs to standard error from `level` on (`SABOT_LOG` wins).
pub fn init(level: &str) {
    let filter = std::env::var(FILTER)
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(quieted(level)));
    let registry = tracing_subscriber::registry().with(filter);
    // A logger that is there already (in a test) is kept.
    let _ = if std::env::var(FORMAT).is_ok_and(|format| format == "json") {
        let json = layer().json().flatten_event(true).with_writer(std::io::stderr);
        registry.with(json).try_init()
    } else {
        registry.with(layer().with_target(false).with_writer(std::io::stderr)).try_init()
    };
}

/// Libraries say what is going on inside of them only when they are asked by name.
fn quieted(level: &str) -> String {
    match level {
        "debug" | "trace" => format!(
            "{level},hyper=info,h2=info,tower=info,tonic=info,rustls=info,aws_config=info,\
             aws_smithy_runtime=info,aws_smithy_runtime_api=info,aws_sdk_s3=info,\
             hyper_util=info,datafusion_optimizer=info"
        ),
        _ => level.to_owned(),
    }
}
