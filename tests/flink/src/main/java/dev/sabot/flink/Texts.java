package dev.sabot.flink;

import static dev.sabot.flink.Model.below;
import static dev.sabot.flink.Model.draw;
import static dev.sabot.flink.Model.mix;

import dev.sabot.flink.Model.Salt;
import java.nio.charset.StandardCharsets;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;

/**
 * The texts of events: runtime/connectors/src/nexmark/text.rs. As there, most are slices of a few random texts that are
 * made once: Flink gets them without a copy.
 */
final class Texts {
    private static final int CHANNELS = 10_000;
    private static final String[] HOT_CHANNELS = {"Google", "Facebook", "Baidu", "Apple"};
    private static final byte[][] FIRST_NAMES = bytes(
            "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter");
    private static final byte[][] LAST_NAMES =
            bytes("Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris");
    private static final byte[][] CITIES = bytes(
            "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent",
            "Cheyenne");
    private static final byte[][] STATES = bytes("AZ", "CA", "ID", "OR", "WA", "WY");

    private static final int POOL = 1 << 18;
    private static final int SHORTEST = 3;
    private static final byte[] LETTERS = new byte[POOL];
    private static final byte[] WORDS = new byte[POOL];
    private static final byte[][] CHANNEL_NAMES = new byte[CHANNELS + HOT_CHANNELS.length][];
    private static final byte[][] CHANNEL_URLS = new byte[CHANNELS + HOT_CHANNELS.length][];

    static {
        for (int i = 0; i < POOL; i++) {
            LETTERS[i] = (byte) ('a' + below(mix(i + 1L), 26));
            WORDS[i] = below(mix(~(long) i), 13) == 0 ? (byte) ' ' : LETTERS[i];
        }
        for (int place = 0; place < CHANNEL_NAMES.length; place++) {
            makeChannel(place);
        }
    }

    private Texts() {}

    private static byte[][] bytes(String... texts) {
        byte[][] all = new byte[texts.length][];
        for (int i = 0; i < texts.length; i++) {
            all[i] = texts[i].getBytes(StandardCharsets.US_ASCII);
        }
        return all;
    }

    private static void makeChannel(int place) {
        StringBuilder url = new StringBuilder("https://www.nexmark.com/");
        for (int part = 0; part < 3; part++) {
            long bits = draw(place * 3L + part, Salt.URL);
            int length = SHORTEST + (int) below(mix(bits), 5 - SHORTEST);
            String folder = new String(WORDS, begin(bits, length), length, StandardCharsets.US_ASCII);
            url.append(folder.replace(' ', '_')).append('/');
        }
        url.append("item.htm?query=1");
        String name = place < CHANNELS ? "channel-" + place : HOT_CHANNELS[place - CHANNELS];
        if (place < CHANNELS && below(draw(place, Salt.CHANNEL), 10) > 0) {
            url.append("&channel_id=").append(Math.abs(Integer.reverse(place)));
        }
        CHANNEL_NAMES[place] = name.getBytes(StandardCharsets.US_ASCII);
        CHANNEL_URLS[place] = url.toString().getBytes(StandardCharsets.US_ASCII);
    }

    private static int begin(long bits, long length) {
        return (int) below(bits, POOL - length + 1);
    }

    private static BinaryStringData whole(byte[] text) {
        return BinaryStringData.fromBytes(text, 0, text.length);
    }

    private static byte[] pick(long n, Salt salt, byte[][] from) {
        return from[(int) below(draw(n, salt), from.length)];
    }

    /** A slice of WORDS without blanks around it: place in the upper half, length in the lower. */
    private static long word(long n, Salt salt, int most) {
        long bits = draw(n, salt);
        int length = SHORTEST + (int) below(mix(bits), most - SHORTEST);
        int from = begin(bits, length);
        int to = from + length;
        while (from < to && WORDS[from] == ' ') {
            from++;
        }
        while (from < to && WORDS[to - 1] == ' ') {
            to--;
        }
        return (long) from << 32 | (to - from);
    }

    private static int length(long word) {
        return (int) word;
    }

    private static BinaryStringData text(long word) {
        return BinaryStringData.fromBytes(WORDS, (int) (word >> 32), (int) word);
    }

    private static StringData extra(long n, long taken, long average) {
        long missing = Math.max(average - taken, 0);
        long spread = (missing * 2 + 5) / 10;
        long left = missing - spread + below(draw(n, Salt.EXTRA_LENGTH), 2 * spread);
        long bits = draw(n, Salt.EXTRA);
        if (left <= POOL / 2) {
            return BinaryStringData.fromBytes(LETTERS, begin(bits, left), (int) left);
        }
        StringBuilder out = new StringBuilder();
        for (; left > POOL / 2; left -= POOL / 2) {
            out.append(new String(LETTERS, begin(bits, POOL / 2), POOL / 2, StandardCharsets.US_ASCII));
            bits = mix(bits);
        }
        out.append(new String(LETTERS, begin(bits, left), (int) left, StandardCharsets.US_ASCII));
        return StringData.fromString(out.toString());
    }

    static StringData bidExtra(long n, long average) {
        return extra(n, 32, average);
    }

    static StringData itemName(long n) {
        return text(word(n, Salt.NAME, 20));
    }

    static StringData description(long n) {
        return text(word(n, Salt.DESCRIPTION, 100));
    }

    static StringData auctionExtra(long n, long average) {
        int texts = length(word(n, Salt.NAME, 20)) + length(word(n, Salt.DESCRIPTION, 100));
        return extra(n, 48 + texts, average);
    }

    static StringData personName(long n) {
        byte[] first = pick(n, Salt.FIRST_NAME, FIRST_NAMES);
        byte[] last = pick(n, Salt.LAST_NAME, LAST_NAMES);
        byte[] out = new byte[first.length + 1 + last.length];
        System.arraycopy(first, 0, out, 0, first.length);
        out[first.length] = ' ';
        System.arraycopy(last, 0, out, first.length + 1, last.length);
        return whole(out);
    }

    static StringData emailAddress(long n) {
        long person = word(n, Salt.EMAIL, 7);
        long host = word(n, Salt.HOST, 5);
        int end = length(person) + 1 + length(host);
        byte[] out = new byte[end + 4];
        System.arraycopy(WORDS, (int) (person >> 32), out, 0, length(person));
        out[length(person)] = '@';
        System.arraycopy(WORDS, (int) (host >> 32), out, length(person) + 1, length(host));
        out[end] = '.';
        out[end + 1] = 'c';
        out[end + 2] = 'o';
        out[end + 3] = 'm';
        return whole(out);
    }

    static StringData creditCard(long n) {
        long bits = draw(n, Salt.CARD);
        byte[] out = new byte[19];
        for (int part = 0; part < 4; part++) {
            int number = (int) below(bits << (16 * part), 10_000);
            for (int digit = 3; digit >= 0; digit--) {
                out[part * 5 + digit] = (byte) ('0' + number % 10);
                number /= 10;
            }
            if (part < 3) {
                out[part * 5 + 4] = ' ';
            }
        }
        return whole(out);
    }

    static StringData city(long n) {
        return whole(pick(n, Salt.CITY, CITIES));
    }

    static StringData state(long n) {
        return whole(pick(n, Salt.STATE, STATES));
    }

    static StringData personExtra(long n, long average) {
        int name = pick(n, Salt.FIRST_NAME, FIRST_NAMES).length + 1 + pick(n, Salt.LAST_NAME, LAST_NAMES).length;
        int email = length(word(n, Salt.EMAIL, 7)) + 1 + length(word(n, Salt.HOST, 5)) + 4;
        int place = pick(n, Salt.CITY, CITIES).length + pick(n, Salt.STATE, STATES).length;
        return extra(n, 8 + name + email + 19 + place, average);
    }

    private static int channelPlace(long n) {
        if (below(draw(n, Salt.CHANNEL_IS_HOT), 2) > 0) {
            return CHANNELS + (int) below(draw(n, Salt.CHANNEL), HOT_CHANNELS.length);
        }
        return (int) below(draw(n, Salt.CHANNEL), CHANNELS);
    }

    static StringData channel(long n) {
        return whole(CHANNEL_NAMES[channelPlace(n)]);
    }

    static StringData url(long n) {
        return whole(CHANNEL_URLS[channelPlace(n)]);
    }
}
