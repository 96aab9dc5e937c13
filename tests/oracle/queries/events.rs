//! Over events with NULLs that are out of order: aggregates, keys, conditions, instants.

use super::{Input, Query, Sink};

pub(crate) const NULLS_IN_AGGREGATES: Query = Query {
    input: Input::Events,
    job: "INSERT INTO per_kind
SELECT kind, window_start, COUNT(*), COUNT(amount), SUM(amount), MIN(amount), MAX(twice),
  AVG(amount), COUNT(ok), MIN(born), MAX(site), SUM(ratio), AVG(ratio), SUM(fee), MIN(fee),
  COUNT(note) FILTER (WHERE ok), MAX(amount) FILTER (WHERE ratio > 400)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, kind;",
    sinks: &[Sink {
        name: "per_kind",
        columns: "kind STRING, starts TIMESTAMP(3), n BIGINT, amounts BIGINT, total BIGINT, \
                  low BIGINT, high BIGINT, mean BIGINT, oks BIGINT, first DATE, site STRING, \
                  ratio DOUBLE, mean_ratio DOUBLE, fees DECIMAL(38, 2), fee DECIMAL(10, 2), \
                  notes BIGINT, big BIGINT",
        changes: false,
        answer: "
SELECT kind, s, count(*), count(amount), sum(amount), min(amount), max(amount) * 2,
  sum(amount) / nullif(count(amount), 0), count(ok), min(born), max(site), sum(ratio), avg(ratio),
  sum(fee), min(fee), count(CASE WHEN ok THEN note END), max(CASE WHEN ratio > 400 THEN amount END)
FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events) GROUP BY kind, s",
    }],
};

pub(crate) const CONDITIONS_OVER_NULLS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO chosen
SELECT id, COALESCE(kind, site, 'none'), IFNULL(amount, 0), NULLIF(kind, 'view'),
  CASE kind WHEN 'buy' THEN 1 WHEN 'click' THEN 2 END, amount > 0 AND ok, amount > 0 OR ok, NOT ok,
  ok IS NOT TRUE, kind IS DISTINCT FROM site, GREATEST(amount, 5), IF(ok, 'yes', 'no'),
  kind || site
FROM events
WHERE (amount NOT IN (1, 2, 3) OR kind IS NULL) AND (ratio <> 0 OR ratio IS NULL)
  AND (site LIKE 'site-_' OR ok IS UNKNOWN) AND NOT (kind = 'view' AND amount < 0);",
    sinks: &[Sink {
        name: "chosen",
        columns: "id BIGINT, name STRING, amount BIGINT, other STRING, code INT, a BOOLEAN, \
                  b BOOLEAN, c BOOLEAN, d BOOLEAN, e BOOLEAN, g BIGINT, yes STRING, both_ STRING",
        changes: false,
        answer: "
SELECT id, CASE WHEN kind IS NOT NULL THEN kind WHEN site IS NOT NULL THEN site ELSE 'none' END,
  CASE WHEN amount IS NULL THEN 0 ELSE amount END, CASE WHEN kind <> 'view' THEN kind END,
  CAST(CASE WHEN kind = 'buy' THEN 1 WHEN kind = 'click' THEN 2 END AS INT),
  CASE WHEN amount <= 0 OR ok = false THEN false WHEN amount > 0 AND ok = true THEN true END,
  CASE WHEN amount > 0 OR ok = true THEN true WHEN amount <= 0 AND ok = false THEN false END,
  CASE ok WHEN true THEN false WHEN false THEN true END,
  coalesce(ok, false) = false,
  NOT (kind = site AND kind IS NOT NULL AND site IS NOT NULL OR kind IS NULL AND site IS NULL)
    OR (kind IS NULL) <> (site IS NULL),
  CASE WHEN amount < 5 THEN 5 ELSE amount END,
  CASE WHEN coalesce(ok, false) THEN 'yes' ELSE 'no' END,
  CASE WHEN kind IS NOT NULL AND site IS NOT NULL THEN concat(kind, site) END
FROM events
WHERE (amount < 1 OR amount > 3 OR kind IS NULL) AND (ratio < 0 OR ratio > 0 OR ratio IS NULL)
  AND (character_length(site) = 6 OR ok IS NULL)
  AND (kind <> 'view' OR amount >= 0)",
    }],
};

pub(crate) const KEYS_OF_SEVERAL_TYPES: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO by_all
SELECT site, ok, born, window_start, COUNT(*), MAX(id)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '30' SECOND))
GROUP BY site, ok, born, window_start, window_end;
INSERT INTO by_expression
SELECT UPPER(kind), MOD(amount, 5), CAST(fee AS DECIMAL(10, 1)), window_end, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '20' SECOND))
WHERE fee > 0
GROUP BY UPPER(kind), MOD(amount, 5), CAST(fee AS DECIMAL(10, 1)), window_start, window_end;
INSERT INTO by_number
SELECT FLOOR(ratio / 100), small / 1000000000, window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY FLOOR(ratio / 100), small / 1000000000, window_start, window_end;",
    sinks: &[
        Sink {
            name: "by_all",
            columns: "site STRING, ok BOOLEAN, born DATE, starts TIMESTAMP(3), n BIGINT, \
                      id BIGINT",
            changes: false,
            answer: "
SELECT site, ok, born, date_bin(INTERVAL '30 seconds', ts) AS s, count(*), max(id)
FROM events GROUP BY site, ok, born, s",
        },
        Sink {
            name: "by_expression",
            columns: "kind STRING, a BIGINT, fee DECIMAL(10, 1), ends TIMESTAMP(3), n BIGINT, \
                      total BIGINT",
            changes: false,
            answer: "
SELECT k, a, f, s + INTERVAL '20 seconds', count(*), sum(amount) FROM (
  SELECT upper(kind) AS k, amount % 5 AS a, CAST(fee AS DECIMAL(10, 1)) AS f, amount,
    date_bin(INTERVAL '20 seconds', ts) AS s FROM events WHERE fee > 0) GROUP BY k, a, f, s",
        },
        Sink {
            name: "by_number",
            columns: "r DOUBLE, m INT, starts TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT floor(ratio / 100) AS r, CAST(small / 1000000000 AS INT) AS m,
  date_bin(INTERVAL '1 minute', ts) AS s, count(*) FROM events GROUP BY r, m, s",
        },
    ],
};

/// SUM keeps the argument's type and wraps around; AVG does not overflow where SUM does.
pub(crate) const SUMS_THAT_WRAP_AROUND: Query = Query {
    input: Input::Events,
    job: "INSERT INTO sums
SELECT kind, window_start, SUM(small), AVG(small), MIN(small), SUM(CAST(amount AS SMALLINT)),
  SUM(CAST(ratio AS FLOAT))
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, kind;",
    sinks: &[Sink {
        name: "sums",
        columns: "kind STRING, starts TIMESTAMP(3), total INT, mean INT, low INT, \
                  little SMALLINT, ratio FLOAT",
        changes: false,
        answer: "
SELECT kind, s,
  CAST(((sum(CAST(small AS BIGINT)) + 2147483648) % 4294967296 + 4294967296) % 4294967296
    - 2147483648 AS INT),
  CAST(sum(CAST(small AS BIGINT)) / nullif(count(small), 0) AS INT), min(small),
  CAST(((sum(amount) + 32768) % 65536 + 65536) % 65536 - 32768 AS SMALLINT),
  CAST(sum(ratio) AS REAL)
FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events) GROUP BY kind, s",
    }],
};

pub(crate) const DECIMAL_AVERAGES: Query = Query {
    input: Input::Events,
    job: "INSERT INTO means
SELECT site, window_start, AVG(fee)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, site;",
    sinks: &[Sink {
        name: "means",
        columns: "site STRING, starts TIMESTAMP(3), mean DECIMAL(38, 6)",
        // Rounded half away from zero, by whole numbers only.
        changes: false,
        answer: "
SELECT site, s, CAST(CASE WHEN cents < 0 THEN -((-cents * 20000 + n) / (2 * n))
    ELSE (cents * 20000 + n) / (2 * n) END AS DECIMAL(20, 0)) * CAST('0.000001' AS DECIMAL(7, 6))
FROM (SELECT site, date_bin(INTERVAL '10 seconds', ts) AS s,
    CAST(sum(fee) * 100 AS BIGINT) AS cents, nullif(count(fee), 0) AS n
  FROM events GROUP BY site, s)",
    }],
};

pub(crate) const ROWS_IN_WINDOWS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO windowed
SELECT id, window_start, window_end, window_time
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '8' SECOND, INTERVAL '-3' SECOND))
WHERE window_start > TIMESTAMP '2023-11-14 22:14:30';",
    sinks: &[Sink {
        name: "windowed",
        columns: "id BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), last TIMESTAMP(3)",
        changes: false,
        answer: "
SELECT id, s, s + INTERVAL '8 seconds', s + INTERVAL '7999 milliseconds'
FROM (SELECT id, date_bin(INTERVAL '8 seconds', ts, TIMESTAMP '1970-01-01 00:00:05') AS s
  FROM events)
WHERE s > TIMESTAMP '2023-11-14 22:14:30'",
    }],
};

pub(crate) const INSTANTS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO per_window
SELECT kind, window_start, window_time, COUNT(amount), MAX(at)
FROM TABLE(TUMBLE(TABLE instants, DESCRIPTOR(at), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, window_time, kind;
INSERT INTO moments
SELECT id, at, CAST(at AS STRING), EXTRACT(MINUTE FROM at), DATE_FORMAT(at, 'HH:mm:ss.SSS')
FROM instants WHERE at >= TO_TIMESTAMP_LTZ(1700000100, 0);",
    sinks: &[
        Sink {
            name: "per_window",
            columns: "kind STRING, starts TIMESTAMP(3), last TIMESTAMP_LTZ(3), n BIGINT, \
                      newest TIMESTAMP_LTZ(3)",
            changes: false,
            answer: "
SELECT kind, arrow_cast(s * 10000, 'Timestamp(Millisecond, None)'),
  arrow_cast(s * 10000 + 9999, 'Timestamp(Millisecond, Some(\"+00:00\"))'), count(amount),
  arrow_cast(max(ms), 'Timestamp(Millisecond, Some(\"+00:00\"))')
FROM (SELECT kind, amount, ms, ms / 10000 AS s FROM instants) GROUP BY kind, s",
        },
        Sink {
            name: "moments",
            columns: "id BIGINT, at TIMESTAMP_LTZ(3), txt STRING, m BIGINT, s STRING",
            changes: false,
            answer: "
SELECT id, arrow_cast(ms, 'Timestamp(Millisecond, Some(\"+00:00\"))'),
  to_char(t, '%Y-%m-%d %H:%M:%S%.3f'), ms / 60000 % 60, to_char(t, '%H:%M:%S%.3f')
FROM (SELECT *, arrow_cast(ms, 'Timestamp(Millisecond, None)') AS t FROM instants)
WHERE ms >= 1700000100000",
        },
    ],
};

/// Rows of several lines, of which not all columns are read.
pub(crate) const ROWS_OF_CSV: Query = Query {
    input: Input::Events,
    job: "
CREATE TABLE csv_prices (id BIGINT, note STRING, site STRING, amount BIGINT, ts TIMESTAMP(3))
WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 's3://in/csv',
  'csv.null-literal' = '-', 'csv.allow-comments' = 'true', 'rows-per-second' = '150');
CREATE VIEW noted AS SELECT id, note, ts FROM csv_prices WHERE id <> 7;
INSERT INTO notes SELECT id, note, ts FROM noted;
INSERT INTO sums SELECT site, COUNT(*), SUM(amount), MAX(ts) FROM csv_prices GROUP BY site;",
    sinks: &[
        Sink {
            name: "notes",
            columns: "id BIGINT, note STRING, ts TIMESTAMP(3)",
            changes: false,
            answer: "SELECT id, note, ts FROM csv_prices WHERE id <> 7",
        },
        Sink {
            name: "sums",
            columns: "site STRING, n BIGINT, amount BIGINT, last TIMESTAMP(3)",
            changes: true,
            answer: "SELECT site, COUNT(*), SUM(amount), MAX(ts) FROM csv_prices GROUP BY site",
        },
    ],
};
