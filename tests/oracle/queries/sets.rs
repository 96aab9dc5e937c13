//! Queries of sets of rows: what two of them have in common, and several groupings of one.

use super::{Input, Query, Sink};

pub(crate) const SETS_OF_ROWS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO common SELECT kind, site FROM events WHERE ok
INTERSECT SELECT kind, site FROM events WHERE small > 2;
INSERT INTO others SELECT kind, small FROM events EXCEPT SELECT kind, small FROM events WHERE ok;
INSERT INTO counts SELECT n FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site)
EXCEPT SELECT n FROM (SELECT kind, COUNT(*) AS n FROM events GROUP BY kind);
INSERT INTO all_common SELECT kind, site FROM events WHERE ok
INTERSECT ALL SELECT kind, site FROM events WHERE small > 2;
INSERT INTO all_others SELECT kind, small FROM events EXCEPT ALL SELECT kind, small FROM events WHERE ok;
INSERT INTO all_counts SELECT n FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site)
EXCEPT ALL SELECT n FROM (SELECT kind, COUNT(*) AS n FROM events GROUP BY kind);",
    sinks: &[
        Sink {
            name: "common",
            columns: "kind STRING, site STRING",
            changes: true,
            answer: "SELECT kind, site FROM events WHERE ok
INTERSECT SELECT kind, site FROM events WHERE small > 2",
        },
        Sink {
            name: "others",
            columns: "kind STRING, small INT",
            changes: true,
            answer: "
SELECT kind, small FROM events EXCEPT SELECT kind, small FROM events WHERE ok",
        },
        Sink {
            name: "counts",
            columns: "n BIGINT",
            changes: true,
            answer: "SELECT count(*) FROM events GROUP BY site
EXCEPT SELECT count(*) FROM events GROUP BY kind",
        },
        // Rows that are equal are told apart by numbers: then each is there once.
        Sink {
            name: "all_common",
            columns: "kind STRING, site STRING",
            changes: true,
            answer: "SELECT kind, site FROM (
  SELECT kind, site, row_number() OVER (PARTITION BY kind, site) AS n FROM events WHERE ok
  INTERSECT SELECT kind, site, row_number() OVER (PARTITION BY kind, site) FROM events WHERE small > 2)",
        },
        Sink {
            name: "all_others",
            columns: "kind STRING, small INT",
            changes: true,
            answer: "SELECT kind, small FROM (
  SELECT kind, small, row_number() OVER (PARTITION BY kind, small) AS n FROM events
  EXCEPT SELECT kind, small, row_number() OVER (PARTITION BY kind, small) FROM events WHERE ok)",
        },
        Sink {
            name: "all_counts",
            columns: "n BIGINT",
            changes: true,
            answer: "SELECT n FROM (
  SELECT n, row_number() OVER (PARTITION BY n) AS r FROM (SELECT count(*) AS n FROM events GROUP BY site)
  EXCEPT SELECT n, row_number() OVER (PARTITION BY n) FROM (SELECT count(*) AS n FROM events GROUP BY kind))",
        },
    ],
};

pub(crate) const GROUPING_SETS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO grouped SELECT kind, site, GROUPING(kind, site), COUNT(*), SUM(amount), MAX(kind)
FROM events GROUP BY CUBE (kind, site) HAVING COUNT(*) > 3;
INSERT INTO levels SELECT kind, small, GROUPING(small), COUNT(DISTINCT site)
FROM default_catalog.default_database.events GROUP BY ROLLUP (kind, small);
INSERT INTO of_windows SELECT window_end, kind, site, COUNT(*), MIN(amount)
FROM TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND)
GROUP BY window_start, window_end, GROUPING SETS ((kind), (site), ());",
    sinks: &[
        Sink {
            name: "grouped",
            columns: "kind STRING, site STRING, g BIGINT, n BIGINT, total BIGINT, last STRING",
            changes: true,
            answer: "
SELECT kind, site, CAST(g AS BIGINT), n, total, last FROM (
  SELECT kind, site, 0 AS g, count(*) AS n, sum(amount) AS total, max(kind) AS last
    FROM events GROUP BY kind, site
  UNION ALL SELECT kind, NULL, 1, count(*), sum(amount), max(kind) FROM events GROUP BY kind
  UNION ALL SELECT NULL, site, 2, count(*), sum(amount), max(kind) FROM events GROUP BY site
  UNION ALL SELECT NULL, NULL, 3, count(*), sum(amount), max(kind) FROM events)
WHERE n > 3",
        },
        Sink {
            name: "levels",
            columns: "kind STRING, small INT, g BIGINT, sites BIGINT",
            changes: true,
            answer: "
SELECT kind, small, CAST(0 AS BIGINT), count(DISTINCT site) FROM events GROUP BY kind, small
UNION ALL SELECT kind, NULL, CAST(1 AS BIGINT), count(DISTINCT site) FROM events GROUP BY kind
UNION ALL SELECT NULL, NULL, CAST(1 AS BIGINT), count(DISTINCT site) FROM events",
        },
        Sink {
            name: "of_windows",
            columns: "ends TIMESTAMP(3), kind STRING, site STRING, n BIGINT, low BIGINT",
            changes: false,
            answer: "
SELECT e, kind, CAST(NULL AS STRING), count(*), min(amount)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + INTERVAL '5 seconds' AS e FROM events) GROUP BY e, kind
UNION ALL SELECT e, NULL, site, count(*), min(amount)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + INTERVAL '5 seconds' AS e FROM events) GROUP BY e, site
UNION ALL SELECT e, NULL, NULL, count(*), min(amount)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + INTERVAL '5 seconds' AS e FROM events) GROUP BY e",
        },
    ],
};
