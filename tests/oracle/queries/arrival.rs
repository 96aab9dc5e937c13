//! Rows in the order in which they come: which that is differs from run to run, and what is asked of
//! it does not.

use super::{Input, Query, Sink};

pub(crate) const ARRIVALS: Query = Query {
    input: Input::Bids,
    job: "
CREATE VIEW timed AS SELECT *, PROCTIME() AS p FROM bids;
INSERT INTO numbers SELECT auction, COUNT(*) OVER w, ROW_NUMBER() OVER w, RANK() OVER w
FROM timed WINDOW w AS (PARTITION BY auction ORDER BY p);
INSERT INTO last_three
SELECT bidder, COUNT(*) OVER w, COUNT(DISTINCT auction) OVER w <= COUNT(*) OVER w, SUM(price) OVER w >= price
FROM timed WINDOW w AS (PARTITION BY bidder ORDER BY p ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);
INSERT INTO totals
SELECT auction, MAX(total), MAX(kinds) FROM (
  SELECT auction, SUM(price) OVER w AS total, COUNT(DISTINCT bidder) OVER w AS kinds
  FROM timed WINDOW w AS (PARTITION BY auction ORDER BY p)) GROUP BY auction;
INSERT INTO of_a_day
SELECT auction, MAX(n), MAX(high) FROM (
  SELECT auction, COUNT(*) OVER w AS n, MAX(price) OVER w AS high
  FROM timed WINDOW w AS (PARTITION BY auction ORDER BY p RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW))
GROUP BY auction;
INSERT INTO near
SELECT a.auction, a.bidder, b.bidder FROM timed AS a LEFT JOIN (SELECT * FROM timed WHERE price > 500) AS b
ON a.auction = b.auction AND a.price > b.price + 300 AND b.p BETWEEN a.p - INTERVAL '1' DAY AND a.p + INTERVAL '1' DAY;
INSERT INTO far
SELECT a.auction, b.auction FROM timed AS a FULL JOIN timed AS b
ON a.auction = b.bidder AND b.p BETWEEN a.p + INTERVAL '1' DAY AND a.p + INTERVAL '2' DAY;",
    sinks: &[
        Sink {
            name: "numbers",
            columns: "auction BIGINT, n BIGINT, number BIGINT, place BIGINT",
            changes: false,
            answer: "
SELECT auction, count(*) OVER w, CAST(row_number() OVER w AS BIGINT), CAST(rank() OVER w AS BIGINT)
FROM bids WINDOW w AS (PARTITION BY auction ORDER BY dateTime)",
        },
        Sink {
            name: "last_three",
            columns: "bidder BIGINT, n BIGINT, a BOOLEAN, b BOOLEAN",
            changes: false,
            answer: "
SELECT bidder, count(*) OVER w AS n, true AS a, true AS b
FROM bids WINDOW w AS (PARTITION BY bidder ORDER BY dateTime ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
        },
        Sink {
            name: "totals",
            columns: "auction BIGINT, total BIGINT, kinds BIGINT",
            changes: true,
            answer: "SELECT auction, sum(price), count(DISTINCT bidder) FROM bids GROUP BY auction",
        },
        Sink {
            name: "of_a_day",
            columns: "auction BIGINT, n BIGINT, high BIGINT",
            changes: true,
            answer: "SELECT auction, count(*), max(price) FROM bids GROUP BY auction",
        },
        Sink {
            name: "near",
            columns: "auction BIGINT, bidder BIGINT, other BIGINT",
            changes: false,
            answer: "
SELECT a.auction, a.bidder, b.bidder FROM bids AS a LEFT JOIN (SELECT * FROM bids WHERE price > 500) AS b
ON a.auction = b.auction AND a.price > b.price + 300",
        },
        Sink {
            name: "far",
            columns: "a BIGINT, b BIGINT",
            changes: false,
            answer: "
SELECT auction AS a, NULL AS b FROM bids UNION ALL SELECT NULL AS a, auction AS b FROM bids",
        },
    ],
};
