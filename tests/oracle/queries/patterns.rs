//! Rows that match a pattern, where windows over rows tell the same. Bids have a time each of its own.

use super::{Input, Query, Sink};

pub(crate) const PATTERNS: Query = Query {
    input: Input::Bids,
    job: "
INSERT INTO rising
SELECT auction, a, b, c, t FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY dateTime
  MEASURES A.price AS a, B.price AS b, C.price AS c, MATCH_ROWTIME() AS t
  AFTER MATCH SKIP TO NEXT ROW PATTERN (A B C) DEFINE B AS B.price > A.price, C AS C.price > B.price);
INSERT INTO low_ones
SELECT auction, n, total, low, price, t FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY dateTime
  MEASURES COUNT(LOW.price) AS n, SUM(LOW.price) AS total, MIN(LOW.price) AS low, HIGH.price AS price, FIRST(LOW.dateTime) AS t
  AFTER MATCH SKIP PAST LAST ROW PATTERN (LOW+ HIGH) DEFINE LOW AS LOW.price < 100000, HIGH AS HIGH.price >= 100000);
INSERT INTO soon
SELECT bidder, a, b, t FROM bids MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY dateTime
  MEASURES A.price AS a, B.price AS b, B.dateTime AS t
  AFTER MATCH SKIP TO NEXT ROW PATTERN (A B) WITHIN INTERVAL '2' SECOND DEFINE B AS B.auction <> A.auction);
INSERT INTO of_all
SELECT a, n, b FROM bids MATCH_RECOGNIZE (ORDER BY dateTime
  MEASURES FIRST(A.dateTime) AS a, COUNT(A.price) AS n, B.dateTime AS b
  AFTER MATCH SKIP TO NEXT ROW PATTERN (A+ B) DEFINE A AS MOD(A.price, 3) > 0, B AS MOD(B.price, 3) = 0);",
    sinks: &[
        Sink {
            name: "rising",
            columns: "auction BIGINT, a BIGINT, b BIGINT, c BIGINT, at TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT auction, a, b, c, t FROM (
  SELECT auction, price AS a, lead(price) OVER w AS b, lead(price, 2) OVER w AS c, lead(dateTime, 2) OVER w AS t
  FROM bids WINDOW w AS (PARTITION BY auction ORDER BY dateTime))
WHERE b > a AND c > b",
        },
        Sink {
            name: "low_ones",
            columns: "auction BIGINT, n BIGINT, total BIGINT, low BIGINT, price BIGINT, at TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT auction, count(*) FILTER (WHERE price < 100000), sum(price) FILTER (WHERE price < 100000),
  min(price), max(price), min(dateTime)
FROM (SELECT auction, price, dateTime, sum(CASE WHEN price >= 100000 THEN 1 ELSE 0 END) OVER (
  PARTITION BY auction ORDER BY dateTime ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM bids)
GROUP BY auction, coalesce(before, 0)
HAVING count(*) FILTER (WHERE price < 100000) > 0 AND max(price) >= 100000",
        },
        Sink {
            name: "soon",
            columns: "bidder BIGINT, a BIGINT, b BIGINT, at TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT bidder, price, b, t FROM (
  SELECT bidder, auction, price, dateTime, lead(price) OVER w AS b, lead(auction) OVER w AS other, lead(dateTime) OVER w AS t
  FROM bids WINDOW w AS (PARTITION BY bidder ORDER BY dateTime))
WHERE other <> auction AND t < dateTime + INTERVAL '2 seconds'",
        },
        Sink {
            name: "of_all",
            columns: "a TIMESTAMP(3), n BIGINT, b TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT dateTime, n - 1, last FROM (
  SELECT dateTime, price,
    count(*) OVER (PARTITION BY rest ORDER BY dateTime ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS n,
    max(dateTime) OVER (PARTITION BY rest) AS last, min(price % 3) OVER (PARTITION BY rest) AS least
  FROM (SELECT dateTime, price, coalesce(sum(CASE WHEN price % 3 = 0 THEN 1 ELSE 0 END) OVER (
    ORDER BY dateTime ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS rest FROM bids))
WHERE least = 0 AND price % 3 > 0",
        },
    ],
};
