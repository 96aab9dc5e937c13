//! The queries of the Nexmark benchmark that keep state, as they lie in `examples/nexmark`.

use super::{Input, Query, Sink};

/// A batch answer over the benchmark's three kinds of events.
macro_rules! over_events {
    ($answer:literal) => {
        concat!(
            "WITH person AS (SELECT get_field(person, 'id') AS id, get_field(person, 'name') AS name, \
             get_field(person, 'city') AS city, get_field(person, 'state') AS state, \
             get_field(person, 'dateTime') AS dateTime FROM nexmark WHERE event_type = 0), \
             auction AS (SELECT get_field(auction, 'id') AS id, \
             get_field(auction, 'itemName') AS itemName, \
             get_field(auction, 'description') AS description, \
             get_field(auction, 'initialBid') AS initialBid, \
             get_field(auction, 'reserve') AS reserve, \
             get_field(auction, 'dateTime') AS dateTime, get_field(auction, 'expires') AS expires, \
             get_field(auction, 'seller') AS seller, get_field(auction, 'category') AS category, \
             get_field(auction, 'extra') AS extra FROM nexmark WHERE event_type = 1), \
             bid AS (SELECT get_field(bid, 'auction') AS auction, \
             get_field(bid, 'bidder') AS bidder, get_field(bid, 'price') AS price, \
             get_field(bid, 'channel') AS channel, get_field(bid, 'url') AS url, \
             get_field(bid, 'dateTime') AS dateTime, get_field(bid, 'extra') AS extra \
             FROM nexmark WHERE event_type = 2) ",
            $answer
        )
    };
}

macro_rules! benchmark {
    ($($constant:ident: $number:literal, $changes:literal, $answer:literal;)*) => {
        $(pub(crate) const $constant: Query = Query {
            input: Input::Nexmark,
            job: include_str!(concat!("../../../examples/nexmark/q", $number, ".sql")),
            sinks: &[Sink {
                name: concat!("nexmark_q", $number),
                columns: "",
                changes: $changes,
                answer: over_events!($answer),
            }],
        };)*

        /// The files of the queries.
        pub(crate) const STATEFUL_NEXMARK_FILES: &[&str] = &[$(concat!("q", $number, ".sql")),*];
    };
}

benchmark! {
    NEXMARK_Q3: "3", false, "
SELECT P.name, P.city, P.state, A.id FROM auction AS A, person AS P
WHERE A.seller = P.id AND A.category = 10
  AND (P.state = 'OR' OR P.state = 'ID' OR P.state = 'CA')";
    NEXMARK_Q4: "4", true, "
SELECT category, sum(final) / count(final) FROM (
  SELECT A.id, A.category AS category, max(B.price) AS final FROM auction A JOIN bid B
  ON A.id = B.auction AND B.dateTime >= A.dateTime AND B.dateTime <= A.expires
  GROUP BY A.id, A.category)
GROUP BY category";
    NEXMARK_Q5: "5", false, "
SELECT auction, num FROM (
  SELECT auction, count(*) AS num, ends,
    rank() OVER (PARTITION BY ends ORDER BY count(*) DESC) AS r
  FROM (SELECT auction, date_bin(INTERVAL '2 seconds', dateTime) + s AS ends FROM bid CROSS JOIN
    (VALUES (INTERVAL '2 seconds'), (INTERVAL '4 seconds'), (INTERVAL '6 seconds'),
      (INTERVAL '8 seconds'), (INTERVAL '10 seconds')) AS shifts(s))
  GROUP BY auction, ends)
WHERE r = 1";
    NEXMARK_Q6: "6", true, "
SELECT seller, sum(final) OVER w / count(final) OVER w FROM (
  SELECT A.seller AS seller, B.price AS final, B.dateTime AS at,
    row_number() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime) AS r
  FROM auction A JOIN bid B
  ON A.id = B.auction AND B.dateTime >= A.dateTime AND B.dateTime <= A.expires)
WHERE r = 1
WINDOW w AS (PARTITION BY seller ORDER BY at, final ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)";
    NEXMARK_Q7: "7", false, "
SELECT B.auction, B.price, B.bidder, B.dateTime, B.extra FROM bid B JOIN (
  SELECT max(price) AS high, date_bin(INTERVAL '10 seconds', dateTime) + INTERVAL '10 seconds' AS ends
  FROM bid GROUP BY date_bin(INTERVAL '10 seconds', dateTime)) AS W
ON B.price = W.high AND B.dateTime >= W.ends - INTERVAL '10 seconds' AND B.dateTime <= W.ends";
    NEXMARK_Q8: "8", false, "
SELECT DISTINCT P.id, P.name, date_bin(INTERVAL '10 seconds', P.dateTime)
FROM person P JOIN auction A ON P.id = A.seller
  AND date_bin(INTERVAL '10 seconds', P.dateTime) = date_bin(INTERVAL '10 seconds', A.dateTime)";
    NEXMARK_Q9: "9", true, "
SELECT id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra,
  auction, bidder, price, at, bid_extra FROM (
  SELECT A.*, B.auction, B.bidder, B.price, B.dateTime AS at, B.extra AS bid_extra,
    row_number() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime) AS r
  FROM auction A JOIN bid B
  ON A.id = B.auction AND B.dateTime >= A.dateTime AND B.dateTime <= A.expires)
WHERE r = 1";
    NEXMARK_Q11: "11", false, "
SELECT bidder, count(*), min(dateTime), max(dateTime) + INTERVAL '10 seconds' FROM (
  SELECT bidder, dateTime, sum(begins) OVER (PARTITION BY bidder ORDER BY dateTime
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session FROM (
    SELECT bidder, dateTime, CASE WHEN dateTime - lag(dateTime) OVER
      (PARTITION BY bidder ORDER BY dateTime) <= INTERVAL '10 seconds' THEN 0 ELSE 1 END AS begins
    FROM bid))
GROUP BY bidder, session";
    NEXMARK_Q15: "15", true, "
SELECT to_char(dateTime, '%Y-%m-%d'), count(*), count(CASE WHEN price < 10000 THEN 1 END),
  count(CASE WHEN price >= 10000 AND price < 1000000 THEN 1 END),
  count(CASE WHEN price >= 1000000 THEN 1 END), count(DISTINCT bidder),
  count(DISTINCT CASE WHEN price < 10000 THEN bidder END),
  count(DISTINCT CASE WHEN price >= 10000 AND price < 1000000 THEN bidder END),
  count(DISTINCT CASE WHEN price >= 1000000 THEN bidder END), count(DISTINCT auction),
  count(DISTINCT CASE WHEN price < 10000 THEN auction END),
  count(DISTINCT CASE WHEN price >= 10000 AND price < 1000000 THEN auction END),
  count(DISTINCT CASE WHEN price >= 1000000 THEN auction END)
FROM bid GROUP BY to_char(dateTime, '%Y-%m-%d')";
    NEXMARK_Q16: "16", true, "
SELECT channel, to_char(dateTime, '%Y-%m-%d'), max(to_char(dateTime, '%H:%M')), count(*),
  count(CASE WHEN price < 10000 THEN 1 END),
  count(CASE WHEN price >= 10000 AND price < 1000000 THEN 1 END),
  count(CASE WHEN price >= 1000000 THEN 1 END), count(DISTINCT bidder),
  count(DISTINCT CASE WHEN price < 10000 THEN bidder END),
  count(DISTINCT CASE WHEN price >= 10000 AND price < 1000000 THEN bidder END),
  count(DISTINCT CASE WHEN price >= 1000000 THEN bidder END), count(DISTINCT auction),
  count(DISTINCT CASE WHEN price < 10000 THEN auction END),
  count(DISTINCT CASE WHEN price >= 10000 AND price < 1000000 THEN auction END),
  count(DISTINCT CASE WHEN price >= 1000000 THEN auction END)
FROM bid GROUP BY channel, to_char(dateTime, '%Y-%m-%d')";
    NEXMARK_Q17: "17", true, "
SELECT auction, to_char(dateTime, '%Y-%m-%d'), count(*), count(CASE WHEN price < 10000 THEN 1 END),
  count(CASE WHEN price >= 10000 AND price < 1000000 THEN 1 END),
  count(CASE WHEN price >= 1000000 THEN 1 END), min(price), max(price), sum(price) / count(*),
  sum(price)
FROM bid GROUP BY auction, to_char(dateTime, '%Y-%m-%d')";
    NEXMARK_Q18: "18", true, "
SELECT auction, bidder, price, channel, url, dateTime, extra FROM (
  SELECT *, row_number() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC) AS r FROM bid)
WHERE r = 1";
    NEXMARK_Q19: "19", true, "
SELECT auction, bidder, price, channel, url, dateTime, extra, CAST(r AS BIGINT) FROM (
  SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC) AS r FROM bid)
WHERE r <= 10";
    NEXMARK_Q20: "20", false, "
SELECT auction, bidder, price, channel, url, B.dateTime, B.extra, itemName, description,
  initialBid, reserve, A.dateTime, expires, seller, category, A.extra
FROM bid AS B JOIN auction AS A ON B.auction = A.id AND A.category = 10";
}
