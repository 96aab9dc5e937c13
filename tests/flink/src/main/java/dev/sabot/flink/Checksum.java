package dev.sabot.flink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.table.data.RowData;

/**
 * A checksum of the first events: `Checksum EVENTS [option=value ...]`. The binary nexmark-checksum of the crate
 * sabot-connectors prints the same number when both generators make the same events.
 *
 * It is the sum of a hash (FNV-1a, 64 bits) of each event: its kind as a byte, then its fields, numbers and times as
 * eight bytes with the lowest first, texts behind their lengths as four.
 */
public final class Checksum {
    private Checksum() {}

    public static void main(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int i = 1; i < arguments.length; i++) {
            String[] option = arguments[i].split("=", 2);
            options.put(option[0], option[1]);
        }
        Model model = new Model(options);
        long sum = 0;
        for (long n = 0; n < Long.parseLong(arguments[0]); n++) {
            sum += hash(Events.row(model, n));
        }
        System.out.printf("%016x%n", sum);
    }

    private static long hash(RowData event) {
        int kind = event.getInt(0);
        String fields = Events.FIELDS[kind];
        RowData row = event.getRow(kind + 1, fields.length());
        long hash = Fnv.add(Fnv.OFFSET, (byte) kind);
        for (int i = 0; i < fields.length(); i++) {
            switch (fields.charAt(i)) {
                case 'N':
                    hash = Fnv.add(hash, number(row.getLong(i)));
                    break;
                case 'T':
                    hash = Fnv.add(hash, number(row.getTimestamp(i, 3).getMillisecond()));
                    break;
                default:
                    byte[] text = row.getString(i).toBytes();
                    ByteBuffer length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(text.length);
                    hash = Fnv.add(Fnv.add(hash, length.array()), text);
            }
        }
        return hash;
    }

    private static byte[] number(long value) {
        return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    }
}
