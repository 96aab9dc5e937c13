//! The controller's counters, for Prometheus.

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    TextEncoder,
};
use sabot_crds::{OperationRecord, OperationResult, OperationType};

/// Two metrics have one name; a bug.
pub type Error = prometheus::Error;

/// The controller's counters.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    reconcile_duration: Histogram,
    reconcile_errors: IntCounter,
    operations: IntCounterVec,
    downtime: HistogramVec,
}

impl Metrics {
    /// Counters that start at zero.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let reconcile_duration = Histogram::with_opts(
            HistogramOpts::new(
                "sabot_reconcile_duration_seconds",
                "Time that a reconciliation of a job took.",
            )
            .buckets(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
        )?;
        let reconcile_errors = IntCounter::new(
            "sabot_reconcile_errors_total",
            "Reconciliations that ended with an error and are tried again.",
        )?;
        let operations = IntCounterVec::new(
            Opts::new("sabot_operations_total", "Operations that have ended."),
            &["type", "result"],
        )?;
        let downtime = HistogramVec::new(
            HistogramOpts::new(
                "sabot_job_downtime_seconds",
                "Time that an operation kept a job from processing.",
            )
            .buckets(vec![0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 30.0, 60.0, 300.0]),
            &["operation"],
        )?;
        registry.register(Box::new(reconcile_duration.clone()))?;
        registry.register(Box::new(reconcile_errors.clone()))?;
        registry.register(Box::new(operations.clone()))?;
        registry.register(Box::new(downtime.clone()))?;
        Ok(Self { registry, reconcile_duration, reconcile_errors, operations, downtime })
    }

    /// Notes a reconciliation.
    pub fn reconciled(&self, seconds: f64, failed: bool) {
        self.reconcile_duration.observe(seconds);
        if failed {
            self.reconcile_errors.inc();
        }
    }

    /// Notes an operation that has ended.
    pub fn operation_ended(&self, record: &OperationRecord) {
        self.operation(record.kind, record.result);
        if let Some(millis) = record.downtime_ms {
            let operation = format!("{:?}", record.kind);
            self.downtime.with_label_values(&[&operation]).observe(millis as f64 / 1000.0);
        }
    }

    /// Counts one operation.
    pub fn operation(&self, kind: OperationType, result: OperationResult) {
        let (kind, result) = (format!("{kind:?}"), format!("{result:?}"));
        self.operations.with_label_values(&[&kind, &result]).inc();
    }

    /// All counters, as Prometheus reads them.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if TextEncoder::new().encode(&self.registry.gather(), &mut text).is_err() {
            return String::new();
        }
        String::from_utf8(text).unwrap_or_default()
    }
}
