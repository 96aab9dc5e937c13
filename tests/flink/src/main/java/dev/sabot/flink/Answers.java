package dev.sabot.flink;

import java.io.IOException;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.types.Row;

/**
 * Answers of queries as files: rows are lines as tests/src/oracle/rows.rs has them. Of many rows every so many are
 * shown, and all are in the digest (FNV-1a, 64 bits, of the sorted lines).
 */
final class Answers {
    /** Significant digits of floats, and of decimals. */
    private static final int FLOAT_DIGITS = 9;
    private static final int DECIMAL_DIGITS = 15;

    private Answers() {}

    static String line(Row row) {
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
            return quoted((String) value);
        } else if (value instanceof LocalDateTime) {
            return Long.toString(((LocalDateTime) value).toInstant(ZoneOffset.UTC).toEpochMilli());
        } else if (value instanceof Instant) {
            return Long.toString(((Instant) value).toEpochMilli());
        } else if (value instanceof BigDecimal) {
            return scientific((BigDecimal) value, DECIMAL_DIGITS);
        } else if (value instanceof Float || value instanceof Double) {
            return scientific((Number) value, FLOAT_DIGITS);
        } else if (value instanceof Number || value instanceof Boolean || value instanceof LocalDate) {
            return value.toString();
        } else if (value.getClass().isArray()) {
            return IntStream.range(0, Array.getLength(value))
                    .mapToObj(i -> cell(Array.get(value, i)))
                    .collect(Collectors.joining(", ", "[", "]"));
        } else if (value instanceof Map) {
            return ((Map<?, ?>) value).entrySet().stream()
                    .map(entry -> quoted(String.valueOf(entry.getKey())) + "=" + cell(entry.getValue()))
                    .sorted()
                    .collect(Collectors.joining(", ", "{", "}"));
        }
        throw new IllegalStateException("values of " + value.getClass() + " are not written yet");
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** So many digits of the number as a double and the exponent: the rows in Rust are read from JSON. */
    private static String scientific(Number number, int significant) {
        BigDecimal value = new BigDecimal(number.doubleValue());
        if (value.signum() == 0) {
            return "0." + "0".repeat(significant - 1) + "e0";
        }
        BigDecimal rounded = value.round(new MathContext(significant, RoundingMode.HALF_EVEN));
        String digits = rounded.unscaledValue().abs().toString();
        int exponent = digits.length() - 1 - rounded.scale();
        digits = (digits + "0".repeat(significant)).substring(0, significant);
        return (value.signum() < 0 ? "-" : "") + digits.charAt(0) + "." + digits.substring(1) + "e" + exponent;
    }

    /** Sorts the lines and writes them behind `head`. */
    static void write(Path file, String head, List<String> lines, int shown) throws IOException {
        Collections.sort(lines);
        int step = Math.max((lines.size() + shown - 1) / shown, 1);
        StringBuilder text = new StringBuilder(head);
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
