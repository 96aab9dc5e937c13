package dev.sabot.flink;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.types.Row;

/**
 * What Flink answers to the Nexmark queries over a few thousand events:
 * `NexmarkGoldens WORK TABLES.sql FOLDER SHOWN QUERY.sql...` writes `FOLDER/QUERY.txt`.
 *
 * Rows are as in {@link Answers}, SHOWN at most.
 */
public final class NexmarkGoldens {
    private NexmarkGoldens() {}

    public static void main(String[] arguments) throws Exception {
        String tables = Files.readString(Path.of(arguments[1]));
        Path folder = Path.of(arguments[2]);
        int shown = Integer.parseInt(arguments[3]);
        // One reader, so that rows of equal rank come in one order.
        try (Cluster cluster = new Cluster(Path.of(arguments[0]), 1, "hashmap")) {
            for (String file : List.of(arguments).subList(4, arguments.length)) {
                String name = Path.of(file).getFileName().toString().replace(".sql", "");
                Statements statements = new Statements(tables + collected(Files.readString(Path.of(file))));
                cluster.run(cluster.plan(statements));
                List<String> lines = new ArrayList<>();
                for (Row row : CollectFactory.take(statements.tables().get(0))) {
                    lines.add(Answers.line(row));
                }
                if (lines.isEmpty()) {
                    throw new IllegalStateException(name + ": Flink answers no rows");
                }
                Answers.write(folder.resolve(name + ".txt"), "", lines, shown);
                System.out.println(name + ": " + lines.size() + " rows");
            }
        }
    }

    /** The statements, with a sink that collects. */
    private static String collected(String sql) {
        int insert = sql.toUpperCase().indexOf("INSERT INTO");
        String name = sql.substring(insert + "INSERT INTO".length()).strip().split("\\s+")[0];
        int create = sql.indexOf("CREATE TABLE " + name + " ");
        int end = sql.indexOf(";", create);
        String sink = sql.substring(create, end)
                .replaceAll("PARTITIONED BY \\([^)]*\\)", "")
                .replaceAll("(?s)WITH \\(.*\\)", "WITH ('connector' = 'collect')");
        return sql.substring(0, create) + sink + sql.substring(end);
    }
}
