package dev.sabot.flink;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** Flink in this process, with the settings under which it is measured. */
final class Cluster implements AutoCloseable {
    private final Configuration settings;
    private final MiniCluster cluster;

    /** Everything that is written goes below `folder`. */
    Cluster(Path folder, int parallelism, String backend) throws Exception {
        settings = new Configuration();
        set("parallelism.default", parallelism);
        set("state.backend.type", backend);
        set("execution.checkpointing.interval", "1 s");
        set("execution.checkpointing.mode", "EXACTLY_ONCE");
        set("execution.checkpointing.incremental", true);
        set("execution.checkpointing.checkpoints-after-tasks-finish", false);
        set("execution.checkpointing.storage", "filesystem");
        set("execution.checkpointing.dir", Files.createDirectories(folder.resolve("checkpoints")).toUri());
        set("io.tmp.dirs", Files.createDirectories(folder.resolve("io")));
        set("taskmanager.memory.managed.size", "2 gb");
        set("restart-strategy.type", "none");
        set("pipeline.object-reuse", true);
        set("table.exec.mini-batch.enabled", true);
        set("table.exec.mini-batch.allow-latency", "2 s");
        set("table.exec.mini-batch.size", 50_000);
        set("table.optimizer.distinct-agg.split.enabled", true);
        set("table.exec.source.idle-timeout", "1 s");
        set("table.local-time-zone", "UTC");
        cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
                .setConfiguration(settings)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(parallelism)
                .withRandomPorts()
                .build());
        cluster.start();
    }

    private void set(String key, Object value) {
        settings.setString(key, value.toString());
    }

    /** Plans statements; what comes back is ready to run. */
    JobGraph plan(Statements statements) {
        return plan(statements::plan);
    }

    /** Plans what is attached to the environment. */
    JobGraph plan(Consumer<StreamTableEnvironment> statements) {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);
        statements.accept(StreamTableEnvironment.create(environment));
        return environment.getStreamGraph().getJobGraph();
    }

    /** Runs a job to its end. */
    void run(JobGraph job) throws Exception {
        cluster.executeJobBlocking(job);
    }

    @Override
    public void close() throws Exception {
        cluster.close();
    }
}
