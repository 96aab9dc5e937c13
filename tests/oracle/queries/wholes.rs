//! Queries whose keys are values of several parts, and those of rows of sessions and of groups in an
//! order.

use super::{Input, Query, Sink};

pub(crate) const WHOLE_KEYS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO per_list SELECT a[1], a[2], COUNT(*), SUM(amount), COUNT(DISTINCT MAP['s', small]), COUNT(DISTINCT ROW(small, ok))
FROM (SELECT ARRAY[kind, site] AS a, amount, small, ok FROM events) GROUP BY a;
INSERT INTO of_windows SELECT m['s'], window_start, COUNT(*)
FROM TABLE(TUMBLE((SELECT MAP['s', small] AS m, ts FROM events), DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY m, window_start, window_end;
INSERT INTO common SELECT a[1], a[2] FROM (
  SELECT ARRAY[kind, site] AS a FROM events WHERE ok
  INTERSECT SELECT ARRAY[kind, site] FROM events WHERE small > 2);
INSERT INTO pairs SELECT a.k[1], a.n, b.n
FROM (SELECT ARRAY[site] AS k, COUNT(*) AS n FROM events GROUP BY ARRAY[site]) AS a
JOIN (SELECT ARRAY[site] AS k, COUNT(*) AS n FROM events WHERE ok GROUP BY ARRAY[site]) AS b ON a.k = b.k;",
    sinks: &[
        Sink {
            name: "per_list",
            columns: "kind STRING, site STRING, n BIGINT, total BIGINT, maps BIGINT, rows_ BIGINT",
            changes: true,
            answer: "SELECT kind, site, count(*), sum(amount), count(DISTINCT coalesce(small, -9999)),
  count(DISTINCT concat(coalesce(CAST(small AS VARCHAR), '-'), '/', coalesce(CAST(ok AS VARCHAR), '-')))
FROM events GROUP BY kind, site",
        },
        Sink {
            name: "of_windows",
            columns: "small INT, starts TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT small, s, count(*) FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events)
GROUP BY small, s",
        },
        Sink {
            name: "common",
            columns: "kind STRING, site STRING",
            changes: true,
            answer: "SELECT kind, site FROM events WHERE ok
INTERSECT SELECT kind, site FROM events WHERE small > 2",
        },
        // Within a value NULL is a value like others.
        Sink {
            name: "pairs",
            columns: "site STRING, n BIGINT, good BIGINT",
            changes: true,
            answer: "
SELECT site, count(*), count(*) FILTER (WHERE ok) FROM events GROUP BY site
HAVING count(*) FILTER (WHERE ok) > 0",
        },
    ],
};

/// Rows of sessions, and groups of these.
pub(crate) const ROWS_OF_SESSIONS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO visits SELECT id, site, window_start, window_end
FROM TABLE(SESSION(TABLE events PARTITION BY site, DESCRIPTOR(ts), INTERVAL '2' SECOND)) WHERE ok;
INSERT INTO kinds SELECT kind, window_start, COUNT(*), SUM(amount)
FROM TABLE(SESSION(TABLE events PARTITION BY site, DESCRIPTOR(ts), INTERVAL '2' SECOND))
GROUP BY kind, window_start, window_end;",
    sinks: &[
        Sink {
            name: "visits",
            columns: "id BIGINT, site STRING, starts TIMESTAMP(3), ends TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT id, site, s, e FROM (
  SELECT *, min(ts) OVER (PARTITION BY site, session) AS s,
    max(ts) OVER (PARTITION BY site, session) + INTERVAL '2 seconds' AS e
  FROM (SELECT *, sum(first) OVER (PARTITION BY site ORDER BY ts) AS session FROM (
    SELECT *, CASE WHEN ts <= lag(ts) OVER (PARTITION BY site ORDER BY ts)
      + INTERVAL '2 seconds' THEN 0 ELSE 1 END AS first FROM events)))
WHERE ok",
        },
        Sink {
            name: "kinds",
            columns: "kind STRING, starts TIMESTAMP(3), n BIGINT, total BIGINT",
            changes: true,
            answer: "
SELECT kind, s, count(*), sum(amount) FROM (
  SELECT *, min(ts) OVER (PARTITION BY site, session) AS s,
    max(ts) OVER (PARTITION BY site, session) AS e
  FROM (SELECT *, sum(first) OVER (PARTITION BY site ORDER BY ts) AS session FROM (
    SELECT *, CASE WHEN ts <= lag(ts) OVER (PARTITION BY site ORDER BY ts)
      + INTERVAL '2 seconds' THEN 0 ELSE 1 END AS first FROM events)))
GROUP BY kind, s, e",
        },
    ],
};

/// Functions over the groups of a SELECT.
pub(crate) const OVER_GROUPS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO sums SELECT kind, SUM(amount), SUM(SUM(amount)) OVER (ORDER BY kind), COUNT(*) OVER (ORDER BY kind)
FROM events GROUP BY kind;
INSERT INTO firsts SELECT kind, site, COUNT(*) FROM events GROUP BY kind, site
QUALIFY ROW_NUMBER() OVER (PARTITION BY kind ORDER BY COUNT(*) DESC, site) = 1;",
    sinks: &[
        Sink {
            name: "sums",
            columns: "kind STRING, total BIGINT, up_to BIGINT, n BIGINT",
            changes: true,
            answer: "
SELECT kind, total, sum(total) OVER (ORDER BY kind NULLS FIRST), count(*) OVER (ORDER BY kind NULLS FIRST)
FROM (SELECT kind, sum(amount) AS total FROM events GROUP BY kind)",
        },
        Sink {
            name: "firsts",
            columns: "kind STRING, site STRING, n BIGINT",
            changes: true,
            answer: "
SELECT kind, site, n FROM (
  SELECT *, row_number() OVER (PARTITION BY kind ORDER BY n DESC, site NULLS FIRST) AS r
  FROM (SELECT kind, site, count(*) AS n FROM events GROUP BY kind, site))
WHERE r = 1",
        },
    ],
};
