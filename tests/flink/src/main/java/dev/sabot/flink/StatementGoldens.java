package dev.sabot.flink;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.table.api.bridge.java.StreamStatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.Row;

/**
 * What Flink answers to statements over the Nexmark events: `StatementGoldens WORK TABLES.sql FOLDER SHOWN FILE.sql...`
 * writes `FOLDER/NAME.txt` for each query of a file, whose name is the comment above it.
 *
 * The types of the query's columns come first, since the file of the query declares no sink; then rows, as in
 * {@link Answers}.
 */
public final class StatementGoldens {
    private static final Pattern NAMED = Pattern.compile("-- ([a-z0-9_]+)\\n(.*)", Pattern.DOTALL);
    private static final Pattern SETTING = Pattern.compile("SET '([^']+)' = '([^']*)'");

    private StatementGoldens() {}

    public static void main(String[] arguments) throws Exception {
        String tables = Files.readString(Path.of(arguments[1]));
        Path folder = Path.of(arguments[2]);
        int shown = Integer.parseInt(arguments[3]);
        String only = System.getenv().getOrDefault("STATEMENTS", "");
        int failed = 0;
        try (Cluster cluster = new Cluster(Path.of(arguments[0]), 1, "hashmap")) {
            for (String file : List.of(arguments).subList(4, arguments.length)) {
                List<String> declarations = new ArrayList<>(declarations(tables));
                Map<String, String> queries = new LinkedHashMap<>();
                read(Files.readString(Path.of(file)), declarations, queries);
                for (Map.Entry<String, String> query : queries.entrySet()) {
                    if (!only.isEmpty() && !List.of(only.split(" ")).contains(query.getKey())) {
                        continue;
                    }
                    try {
                        answer(cluster, declarations, query.getKey(), query.getValue(), folder, shown);
                    } catch (Exception | AssertionError error) {
                        failed++;
                        System.out.println(query.getKey() + ": " + reason(error));
                    }
                }
            }
        }
        System.out.println(failed + " statements failed");
    }

    private static List<String> declarations(String sql) {
        return Stream.of(sql.replaceAll("(?m)^\\s*--.*$", "").split(";[ \\t]*(\\n|$)")).filter(s -> !s.isBlank()).toList();
    }

    /** Blocks with a name are queries; others are declarations, or comments. */
    private static void read(String text, List<String> declarations, Map<String, String> queries) {
        for (String block : text.split("\\n\\n")) {
            Matcher named = NAMED.matcher(block.strip());
            String statement = block.replaceAll("(?m)^--.*$", "").strip().replaceAll(";$", "");
            if (named.matches()) {
                if (queries.put(named.group(1), statement) != null) {
                    throw new IllegalStateException(named.group(1) + " is there twice");
                }
            } else if (!statement.isEmpty()) {
                declarations.add(statement);
            }
        }
    }

    private static void answer(
            Cluster cluster, List<String> declarations, String name, String query, Path folder, int shown)
            throws Exception {
        List<String> types = new ArrayList<>();
        cluster.run(cluster.plan(tables -> types.addAll(plan(tables, declarations, name, query))));
        List<String> lines = new ArrayList<>();
        for (Row row : CollectFactory.take(name)) {
            lines.add(Answers.line(row));
        }
        Answers.write(folder.resolve(name + ".txt"), String.join(", ", types) + "\n", lines, shown);
        System.out.println(name + ": " + lines.size() + " rows");
    }

    /** Plans the query into a sink of its own columns, whose types come back. */
    private static List<String> plan(
            StreamTableEnvironment tables, List<String> declarations, String name, String query) {
        for (String declaration : declarations) {
            Matcher setting = SETTING.matcher(declaration);
            if (setting.matches()) {
                tables.getConfig().set(setting.group(1), setting.group(2));
            } else {
                tables.executeSql(declaration);
            }
        }
        List<String> types = tables.sqlQuery(query).getResolvedSchema().getColumnDataTypes().stream()
                .map(type -> name(type.getLogicalType()))
                .toList();
        String columns = IntStream.range(0, types.size())
                .mapToObj(i -> "c" + i + " " + types.get(i))
                .collect(Collectors.joining(", "));
        tables.executeSql("CREATE TABLE `" + name + "` (" + columns + ") WITH ('connector' = 'collect')");
        StreamStatementSet set = tables.createStatementSet();
        set.addInsertSql("INSERT INTO `" + name + "` " + query);
        set.attachAsDataStream();
        return types;
    }

    /** A type as it is declared, without what is known of row times and NULLs. */
    private static String name(LogicalType type) {
        return type.copy(true).asSummaryString()
                .replaceAll(" \\*(ROWTIME|PROCTIME)\\*", "")
                .replace(" NOT NULL", "")
                .replaceAll("\\b(VAR)?CHAR\\(\\d+\\)", "STRING");
    }

    private static String reason(Throwable error) {
        List<String> messages = new ArrayList<>();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            messages.add(String.valueOf(cause.getMessage()).lines().limit(3).collect(Collectors.joining(" ")));
        }
        return String.join(" / ", messages);
    }
}
