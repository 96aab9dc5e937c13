package dev.sabot.flink;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.flink.types.Row;

/**
 * What Flink answers to the Nexmark queries over a few thousand events:
 * `NexmarkGoldens WORK TABLES.sql FOLDER SHOWN QUERY.sql...` writes `FOLDER/QUERY.txt`.
 *
 * Rows are lines as tests/src/oracle/rows.rs has them. Of many rows every so many are shown, SHOWN at most, and all are
 * in the digest (FNV-1a, 64 bits, of the sorted lines).
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
                    lines.add(line(row));
                }
                if (lines.isEmpty()) {
                    throw new IllegalStateException(name + ": Flink answers no rows");
                }
                Collections.sort(lines);
                write(folder.resolve(name + ".txt"), lines, shown);
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

    private static String line(Row row) {
        List<String> cells = new ArrayList<>();
        for (int i = 0; i < row.getArity(); i++) {
            cells.add(cell(row.getField(i)));
        }
        return String.join(" ", cells);
    }

    private static String cell(Object value) {
        if (value == null) {
            return "NULL";
        } else if (value instanceof String) {
            return '"' + ((String) value).replace("\\", "\\\\").replace("\"", "\\\"") + '"';
        } else if (value instanceof LocalDateTime) {
            return Long.toString(((LocalDateTime) value).toInstant(ZoneOffset.UTC).toEpochMilli());
        } else if (value instanceof BigDecimal) {
            return scientific((BigDecimal) value);
        } else if (value instanceof Long || value instanceof Integer || value instanceof Boolean) {
            return value.toString();
        }
        throw new IllegalStateException("values of " + value.getClass() + " are not written yet");
    }

    /** Fifteen digits and the exponent. */
    private static String scientific(BigDecimal value) {
        if (value.signum() == 0) {
            return "0.00000000000000e0";
        }
        BigDecimal rounded = value.round(new MathContext(15, RoundingMode.HALF_EVEN));
        String digits = rounded.unscaledValue().abs().toString();
        int exponent = digits.length() - 1 - rounded.scale();
        digits = (digits + "0".repeat(15)).substring(0, 15);
        return (value.signum() < 0 ? "-" : "") + digits.charAt(0) + "." + digits.substring(1) + "e" + exponent;
    }

    private static void write(Path file, List<String> lines, int shown) throws IOException {
        int step = (lines.size() + shown - 1) / shown;
        StringBuilder text = new StringBuilder();
        text.append("rows ").append(lines.size());
        text.append(String.format(", digest %016x", digest(lines)));
        text.append(step == 1 ? ", all shown\n" : ", every " + step + "th shown\n");
        for (int i = 0; i < lines.size(); i += step) {
            text.append(lines.get(i)).append('\n');
        }
        Files.writeString(file, text);
    }

    private static long digest(List<String> lines) {
        long hash = Fnv.OFFSET;
        for (String line : lines) {
            hash = Fnv.add(hash, (line + "\n").getBytes(StandardCharsets.UTF_8));
        }
        return hash;
    }
}
