//! Flink's settings that change nothing here, and why.

/// Why a setting has no effect.
pub(super) fn without_effect(key: &str) -> Option<&'static str> {
    let whole = WITHOUT_EFFECT.iter().find(|(known, _)| *known == key);
    let family = || FAMILIES.iter().find(|(prefix, _)| key.starts_with(prefix));
    whole.or_else(family).map(|(_, why)| *why)
}

/// The single ones.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    WITHOUT_EFFECT.iter().map(|(key, _)| *key)
}

const ALWAYS_BATCHES: &str = "groups are always answered by the batch";
const NOTHING_ASKED: &str = "no operator waits for answers from outside";
const NO_BATCH_JOBS: &str = "it is for batch jobs";
const ONE_PLAN: &str = "statements have one plan";
const ON_KUBERNETES: &str = "on what a job runs is said by its StreamJob";

/// Settings, by their keys: those of Flink 2.2's tables, and some others whose reason is their own.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("pipeline.auto-watermark-interval", "watermarks come with the rows"),
    ("pipeline.generic-types", "no type is generic"),
    ("pipeline.object-reuse", "rows are never copied between operators"),
    ("pipeline.operator-chaining.enabled", "operators are chained wherever they can be"),
    ("table.builtin-catalog-name", "there are no catalogs beside the statements of a job"),
    ("table.builtin-database-name", "there are no catalogs beside the statements of a job"),
    (
        "table.catalog-modification.listeners",
        "there are no catalogs beside the statements of a job",
    ),
    ("table.catalog-store.kind", "there are no catalogs beside the statements of a job"),
    ("table.display.max-column-width", "there is no SQL client"),
    ("table.dml-sync", "the statements of a job run side by side"),
    ("table.exec.async-lookup.buffer-capacity", "lookup joins read their table whole"),
    ("table.exec.async-lookup.key-ordered-enabled", "lookup joins read their table whole"),
    ("table.exec.async-lookup.output-mode", "lookup joins read their table whole"),
    ("table.exec.async-lookup.timeout", "lookup joins read their table whole"),
    ("table.exec.async-ml-predict.max-concurrent-operations", NOTHING_ASKED),
    ("table.exec.async-ml-predict.output-mode", NOTHING_ASKED),
    ("table.exec.async-ml-predict.timeout", NOTHING_ASKED),
    ("table.exec.async-scalar.max-attempts", NOTHING_ASKED),
    ("table.exec.async-scalar.max-concurrent-operations", NOTHING_ASKED),
    ("table.exec.async-scalar.retry-delay", NOTHING_ASKED),
    ("table.exec.async-scalar.retry-strategy", NOTHING_ASKED),
    ("table.exec.async-scalar.timeout", NOTHING_ASKED),
    ("table.exec.async-state.enabled", NOTHING_ASKED),
    ("table.exec.async-table.max-concurrent-operations", NOTHING_ASKED),
    ("table.exec.async-table.max-retries", NOTHING_ASKED),
    ("table.exec.async-table.retry-delay", NOTHING_ASKED),
    ("table.exec.async-table.retry-strategy", NOTHING_ASKED),
    ("table.exec.async-table.timeout", NOTHING_ASKED),
    ("table.exec.async-vector-search.max-concurrent-operations", NOTHING_ASKED),
    ("table.exec.async-vector-search.output-mode", NOTHING_ASKED),
    ("table.exec.async-vector-search.timeout", NOTHING_ASKED),
    ("table.exec.deduplicate.insert-update-after-sensitive-enabled", ALWAYS_BATCHES),
    ("table.exec.deduplicate.mini-batch.compact-changes-enabled", ALWAYS_BATCHES),
    ("table.exec.delta-join.cache-enabled", ONE_PLAN),
    ("table.exec.delta-join.left.cache-size", ONE_PLAN),
    ("table.exec.delta-join.right.cache-size", ONE_PLAN),
    ("table.exec.disabled-operators", ONE_PLAN),
    ("table.exec.interval-join.min-cleanup-interval", "rows go when the watermark says so"),
    ("table.exec.local-hash-agg.adaptive.distinct-value-rate-threshold", NO_BATCH_JOBS),
    ("table.exec.local-hash-agg.adaptive.enabled", NO_BATCH_JOBS),
    ("table.exec.local-hash-agg.adaptive.sampling-threshold", NO_BATCH_JOBS),
    ("table.exec.mini-batch.allow-latency", ALWAYS_BATCHES),
    ("table.exec.mini-batch.enabled", ALWAYS_BATCHES),
    ("table.exec.mini-batch.size", ALWAYS_BATCHES),
    ("table.exec.operator-fusion-codegen.enabled", "no code is generated"),
    (
        "table.exec.rank.topn-cache-size",
        "memory is shared by spec.state.cacheSizeMb of the StreamJob",
    ),
    ("table.exec.resource.external-buffer-memory", NO_BATCH_JOBS),
    ("table.exec.resource.hash-agg.memory", NO_BATCH_JOBS),
    ("table.exec.resource.hash-join.memory", NO_BATCH_JOBS),
    ("table.exec.resource.sort.memory", NO_BATCH_JOBS),
    ("table.exec.simplify-operator-name-enabled", "operators are named by what they do"),
    ("table.exec.sink.keyed-shuffle", "rows reach a sink as its query sends them"),
    (
        "table.exec.sink.rowtime-inserter",
        "a kafka sink writes the timestamp that its metadata column has",
    ),
    ("table.exec.sink.upsert-materialize", "sinks take all changes"),
    (
        "table.exec.sink.upsert-materialize-strategy.adaptive.threshold.high",
        "sinks take all changes",
    ),
    (
        "table.exec.sink.upsert-materialize-strategy.adaptive.threshold.low",
        "sinks take all changes",
    ),
    ("table.exec.sink.upsert-materialize-strategy.type", "sinks take all changes"),
    ("table.exec.sort.async-merge-enabled", NO_BATCH_JOBS),
    ("table.exec.sort.default-limit", NO_BATCH_JOBS),
    ("table.exec.sort.max-num-file-handles", NO_BATCH_JOBS),
    ("table.exec.spill-compression.block-size", NO_BATCH_JOBS),
    ("table.exec.spill-compression.enabled", "state is kept by spec.state of the StreamJob"),
    ("table.exec.uid.format", "uids come from what an operator means"),
    ("table.exec.uid.generation", "uids come from what an operator means"),
    ("table.exec.unbounded-over.version", ONE_PLAN),
    (
        "table.exec.window-agg.buffer-size-limit",
        "memory is shared by spec.state.cacheSizeMb of the StreamJob",
    ),
    ("table.generated-code.max-length", "no code is generated"),
    ("table.generated-code.max-members", "no code is generated"),
    ("table.optimizer.adaptive-broadcast-join.strategy", ONE_PLAN),
    ("table.optimizer.agg-phase-strategy", ONE_PLAN),
    ("table.optimizer.bushy-join-reorder-threshold", ONE_PLAN),
    ("table.optimizer.delta-join.strategy", ONE_PLAN),
    ("table.optimizer.distinct-agg.split.bucket-num", ONE_PLAN),
    ("table.optimizer.distinct-agg.split.enabled", ONE_PLAN),
    ("table.optimizer.dynamic-filtering.enabled", ONE_PLAN),
    ("table.optimizer.incremental-agg-enabled", ONE_PLAN),
    ("table.optimizer.join-reorder-enabled", ONE_PLAN),
    ("table.optimizer.join.broadcast-threshold", ONE_PLAN),
    ("table.optimizer.multi-join.enabled", ONE_PLAN),
    ("table.optimizer.multiple-input-enabled", ONE_PLAN),
    (
        "table.optimizer.non-deterministic-update.strategy",
        "what changes by itself is refused where a row that goes would differ from the one that came",
    ),
    ("table.optimizer.ptf.max-tables", ONE_PLAN),
    ("table.optimizer.reuse-optimize-block-with-digest-enabled", ONE_PLAN),
    ("table.optimizer.reuse-sink-enabled", ONE_PLAN),
    ("table.optimizer.reuse-source-enabled", ONE_PLAN),
    ("table.optimizer.reuse-sub-plan-enabled", ONE_PLAN),
    ("table.optimizer.runtime-filter.enabled", ONE_PLAN),
    ("table.optimizer.runtime-filter.max-build-data-size", ONE_PLAN),
    ("table.optimizer.runtime-filter.min-filter-ratio", ONE_PLAN),
    ("table.optimizer.runtime-filter.min-probe-data-size", ONE_PLAN),
    ("table.optimizer.skewed-join-optimization.skewed-factor", ONE_PLAN),
    ("table.optimizer.skewed-join-optimization.skewed-threshold", ONE_PLAN),
    ("table.optimizer.skewed-join-optimization.strategy", ONE_PLAN),
    ("table.optimizer.source.report-statistics-enabled", ONE_PLAN),
    ("table.optimizer.sql2rel.project-merge.enabled", ONE_PLAN),
    ("table.optimizer.union-all-as-breakpoint-enabled", ONE_PLAN),
    (
        "table.plan.compile.catalog-objects",
        "a plan is made again from the statements, and state is found by uids",
    ),
    (
        "table.plan.force-recompile",
        "a plan is made again from the statements, and state is found by uids",
    ),
    (
        "table.plan.restore.catalog-objects",
        "a plan is made again from the statements, and state is found by uids",
    ),
    ("table.resources.download-dir", "there are no catalogs beside the statements of a job"),
    ("table.rtas-ctas.atomicity-enabled", "there are no catalogs beside the statements of a job"),
];

/// Groups of settings, by what their keys begin with.
const FAMILIES: &[(&str, &str)] = &[
    ("classloader.", "nothing is loaded at run time"),
    ("client.", ON_KUBERNETES),
    ("cluster.", ON_KUBERNETES),
    ("blob.", ON_KUBERNETES),
    ("env.", ON_KUBERNETES),
    ("execution.batch", NO_BATCH_JOBS),
    ("execution.sort", NO_BATCH_JOBS),
    ("execution.buffer-timeout", "batches are passed on as spec.performance of the StreamJob says"),
    ("execution.", ON_KUBERNETES),
    ("fs.", "where objects lie is said by spec.state.storage of the StreamJob"),
    ("heartbeat.", ON_KUBERNETES),
    ("high-availability", ON_KUBERNETES),
    ("jobmanager.", ON_KUBERNETES),
    ("kubernetes.", ON_KUBERNETES),
    ("metrics.", "metrics are said by spec.monitoring of the StreamJob"),
    ("pekko.", ON_KUBERNETES),
    ("pipeline.", "a job is its statements"),
    ("rest.", ON_KUBERNETES),
    ("restart-strategy", "a job is restarted from its last checkpoint"),
    ("s3.", "where objects lie is said by spec.state.storage of the StreamJob"),
    ("security.", ON_KUBERNETES),
    ("slotmanager.", ON_KUBERNETES),
    ("sql-client.", "there is no SQL client"),
    ("taskmanager.", ON_KUBERNETES),
    ("web.", ON_KUBERNETES),
    ("yarn.", ON_KUBERNETES),
];
