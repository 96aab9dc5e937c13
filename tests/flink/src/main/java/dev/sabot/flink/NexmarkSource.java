package dev.sabot.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;

/**
 * The generated events, a split a reader.
 *
 * Events are dealt to the readers as Sabot deals them to subtasks: by their place in the round and the round's number,
 * so that every reader has events of every kind, in the order of their times.
 */
final class NexmarkSource implements Source<RowData, NexmarkSource.Split, Void> {
    private final Model model;
    private final long events;

    NexmarkSource(Model model, long events) {
        this.model = model;
        this.events = events;
    }

    @Override
    public Boundedness getBoundedness() {
        return events == Long.MAX_VALUE ? Boundedness.CONTINUOUS_UNBOUNDED : Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<RowData, Split> createReader(SourceReaderContext context) {
        return new Reader(model, events, context.getIndexOfSubtask(), context.currentParallelism());
    }

    @Override
    public SplitEnumerator<Split, Void> createEnumerator(SplitEnumeratorContext<Split> context) {
        return new Enumerator(context);
    }

    @Override
    public SplitEnumerator<Split, Void> restoreEnumerator(SplitEnumeratorContext<Split> context, Void checkpoint) {
        return new Enumerator(context);
    }

    @Override
    public SimpleVersionedSerializer<Split> getSplitSerializer() {
        return new SplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<Void> getEnumeratorCheckpointSerializer() {
        return new NothingSerializer();
    }

    /** The events of one reader from `next` on. */
    static final class Split implements SourceSplit {
        final int reader;
        final long next;

        Split(int reader, long next) {
            this.reader = reader;
            this.next = next;
        }

        @Override
        public String splitId() {
            return Integer.toString(reader);
        }
    }

    private static final class Reader implements SourceReader<RowData, Split> {
        private final Model model;
        private final long events;
        private final int reader;
        private final int readers;
        private final CompletableFuture<Void> hasSplit = new CompletableFuture<>();
        private long next = -1;

        Reader(Model model, long events, int reader, int readers) {
            this.model = model;
            this.events = events;
            this.reader = reader;
            this.readers = readers;
        }

        @Override
        public void start() {}

        @Override
        public InputStatus pollNext(ReaderOutput<RowData> output) {
            if (next < 0) {
                return InputStatus.NOTHING_AVAILABLE;
            }
            while (next < events && (next / model.total + next % model.total) % readers != reader) {
                next++;
            }
            if (next >= events) {
                return InputStatus.END_OF_INPUT;
            }
            output.collect(Events.row(model, next));
            next++;
            return InputStatus.MORE_AVAILABLE;
        }

        @Override
        public List<Split> snapshotState(long checkpoint) {
            return next < 0 ? List.of() : List.of(new Split(reader, next));
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return hasSplit;
        }

        @Override
        public void addSplits(List<Split> splits) {
            next = splits.get(0).next;
            hasSplit.complete(null);
        }

        @Override
        public void notifyNoMoreSplits() {}

        @Override
        public void close() {}
    }

    /** Gives each reader its split. A job that fails is not restarted here, so that none comes back. */
    private static final class Enumerator implements SplitEnumerator<Split, Void> {
        private final SplitEnumeratorContext<Split> context;

        Enumerator(SplitEnumeratorContext<Split> context) {
            this.context = context;
        }

        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int reader, String host) {}

        @Override
        public void addSplitsBack(List<Split> splits, int reader) {}

        @Override
        public void addReader(int reader) {
            context.assignSplit(new Split(reader, 0), reader);
            context.signalNoMoreSplits(reader);
        }

        @Override
        public Void snapshotState(long checkpoint) {
            return null;
        }

        @Override
        public void close() {}
    }

    private static final class SplitSerializer implements SimpleVersionedSerializer<Split> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Split split) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(bytes);
            out.writeInt(split.reader);
            out.writeLong(split.next);
            return bytes.toByteArray();
        }

        @Override
        public Split deserialize(int version, byte[] bytes) throws IOException {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            return new Split(in.readInt(), in.readLong());
        }
    }

    private static final class NothingSerializer implements SimpleVersionedSerializer<Void> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Void nothing) {
            return new byte[0];
        }

        @Override
        public Void deserialize(int version, byte[] bytes) {
            return null;
        }
    }
}
