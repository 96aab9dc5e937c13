//! The pod's metrics page and health figures, from the counters that subtasks bump.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use sabot_core::metrics::{LATENCY_BOUNDS_SECONDS, Latency, OperatorMetrics};
use sabot_core::plan::NodeKind;
use sabot_types::{Attempt, EventTime};

/// The counters of all operators of this pod.
#[derive(Debug, Default)]
pub struct PodMetrics {
    operators: Mutex<BTreeMap<String, Operator>>,
    /// The attempt that the counters belong to.
    attempt: AtomicU64,
    /// Bytes of the pod's state backends.
    pub state_bytes: AtomicU64,
    /// The state backend's name.
    backend: Mutex<&'static str>,
    /// Slots that have work.
    pub active_slots: AtomicU64,
    /// Snapshots that this pod made durable, and their duration and bytes.
    pub snapshots: Snapshots,
}

/// What is known of the pod's own parts of checkpoints.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// Durable parts.
    pub completed: AtomicU64,
    /// Parts that failed.
    pub failed: AtomicU64,
    /// Bytes of the last segment.
    pub last_bytes: AtomicU64,
    /// When the last one was durable, milliseconds since the Unix epoch.
    pub last_ms: AtomicI64,
}

#[derive(Debug)]
struct Operator {
    role: Role,
    subtasks: Vec<Arc<OperatorMetrics>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Source,
    Inner,
    Sink,
}

type LatencyCounts = [u64; LATENCY_BOUNDS_SECONDS.len() + 1];

/// The pod's figures at one moment.
#[derive(Debug, Clone, Default)]
pub struct PodStatus {
    /// Rows that sources have read in this attempt.
    pub rows_read: u64,
    /// Rows that sinks have taken in this attempt.
    pub rows_written: u64,
    /// Rows dropped as late.
    pub rows_late: u64,
    /// Rows skipped as malformed.
    pub rows_malformed: u64,
    /// The lowest watermark of the sources.
    pub source_watermark: Option<EventTime>,
    /// The lowest watermark of the sinks.
    pub sink_watermark: Option<EventTime>,
    /// Operators that run here.
    pub active_agents: u64,
    /// How old rows are when sinks have taken them: how many were in each of
    /// [`LATENCY_BOUNDS_SECONDS`], and in none.
    pub ages: LatencyCounts,
    /// What a subtask tries again and again, and why.
    pub trouble: Option<String>,
}

impl PodMetrics {
    /// Starts over for an attempt.
    pub fn begin(&self, attempt: Attempt) {
        self.attempt.store(attempt.get(), Ordering::Relaxed);
        self.lock().clear();
    }

    /// Names the state backend.
    pub fn set_backend(&self, name: &'static str) {
        *self.backend.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// The counters of one more subtask of an operator.
    pub fn operator(&self, name: &str, kind: &NodeKind) -> Arc<OperatorMetrics> {
        let role = match kind {
            NodeKind::Source(_) => Role::Source,
            NodeKind::Sink(_) => Role::Sink,
            _ => Role::Inner,
        };
        let metrics = Arc::new(OperatorMetrics::default());
        let mut operators = self.lock();
        let entry = operators
            .entry(name.to_string())
            .or_insert_with(|| Operator { role, subtasks: Vec::new() });
        entry.subtasks.push(Arc::clone(&metrics));
        metrics
    }

    /// The figures now.
    pub fn status(&self) -> PodStatus {
        let mut status = PodStatus::default();
        let operators = self.lock();
        status.active_agents = operators.len() as u64;
        for operator in operators.values() {
            if operator.role == Role::Sink {
                for (total, count) in status.ages.iter_mut().zip(operator.read(|m| &m.age).0) {
                    *total += count;
                }
            }
            for m in &operator.subtasks {
                status.rows_late += OperatorMetrics::get(&m.rows_late);
                status.rows_malformed += OperatorMetrics::get(&m.rows_malformed);
                status.trouble = status.trouble.take().or_else(|| m.trouble());
                match operator.role {
                    Role::Source => {
                        status.rows_read += OperatorMetrics::get(&m.rows_in);
                        lower(&mut status.source_watermark, m.watermark());
                    }
                    Role::Sink => {
                        status.rows_written += OperatorMetrics::get(&m.rows_in);
                        lower(&mut status.sink_watermark, m.watermark());
                    }
                    Role::Inner => {}
                }
            }
        }
        status
    }

    /// The pod's metrics, for a page that is encoded by `prometheus`.
    pub fn families(&self, now_ms: i64) -> Vec<MetricFamily> {
        let backend = *self.backend.lock().unwrap_or_else(PoisonError::into_inner);
        let operators = self.lock();
        let gauge = |a: &AtomicU64| a.load(Ordering::Relaxed) as f64;
        let mut families = vec![
            events(&operators),
            latency(&operators),
            age(&operators),
            state_operations(&operators, backend),
            watermark_lag(&operators, now_ms),
            backpressure(&operators),
        ];
        for (name, help, value) in [
            ("sabot_active_agents", "Operators that run in this pod.", operators.len() as f64),
            ("sabot_state_bytes", "Bytes of this pod's state.", gauge(&self.state_bytes)),
            ("sabot_attempt", "The running attempt.", gauge(&self.attempt)),
        ] {
            families.push(family(name, help, MetricType::GAUGE, vec![gauge_of(&[], value)]));
        }
        families
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Operator>> {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lower(low: &mut Option<EventTime>, watermark: EventTime) {
    *low = Some(low.map_or(watermark, |low| low.min(watermark)));
}

impl Operator {
    fn sum(&self, counter: fn(&OperatorMetrics) -> &AtomicU64) -> u64 {
        self.subtasks.iter().map(|m| OperatorMetrics::get(counter(m))).sum()
    }
}

type Operators = BTreeMap<String, Operator>;

fn events(operators: &Operators) -> MetricFamily {
    let mut metrics = Vec::new();
    for (name, operator) in operators {
        for (status, value) in [
            ("ok", operator.sum(|m| &m.rows_in)),
            ("late", operator.sum(|m| &m.rows_late)),
            ("malformed", operator.sum(|m| &m.rows_malformed)),
        ] {
            metrics.push(counter_of(&[("agent", name), ("status", status)], value as f64));
        }
    }
    let help = "Rows by operator and outcome.";
    family("sabot_events_processed_total", help, MetricType::COUNTER, metrics)
}

fn latency(operators: &Operators) -> MetricFamily {
    let metrics =
        operators.iter().map(|(name, operator)| operator.histogram(name, |m| &m.latency)).collect();
    let help = "Time that a batch takes in an operator and those chained behind it.";
    family("sabot_event_latency_seconds", help, MetricType::HISTOGRAM, metrics)
}

fn age(operators: &Operators) -> MetricFamily {
    let sinks = operators.iter().filter(|(_, operator)| operator.role == Role::Sink);
    let metrics = sinks.map(|(name, operator)| operator.histogram(name, |m| &m.age)).collect();
    let help = "Age of rows when a sink has taken them, since they were there for their source.";
    family("sabot_sink_latency_seconds", help, MetricType::HISTOGRAM, metrics)
}

fn state_operations(operators: &Operators, backend: &str) -> MetricFamily {
    let reads: u64 = operators.values().map(|o| o.sum(|m| &m.state_reads)).sum();
    let writes: u64 = operators.values().map(|o| o.sum(|m| &m.state_writes)).sum();
    let of = |operation, value: u64| {
        counter_of(&[("operation", operation), ("backend", backend)], value as f64)
    };
    let metrics = vec![of("read", reads), of("write", writes)];
    let help = "Rows read from and written to the state backend.";
    family("sabot_state_operations_total", help, MetricType::COUNTER, metrics)
}

fn watermark_lag(operators: &Operators, now_ms: i64) -> MetricFamily {
    let mut metrics = Vec::new();
    for (name, operator) in operators {
        let low = operator.subtasks.iter().map(|m| m.watermark()).min();
        if let Some(low) = low.filter(|w| *w > EventTime::MIN && *w < EventTime::MAX) {
            metrics.push(gauge_of(&[("agent", name)], (now_ms - low.millis()) as f64 / 1e3));
        }
    }
    family("sabot_watermark_lag_seconds", "Wall clock minus watermark.", MetricType::GAUGE, metrics)
}

fn backpressure(operators: &Operators) -> MetricFamily {
    let seconds = |operator: &Operator| operator.sum(|m| &m.backpressure_nanos) as f64 / 1e9;
    let metrics =
        operators.iter().map(|(name, o)| counter_of(&[("agent", name)], seconds(o))).collect();
    let help = "Time in which output waited for room downstream.";
    family("sabot_backpressure_seconds_total", help, MetricType::COUNTER, metrics)
}

impl Operator {
    /// What the subtasks' histograms have together.
    fn read(&self, of: fn(&OperatorMetrics) -> &Latency) -> (LatencyCounts, f64) {
        let (mut counts, mut sum) = (LatencyCounts::default(), 0.0);
        for metrics in &self.subtasks {
            let (each, seconds) = of(metrics).read();
            sum += seconds;
            for (total, count) in counts.iter_mut().zip(each) {
                *total += count;
            }
        }
        (counts, sum)
    }

    fn histogram(&self, agent: &str, of: fn(&OperatorMetrics) -> &Latency) -> Metric {
        let (counts, sum) = self.read(of);
        let mut cumulative = 0;
        let mut buckets = Vec::new();
        for (bound, count) in LATENCY_BOUNDS_SECONDS.iter().zip(counts) {
            cumulative += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(cumulative);
            buckets.push(bucket);
        }
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(sum);
        let mut metric = labelled(&[("agent", agent)]);
        metric.set_histogram(histogram);
        metric
    }
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_string());
    family.set_help(help.to_string());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labelled(labels: &[(&str, &str)]) -> Metric {
    let pairs = labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_string());
        pair.set_value((*value).to_string());
        pair
    });
    Metric::from_label(pairs.collect())
}

fn gauge_of(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = labelled(labels);
    metric.set_gauge(gauge);
    metric
}

fn counter_of(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}
