package dev.sabot.flink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.table.types.DataType;

/**
 * The connector `lookup-files`: a lookup table of the lines of a folder's files, which Flink's connector `filesystem`
 * cannot be. They are read once and kept by their key, as the cache `FULL` does.
 */
public final class LookupFactory implements DynamicTableSourceFactory {
    private static final ConfigOption<String> PATH =
            ConfigOptions.key("path").stringType().noDefaultValue();

    @Override
    public String factoryIdentifier() {
        return "lookup-files";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(PATH, FactoryUtil.FORMAT);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        DecodingFormat<DeserializationSchema<RowData>> format =
                helper.discoverDecodingFormat(DeserializationFormatFactory.class, FactoryUtil.FORMAT);
        helper.validate();
        return new Table(helper.getOptions().get(PATH), format, context.getPhysicalRowDataType());
    }

    private static final class Table implements LookupTableSource {
        private final String folder;
        private final DecodingFormat<DeserializationSchema<RowData>> format;
        private final DataType type;

        Table(String folder, DecodingFormat<DeserializationSchema<RowData>> format, DataType type) {
            this.folder = folder;
            this.format = format;
            this.type = type;
        }

        @Override
        public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext context) {
            List<RowData.FieldGetter> keys = new ArrayList<>();
            for (int[] key : context.getKeys()) {
                keys.add(RowData.createFieldGetter(type.getLogicalType().getChildren().get(key[0]), key[0]));
            }
            return LookupFunctionProvider.of(
                    new Lookup(folder, format.createRuntimeDecoder(context, type), keys));
        }

        @Override
        public DynamicTableSource copy() {
            return new Table(folder, format, type);
        }

        @Override
        public String asSummaryString() {
            return "lookup-files";
        }
    }

    /** Rows by the values of their key. */
    public static final class Lookup extends LookupFunction {
        private final String folder;
        private final DeserializationSchema<RowData> decoder;
        private final List<RowData.FieldGetter> keys;
        private transient Map<RowData, List<RowData>> rows;

        Lookup(String folder, DeserializationSchema<RowData> decoder, List<RowData.FieldGetter> keys) {
            this.folder = folder;
            this.decoder = decoder;
            this.keys = keys;
        }

        @Override
        public void open(FunctionContext context) throws Exception {
            decoder.open(null);
            rows = new HashMap<>();
            try (Stream<Path> files = Files.list(Path.of(folder))) {
                for (Path file : (Iterable<Path>) files::iterator) {
                    for (String line : Files.readAllLines(file)) {
                        RowData row = decoder.deserialize(line.getBytes(StandardCharsets.UTF_8));
                        Object[] key = keys.stream().map(field -> field.getFieldOrNull(row)).toArray();
                        rows.computeIfAbsent(GenericRowData.of(key), none -> new ArrayList<>()).add(row);
                    }
                }
            }
        }

        @Override
        public Collection<RowData> lookup(RowData key) throws IOException {
            return rows.getOrDefault(key, List.of());
        }
    }
}
