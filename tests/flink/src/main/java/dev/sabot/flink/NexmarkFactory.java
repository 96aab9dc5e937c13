package dev.sabot.flink;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/**
 * The connector `nexmark` for the table that examples/nexmark/tables.sql declares, with the options of Sabot's.
 *
 * Like the Nexmark project's own connector it makes every event with all its columns: projections and filters are not
 * pushed into it.
 */
public final class NexmarkFactory implements DynamicTableSourceFactory {
    private static final Set<String> OPTIONS = Set.of(
            "connector", "first-event.rate", "next-event.rate", "events.num", "nexmark.first-event.base-time",
            "person.proportion", "auction.proportion", "bid.proportion", "person.avg-size", "auction.avg-size",
            "bid.avg-size", "bid.hot-ratio.auctions", "bid.hot-ratio.bidders", "auction.hot-ratio.sellers");

    @Override
    public String factoryIdentifier() {
        return "nexmark";
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
    public DynamicTableSource createDynamicTableSource(Context context) {
        Map<String, String> options = context.getCatalogTable().getOptions();
        for (String option : options.keySet()) {
            if (!OPTIONS.contains(option)) {
                throw new ValidationException("nexmark: the option '" + option + "' is not known here");
            }
        }
        List<String> found = new ArrayList<>();
        for (LogicalType column : context.getPhysicalRowDataType().getLogicalType().getChildren()) {
            found.add(column instanceof RowType ? letters((RowType) column) : column.asSummaryString());
        }
        List<String> expected = new ArrayList<>(List.of(Events.FIELDS));
        expected.add(0, "INT");
        if (!found.equals(expected)) {
            throw new ValidationException("nexmark: the columns have to be those of examples/nexmark/tables.sql");
        }
        return new Table(new Model(options), Model.number(options, "events.num", Long.MAX_VALUE));
    }

    private static String letters(RowType row) {
        StringBuilder letters = new StringBuilder();
        for (LogicalType field : row.getChildren()) {
            LogicalTypeRoot root = field.getTypeRoot();
            letters.append(
                    root == LogicalTypeRoot.BIGINT ? 'N' : root == LogicalTypeRoot.VARCHAR ? 'S' : 'T');
        }
        return letters.toString();
    }

    private static final class Table implements ScanTableSource {
        private final Model model;
        private final long events;

        Table(Model model, long events) {
            this.model = model;
            this.events = events;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            return SourceProvider.of(new NexmarkSource(model, events));
        }

        @Override
        public DynamicTableSource copy() {
            return new Table(model, events);
        }

        @Override
        public String asSummaryString() {
            return "nexmark";
        }
    }
}
