package dev.sabot.flink;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** The connector `collect`: a sink whose final rows are found in this process when the job has ended. */
public final class CollectFactory implements DynamicTableSinkFactory {
    /** The changes by the tables' names. */
    private static final Map<String, List<Row>> CHANGES = new ConcurrentHashMap<>();

    /** The rows that are left of a table's changes, which are forgotten. A row that goes must have come. */
    static List<Row> take(String table) {
        Map<Row, Integer> counts = new HashMap<>();
        for (Row change : CHANGES.getOrDefault(table, List.of())) {
            boolean comes = change.getKind() == RowKind.INSERT || change.getKind() == RowKind.UPDATE_AFTER;
            change.setKind(RowKind.INSERT);
            counts.merge(change, comes ? 1 : -1, Integer::sum);
        }
        CHANGES.remove(table);
        List<Row> rows = new ArrayList<>();
        counts.forEach((row, count) -> {
            if (count < 0) {
                throw new IllegalStateException(row + " went and never came");
            }
            for (int i = 0; i < count; i++) {
                rows.add(row);
            }
        });
        return rows;
    }

    @Override
    public String factoryIdentifier() {
        return "collect";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        return new Table(context.getObjectIdentifier().getObjectName(), context);
    }

    private static final class Table implements DynamicTableSink {
        private final String name;
        private final DynamicTableSinkFactory.Context table;

        Table(String name, DynamicTableSinkFactory.Context table) {
            this.name = name;
            this.table = table;
        }

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return requested;
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(DynamicTableSink.Context context) {
            DataStructureConverter converter = context.createDataStructureConverter(table.getPhysicalRowDataType());
            return SinkV2Provider.of(new Collect(name, converter));
        }

        @Override
        public DynamicTableSink copy() {
            return new Table(name, table);
        }

        @Override
        public String asSummaryString() {
            return "collect";
        }
    }

    private static final class Collect implements Sink<RowData> {
        private final String name;
        private final DynamicTableSink.DataStructureConverter converter;

        Collect(String name, DynamicTableSink.DataStructureConverter converter) {
            this.name = name;
            this.converter = converter;
        }

        @Override
        public SinkWriter<RowData> createWriter(WriterInitContext context) {
            return new SinkWriter<>() {
                @Override
                public void write(RowData row, Context context) {
                    List<Row> changes = CHANGES.computeIfAbsent(name, table -> new ArrayList<>());
                    synchronized (changes) {
                        changes.add((Row) converter.toExternal(row));
                    }
                }

                @Override
                public void flush(boolean endOfInput) {}

                @Override
                public void close() {}
            };
        }
    }
}
