//! The coordinator's part of the metrics page, and the page's text.

use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};
use sabot_api::{JobState, JobView};

/// The job's metrics; `now_ms` is the wall clock.
pub fn families(view: &JobView, now_ms: i64) -> Vec<MetricFamily> {
    let running = view.state == JobState::Running;
    let mut families = vec![
        counter(
            "sabot_checkpoints_completed_total",
            "Checkpoints that this coordinator completed.",
            view.checkpoints_completed as f64,
        ),
        gauge(
            "sabot_checkpoints_failed_in_row",
            "Checkpoints that failed since the last success.",
            f64::from(view.checkpoints_failed_in_row),
        ),
        counter(
            "sabot_restarts_total",
            "Attempts that failed and were followed by another.",
            f64::from(view.restarts),
        ),
        gauge("sabot_job_running", "1 while the job processes.", f64::from(u8::from(running))),
    ];
    if let Some(checkpoint) = &view.checkpoint {
        let age_ms = now_ms - checkpoint.completed_at_ms;
        families.extend([
            gauge(
                "sabot_checkpoint_duration_seconds",
                "From trigger to publication of the last checkpoint.",
                checkpoint.duration_ms as f64 / 1e3,
            ),
            gauge(
                "sabot_checkpoint_size_bytes",
                "Bytes of the last checkpoint.",
                checkpoint.size_bytes as f64,
            ),
            gauge(
                "sabot_checkpoint_age_seconds",
                "Since the last checkpoint was published.",
                age_ms as f64 / 1e3,
            ),
            gauge(
                "sabot_checkpoint_epoch",
                "Epoch of the last checkpoint.",
                checkpoint.manifest.epoch().get() as f64,
            ),
        ]);
    }
    families
}

/// The page in the Prometheus text format; families without metrics are left out.
pub fn page(families: &[MetricFamily]) -> String {
    let full: Vec<MetricFamily> =
        families.iter().filter(|family| !family.get_metric().is_empty()).cloned().collect();
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&full, &mut text) {
        tracing::error!(%error, "the metrics page could not be written");
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn gauge(name: &str, help: &str, value: f64) -> MetricFamily {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    family(name, help, MetricType::GAUGE, Metric::from_gauge(gauge))
}

fn counter(name: &str, help: &str, value: f64) -> MetricFamily {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = Metric::default();
    metric.set_counter(counter);
    family(name, help, MetricType::COUNTER, metric)
}

fn family(name: &str, help: &str, kind: MetricType, metric: Metric) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_string());
    family.set_help(help.to_string());
    family.set_field_type(kind);
    family.set_metric(vec![metric]);
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_type_and_value() {
        let page = page(&[gauge("sabot_x", "An x.", 1.5)]);
        assert_eq!(page, "# HELP sabot_x An x.\n# TYPE sabot_x gauge\nsabot_x 1.5\n");
    }
}
