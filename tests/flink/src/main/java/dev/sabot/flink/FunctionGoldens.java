package dev.sabot.flink;

import java.io.IOException;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * What Flink answers to expressions: `FunctionGoldens FILE...` writes behind each expression of a file its type and its
 * value on each row of a table, or one value if all are the same, or `fails`.
 *
 * The table is that of runtime/sql/src/expr/tests/flink.rs, which reads the files. Times are local in UTC, or where a
 * file says so in its line `# table.local-time-zone: NAME`.
 */
public final class FunctionGoldens {
    /** Between an expression and its answer. */
    private static final String ARROW = " => ";
    private static final String FAILS = "fails";
    private static final String ZONE = "# table.local-time-zone: ";
    /** Expressions that one job answers. */
    private static final int TOGETHER = 12;

    private static final Row[] ROWS = {
        row(7, 2L, 2.5, 1.5f, "Hällo", true, "12.34", "2020-02-29T23:59:58.123", "23:59:58", new byte[] {0, (byte) 0xff}),
        Row.of(2, null, null, null, null, null, null, null, null, null, null, null, null),
        row(-7, -3L, -2.5, -0.25f, " a,b  c ", false, "-0.05", "1969-12-31T23:59:59.999", "00:00:00", new byte[0]),
        row(0, 0L, 0.0, 0.0f, "", true, "0.00", "1970-01-01T00:00:00", "12:30:00", new byte[] {65}),
        row(2147483647, 9007199254740993L, 1e20, 3e10f, "日本🎉", false, "99999999.99", "9999-12-31T23:59:59.999",
                "23:59:59", new byte[] {1, 2, 3}),
    };

    private final StreamTableEnvironment tables;

    private FunctionGoldens() {
        Configuration settings = new Configuration();
        settings.setString("table.local-time-zone", "UTC");
        settings.setString("restart-strategy.type", "none");
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
        tables = StreamTableEnvironment.create(environment);
        for (int i = 0; i < ROWS.length; i++) {
            ROWS[i].setField(0, i);
        }
        tables.createTemporaryView("t", tables.fromDataStream(
                environment.fromData(List.of(ROWS), Types.ROW_NAMED(
                        new String[] {"n", "i", "b", "d", "r", "s", "f", "c", "ts", "l", "dt", "tm", "y"},
                        Types.INT, Types.INT, Types.LONG, Types.DOUBLE, Types.FLOAT, Types.STRING, Types.BOOLEAN,
                        Types.BIG_DEC, Types.LOCAL_DATE_TIME, Types.INSTANT, Types.LOCAL_DATE, Types.LOCAL_TIME,
                        PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO)),
                Schema.newBuilder()
                        .column("n", DataTypes.INT())
                        .column("i", DataTypes.INT())
                        .column("b", DataTypes.BIGINT())
                        .column("d", DataTypes.DOUBLE())
                        .column("r", DataTypes.FLOAT())
                        .column("s", DataTypes.STRING())
                        .column("f", DataTypes.BOOLEAN())
                        .column("c", DataTypes.DECIMAL(10, 2))
                        .column("ts", DataTypes.TIMESTAMP(3))
                        .column("l", DataTypes.TIMESTAMP_LTZ(3))
                        .column("dt", DataTypes.DATE())
                        .column("tm", DataTypes.TIME(0))
                        .column("y", DataTypes.BYTES())
                        .build()));
    }

    private static Row row(
            int i, long b, double d, float r, String s, boolean f, String c, String ts, String tm, byte[] y) {
        LocalDateTime time = LocalDateTime.parse(ts);
        return Row.of(
                0, i, b, d, r, s, f, new BigDecimal(c), time, time.toInstant(ZoneOffset.UTC), time.toLocalDate(),
                LocalTime.parse(tm), y);
    }

    public static void main(String[] arguments) throws IOException {
        FunctionGoldens flink = new FunctionGoldens();
        for (String argument : arguments) {
            Path file = Path.of(argument);
            List<String> lines = Files.readAllLines(file);
            List<String> expressions = new ArrayList<>();
            String zone = "UTC";
            for (String line : lines) {
                if (line.startsWith(ZONE)) {
                    zone = line.substring(ZONE.length()).strip();
                }
                if (isCase(line)) {
                    expressions.add(expression(line));
                }
            }
            flink.tables.getConfig().setLocalTimeZone(ZoneId.of(zone));
            Map<String, String> answers = flink.answers(expressions);
            StringBuilder out = new StringBuilder();
            for (String line : lines) {
                out.append(isCase(line) ? expression(line) + ARROW + answers.get(expression(line)) : line).append('\n');
            }
            Files.writeString(file, out);
            long failed = answers.values().stream().filter(FAILS::equals).count();
            System.out.printf("%s: %d expressions, of which %d fail%n", file.getFileName(), answers.size(), failed);
        }
    }

    private static boolean isCase(String line) {
        return !line.isBlank() && !line.startsWith("#");
    }

    private static String expression(String line) {
        return line.split(ARROW, 2)[0].strip();
    }

    private Map<String, String> answers(List<String> expressions) {
        Map<String, String> answers = new HashMap<>();
        Map<String, String> types = new HashMap<>();
        List<String> valid = new ArrayList<>();
        for (String expression : new LinkedHashSet<>(expressions)) {
            try {
                LogicalType type = tables.sqlQuery("SELECT " + expression + " FROM t")
                        .getResolvedSchema().getColumnDataTypes().get(0).getLogicalType();
                types.put(expression, name(type));
                valid.add(expression);
            } catch (Exception | AssertionError | StackOverflowError refused) {
                answers.put(expression, FAILS);
            }
        }
        for (int from = 0; from < valid.size(); from += TOGETHER) {
            answer(valid.subList(from, Math.min(from + TOGETHER, valid.size())), types, answers);
        }
        return answers;
    }

    /** One job for all, or for halves of them when one fails. */
    private void answer(List<String> expressions, Map<String, String> types, Map<String, String> answers) {
        List<Row> rows = new ArrayList<>();
        String query = "SELECT n, " + String.join(", ", expressions) + " FROM t";
        try (CloseableIterator<Row> found = tables.sqlQuery(query).execute().collect()) {
            found.forEachRemaining(rows::add);
        } catch (Exception | AssertionError | StackOverflowError error) {
            if (expressions.size() == 1) {
                answers.put(expressions.get(0), FAILS);
                return;
            }
            int half = expressions.size() / 2;
            answer(expressions.subList(0, half), types, answers);
            answer(expressions.subList(half, expressions.size()), types, answers);
            return;
        }
        rows.sort(Comparator.comparing(row -> (Integer) row.getField(0)));
        for (int i = 0; i < expressions.size(); i++) {
            List<String> values = new ArrayList<>();
            for (Row row : rows) {
                values.add(value(row.getField(i + 1)));
            }
            boolean same = new LinkedHashSet<>(values).size() == 1;
            String shown = same ? values.get(0) : String.join(" | ", values);
            answers.put(expressions.get(i), types.get(expressions.get(i)) + " " + shown);
        }
    }

    /** A type, without the lengths of texts and bytes and without the NOT NULL of what is within it. */
    private static String name(LogicalType type) {
        String name = type.copy(true).asSummaryString().replace(" NOT NULL", "");
        return name.replaceAll("\\b(VAR)?CHAR\\(\\d+\\)", "STRING").replaceAll("\\b(VAR)?BINARY\\(\\d+\\)", "BYTES");
    }

    private static String value(Object value) {
        if (value == null) {
            return "NULL";
        } else if (value instanceof String) {
            return quoted((String) value);
        } else if (value instanceof byte[]) {
            StringBuilder digits = new StringBuilder("x'");
            for (byte b : (byte[]) value) {
                digits.append(String.format("%02x", b));
            }
            return digits.append('\'').toString();
        } else if (value instanceof BigDecimal) {
            return ((BigDecimal) value).toPlainString();
        } else if (value instanceof LocalDateTime) {
            return time((LocalDateTime) value);
        } else if (value instanceof Instant) {
            return time(LocalDateTime.ofInstant((Instant) value, ZoneOffset.UTC)) + "Z";
        } else if (value instanceof LocalTime) {
            LocalTime time = (LocalTime) value;
            return String.format("%02d:%02d:%02d", time.getHour(), time.getMinute(), time.getSecond())
                    + fraction(time.getNano());
        } else if (value instanceof LocalDate) {
            return date((LocalDate) value);
        } else if (value.getClass().isArray()) {
            return IntStream.range(0, Array.getLength(value))
                    .mapToObj(i -> value(Array.get(value, i)))
                    .collect(Collectors.joining(", ", "[", "]"));
        } else if (value instanceof Map) {
            return ((Map<?, ?>) value).entrySet().stream()
                    .map(entry -> value(entry.getKey()) + "=" + value(entry.getValue()))
                    .sorted()
                    .collect(Collectors.joining(", ", "{", "}"));
        } else if (value instanceof Row) {
            Row row = (Row) value;
            return IntStream.range(0, row.getArity())
                    .mapToObj(i -> value(row.getField(i)))
                    .collect(Collectors.joining(", ", "(", ")"));
        }
        return value.toString();
    }

    private static String date(LocalDate date) {
        return String.format("%04d-%02d-%02d", date.getYear(), date.getMonthValue(), date.getDayOfMonth());
    }

    private static String time(LocalDateTime time) {
        return date(time.toLocalDate()) + " " + value(time.toLocalTime());
    }

    /** Nothing, or three, six or nine digits. */
    private static String fraction(int nanos) {
        if (nanos == 0) {
            return "";
        }
        String digits = String.format("%09d", nanos);
        return "." + (nanos % 1_000_000 == 0 ? digits.substring(0, 3) : nanos % 1000 == 0 ? digits.substring(0, 6) : digits);
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        text.codePoints().forEach(c -> {
            if (c == '"' || c == '\\') {
                out.append('\\').appendCodePoint(c);
            } else if (c < ' ' || c >= 0x7f && c < 0xa0) {
                out.append(String.format("\\u{%x}", c));
            } else {
                out.appendCodePoint(c);
            }
        });
        return out.append('"').toString();
    }
}
