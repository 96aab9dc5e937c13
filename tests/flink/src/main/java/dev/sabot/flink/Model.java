package dev.sabot.flink;

import java.io.Serializable;
import java.util.Map;

/**
 * What event number n holds: runtime/connectors/src/nexmark/model.rs, line by line, so that Flink reads the events that
 * Sabot reads. `Checksum` shows that it does.
 */
final class Model implements Serializable {
    static final int PERSON = 0;
    static final int AUCTION = 1;
    static final int BID = 2;

    private static final long FIRST_ID = 1000;
    private static final long FIRST_CATEGORY = 10;
    private static final long CATEGORIES = 5;
    private static final long ACTIVE_PERSONS = 1000;
    private static final long OPEN_AUCTIONS = 100;
    private static final long ID_LEAD = 10;
    private static final long HOT_STRIDE = 100;

    /** Which draw of an event, in the order of model.rs. */
    enum Salt {
        NONE, IS_HOT, ID, BIDDER_IS_HOT, BIDDER, PRICE, CHANNEL_IS_HOT, CHANNEL, EXTRA, EXTRA_LENGTH, SELLER_IS_HOT,
        SELLER, CATEGORY, RESERVE, EXPIRES, NAME, DESCRIPTION, FIRST_NAME, LAST_NAME, EMAIL, CARD, CITY, STATE, URL, HOST;

        final long factor = ordinal() * 0xd1b54a32d192ed03L;
    }

    final long persons;
    final long auctions;
    final long bids;
    final long total;
    final long hotAuctions;
    final long hotBidders;
    final long hotSellers;
    final long personSize;
    final long auctionSize;
    final long bidSize;
    final long baseMs;
    final long eventsPerSecond;

    /** Reads the options of the connector, as settings.rs does. */
    Model(Map<String, String> options) {
        persons = number(options, "person.proportion", 1);
        auctions = number(options, "auction.proportion", 3);
        bids = number(options, "bid.proportion", 46);
        total = persons + auctions + bids;
        hotAuctions = number(options, "bid.hot-ratio.auctions", 2);
        hotBidders = number(options, "bid.hot-ratio.bidders", 4);
        hotSellers = number(options, "auction.hot-ratio.sellers", 4);
        personSize = number(options, "person.avg-size", 200);
        auctionSize = number(options, "auction.avg-size", 500);
        bidSize = number(options, "bid.avg-size", 100);
        baseMs = number(options, "nexmark.first-event.base-time", 1_436_918_400_000L);
        eventsPerSecond = number(options, "first-event.rate", 10_000);
    }

    static long number(Map<String, String> options, String name, long otherwise) {
        String text = options.get(name);
        return text == null ? otherwise : Long.parseLong(text.trim());
    }

    static long draw(long n, Salt salt) {
        return mix(n * 0x9e3779b97f4a7c15L ^ salt.factor);
    }

    static long mix(long x) {
        x = (x ^ (x >>> 30)) * 0xbf58476d1ce4e5b9L;
        x = (x ^ (x >>> 27)) * 0x94d049bb133111ebL;
        return x ^ (x >>> 31);
    }

    /** Random bits as a number from 0 to below `bound`: the upper half of the unsigned product. */
    static long below(long bits, long bound) {
        return Math.multiplyHigh(bits, bound) + ((bits >> 63) & bound);
    }

    long time(long n) {
        return baseMs + n * 1000 / eventsPerSecond;
    }

    int kind(long place) {
        return place < persons ? PERSON : place < persons + auctions ? AUCTION : BID;
    }

    private long newestPerson(long round, long place) {
        return Math.max(round * persons + Math.min(place + 1, persons) - 1, 0);
    }

    private long somePerson(long n, long round, long place, Salt salt) {
        long known = newestPerson(round, place) + 1;
        long active = Math.min(known, ACTIVE_PERSONS);
        return known - active + below(draw(n, salt), active + ID_LEAD);
    }

    long bidAuction(long n, long round) {
        long newest = Math.max((round + 1) * auctions - 1, 0);
        if (below(draw(n, Salt.IS_HOT), hotAuctions) > 0) {
            return FIRST_ID + newest / HOT_STRIDE * HOT_STRIDE;
        }
        long oldest = Math.max(newest - OPEN_AUCTIONS, 0);
        return FIRST_ID + oldest + below(draw(n, Salt.ID), newest - oldest + 1 + ID_LEAD);
    }

    long bidBidder(long n, long round, long place) {
        if (below(draw(n, Salt.BIDDER_IS_HOT), hotBidders) > 0) {
            return FIRST_ID + newestPerson(round, place) / HOT_STRIDE * HOT_STRIDE + 1;
        }
        return FIRST_ID + somePerson(n, round, place, Salt.BIDDER);
    }

    long auctionId(long round, long place) {
        return FIRST_ID + round * auctions + place - persons;
    }

    long auctionSeller(long n, long round, long place) {
        if (below(draw(n, Salt.SELLER_IS_HOT), hotSellers) > 0) {
            return FIRST_ID + newestPerson(round, place) / HOT_STRIDE * HOT_STRIDE;
        }
        return FIRST_ID + somePerson(n, round, place, Salt.SELLER);
    }

    long auctionExpires(long n) {
        long ahead = OPEN_AUCTIONS * total / Math.max(auctions, 1);
        long begins = time(n);
        long horizonMs = time(n + ahead) - begins;
        return begins + 1 + below(draw(n, Salt.EXPIRES), Math.max(horizonMs * 2, 1));
    }

    long personId(long round, long place) {
        return FIRST_ID + newestPerson(round, place);
    }

    static long auctionCategory(long n) {
        return FIRST_CATEGORY + below(draw(n, Salt.CATEGORY), CATEGORIES);
    }

    private static final int PRICE_STEPS = 4096;
    private static final long[] PRICES = new long[PRICE_STEPS + 1];

    static {
        for (int i = 0; i <= PRICE_STEPS; i++) {
            PRICES[i] = Math.round(StrictMath.pow(10, 6.0 * i / PRICE_STEPS) * 100.0);
        }
    }

    static long price(long n) {
        return priceOf(draw(n, Salt.PRICE));
    }

    static long reserve(long n) {
        return price(n) + priceOf(draw(n, Salt.RESERVE));
    }

    private static long priceOf(long bits) {
        int step = (int) below(bits, PRICE_STEPS);
        return PRICES[step] + (((PRICES[step + 1] - PRICES[step]) * (bits & 0xffff)) >> 16);
    }
}
