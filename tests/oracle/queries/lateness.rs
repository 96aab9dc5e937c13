//! Windows whose results change: by rows that come behind their ends, but within the lateness that is
//! allowed, and by those that come after early results. In the end nothing tells of either.

use super::{Input, Query, Sink};

/// The counts of each window of 15 seconds every five, of a table.
macro_rules! hopping_over {
    ($table:literal) => {
        concat!(
            "
SELECT site, e, count(*), sum(amount), max(kind)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + d AS e FROM ",
            $table,
            " CROSS JOIN (VALUES
  (INTERVAL '5 seconds'), (INTERVAL '10 seconds'), (INTERVAL '15 seconds')) AS ahead(d))
GROUP BY site, e HAVING count(*) > 1"
        )
    };
}

/// The counts of windows that grow by four seconds up to 20, of a table.
macro_rules! growing_over {
    ($table:literal) => {
        concat!(
            "
SELECT s, e, count(*), sum(amount)
FROM (SELECT *, date_bin(INTERVAL '20 seconds', ts) AS s, date_bin(INTERVAL '4 seconds', ts) + d AS e
  FROM ",
            $table,
            " CROSS JOIN (VALUES (INTERVAL '4 seconds'), (INTERVAL '8 seconds'),
    (INTERVAL '12 seconds'), (INTERVAL '16 seconds'), (INTERVAL '20 seconds')) AS ahead(d))
WHERE e <= s + INTERVAL '20 seconds'
GROUP BY s, e"
        )
    };
}

pub(crate) const UPDATED_WINDOWS: Query = Query {
    input: Input::Events,
    job: "
SET 'table.exec.emit.late-fire.enabled' = 'true';
SET 'table.exec.emit.late-fire.delay' = '0 s';
SET 'table.exec.emit.allow-lateness' = '6 s';
CREATE TABLE hasty (
  id BIGINT NOT NULL, kind STRING, site STRING, small INT, amount BIGINT, ok BOOLEAN, note STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts
) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/events');
CREATE VIEW counts AS
  SELECT kind, window_start AS ws, window_end AS we, COUNT(*) AS n, SUM(amount) AS total,
    MIN(small) AS low, AVG(amount) FILTER (WHERE ok) AS mean
  FROM TABLE(TUMBLE(TABLE hasty, DESCRIPTOR(ts), INTERVAL '2' SECOND))
  GROUP BY kind, window_start, window_end;
INSERT INTO per_kind SELECT kind, ws, we, n, total, low, mean FROM counts;
INSERT INTO per_window SELECT ws, we, COUNT(*), SUM(n), MAX(total) FROM counts GROUP BY ws, we;
INSERT INTO busiest SELECT ws, kind, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY ws, we ORDER BY n DESC, kind) AS r FROM counts)
WHERE r = 1;
INSERT INTO hopping SELECT site, window_end, COUNT(*), SUM(amount), MAX(kind)
FROM TABLE(HOP(TABLE hasty, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY site, window_start, window_end HAVING COUNT(*) > 1;
INSERT INTO growing SELECT window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(CUMULATE(TABLE hasty, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '20' SECOND))
GROUP BY window_start, window_end;
INSERT INTO older SELECT kind, TUMBLE_START(ts, INTERVAL '3' SECOND), COUNT(amount)
FROM hasty GROUP BY kind, TUMBLE(ts, INTERVAL '3' SECOND);
INSERT INTO sessions SELECT site, kind, window_start, window_end, COUNT(*), COUNT(amount), MAX(note),
  COLLECT(small)[1], CARDINALITY(COLLECT(small))
FROM TABLE(SESSION(TABLE hasty PARTITION BY (site, kind), DESCRIPTOR(ts), INTERVAL '3' SECOND))
GROUP BY window_start, window_end, kind, site;
INSERT INTO different SELECT window_end, COUNT(DISTINCT site), SUM(DISTINCT amount),
  CARDINALITY(ARRAY_AGG(id)), FIRST_VALUE(CHAR_LENGTH(SUBSTRING(kind FROM 1 FOR 1)))
FROM TABLE(HOP(TABLE hasty, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
GROUP BY window_start, window_end;",
    sinks: &[
        Sink {
            name: "per_kind",
            columns: "kind STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, total BIGINT, \
                      low INT, mean BIGINT",
            changes: true,
            answer: "
SELECT kind, s, s + INTERVAL '2 seconds', count(*), sum(amount), min(small),
  sum(CASE WHEN ok THEN amount END) / nullif(count(CASE WHEN ok THEN amount END), 0)
FROM (SELECT *, date_bin(INTERVAL '2 seconds', ts) AS s FROM hasty) GROUP BY kind, s",
        },
        Sink {
            name: "per_window",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), kinds BIGINT, n BIGINT, most BIGINT",
            changes: true,
            answer: "
SELECT s, s + INTERVAL '2 seconds', count(*), sum(n), max(total) FROM (
  SELECT kind, s, count(*) AS n, sum(amount) AS total
  FROM (SELECT *, date_bin(INTERVAL '2 seconds', ts) AS s FROM hasty) GROUP BY kind, s)
GROUP BY s",
        },
        Sink {
            name: "busiest",
            columns: "starts TIMESTAMP(3), kind STRING, n BIGINT",
            changes: true,
            answer: "
SELECT s, kind, n FROM (
  SELECT *, row_number() OVER (PARTITION BY s ORDER BY n DESC, kind NULLS FIRST) AS r FROM (
    SELECT kind, s, count(*) AS n
    FROM (SELECT *, date_bin(INTERVAL '2 seconds', ts) AS s FROM hasty) GROUP BY kind, s))
WHERE r = 1",
        },
        Sink {
            name: "hopping",
            columns: "site STRING, ends TIMESTAMP(3), n BIGINT, total BIGINT, kind STRING",
            changes: true,
            answer: hopping_over!("hasty"),
        },
        Sink {
            name: "growing",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, total BIGINT",
            changes: true,
            answer: growing_over!("hasty"),
        },
        Sink {
            name: "older",
            columns: "kind STRING, starts TIMESTAMP(3), n BIGINT",
            changes: true,
            answer: "
SELECT kind, s, count(amount)
FROM (SELECT *, date_bin(INTERVAL '3 seconds', ts) AS s FROM hasty) GROUP BY kind, s",
        },
        Sink {
            name: "sessions",
            columns: "site STRING, kind STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, \
                      amounts BIGINT, note STRING, ones INT, smalls INT",
            changes: true,
            answer: "
SELECT site, kind, min(ts), max(ts) + INTERVAL '3 seconds', count(*), count(amount), max(note),
  CAST(nullif(count(CASE WHEN small = 1 THEN 1 END), 0) AS INT), CAST(count(DISTINCT small) AS INT)
FROM (SELECT *, sum(first) OVER (PARTITION BY site, kind ORDER BY ts) AS session FROM (
  SELECT *, CASE WHEN ts <= lag(ts) OVER (PARTITION BY site, kind ORDER BY ts)
    + INTERVAL '3 seconds' THEN 0 ELSE 1 END AS first FROM hasty))
GROUP BY site, kind, session",
        },
        Sink {
            name: "different",
            columns: "ends TIMESTAMP(3), sites BIGINT, total BIGINT, n INT, one INT",
            changes: true,
            answer: "
SELECT e, count(DISTINCT site), sum(DISTINCT amount), CAST(count(*) AS INT), CAST(1 AS INT)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + d AS e FROM hasty
  CROSS JOIN (VALUES (INTERVAL '5 seconds'), (INTERVAL '10 seconds')) AS ahead(d))
GROUP BY e",
        },
    ],
};

macro_rules! early {
    ($delay:literal) => {
        concat!(
            "
SET 'table.exec.emit.early-fire.enabled' = 'true';
SET 'table.exec.emit.early-fire.delay' = '",
            $delay,
            "';
INSERT INTO per_kind SELECT kind, window_start, window_end, COUNT(*), SUM(amount), MIN(small),
  AVG(amount) FILTER (WHERE ok), COUNT(DISTINCT site)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY kind, window_start, window_end;
INSERT INTO hopping SELECT site, HOP_END(ts, INTERVAL '5' SECOND, INTERVAL '15' SECOND), COUNT(*),
  SUM(amount), MAX(kind)
FROM events GROUP BY site, HOP(ts, INTERVAL '5' SECOND, INTERVAL '15' SECOND) HAVING COUNT(*) > 1;
INSERT INTO growing SELECT window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '20' SECOND))
GROUP BY window_start, window_end;
INSERT INTO most SELECT starts, MAX(n) FROM (
  SELECT kind, TUMBLE_START(ts, INTERVAL '10' SECOND) AS starts, COUNT(*) AS n
  FROM events GROUP BY kind, TUMBLE(ts, INTERVAL '10' SECOND)) GROUP BY starts;"
        )
    };
}

const EARLY: &[Sink] = &[
    Sink {
        name: "per_kind",
        columns: "kind STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, total BIGINT, \
                  low INT, mean BIGINT, sites BIGINT",
        changes: true,
        answer: "
SELECT kind, s, s + INTERVAL '10 seconds', count(*), sum(amount), min(small),
  sum(CASE WHEN ok THEN amount END) / nullif(count(CASE WHEN ok THEN amount END), 0),
  count(DISTINCT site)
FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events) GROUP BY kind, s",
    },
    Sink {
        name: "hopping",
        columns: "site STRING, ends TIMESTAMP(3), n BIGINT, total BIGINT, kind STRING",
        changes: true,
        answer: hopping_over!("events"),
    },
    Sink {
        name: "growing",
        columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, total BIGINT",
        changes: true,
        answer: growing_over!("events"),
    },
    Sink {
        name: "most",
        columns: "starts TIMESTAMP(3), n BIGINT",
        changes: true,
        answer: "
SELECT s, max(n) FROM (
  SELECT kind, s, count(*) AS n
  FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events) GROUP BY kind, s)
GROUP BY s",
    },
];

pub(crate) const EARLY_WINDOWS: Query =
    Query { input: Input::Events, job: early!("300 ms"), sinks: EARLY };

/// With each batch of rows.
pub(crate) const EAGER_WINDOWS: Query =
    Query { input: Input::Events, job: early!("0 s"), sinks: EARLY };
