//! Processing time, and joins with what a table has or had at a row's time.

use super::{Input, Query, Sink};

/// Which window a row lies in depends on when it came, but it lies in one, or for `HOP` in three.
pub(crate) const PROCESSING_TIME: Query = Query {
    input: Input::Bids,
    job:
        "
CREATE VIEW timed AS SELECT *, PROCTIME() AS p FROM bids;
INSERT INTO tumbled
SELECT auction, SUM(n), SUM(total) FROM (
  SELECT auction, COUNT(*) AS n, SUM(price) AS total
  FROM TABLE(TUMBLE(TABLE timed, DESCRIPTOR(p), INTERVAL '1' SECOND))
  GROUP BY auction, window_start, window_end)
GROUP BY auction;
INSERT INTO hopped
SELECT bidder, SUM(n) FROM (
  SELECT bidder, COUNT(*) AS n
  FROM TABLE(HOP(TABLE timed, DESCRIPTOR(p), INTERVAL '1' SECOND, INTERVAL '3' SECOND))
  GROUP BY bidder, window_start, window_end)
GROUP BY bidder;
INSERT INTO sessions
SELECT auction, SUM(n) FROM (
  SELECT auction, COUNT(*) AS n
  FROM bids GROUP BY auction, SESSION(PROCTIME(), INTERVAL '1' SECOND))
GROUP BY auction;
INSERT INTO windows_of_windows
SELECT SUM(n), SUM(total) FROM (
  SELECT SUM(n) AS n, SUM(total) AS total FROM (
    SELECT window_time, COUNT(*) AS n, SUM(price) AS total
    FROM TABLE(TUMBLE(TABLE timed, DESCRIPTOR(p), INTERVAL '1' SECOND))
    GROUP BY auction, window_start, window_end, window_time)
  GROUP BY TUMBLE(window_time, INTERVAL '4' SECOND));
INSERT INTO stamped SELECT auction, bidder, CAST(PROCTIME() AS DATE), CAST(p AS DATE) FROM timed
WHERE PROCTIME() >= p;
INSERT INTO first_come SELECT auction, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY p ASC) AS n FROM timed) WHERE n = 1;
INSERT INTO first_times SELECT auction, dateTime FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY dateTime) AS n FROM bids) WHERE n = 1;",
    sinks: &[
        Sink {
            name: "tumbled",
            columns: "auction BIGINT, n BIGINT, total BIGINT",
            changes: true,
            answer: "SELECT auction, count(*), sum(price) FROM bids GROUP BY auction",
        },
        Sink {
            name: "hopped",
            columns: "bidder BIGINT, n BIGINT",
            changes: true,
            answer: "SELECT bidder, 3 * count(*) FROM bids GROUP BY bidder",
        },
        Sink {
            name: "sessions",
            columns: "auction BIGINT, n BIGINT",
            changes: true,
            answer: "SELECT auction, count(*) FROM bids GROUP BY auction",
        },
        Sink {
            name: "windows_of_windows",
            columns: "n BIGINT, total BIGINT",
            changes: true,
            answer: "SELECT count(*), sum(price) FROM bids",
        },
        Sink {
            name: "stamped",
            columns: "auction BIGINT, bidder BIGINT, a DATE, b DATE",
            changes: false,
            answer: "SELECT auction, bidder, DATE '2023-11-14' AS a, DATE '2023-11-14' AS b FROM bids",
        },
        Sink {
            name: "first_come",
            columns: "auction BIGINT, n BIGINT",
            changes: false,
            answer: "SELECT DISTINCT auction, CAST(1 AS BIGINT) AS n FROM bids",
        },
        Sink {
            name: "first_times",
            columns: "auction BIGINT, ts TIMESTAMP(3)",
            changes: false,
            answer: "SELECT auction, min(dateTime) FROM bids GROUP BY auction",
        },
    ],
};

/// What changes by itself, of which what does not is known: a value that is read twice is the same,
/// no two rows have the same UUID, also over failures.
pub(crate) const BY_ITSELF: Query = Query {
    input: Input::Bids,
    job: "
CREATE VIEW drawn AS SELECT *, UUID() AS u, RAND() AS r, RAND_INTEGER(10) AS n FROM bids;
INSERT INTO known
SELECT auction, bidder, CHAR_LENGTH(u), u = CONCAT(u, '') AND SUBSTRING(u, 15, 1) = '4', r >= 0 AND r < 1,
  n BETWEEN 0 AND 9, UUID() <> u AND RAND() <> r,
  CURRENT_DATE = CAST(NOW() AS DATE) AND LOCALTIMESTAMP = CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3)),
  CAST(LOCALTIMESTAMP AS DATE) = CURRENT_DATE AND CURRENT_TIME = LOCALTIME AND UNIX_TIMESTAMP() > 1700000000 - 1
FROM drawn WHERE CURRENT_ROW_TIMESTAMP() > TO_TIMESTAMP_LTZ(0, 3);
INSERT INTO counted
SELECT COUNT(*), COUNT(DISTINCT u), COUNT(CASE WHEN r < 0.5 THEN 1 END) + COUNT(CASE WHEN r >= 0.5 THEN 1 END),
  MAX(half) < 0.5
FROM (SELECT *, RAND() / 2 AS half FROM drawn) WHERE half < 0.5;
INSERT INTO two_values
SELECT COUNT(*), COUNT(DISTINCT a), SUM(n) FROM (
  SELECT a, COUNT(*) AS n FROM (SELECT DISTINCT auction, UUID() AS a, UUID() AS b FROM bids) WHERE a <> b GROUP BY a);
INSERT INTO watermarks
SELECT auction, COUNT(*), COUNT(CASE WHEN w < ts THEN 1 WHEN w >= ts THEN NULL ELSE 1 END) FROM (
  SELECT auction, dateTime AS ts, CURRENT_WATERMARK(dateTime) AS w FROM bids) GROUP BY auction;",
    sinks: &[
        Sink {
            name: "known",
            columns: "auction BIGINT, bidder BIGINT, chars INT, a BOOLEAN, b BOOLEAN, c BOOLEAN, d BOOLEAN,
  e BOOLEAN, f BOOLEAN",
            changes: false,
            answer: "SELECT auction, bidder, CAST(36 AS INT) AS chars, true AS a, true AS b, true AS c, true AS d,
  true AS e, true AS f FROM bids",
        },
        Sink {
            name: "counted",
            columns: "n BIGINT, distinct_n BIGINT, both_n BIGINT, lower BOOLEAN",
            changes: true,
            answer: "SELECT count(*) AS a, count(*) AS b, count(*) AS c, true AS d FROM bids",
        },
        Sink {
            name: "two_values",
            columns: "n BIGINT, distinct_n BIGINT, rows_n BIGINT",
            changes: true,
            answer: "SELECT count(*) AS a, count(*) AS b, count(*) AS c FROM bids",
        },
        Sink {
            name: "watermarks",
            columns: "auction BIGINT, n BIGINT, in_time BIGINT",
            changes: true,
            answer: "SELECT auction, count(*) AS a, count(*) AS b FROM bids GROUP BY auction",
        },
    ],
};

/// Query 12 of the Nexmark benchmark, and how many bids its windows have of each bidder.
pub(crate) const NEXMARK_Q12: Query = Query {
    input: Input::Nexmark,
    job: concat!(
        include_str!("../../../examples/nexmark/q12.sql"),
        "
INSERT INTO per_bidder
SELECT bidder, SUM(bid_count) FROM (
  SELECT bidder, count(*) AS bid_count
  FROM TABLE(TUMBLE(TABLE B, DESCRIPTOR(p_time), INTERVAL '10' SECOND))
  GROUP BY bidder, window_start, window_end)
GROUP BY bidder;"
    ),
    sinks: &[Sink {
        name: "per_bidder",
        columns: "bidder BIGINT, bids BIGINT",
        changes: true,
        answer: "
SELECT get_field(bid, 'bidder'), count(*) FROM nexmark WHERE bid IS NOT NULL
GROUP BY get_field(bid, 'bidder')",
    }],
};

/// Query 13 of the Nexmark benchmark.
pub(crate) const NEXMARK_Q13: Query = Query {
    input: Input::Nexmark,
    job: include_str!("../../../examples/nexmark/q13.sql"),
    sinks: &[Sink {
        name: "nexmark_q13",
        columns: "",
        changes: false,
        answer: "
SELECT B.auction, B.bidder, B.price, B.at, S.value FROM (
  SELECT get_field(bid, 'auction') AS auction, get_field(bid, 'bidder') AS bidder,
    get_field(bid, 'price') AS price, get_field(bid, 'dateTime') AS at
  FROM nexmark WHERE bid IS NOT NULL) AS B
JOIN side_input AS S ON B.auction % 10000 = S.key",
    }],
};

/// The files of the queries.
pub(crate) const TIMED_NEXMARK_FILES: &[&str] = &["q12.sql", "q13.sql"];

/// What a table has is met by rows as they come; it is read again all the time.
pub(crate) const LOOKUPS: Query = Query {
    input: Input::Events,
    job: "
CREATE TABLE prices (id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3), half AS amount / 2)
WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/prices',
  'lookup.cache' = 'FULL', 'lookup.full-cache.periodic-reload.interval' = '500 ms');
CREATE VIEW timed AS SELECT *, PROCTIME() AS p FROM events WHERE id < 600;
CREATE VIEW dear AS SELECT id, site, half FROM prices WHERE amount > 600;
INSERT INTO met SELECT e.id, d.id, d.half FROM timed AS e
JOIN dear FOR SYSTEM_TIME AS OF e.p AS d ON e.site = d.site AND d.half > e.amount;
INSERT INTO all_ SELECT e.id, d.id, d.amount, f.id
FROM timed AS e
LEFT JOIN prices FOR SYSTEM_TIME AS OF e.p AS d ON d.site = e.site AND d.amount = 2 * e.amount
  AND e.ok
LEFT JOIN prices FOR SYSTEM_TIME AS OF e.p AS f ON f.id = e.id
WHERE e.kind <> 'view' AND (d.id IS NULL OR d.id < 4000);",
    sinks: &[
        Sink {
            name: "met",
            columns: "a BIGINT, b BIGINT, half BIGINT",
            changes: false,
            answer: "
SELECT e.id, d.id, d.amount / 2 FROM events AS e JOIN prices AS d
ON e.site = d.site AND d.amount / 2 > e.amount WHERE e.id < 600 AND d.amount > 600",
        },
        Sink {
            name: "all_",
            columns: "a BIGINT, b BIGINT, amount BIGINT, c BIGINT",
            changes: false,
            answer: "
SELECT e.id, d.id, d.amount, f.id FROM (SELECT * FROM events WHERE id < 600) AS e
LEFT JOIN prices AS d ON d.site = e.site AND d.amount = 2 * e.amount AND e.ok
LEFT JOIN prices AS f ON f.id = e.id
WHERE e.kind <> 'view' AND (d.id IS NULL OR d.id < 4000)",
        },
    ],
};

/// A batch answer over prices, each with the time at which the next one of its site begins.
macro_rules! over_versions {
    ($of:literal, $answer:literal) => {
        concat!(
            "WITH v AS (SELECT id, site, amount, ts, \
             lead(ts) OVER (PARTITION BY site ORDER BY ts) AS until FROM prices WHERE ",
            $of,
            " AND site IS NOT NULL) ",
            $answer
        )
    };
}

/// A row meets the version that a table, or the last row of a key, had at its time.
pub(crate) const VERSIONS: Query = Query {
    input: Input::Events,
    job: "
CREATE TABLE prices (id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (site) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/prices');
CREATE VIEW positive AS SELECT site, ts, id AS number, amount FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY site ORDER BY ts DESC) AS n
  FROM prices WHERE amount > 0)
WHERE n = 1;
INSERT INTO met SELECT e.id, p.id, p.amount, p.ts FROM events AS e
JOIN prices FOR SYSTEM_TIME AS OF e.ts AS p ON e.site = p.site WHERE e.kind <> 'view';
INSERT INTO all_ SELECT e.id, p.id, p.amount FROM events AS e
LEFT JOIN prices FOR SYSTEM_TIME AS OF e.ts AS p
ON e.site = p.site AND p.amount > e.amount AND e.kind <> 'buy'
WHERE e.ok AND (p.amount IS NULL OR p.amount > 50);
INSERT INTO of_view SELECT e.id, p.number, p.amount FROM events AS e
LEFT JOIN positive FOR SYSTEM_TIME AS OF e.ts AS p ON e.site = p.site WHERE e.id < 1500;
CREATE VIEW priced AS SELECT e.kind, e.ts, p.id, p.amount FROM events AS e
LEFT JOIN prices FOR SYSTEM_TIME AS OF e.ts AS p ON e.site = p.site;
INSERT INTO windowed SELECT kind, window_end, COUNT(*), COUNT(id), SUM(amount)
FROM TABLE(TUMBLE(TABLE priced, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY kind, window_start, window_end;",
    sinks: &[
        Sink {
            name: "met",
            columns: "a BIGINT, b BIGINT, amount BIGINT, ts TIMESTAMP(3)",
            changes: false,
            answer: over_versions!(
                "true",
                "
SELECT e.id, v.id, v.amount, v.ts FROM events AS e JOIN v
ON e.site = v.site AND v.ts <= e.ts AND (v.until IS NULL OR e.ts < v.until)
WHERE e.kind <> 'view'"
            ),
        },
        Sink {
            name: "all_",
            columns: "a BIGINT, b BIGINT, amount BIGINT",
            changes: false,
            answer: over_versions!(
                "true",
                "
SELECT e.id, v.id, v.amount FROM events AS e LEFT JOIN v
ON e.site = v.site AND v.ts <= e.ts AND (v.until IS NULL OR e.ts < v.until)
  AND v.amount > e.amount AND e.kind <> 'buy'
WHERE e.ok AND (v.amount IS NULL OR v.amount > 50)"
            ),
        },
        Sink {
            name: "of_view",
            columns: "a BIGINT, b BIGINT, amount BIGINT",
            changes: false,
            answer: over_versions!(
                "amount > 0",
                "
SELECT e.id, v.id, v.amount FROM events AS e LEFT JOIN v
ON e.site = v.site AND v.ts <= e.ts AND (v.until IS NULL OR e.ts < v.until)
WHERE e.id < 1500"
            ),
        },
        Sink {
            name: "windowed",
            columns: "kind STRING, ends TIMESTAMP(3), n BIGINT, met BIGINT, total BIGINT",
            changes: false,
            answer: over_versions!(
                "true",
                "
SELECT e.kind, date_bin(INTERVAL '10 seconds', e.ts) + INTERVAL '10 seconds', count(*),
  count(v.id), sum(v.amount)
FROM events AS e LEFT JOIN v
ON e.site = v.site AND v.ts <= e.ts AND (v.until IS NULL OR e.ts < v.until)
GROUP BY e.kind, date_bin(INTERVAL '10 seconds', e.ts)"
            ),
        },
    ],
};

/// What changes by itself beside rows that change: a row goes with what it was given, so that one row of
/// each is left, also over failures.
pub(crate) const REMEMBERED: Query = Query {
    input: Input::Bids,
    job: "
CREATE VIEW counts AS SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction;
INSERT INTO groups_
SELECT auction, COUNT(*), COUNT(DISTINCT u), MAX(n), COUNT(CASE WHEN r < 0.5 THEN 1 END) + COUNT(CASE WHEN r >= 0.5 THEN 1 END)
FROM (SELECT *, UUID() AS u, RAND() AS r FROM counts) WHERE NOW() > TO_TIMESTAMP_LTZ(0, 3) GROUP BY auction;
INSERT INTO firsts
SELECT COUNT(*), COUNT(DISTINCT u) FROM (
  SELECT UUID() AS u FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, bidder) AS r FROM bids) WHERE r <= 2);
INSERT INTO pairs_
SELECT bidder, COUNT(*), COUNT(DISTINCT u), MIN(price) FROM (
  SELECT b.bidder, b.price, c.n, UUID() AS u FROM bids b LEFT JOIN counts c ON b.auction = c.auction)
GROUP BY bidder;",
    sinks: &[
        Sink {
            name: "groups_",
            columns: "auction BIGINT, a BIGINT, b BIGINT, n BIGINT, c BIGINT",
            changes: true,
            answer: "SELECT auction, CAST(1 AS BIGINT) AS a, CAST(1 AS BIGINT) AS b, count(*) AS n,
  CAST(1 AS BIGINT) AS c FROM bids GROUP BY auction",
        },
        Sink {
            name: "firsts",
            columns: "n BIGINT, different BIGINT",
            changes: true,
            answer: "SELECT sum(least(n, 2)) AS n, sum(least(n, 2)) AS d FROM (
  SELECT count(*) AS n FROM bids GROUP BY auction)",
        },
        Sink {
            name: "pairs_",
            columns: "bidder BIGINT, n BIGINT, different BIGINT, price BIGINT",
            changes: true,
            answer: "SELECT bidder, count(*) AS n, count(*) AS d, min(price) FROM bids GROUP BY bidder",
        },
    ],
};
