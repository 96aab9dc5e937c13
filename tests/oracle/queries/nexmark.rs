//! The queries of the Nexmark benchmark as they lie in `examples/nexmark`, over all its events.

use sabot_tests::sim::SimFile;

use super::{Input, Query, Sink, folder};

/// The benchmark's tables with few events, slow and around eight o'clock, when a bid's time of day
/// changes.
pub(crate) fn tables() -> String {
    let options = "'first-event.rate' = '10000',
  'next-event.rate' = '10000',
  'events.num' = '1000000',";
    let fewer = "'first-event.rate' = '50', 'next-event.rate' = '50', 'events.num' = '3000',
  'rows-per-second' = '500', 'nexmark.first-event.base-time' = '1436947170000',";
    let tables = include_str!("../../../examples/nexmark/tables.sql");
    assert!(tables.contains(options), "the options of the benchmark's tables have changed");
    tables.replace(options, fewer)
}

/// A query's statements, which write files in place of nothing.
pub(super) fn job(query: &Query) -> String {
    let of_job = query.sinks.iter().filter(|sink| sink.columns.is_empty());
    let job = of_job.fold(query.job.to_owned(), |job, sink| {
        let path = folder(sink.name);
        let format = if sink.changes { "debezium-json" } else { "json" };
        let files = format!("'connector' = 'filesystem', 'format' = '{format}', 'path' = '{path}'");
        // Query 10 writes files anyway.
        job.replace("'connector' = 'blackhole'", &files).replace("nexmark_q10/", &path)
    });
    job.replace("nexmark_side_input/", SIDE_INPUT)
}

/// Where the side input of query 13 lies.
const SIDE_INPUT: &str = "s3://in/side_input";

/// The side input of query 13, with values for most of the auctions' remainders.
pub(crate) fn side_input() -> SimFile {
    let line = |key: u32| format!("{{\"key\":{key},\"value\":\"value of {key}\"}}\n");
    let content = (0..1400).filter(|key| key % 7 != 0).map(line).collect();
    SimFile { folder: SIDE_INPUT.to_owned(), name: "side_input.jsonl".to_owned(), content }
}

macro_rules! benchmark {
    ($($constant:ident: $number:literal, $answer:expr;)*) => {
        $(pub(crate) const $constant: Query = Query {
            input: Input::Nexmark,
            job: include_str!(concat!("../../../examples/nexmark/q", $number, ".sql")),
            sinks: &[Sink { name: concat!("nexmark_q", $number), columns: "", changes: false, answer: $answer }],
        };)*

        /// The files of the queries.
        pub(crate) const NEXMARK_FILES: &[&str] = &[$(concat!("q", $number, ".sql")),*];
    };
}

/// A query of bids, which stand in a ROW.
macro_rules! of_bids {
    ($columns:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM (SELECT get_field(bid, 'auction') AS auction, \
             get_field(bid, 'bidder') AS bidder, get_field(bid, 'price') AS price, \
             get_field(bid, 'channel') AS channel, get_field(bid, 'url') AS url, \
             get_field(bid, 'dateTime') AS dateTime, get_field(bid, 'extra') AS extra \
             FROM nexmark WHERE bid IS NOT NULL) WHERE ",
            $condition
        )
    };
}

benchmark! {
    NEXMARK_Q0: "0", of_bids!("auction, bidder, price, dateTime, extra", "true");
    NEXMARK_Q1: "1", of_bids!(
        "auction, bidder, CAST(price * 908 AS DECIMAL(26, 3)) / 1000, dateTime, extra", "true"
    );
    NEXMARK_Q2: "2", of_bids!("auction, price", "auction % 123 = 0");
    NEXMARK_Q10: "10", of_bids!(
        "auction, bidder, price, dateTime, extra, to_char(dateTime, '%Y-%m-%d'), \
         to_char(dateTime, '%H:%M')",
        "true"
    );
    NEXMARK_Q14: "14", of_bids!(
        "auction, bidder, CAST(price * 908 AS DECIMAL(26, 3)) / 1000, \
         CASE WHEN date_part('hour', dateTime) BETWEEN 8 AND 18 THEN 'dayTime' \
           WHEN date_part('hour', dateTime) = 7 OR date_part('hour', dateTime) = 19 \
           THEN 'otherTime' ELSE 'nightTime' END, \
         dateTime, extra, character_length(extra) - character_length(replace(extra, 'c', ''))",
        "price * 908 > 1000000000 AND price * 908 < 50000000000"
    );
    NEXMARK_Q21: "21", of_bids!(
        "auction, bidder, price, channel, CASE WHEN channel = 'Apple' THEN '0' \
           WHEN channel = 'Google' THEN '1' WHEN channel = 'Facebook' THEN '2' \
           WHEN channel = 'Baidu' THEN '3' ELSE split_part(url, '&channel_id=', 2) END",
        "strpos(channel, 'channel-') = 0 OR strpos(url, '&channel_id=') > 0"
    );
    NEXMARK_Q22: "22", of_bids!(
        "auction, bidder, price, channel, split_part(url, '/', 4), split_part(url, '/', 5), \
         split_part(url, '/', 6)",
        "true"
    );
}

/// Every kind of event has a reader, so that all come from one source.
pub(crate) const NEXMARK_EVENTS: Query = Query {
    input: Input::Nexmark,
    job: "
INSERT INTO people SELECT id, name, emailAddress, creditCard, city, state, `dateTime` FROM person;
INSERT INTO lots
SELECT id, itemName, initialBid + reserve, expires, seller, `dateTime` FROM auction
WHERE category IN (10, 13) AND expires > `dateTime` + INTERVAL '1' SECOND;
INSERT INTO bids_per_auction
SELECT bid.auction, window_end, COUNT(*), MAX(bid.price)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
GROUP BY bid.auction, window_start, window_end;
INSERT INTO kinds
SELECT event_type, window_end, COUNT(*), COUNT(nexmark.bid.price), MIN(auction.id)
FROM TABLE(TUMBLE(TABLE nexmark, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND))
GROUP BY event_type, window_start, window_end;",
    sinks: &[
        Sink {
            name: "people",
            columns: "id BIGINT, a STRING, b STRING, c STRING, d STRING, e STRING, f TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT get_field(person, 'id'), get_field(person, 'name'), get_field(person, 'emailAddress'),
  get_field(person, 'creditCard'), get_field(person, 'city'), get_field(person, 'state'),
  get_field(person, 'dateTime') FROM nexmark WHERE event_type = 0",
        },
        Sink {
            name: "lots",
            columns: "id BIGINT, a STRING, b BIGINT, c TIMESTAMP(3), d BIGINT, e TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT get_field(auction, 'id'), get_field(auction, 'itemName'),
  get_field(auction, 'initialBid') + get_field(auction, 'reserve'), get_field(auction, 'expires'),
  get_field(auction, 'seller'), get_field(auction, 'dateTime')
FROM nexmark WHERE event_type = 1
  AND (get_field(auction, 'category') = 10 OR get_field(auction, 'category') = 13)
  AND get_field(auction, 'expires') - get_field(auction, 'dateTime') > INTERVAL '1 second'",
        },
        Sink {
            name: "bids_per_auction",
            columns: "auction BIGINT, ends TIMESTAMP(3), n BIGINT, high BIGINT",
            changes: false,
            answer: "
SELECT auction, date_bin(INTERVAL '10 seconds', at) + INTERVAL '10 seconds', count(*), max(price)
FROM (SELECT get_field(bid, 'auction') AS auction, get_field(bid, 'price') AS price,
  get_field(bid, 'dateTime') AS at FROM nexmark WHERE event_type = 2)
GROUP BY auction, date_bin(INTERVAL '10 seconds', at)",
        },
        Sink {
            name: "kinds",
            columns: "kind INT, ends TIMESTAMP(3), n BIGINT, bids BIGINT, first BIGINT",
            changes: false,
            answer: "
SELECT event_type, date_bin(INTERVAL '20 seconds', at) + INTERVAL '20 seconds', count(*),
  count(price), min(id)
FROM (SELECT event_type, get_field(bid, 'price') AS price, get_field(auction, 'id') AS id,
  coalesce(get_field(bid, 'dateTime'), get_field(auction, 'dateTime'),
    get_field(person, 'dateTime')) AS at FROM nexmark)
GROUP BY event_type, date_bin(INTERVAL '20 seconds', at)",
        },
    ],
};
