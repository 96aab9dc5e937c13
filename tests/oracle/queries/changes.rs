//! Queries whose rows change and go: groups without windows, joins, first rows.

use super::{Input, Query, Sink};

pub(crate) const GROUPS_WITHOUT_WINDOWS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO per_kind
SELECT kind, site, COUNT(*), COUNT(amount), SUM(amount), MIN(amount), MAX(twice), AVG(amount),
  MIN(born), MAX(note), SUM(ratio), SUM(fee), MAX(fee), COUNT(note) FILTER (WHERE ok),
  MAX(amount) FILTER (WHERE ratio > 400), SUM(small), MIN(ok)
FROM events WHERE id > 10 GROUP BY kind, site HAVING COUNT(*) > 2;
INSERT INTO total SELECT COUNT(*), SUM(amount), MAX(ts) FROM events;",
    sinks: &[
        Sink {
            name: "per_kind",
            columns: "kind STRING, site STRING, n BIGINT, amounts BIGINT, total BIGINT, \
                      low BIGINT, high BIGINT, mean BIGINT, first DATE, note STRING, \
                      ratio DOUBLE, fees DECIMAL(38, 2), fee DECIMAL(10, 2), notes BIGINT, \
                      big BIGINT, small INT, ok BOOLEAN",
            changes: true,
            answer: "
SELECT kind, site, count(*), count(amount), sum(amount), min(amount), max(amount) * 2,
  sum(amount) / nullif(count(amount), 0), min(born), max(note), sum(ratio), sum(fee), max(fee),
  count(CASE WHEN ok THEN note END), max(CASE WHEN ratio > 400 THEN amount END),
  CAST((sum(small) + 2147483648) % 4294967296
    + CASE WHEN (sum(small) + 2147483648) % 4294967296 < 0 THEN 4294967296 ELSE 0 END
    - 2147483648 AS INT), min(ok)
FROM events WHERE id > 10 GROUP BY kind, site HAVING count(*) > 2",
        },
        Sink {
            name: "total",
            columns: "n BIGINT, total BIGINT, last TIMESTAMP(3)",
            changes: true,
            answer: "SELECT count(*), sum(amount), max(ts) FROM events",
        },
    ],
};

/// The inner groups change, so that the outer ones lose values: also extremes.
pub(crate) const GROUPS_OF_GROUPS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO per_size
SELECT n, COUNT(*), SUM(total), MIN(total), MAX(total), MAX(low), AVG(total), MIN(kind),
  COUNT(DISTINCT kind), SUM(DISTINCT low)
FROM (SELECT site, kind, COUNT(*) AS n, SUM(amount) AS total, MIN(amount) AS low
  FROM events GROUP BY site, kind)
GROUP BY n;",
    sinks: &[Sink {
        name: "per_size",
        columns: "n BIGINT, groups_ BIGINT, total BIGINT, low BIGINT, high BIGINT, lows BIGINT, \
                  mean BIGINT, kind STRING, kinds BIGINT, distinct_lows BIGINT",
        changes: true,
        answer: "
SELECT n, count(*), sum(total), min(total), max(total), max(low),
  sum(total) / nullif(count(total), 0), min(kind), count(DISTINCT kind), sum(DISTINCT low)
FROM (SELECT site, kind, count(*) AS n, sum(amount) AS total, min(amount) AS low
  FROM events GROUP BY site, kind) GROUP BY n",
    }],
};

pub(crate) const DISTINCT_VALUES: Query = Query {
    input: Input::Events,
    job: "INSERT INTO per_kind
SELECT kind, COUNT(DISTINCT site), COUNT(DISTINCT site) FILTER (WHERE ok), COUNT(DISTINCT amount),
  SUM(DISTINCT amount), COUNT(DISTINCT note), COUNT(*), AVG(DISTINCT amount)
FROM events GROUP BY kind;
INSERT INTO pairs SELECT DISTINCT kind, site FROM events WHERE ok;",
    sinks: &[
        Sink {
            name: "per_kind",
            columns: "kind STRING, sites BIGINT, ok_sites BIGINT, amounts BIGINT, total BIGINT, \
                      notes BIGINT, n BIGINT, mean BIGINT",
            changes: true,
            answer: "
SELECT kind, count(DISTINCT site), count(DISTINCT CASE WHEN ok THEN site END),
  count(DISTINCT amount), sum(DISTINCT amount), count(DISTINCT note), count(*),
  sum(DISTINCT amount) / nullif(count(DISTINCT amount), 0)
FROM events GROUP BY kind",
        },
        Sink {
            name: "pairs",
            columns: "kind STRING, site STRING",
            changes: false,
            answer: "SELECT DISTINCT kind, site FROM events WHERE ok",
        },
    ],
};

pub(crate) const UNIONS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO everything
SELECT id, kind FROM events WHERE ok
UNION ALL SELECT id + 1000000, site FROM events WHERE amount > 0
UNION ALL SELECT id, kind FROM instants WHERE amount < 0;
INSERT INTO windowed
SELECT name, window_start, COUNT(*) FROM TABLE(TUMBLE(
  (SELECT kind AS name, ts FROM events WHERE ok
   UNION ALL SELECT site, ts FROM events WHERE NOT ok), DESCRIPTOR(ts), INTERVAL '20' SECOND))
GROUP BY name, window_start, window_end;
INSERT INTO names SELECT kind FROM events UNION SELECT site FROM events;
INSERT INTO mixed
SELECT kind, COUNT(*) AS n FROM events GROUP BY kind
UNION ALL SELECT site, amount FROM events WHERE id < 50;",
    sinks: &[
        Sink {
            name: "everything",
            columns: "id BIGINT, name STRING",
            changes: false,
            answer: "
SELECT id, kind FROM events WHERE ok UNION ALL SELECT id + 1000000, site FROM events WHERE amount > 0
UNION ALL SELECT id, kind FROM events WHERE amount < 0",
        },
        Sink {
            name: "windowed",
            columns: "name STRING, starts TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT name, s, count(*) FROM (
  SELECT kind AS name, date_bin(INTERVAL '20 seconds', ts) AS s FROM events WHERE ok
  UNION ALL SELECT site, date_bin(INTERVAL '20 seconds', ts) FROM events WHERE NOT ok)
GROUP BY name, s",
        },
        Sink {
            name: "names",
            columns: "name STRING",
            changes: false,
            answer: "SELECT kind FROM events UNION SELECT site FROM events",
        },
        Sink {
            name: "mixed",
            columns: "name STRING, n BIGINT",
            changes: true,
            answer: "
SELECT kind, count(*) FROM events GROUP BY kind
UNION ALL SELECT site, amount FROM events WHERE id < 50",
        },
    ],
};

pub(crate) const INNER_JOINS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO pairs
SELECT a.id, b.id, a.kind, b.note
FROM events AS a JOIN events AS b ON a.id = b.id - 3 AND a.site = b.site
WHERE a.amount < b.amount OR a.ok;
INSERT INTO listed
SELECT a.id, b.amount FROM events a, instants b
WHERE a.amount = b.amount AND a.small > 0 AND b.kind <> 'view' AND a.id < b.id;
INSERT INTO again
SELECT id, a.kind, b.kind FROM events AS a JOIN events AS b USING (id) WHERE b.ok;",
    sinks: &[
        Sink {
            name: "pairs",
            columns: "a BIGINT, b BIGINT, kind STRING, note STRING",
            changes: false,
            answer: "
SELECT a.id, b.id, a.kind, b.note FROM events AS a, events AS b
WHERE a.id + 3 = b.id AND a.site = b.site AND (a.amount < b.amount OR a.ok)",
        },
        Sink {
            name: "listed",
            columns: "id BIGINT, amount BIGINT",
            changes: false,
            answer: "
SELECT a.id, b.amount FROM events a, events b
WHERE a.amount = b.amount AND a.small > 0 AND b.kind <> 'view' AND a.id < b.id",
        },
        Sink {
            name: "again",
            columns: "id BIGINT, a STRING, b STRING",
            changes: false,
            answer: "SELECT id, kind AS a, kind AS b FROM events WHERE ok",
        },
    ],
};

/// Both inputs change.
pub(crate) const JOINS_OF_GROUPS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO shares
SELECT k.kind, k.site, k.n, s.n, k.n * 100 / s.n
FROM (SELECT kind, site, COUNT(*) AS n FROM events WHERE id < 1200
  GROUP BY kind, site) AS k
JOIN (SELECT site, COUNT(*) AS n FROM events WHERE id < 1200
  GROUP BY site) AS s ON k.site = s.site;
INSERT INTO summed
SELECT q.kind, AVG(q.high) FROM (
  SELECT MAX(b.amount) AS high, a.kind FROM events a, events b
  WHERE a.site = b.site AND a.id < 40 AND b.id > a.id AND b.id < 400
  GROUP BY a.id, a.kind) AS q
GROUP BY q.kind;",
    sinks: &[
        Sink {
            name: "shares",
            columns: "kind STRING, site STRING, n BIGINT, all_ BIGINT, share BIGINT",
            changes: true,
            answer: "
SELECT k.kind, k.site, k.n, s.n, k.n * 100 / s.n
FROM (SELECT kind, site, count(*) AS n FROM events WHERE id < 1200
  GROUP BY kind, site) AS k
JOIN (SELECT site, count(*) AS n FROM events WHERE id < 1200
  GROUP BY site) AS s ON k.site = s.site",
        },
        Sink {
            name: "summed",
            columns: "kind STRING, mean BIGINT",
            changes: true,
            answer: "
SELECT kind, sum(high) / nullif(count(high), 0) FROM (
  SELECT max(b.amount) AS high, a.kind AS kind FROM events a JOIN events b ON a.site = b.site
  WHERE a.id < 40 AND b.id > a.id AND b.id < 400 GROUP BY a.id, a.kind)
GROUP BY kind",
        },
    ],
};

pub(crate) const JOINS_OF_WINDOWS: Query = Query {
    input: Input::Bids,
    job: "INSERT INTO highest
SELECT b.auction, b.bidder, b.price, m.ends
FROM bids AS b
JOIN (SELECT MAX(price) AS high, window_start AS starts, window_end AS ends
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end) AS m
ON b.price = m.high
WHERE b.dateTime >= m.starts AND b.dateTime < m.ends;
INSERT INTO hottest
SELECT c.auction, c.n, c.starts FROM (
  SELECT auction, COUNT(*) AS n, window_start AS starts, window_end AS ends
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end) AS c
JOIN (SELECT MAX(n) AS high, starts, ends FROM (
    SELECT auction, COUNT(*) AS n, window_start AS starts, window_end AS ends
    FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
    GROUP BY auction, window_start, window_end)
  GROUP BY starts, ends) AS m
ON c.starts = m.starts AND c.ends = m.ends AND c.n >= m.high;",
    sinks: &[
        Sink {
            name: "highest",
            columns: "auction BIGINT, bidder BIGINT, price BIGINT, ends TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT b.auction, b.bidder, b.price, m.s + INTERVAL '10 seconds' FROM bids AS b
JOIN (SELECT max(price) AS high, date_bin(INTERVAL '10 seconds', dateTime) AS s FROM bids
  GROUP BY date_bin(INTERVAL '10 seconds', dateTime)) AS m
ON b.price = m.high WHERE date_bin(INTERVAL '10 seconds', b.dateTime) = m.s",
        },
        Sink {
            name: "hottest",
            columns: "auction BIGINT, n BIGINT, starts TIMESTAMP(3)",
            changes: true,
            answer: "
SELECT auction, n, s FROM (
  SELECT auction, count(*) AS n, date_bin(INTERVAL '10 seconds', dateTime) AS s,
    rank() OVER (PARTITION BY date_bin(INTERVAL '10 seconds', dateTime) ORDER BY count(*) DESC) AS r
  FROM bids GROUP BY auction, date_bin(INTERVAL '10 seconds', dateTime))
WHERE r = 1",
        },
    ],
};

pub(crate) const FIRST_ROWS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO last_of_site
SELECT site, id, kind FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY site ORDER BY ts DESC, id DESC) AS r FROM events)
WHERE r = 1;
INSERT INTO top
SELECT kind, amount, id, r FROM (
  SELECT kind, amount, id, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY amount DESC, id) AS r
  FROM events WHERE ok IS NOT NULL)
WHERE r <= 5;
INSERT INTO lowest
SELECT id, small FROM (SELECT id, small, ROW_NUMBER() OVER (ORDER BY small, id) AS r FROM events)
WHERE r < 8;",
    sinks: &[
        Sink {
            name: "last_of_site",
            columns: "site STRING, id BIGINT, kind STRING",
            changes: true,
            answer: "
SELECT site, id, kind FROM (
  SELECT *, row_number() OVER (PARTITION BY site ORDER BY ts DESC, id DESC) AS r FROM events)
WHERE r = 1",
        },
        Sink {
            name: "top",
            columns: "kind STRING, amount BIGINT, id BIGINT, r BIGINT",
            changes: true,
            answer: "
SELECT kind, amount, id, CAST(r AS BIGINT) FROM (
  SELECT kind, amount, id,
    row_number() OVER (PARTITION BY kind ORDER BY amount DESC NULLS LAST, id) AS r
  FROM events WHERE ok IS NOT NULL) WHERE r <= 5",
        },
        Sink {
            name: "lowest",
            columns: "id BIGINT, small INT",
            changes: true,
            answer: "SELECT id, small FROM events ORDER BY small NULLS FIRST, id LIMIT 7",
        },
    ],
};

pub(crate) const FIRST_ROWS_OF_GROUPS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO top
SELECT site, kind, n, r FROM (
  SELECT site, kind, n, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY n DESC, site) AS r
  FROM (SELECT site, kind, COUNT(*) AS n FROM events GROUP BY site, kind))
WHERE r <= 3;
INSERT INTO rare
SELECT site, n FROM (
  SELECT site, n, ROW_NUMBER() OVER (ORDER BY n, site) AS r
  FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site))
WHERE r <= 4;",
    sinks: &[
        Sink {
            name: "top",
            columns: "site STRING, kind STRING, n BIGINT, r BIGINT",
            changes: true,
            answer: "
SELECT site, kind, n, CAST(r AS BIGINT) FROM (
  SELECT site, kind, n,
    row_number() OVER (PARTITION BY kind ORDER BY n DESC, site NULLS FIRST) AS r
  FROM (SELECT site, kind, count(*) AS n FROM events GROUP BY site, kind)) WHERE r <= 3",
        },
        Sink {
            name: "rare",
            columns: "site STRING, n BIGINT",
            changes: true,
            answer: "
SELECT site, n FROM (SELECT site, count(*) AS n FROM events GROUP BY site)
ORDER BY n, site NULLS FIRST LIMIT 4",
        },
    ],
};

/// Of the pairs of a join most are never made: also where the first rows are by other keys than it.
pub(crate) const FIRST_PAIRS: Query = Query {
    input: Input::Events,
    job: "CREATE VIEW pairs AS
SELECT e.site, e.ts, e.note, e.id AS one, i.id AS other, i.amount AS most, i.kind
FROM events AS e JOIN instants AS i ON e.id / 20 = i.id / 20 AND e.amount < i.amount;
INSERT INTO most_of_site
SELECT site, note, one, other, r FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY site ORDER BY most DESC, one, other) AS r FROM pairs)
WHERE r <= 3;
INSERT INTO last_of_kind
SELECT kind, one, other, note FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY ts DESC, one, other DESC) AS r FROM pairs)
WHERE r = 1;
INSERT INTO most
SELECT one, other FROM (
  SELECT one, other, ROW_NUMBER() OVER (ORDER BY most DESC, other, one) AS r FROM pairs)
WHERE r <= 9;",
    sinks: &[
        Sink {
            name: "most_of_site",
            columns: "site STRING, note STRING, one BIGINT, other BIGINT, r BIGINT",
            changes: true,
            answer: "
SELECT site, note, one, other, CAST(r AS BIGINT) FROM (
  SELECT e.site, e.note, e.id AS one, i.id AS other, row_number() OVER (
    PARTITION BY e.site ORDER BY i.amount DESC NULLS LAST, e.id, i.id) AS r
  FROM events AS e JOIN instants AS i ON e.id / 20 = i.id / 20 AND e.amount < i.amount) WHERE r <= 3",
        },
        Sink {
            name: "last_of_kind",
            columns: "kind STRING, one BIGINT, other BIGINT, note STRING",
            changes: true,
            answer: "
SELECT kind, one, other, note FROM (
  SELECT i.kind, e.note, e.id AS one, i.id AS other, row_number() OVER (
    PARTITION BY i.kind ORDER BY e.ts DESC NULLS LAST, e.id, i.id DESC) AS r
  FROM events AS e JOIN instants AS i ON e.id / 20 = i.id / 20 AND e.amount < i.amount) WHERE r = 1",
        },
        Sink {
            name: "most",
            columns: "one BIGINT, other BIGINT",
            changes: true,
            answer: "
SELECT e.id, i.id FROM events AS e JOIN instants AS i
  ON e.id / 20 = i.id / 20 AND e.amount < i.amount
ORDER BY i.amount DESC NULLS LAST, i.id, e.id LIMIT 9",
        },
    ],
};
