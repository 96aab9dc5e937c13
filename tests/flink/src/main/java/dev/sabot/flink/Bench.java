package dev.sabot.flink;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.runtime.jobgraph.JobGraph;

/**
 * Runs jobs on request, for scripts/bench-flink: `Bench FOLDER PARALLELISM BACKEND`.
 *
 * Each line of the input is the path of a file of statements; the answer is `ok CPU_MS WALL_MS` or `failed WHY`. The
 * CPU time is that of this process, user and system, from the job's submission to its end: the JVM's start, the
 * cluster's and planning are not in it, just-in-time compilation and garbage collection are.
 */
public final class Bench {
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private Bench() {}

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err);
        try (Cluster cluster = new Cluster(Path.of(arguments[0]), Integer.parseInt(arguments[1]), arguments[2]);
                BufferedReader requests = new BufferedReader(new InputStreamReader(System.in))) {
            answers.println("ready");
            for (String file = requests.readLine(); file != null; file = requests.readLine()) {
                answers.println(measure(cluster, file));
            }
        }
    }

    private static String measure(Cluster cluster, String file) {
        try {
            JobGraph job = cluster.plan(new Statements(Files.readString(Path.of(file))));
            long wall = System.nanoTime();
            long cpu = SYSTEM.getProcessCpuTime();
            cluster.run(job);
            cpu = SYSTEM.getProcessCpuTime() - cpu;
            wall = System.nanoTime() - wall;
            return "ok " + cpu / 1_000_000 + " " + wall / 1_000_000;
        } catch (Exception error) {
            error.printStackTrace();
            Throwable cause = error;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return "failed " + String.valueOf(cause).replaceAll("\\s+", " ");
        }
    }
}
