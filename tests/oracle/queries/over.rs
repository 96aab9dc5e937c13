//! Aggregates over the rows up to each row. Bids have a time each of its own, so that their order is
//! one; events share times, whose order is that of their coming.

use super::{Input, Query, Sink};

pub(crate) const OVER_ROWS: Query = Query {
    input: Input::Bids,
    job: "
INSERT INTO last_five
SELECT auction, bidder, price, dateTime, COUNT(*) OVER w, SUM(price) OVER w, AVG(price) OVER w,
  MIN(price) OVER w, MAX(channel) OVER w, FIRST_VALUE(price) OVER w, LAST_VALUE(bidder) OVER w
FROM bids
WINDOW w AS (PARTITION BY auction ORDER BY dateTime ROWS BETWEEN 4 PRECEDING AND CURRENT ROW);
INSERT INTO one_after_the_other
SELECT bidder, auction, dateTime, price - LAG(price) OVER w, LAG(channel, 3, 'none') OVER w,
  ROW_NUMBER() OVER w
FROM bids WINDOW w AS (PARTITION BY bidder ORDER BY dateTime);
INSERT INTO running
SELECT auction, price, dateTime,
  SUM(price) OVER (PARTITION BY auction ORDER BY dateTime ROWS UNBOUNDED PRECEDING),
  MAX(price) OVER (PARTITION BY auction ORDER BY dateTime ROWS UNBOUNDED PRECEDING)
FROM bids WHERE price > 500;
INSERT INTO numbers
SELECT n, COUNT(*), MAX(gap) FROM TABLE(TUMBLE((
    SELECT dateTime, COUNT(*) OVER w AS n, TIMESTAMPDIFF(SECOND, LAG(dateTime) OVER w, dateTime) AS gap
    FROM bids WINDOW w AS (PARTITION BY auction ORDER BY dateTime)),
  DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY n, window_start, window_end;",
    sinks: &[
        Sink {
            name: "last_five",
            columns: "auction BIGINT, bidder BIGINT, price BIGINT, at TIMESTAMP(3), n BIGINT, \
                      total BIGINT, average BIGINT, low BIGINT, channel STRING, first BIGINT, \
                      last BIGINT",
            changes: false,
            answer: "
SELECT auction, bidder, price, dateTime, count(*) OVER w, sum(price) OVER w,
  sum(price) OVER w / count(*) OVER w, min(price) OVER w, max(channel) OVER w,
  first_value(price) OVER w, last_value(bidder) OVER w
FROM bids
WINDOW w AS (PARTITION BY auction ORDER BY dateTime ROWS BETWEEN 4 PRECEDING AND CURRENT ROW)",
        },
        Sink {
            name: "one_after_the_other",
            columns: "bidder BIGINT, auction BIGINT, at TIMESTAMP(3), more BIGINT, channel STRING, \
                      number BIGINT",
            changes: false,
            answer: "
SELECT bidder, auction, dateTime, price - lag(price) OVER w, lag(channel, 3, 'none') OVER w,
  CAST(row_number() OVER w AS BIGINT)
FROM bids WINDOW w AS (PARTITION BY bidder ORDER BY dateTime)",
        },
        Sink {
            name: "running",
            columns: "auction BIGINT, price BIGINT, at TIMESTAMP(3), total BIGINT, high BIGINT",
            changes: false,
            answer: "
SELECT auction, price, dateTime,
  sum(price) OVER (PARTITION BY auction ORDER BY dateTime ROWS UNBOUNDED PRECEDING),
  max(price) OVER (PARTITION BY auction ORDER BY dateTime ROWS UNBOUNDED PRECEDING)
FROM bids WHERE price > 500",
        },
        Sink {
            name: "numbers",
            columns: "number BIGINT, n BIGINT, gap BIGINT",
            changes: false,
            answer: "
SELECT n, count(*), max(gap) FROM (
  SELECT dateTime, count(*) OVER w AS n,
    (CAST(to_timestamp_millis(dateTime) AS BIGINT)
      - CAST(to_timestamp_millis(lag(dateTime) OVER w) AS BIGINT)) / 1000 AS gap
  FROM bids WINDOW w AS (PARTITION BY auction ORDER BY dateTime))
GROUP BY n, date_bin(INTERVAL '10 seconds', dateTime)",
        },
    ],
};

pub(crate) const OVER_TIMES: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO last_seconds
SELECT id, site, COUNT(*) OVER w, COUNT(note) OVER w, SUM(amount) OVER w, SUM(fee) OVER w,
  AVG(ratio) OVER w, MIN(note) OVER w, MAX(born) OVER w
FROM events WINDOW w AS (
  PARTITION BY site ORDER BY ts RANGE BETWEEN INTERVAL '8' SECOND PRECEDING AND CURRENT ROW);
INSERT INTO so_far
SELECT id, kind, COUNT(*) OVER w, SUM(small) OVER w, MIN(ratio) OVER w, MAX(ok) OVER w
FROM events WINDOW w AS (PARTITION BY kind ORDER BY ts);
INSERT INTO of_all
SELECT id, SUM(amount) OVER (ORDER BY `at` RANGE BETWEEN INTERVAL '3' SECOND PRECEDING AND CURRENT ROW)
FROM instants;",
    sinks: &[
        Sink {
            name: "last_seconds",
            columns: "id BIGINT, site STRING, n BIGINT, notes BIGINT, total BIGINT, \
                      fees DECIMAL(38, 2), ratio DOUBLE, note STRING, born DATE",
            changes: false,
            answer: "
SELECT id, site, count(*) OVER w, count(note) OVER w, sum(amount) OVER w,
  CAST(sum(fee) OVER w AS DECIMAL(38, 2)), sum(ratio) OVER w / count(ratio) OVER w,
  min(note) OVER w, max(born) OVER w
FROM events WINDOW w AS (
  PARTITION BY site ORDER BY ts RANGE BETWEEN INTERVAL '8 seconds' PRECEDING AND CURRENT ROW)",
        },
        Sink {
            name: "so_far",
            columns: "id BIGINT, kind STRING, n BIGINT, total INT, low DOUBLE, ok BOOLEAN",
            changes: false,
            // An INT wraps around.
            answer: "
SELECT id, kind, count(*) OVER w,
  arrow_cast((sum(CAST(small AS BIGINT)) OVER w + 2147483648) % 4294967296
    + CASE WHEN (sum(CAST(small AS BIGINT)) OVER w + 2147483648) % 4294967296 < 0
      THEN 4294967296 ELSE 0 END - 2147483648, 'Int32'),
  min(ratio) OVER w, max(CASE WHEN ok THEN 1 WHEN NOT ok THEN 0 END) OVER w = 1
FROM events WINDOW w AS (PARTITION BY kind ORDER BY ts)",
        },
        Sink {
            name: "of_all",
            columns: "id BIGINT, total BIGINT",
            changes: false,
            answer: "
SELECT id, sum(amount) OVER (ORDER BY ms RANGE BETWEEN 3000 PRECEDING AND CURRENT ROW)
FROM instants",
        },
    ],
};

/// Subqueries as values.
pub(crate) const SCALARS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO above
SELECT id, amount FROM events
WHERE kind = 'buy' AND amount > (SELECT AVG(amount) FROM events WHERE id % 500 = 1) + 100
  AND ratio < (SELECT MAX(ratio) FROM events WHERE id % 500 = 2);
INSERT INTO often
SELECT site, n FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site)
WHERE n > (SELECT COUNT(*) FROM events WHERE id % 500 = 3) * 11;",
    sinks: &[
        Sink {
            name: "above",
            columns: "id BIGINT, amount BIGINT",
            changes: true,
            answer: "
SELECT id, amount FROM events
WHERE kind = 'buy'
  AND amount > (SELECT sum(amount) / count(amount) FROM events WHERE id % 500 = 1) + 100
  AND ratio < (SELECT max(ratio) FROM events WHERE id % 500 = 2)",
        },
        Sink {
            name: "often",
            columns: "site STRING, n BIGINT",
            changes: true,
            answer: "
SELECT site, n FROM (SELECT site, count(*) AS n FROM events GROUP BY site)
WHERE n > (SELECT count(*) FROM events WHERE id % 500 = 3) * 11",
        },
    ],
};

/// Subqueries that name columns around them, and those in expressions.
pub(crate) const CORRELATED: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO above
SELECT id, amount FROM events AS e
WHERE kind = 'buy' AND amount > (SELECT AVG(amount) FROM events AS o WHERE o.site = e.site AND o.id % 7 = 1) + 50;
INSERT INTO counted
SELECT id, (SELECT COUNT(*) FROM events AS o WHERE o.site = e.site AND o.kind = e.kind AND o.id % 50 = 3)
FROM events AS e WHERE id % 11 = 2;
INSERT INTO either
SELECT id, small IN (SELECT small FROM events WHERE id % 20 = 3)
FROM events AS e
WHERE id % 13 = 4 AND (amount < 100 OR EXISTS (SELECT 1 FROM events AS o WHERE o.amount = e.amount AND o.id % 20 = 5));
INSERT INTO most
SELECT id, amount FROM events WHERE amount >= ALL (SELECT amount FROM events WHERE id % 40 = 6 AND amount IS NOT NULL);
INSERT INTO near
SELECT e.id, t.n, t.high FROM (SELECT * FROM events WHERE id % 97 = 8) AS e
LEFT JOIN LATERAL (
  SELECT kind, COUNT(*) AS n, MAX(amount) AS high FROM events AS o
  WHERE o.site = e.site AND o.amount > e.amount AND o.id % 15 = 1 GROUP BY kind) AS t ON t.n > 2;",
    sinks: &[
        Sink {
            name: "above",
            columns: "id BIGINT, amount BIGINT",
            changes: true,
            answer: "
SELECT id, amount FROM events AS e
JOIN (SELECT site, sum(amount) / count(amount) AS mean FROM events WHERE id % 7 = 1 GROUP BY site) AS o
ON o.site = e.site
WHERE kind = 'buy' AND amount > mean + 50",
        },
        Sink {
            name: "counted",
            columns: "id BIGINT, n BIGINT",
            changes: true,
            answer: "
SELECT e.id, coalesce(n, 0) FROM events AS e
LEFT JOIN (SELECT site, kind, count(*) AS n FROM events WHERE id % 50 = 3 GROUP BY site, kind) AS o
ON o.site = e.site AND o.kind = e.kind
WHERE id % 11 = 2",
        },
        Sink {
            name: "either",
            columns: "id BIGINT, known BOOLEAN",
            changes: true,
            answer: "
SELECT id, CASE
  WHEN s.small IS NOT NULL THEN true
  WHEN e.small IS NULL OR (SELECT count(*) - count(small) FROM events WHERE id % 20 = 3) > 0 THEN NULL
  ELSE false END
FROM events AS e
LEFT JOIN (SELECT DISTINCT small FROM events WHERE id % 20 = 3) AS s ON s.small = e.small
LEFT JOIN (SELECT DISTINCT amount FROM events WHERE id % 20 = 5) AS a ON a.amount = e.amount
WHERE id % 13 = 4 AND (e.amount < 100 OR a.amount IS NOT NULL)",
        },
        Sink {
            name: "most",
            columns: "id BIGINT, amount BIGINT",
            changes: true,
            answer: "
SELECT id, amount FROM events
WHERE amount >= (SELECT max(amount) FROM events WHERE id % 40 = 6)",
        },
        Sink {
            name: "near",
            columns: "id BIGINT, n BIGINT, high BIGINT",
            changes: true,
            answer: "
SELECT e.id, t.n, t.high FROM (SELECT * FROM events WHERE id % 97 = 8) AS e
LEFT JOIN (
  SELECT i.id, o.kind, count(*) AS n, max(o.amount) AS high
  FROM (SELECT * FROM events WHERE id % 97 = 8) AS i
  JOIN (SELECT * FROM events WHERE id % 15 = 1) AS o ON o.site = i.site AND o.amount > i.amount
  GROUP BY i.id, o.kind HAVING count(*) > 2) AS t ON t.id = e.id",
        },
    ],
};

pub(crate) const OVER_CHANGES: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO sites
SELECT site, n, SUM(n) OVER (ORDER BY site ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)
FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site);
INSERT INTO kinds
SELECT site, kind, n, SUM(n) OVER w, LAG(kind) OVER (PARTITION BY site ORDER BY n DESC, kind)
FROM (SELECT site, kind, COUNT(*) AS n FROM events WHERE site < 'site-2' GROUP BY site, kind)
WINDOW w AS (PARTITION BY site ORDER BY n DESC, kind RANGE UNBOUNDED PRECEDING);",
    sinks: &[
        Sink {
            name: "sites",
            columns: "site STRING, n BIGINT, four BIGINT",
            changes: true,
            answer: "
SELECT site, n, sum(n) OVER (ORDER BY site NULLS FIRST ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)
FROM (SELECT site, count(*) AS n FROM events GROUP BY site)",
        },
        Sink {
            name: "kinds",
            columns: "site STRING, kind STRING, n BIGINT, total BIGINT, before STRING",
            changes: true,
            answer: "
SELECT site, kind, n, sum(n) OVER w, lag(kind) OVER w
FROM (SELECT site, kind, count(*) AS n FROM events WHERE site < 'site-2' GROUP BY site, kind)
WINDOW w AS (PARTITION BY site ORDER BY n DESC, kind NULLS FIRST RANGE UNBOUNDED PRECEDING)",
        },
    ],
};

pub(crate) const OVER_LISTS: Query = Query {
    input: Input::Bids,
    job: "
INSERT INTO last_three
SELECT bidder, dateTime, LISTAGG(channel, '|') OVER w,
  CARDINALITY(ARRAY_AGG(CASE WHEN MOD(price, 2) = 0 THEN price END) OVER w),
  LISTAGG(CASE WHEN MOD(price, 2) = 0 THEN channel END) OVER w
FROM bids WINDOW w AS (PARTITION BY bidder ORDER BY dateTime ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);
INSERT INTO so_far
SELECT auction, dateTime, LISTAGG(CAST(price AS STRING)) OVER w, ELEMENT(ARRAY_SLICE(ARRAY_AGG(price) OVER w, 1, 1))
FROM bids WHERE MOD(auction, 7) = 0 WINDOW w AS (PARTITION BY auction ORDER BY dateTime);
INSERT INTO changing
SELECT auction, n, LISTAGG(CAST(auction AS STRING)) OVER (ORDER BY auction ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
FROM (SELECT auction, COUNT(*) AS n FROM bids WHERE MOD(auction, 11) = 0 GROUP BY auction);",
    sinks: &[
        Sink {
            name: "last_three",
            columns: "bidder BIGINT, at TIMESTAMP(3), channels STRING, n INT, even STRING",
            changes: false,
            answer: "
SELECT bidder, dateTime, concat_ws('|', lag(channel, 2) OVER w, lag(channel) OVER w, channel),
  CAST(least(row_number() OVER w, 3) AS INT),
  nullif(concat_ws(',', lag(even, 2) OVER w, lag(even) OVER w, even), '')
FROM (SELECT *, CASE WHEN price % 2 = 0 THEN channel END AS even FROM bids)
WINDOW w AS (PARTITION BY bidder ORDER BY dateTime)",
        },
        Sink {
            name: "so_far",
            columns: "auction BIGINT, at TIMESTAMP(3), prices STRING, first BIGINT",
            changes: false,
            answer: "
SELECT auction, dateTime, string_agg(CAST(price AS STRING), ',') OVER w, first_value(price) OVER w
FROM bids WHERE auction % 7 = 0
WINDOW w AS (PARTITION BY auction ORDER BY dateTime ROWS UNBOUNDED PRECEDING)",
        },
        Sink {
            name: "changing",
            columns: "auction BIGINT, n BIGINT, near STRING",
            changes: true,
            answer: "
SELECT auction, n, concat_ws(',', lag(auction, 2) OVER w, lag(auction) OVER w, auction)
FROM (SELECT auction, count(*) AS n FROM bids WHERE auction % 11 = 0 GROUP BY auction)
WINDOW w AS (ORDER BY auction)",
        },
    ],
};

/// Values that count once in a frame: by joins of rows with those of their frames.
pub(crate) const OVER_DIFFERENT: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO last_seconds
SELECT id, COUNT(DISTINCT kind) OVER w, SUM(DISTINCT amount) OVER w, AVG(DISTINCT amount) OVER w,
  SUM(DISTINCT ratio) OVER w, COUNT(*) OVER w, MAX(DISTINCT kind) OVER w
FROM (SELECT * FROM events WHERE MOD(id, 8) = 0) WINDOW w AS (
  PARTITION BY site ORDER BY ts RANGE BETWEEN INTERVAL '8' SECOND PRECEDING AND CURRENT ROW);
INSERT INTO so_far
SELECT id, COUNT(DISTINCT site) OVER w, SUM(DISTINCT amount) OVER w, SUM(DISTINCT fee) OVER w,
  COUNT(DISTINCT id) OVER w
FROM (SELECT * FROM events WHERE MOD(id, 8) = 1) WINDOW w AS (PARTITION BY kind ORDER BY ts);
INSERT INTO sites
SELECT site, n, COUNT(DISTINCT n) OVER w, SUM(DISTINCT n) OVER w
FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site) WINDOW w AS (ORDER BY site);",
    sinks: &[
        Sink {
            name: "last_seconds",
            columns: "id BIGINT, kinds BIGINT, total BIGINT, mean BIGINT, ratio DOUBLE, n BIGINT, \
                      kind STRING",
            changes: false,
            answer: "
SELECT a.id, count(DISTINCT b.kind), sum(DISTINCT b.amount),
  sum(DISTINCT b.amount) / nullif(count(DISTINCT b.amount), 0), sum(DISTINCT b.ratio), count(*),
  max(b.kind)
FROM events a JOIN events b ON coalesce(a.site, '-') = coalesce(b.site, '-')
  AND a.id % 8 = 0 AND b.id % 8 = 0 AND b.ts <= a.ts AND b.ts >= a.ts - INTERVAL '8 seconds'
GROUP BY a.id",
        },
        Sink {
            name: "so_far",
            columns: "id BIGINT, sites BIGINT, total BIGINT, fees DECIMAL(38, 2), n BIGINT",
            changes: false,
            answer: "
SELECT a.id, count(DISTINCT b.site), sum(DISTINCT b.amount),
  CAST(sum(DISTINCT b.fee) AS DECIMAL(38, 2)), count(*)
FROM events a JOIN events b ON coalesce(a.kind, '-') = coalesce(b.kind, '-')
  AND a.id % 8 = 1 AND b.id % 8 = 1 AND b.ts <= a.ts
GROUP BY a.id",
        },
        Sink {
            name: "sites",
            columns: "site STRING, n BIGINT, counts BIGINT, total BIGINT",
            changes: true,
            answer: "
WITH counts AS (SELECT site, count(*) AS n FROM events GROUP BY site)
SELECT a.site, a.n, count(DISTINCT b.n), sum(DISTINCT b.n)
FROM counts a JOIN counts b ON b.site IS NULL OR b.site <= a.site GROUP BY a.site, a.n",
        },
    ],
};
