package dev.sabot.flink;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;

/** Events as rows of the table that examples/nexmark/tables.sql declares. */
final class Events {
    /** The fields of persons, auctions and bids: N a number, S a text, T a time. */
    static final String[] FIELDS = {"NSSSSSTS", "NSSNNTTNNS", "NNNSSTS"};

    private Events() {}

    static GenericRowData row(Model model, long n) {
        long round = n / model.total;
        long place = n - round * model.total;
        int kind = model.kind(place);
        GenericRowData row = new GenericRowData(4);
        row.setField(0, kind);
        row.setField(kind + 1, of(model, kind, n, round, place));
        return row;
    }

    private static RowData of(Model model, int kind, long n, long round, long place) {
        TimestampData time = TimestampData.fromEpochMillis(model.time(n));
        switch (kind) {
            case Model.PERSON:
                return GenericRowData.of(
                        model.personId(round, place), Texts.personName(n), Texts.emailAddress(n), Texts.creditCard(n),
                        Texts.city(n), Texts.state(n), time, Texts.personExtra(n, model.personSize));
            case Model.AUCTION:
                return GenericRowData.of(
                        model.auctionId(round, place), Texts.itemName(n), Texts.description(n), Model.price(n),
                        Model.reserve(n), time, TimestampData.fromEpochMillis(model.auctionExpires(n)),
                        model.auctionSeller(n, round, place), Model.auctionCategory(n),
                        Texts.auctionExtra(n, model.auctionSize));
            default:
                return GenericRowData.of(
                        model.bidAuction(n, round), model.bidBidder(n, round, place), Model.price(n), Texts.channel(n),
                        Texts.url(n), time, Texts.bidExtra(n, model.bidSize));
        }
    }
}
