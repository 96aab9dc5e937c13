package dev.sabot.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.formats.avro.AvroFormatOptions;
import org.apache.flink.formats.avro.AvroRowDataSerializationSchema;
import org.apache.flink.formats.avro.typeutils.AvroSchemaConverter;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.conversion.DataStructureConverter;
import org.apache.flink.table.data.conversion.DataStructureConverters;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * How Flink's formats read and write rows: `FormatGoldens WORK FILE` writes behind each case of a file the lines that
 * come of its lines when one table is inserted into another (runtime/connectors/tests/flink). Of Avro these are the
 * schema and the bytes of each record in hexadecimal digits.
 */
public final class FormatGoldens {
    private static final String FAILS = "fails";

    private FormatGoldens() {}

    public static void main(String[] arguments) throws IOException {
        Path work = Path.of(arguments[0]);
        Path file = Path.of(arguments[1]);
        StringBuilder out = new StringBuilder();
        int number = 0;
        int failed = 0;
        for (String block : Files.readString(file).strip().split("\n\n")) {
            List<String> lines = block.lines().filter(line -> !line.startsWith("> ") && !line.equals(">") && !line.equals(FAILS)).toList();
            out.append(out.isEmpty() ? "" : "\n").append(String.join("\n", lines)).append('\n');
            if (!block.startsWith("case ")) {
                continue;
            }
            number++;
            try {
                for (String line : answer(work.resolve("case-" + number), lines)) {
                    out.append(line.isEmpty() ? ">" : "> ").append(line).append('\n');
                }
            } catch (Exception error) {
                failed++;
                out.append(FAILS).append('\n');
            }
        }
        Files.writeString(file, out);
        System.out.printf("%s: %d cases, of which %d fail%n", file.getFileName(), number, failed);
    }

    private static List<String> answer(Path work, List<String> lines) throws Exception {
        List<String> read = lines.stream().filter(line -> line.startsWith("<")).map(FormatGoldens::content).toList();
        Path in = Files.createDirectories(work.resolve("in"));
        Path out = work.resolve("out");
        Files.writeString(in.resolve("rows"), String.join("\n", read) + "\n");
        Configuration settings = new Configuration();
        settings.setString("table.local-time-zone", "UTC");
        settings.setString("parallelism.default", "1");
        settings.setString("restart-strategy.type", "none");
        TableEnvironment tables = TableEnvironment.create(
                EnvironmentSettings.newInstance().inBatchMode().withConfiguration(settings).build());
        declare(tables, "source", in, lines, "from ");
        if (value(lines, "to ").startsWith("'format' = 'avro'")) {
            return records(tables.from("source"), !value(lines, "to ").contains("'avro.timestamp_mapping.legacy' = 'false'"));
        }
        declare(tables, "sink", out, lines, "to ");
        tables.executeSql("INSERT INTO `sink` SELECT * FROM `source`").await();
        List<String> written = new ArrayList<>();
        try (Stream<Path> files = Files.walk(out)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                String text = Files.readString(file);
                written.addAll(List.of((text.endsWith("\n") ? text.substring(0, text.length() - 1) : text).split("\n", -1)));
            }
        }
        return written;
    }

    /** The schema of Avro records, and each one's bytes. */
    private static List<String> records(Table source, boolean legacy) throws Exception {
        DataType type = source.getResolvedSchema().toPhysicalRowDataType();
        RowType rows = (RowType) type.getLogicalType();
        AvroRowDataSerializationSchema avro =
                new AvroRowDataSerializationSchema(rows, AvroFormatOptions.AvroEncoding.BINARY, legacy);
        avro.open(null);
        DataStructureConverter<Object, Object> converter = DataStructureConverters.getConverter(type);
        converter.open(FormatGoldens.class.getClassLoader());
        List<String> written = new ArrayList<>();
        written.add(AvroSchemaConverter.convertToSchema(rows, legacy).toString());
        try (CloseableIterator<Row> all = source.execute().collect()) {
            while (all.hasNext()) {
                RowData row = (RowData) converter.toInternal(all.next());
                written.add(HexFormat.of().formatHex(avro.serialize(row)));
            }
        }
        return written;
    }

    private static void declare(TableEnvironment tables, String name, Path path, List<String> lines, String word) {
        tables.executeSql(String.format(
                "CREATE TABLE `%s` (%s) WITH ('connector' = 'filesystem', 'path' = '%s', %s)",
                name, value(lines, "columns "), path.toUri(), value(lines, word)));
    }

    private static String value(List<String> lines, String word) {
        return lines.stream().filter(line -> line.startsWith(word)).findFirst().orElseThrow().substring(word.length());
    }

    private static String content(String line) {
        return line.length() < 2 ? "" : line.substring(2);
    }
}
