//! How far values are from their mean, and values as lists: what of them does not depend on the order
//! of rows.

use super::{Input, Query, Sink};

pub(crate) const SPREADS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO per_kind SELECT kind, VAR_POP(ratio), VAR_SAMP(ratio), STDDEV_POP(ratio),
  STDDEV_SAMP(ratio), VAR_POP(amount), STDDEV_SAMP(amount), VARIANCE(ratio) FILTER (WHERE ok)
FROM events GROUP BY kind;
INSERT INTO of_windows SELECT window_start, STDDEV(ratio), VAR_POP(amount)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
GROUP BY window_start, window_end;
INSERT INTO of_counts SELECT VAR_POP(CAST(n AS DOUBLE)), VAR_SAMP(n)
FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site);",
    sinks: &[
        Sink {
            name: "per_kind",
            columns: "kind STRING, a DOUBLE, b DOUBLE, c DOUBLE, d DOUBLE, e BIGINT, f BIGINT, \
                      g DOUBLE",
            changes: true,
            answer: "
SELECT kind, var_pop(ratio), var_samp(ratio), stddev_pop(ratio), stddev(ratio),
  (sum(amount * amount) - sum(amount) * sum(amount) / nullif(count(amount), 0))
    / nullif(count(amount), 0),
  CAST(trunc(sqrt(CAST((sum(amount * amount) - sum(amount) * sum(amount) / nullif(count(amount), 0))
    / nullif(count(amount) - 1, 0) AS DOUBLE))) AS BIGINT),
  var_samp(CASE WHEN ok THEN ratio END)
FROM events GROUP BY kind",
        },
        Sink {
            name: "of_windows",
            columns: "starts TIMESTAMP(3), a DOUBLE, b BIGINT",
            changes: false,
            answer: "
SELECT s, stddev(ratio),
  (sum(amount * amount) - sum(amount) * sum(amount) / count(amount)) / count(amount)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) - INTERVAL '5 seconds' AS s FROM events
  UNION ALL SELECT *, date_bin(INTERVAL '5 seconds', ts) AS s FROM events) GROUP BY s",
        },
        Sink {
            name: "of_counts",
            columns: "a DOUBLE, b BIGINT",
            changes: true,
            answer: "
SELECT var_pop(n), (sum(n * n) - sum(n) * sum(n) / count(n)) / (count(n) - 1)
FROM (SELECT site, count(*) AS n FROM events GROUP BY site)",
        },
    ],
};

pub(crate) const COLLECTED: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO collected SELECT site, CARDINALITY(ARRAY_AGG(amount)),
  CARDINALITY(ARRAY_AGG(amount IGNORE NULLS) FILTER (WHERE ok)),
  ARRAY_JOIN(ARRAY_SORT(ARRAY_AGG(DISTINCT kind IGNORE NULLS)), '+'),
  FIRST_VALUE(site), LAST_VALUE(CHAR_LENGTH(site)), CHAR_LENGTH(LISTAGG(kind, '--')),
  LISTAGG(DISTINCT SUBSTRING(site FROM 1 FOR 3))
FROM events GROUP BY site;",
    sinks: &[Sink {
        name: "collected",
        columns: "site STRING, n INT, amounts INT, kinds STRING, first STRING, length INT, \
                  letters INT, names STRING",
        changes: true,
        answer: "
SELECT site, CAST(count(*) AS INT),
  CAST(nullif(count(CASE WHEN ok THEN amount END), 0) AS INT),
  string_agg(DISTINCT kind, '+' ORDER BY kind), site AS first, CAST(character_length(site) AS INT),
  CAST(sum(character_length(kind)) + 2 * (count(kind) - 1) AS INT),
  CASE WHEN site IS NOT NULL THEN 'sit' END
FROM events GROUP BY site",
    }],
};

/// The same of rows that change and go: each group has one value in the end, or the order is none.
pub(crate) const COLLECTED_OF_CHANGES: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO of_one SELECT site, FIRST_VALUE(n), LAST_VALUE(n), CARDINALITY(ARRAY_AGG(n)), LISTAGG(CAST(n AS STRING)),
  JSON_ARRAYAGG(n)
FROM (SELECT site, COUNT(*) AS n FROM events GROUP BY site) GROUP BY site;
INSERT INTO of_kinds SELECT kind, CARDINALITY(ARRAY_AGG(n)), ARRAY_JOIN(ARRAY_SORT(ARRAY_AGG(DISTINCT n)), '+'),
  LAST_VALUE(kind)
FROM (SELECT site, kind, CAST(COUNT(*) AS STRING) AS n FROM events GROUP BY site, kind) GROUP BY kind;",
    sinks: &[
        Sink {
            name: "of_one",
            columns: "site STRING, first BIGINT, last BIGINT, n INT, list STRING, json STRING",
            changes: true,
            answer: "
SELECT site, n AS first, n AS last, CAST(1 AS INT) AS n, CAST(n AS VARCHAR) AS list, '[' || CAST(n AS VARCHAR) || ']' AS json
FROM (SELECT site, count(*) AS n FROM events GROUP BY site)",
        },
        Sink {
            name: "of_kinds",
            columns: "kind STRING, n INT, counts STRING, last STRING",
            changes: true,
            answer: "
SELECT kind, CAST(count(*) AS INT), string_agg(DISTINCT n, '+' ORDER BY n), kind AS last
FROM (SELECT kind, CAST(count(*) AS VARCHAR) AS n FROM events GROUP BY site, kind) GROUP BY kind",
        },
    ],
};

/// The same over windows of every kind.
pub(crate) const COLLECTED_IN_WINDOWS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO tumbled SELECT site, window_start, CARDINALITY(ARRAY_AGG(amount)),
  CARDINALITY(ARRAY_AGG(amount IGNORE NULLS) FILTER (WHERE ok)),
  ARRAY_JOIN(ARRAY_SORT(ARRAY_AGG(DISTINCT kind IGNORE NULLS)), '+'),
  FIRST_VALUE(site), LAST_VALUE(CHAR_LENGTH(site)), CHAR_LENGTH(LISTAGG(kind, '--')),
  LISTAGG(DISTINCT SUBSTRING(site FROM 1 FOR 3)), COUNT(DISTINCT note)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY site, window_start, window_end;
INSERT INTO hopping SELECT kind, window_end, CARDINALITY(ARRAY_AGG(id)), FIRST_VALUE(kind),
  LAST_VALUE(kind), ARRAY_JOIN(ARRAY_SORT(ARRAY_AGG(DISTINCT site IGNORE NULLS)), ' ')
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY kind, window_start, window_end;
INSERT INTO growing SELECT window_start, window_end, CHAR_LENGTH(LISTAGG(kind))
FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND))
GROUP BY window_start, window_end;
INSERT INTO visits SELECT site, window_start, CARDINALITY(ARRAY_AGG(id)), FIRST_VALUE(site),
  LISTAGG(DISTINCT SUBSTRING(site FROM 1 FOR 4), '/'), SUM(DISTINCT amount)
FROM TABLE(SESSION(TABLE events PARTITION BY site, DESCRIPTOR(ts), INTERVAL '2' SECOND))
GROUP BY site, window_start, window_end;",
    sinks: &[
        Sink {
            name: "tumbled",
            columns: "site STRING, starts TIMESTAMP(3), n INT, amounts INT, kinds STRING, \
                      first STRING, length INT, letters INT, names STRING, notes BIGINT",
            changes: false,
            answer: "
SELECT site, s, CAST(count(*) AS INT),
  CAST(nullif(count(CASE WHEN ok THEN amount END), 0) AS INT),
  string_agg(DISTINCT kind, '+' ORDER BY kind), site AS first, CAST(character_length(site) AS INT),
  CAST(sum(character_length(kind)) + 2 * (count(kind) - 1) AS INT),
  CASE WHEN site IS NOT NULL THEN 'sit' END, count(DISTINCT note)
FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events) GROUP BY site, s",
        },
        Sink {
            name: "hopping",
            columns: "kind STRING, ends TIMESTAMP(3), n INT, first STRING, last STRING, sites STRING",
            changes: false,
            answer: "
SELECT kind, e, CAST(count(*) AS INT), kind AS f, kind AS l, string_agg(DISTINCT site, ' ' ORDER BY site)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + d AS e FROM events CROSS JOIN (VALUES
  (INTERVAL '5 seconds'), (INTERVAL '10 seconds'), (INTERVAL '15 seconds')) AS ahead(d))
GROUP BY kind, e",
        },
        Sink {
            name: "growing",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), letters INT",
            changes: false,
            answer: "
SELECT s, e, CAST(sum(character_length(kind)) + count(kind) - 1 AS INT)
FROM (SELECT *, date_bin(INTERVAL '20 seconds', ts) AS s,
    date_bin(INTERVAL '10 seconds', ts) + d AS e
  FROM events CROSS JOIN (VALUES (INTERVAL '10 seconds'), (INTERVAL '20 seconds')) AS ahead(d))
WHERE e <= s + INTERVAL '20 seconds'
GROUP BY s, e",
        },
        Sink {
            name: "visits",
            columns: "site STRING, starts TIMESTAMP(3), n INT, first STRING, names STRING, total BIGINT",
            changes: false,
            answer: "
SELECT site, min(ts), CAST(count(*) AS INT), site AS f, substr(site, 1, 4), sum(DISTINCT amount)
FROM (SELECT *, sum(first) OVER (PARTITION BY site ORDER BY ts) AS session FROM (
  SELECT *, CASE WHEN ts <= lag(ts) OVER (PARTITION BY site ORDER BY ts)
    + INTERVAL '2 seconds' THEN 0 ELSE 1 END AS first FROM events))
GROUP BY site, session",
        },
    ],
};

/// What counts once: over sessions, and of several values.
pub(crate) const DISTINCT_IN_SESSIONS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO visits SELECT site, window_start, window_end, COUNT(*), COUNT(DISTINCT kind),
  COUNT(DISTINCT amount), SUM(DISTINCT amount), AVG(DISTINCT amount), SUM(DISTINCT fee),
  SUM(DISTINCT ratio), COUNT(DISTINCT note) FILTER (WHERE ok)
FROM TABLE(SESSION(TABLE events PARTITION BY site, DESCRIPTOR(ts), INTERVAL '2' SECOND))
GROUP BY site, window_start, window_end;
INSERT INTO tumbled SELECT kind, window_start, COUNT(DISTINCT site), SUM(DISTINCT CAST(small AS BIGINT)), COUNT(*)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY kind, window_start, window_end;
INSERT INTO older SELECT kind, SESSION_START(ts, INTERVAL '1' SECOND), COUNT(DISTINCT site)
FROM events GROUP BY kind, SESSION(ts, INTERVAL '1' SECOND);",
    sinks: &[
        Sink {
            name: "visits",
            columns: "site STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, kinds BIGINT, \
                      amounts BIGINT, total BIGINT, mean BIGINT, fees DECIMAL(38, 2), ratio DOUBLE, \
                      notes BIGINT",
            changes: false,
            answer: "
SELECT site, min(ts), max(ts) + INTERVAL '2 seconds', count(*), count(DISTINCT kind),
  count(DISTINCT amount), sum(DISTINCT amount),
  sum(DISTINCT amount) / nullif(count(DISTINCT amount), 0),
  sum(DISTINCT fee), sum(DISTINCT ratio), count(DISTINCT CASE WHEN ok THEN note END)
FROM (SELECT *, sum(first) OVER (PARTITION BY site ORDER BY ts) AS session FROM (
  SELECT *, CASE WHEN ts <= lag(ts) OVER (PARTITION BY site ORDER BY ts)
    + INTERVAL '2 seconds' THEN 0 ELSE 1 END AS first FROM events))
GROUP BY site, session",
        },
        Sink {
            name: "tumbled",
            columns: "kind STRING, starts TIMESTAMP(3), sites BIGINT, total BIGINT, n BIGINT",
            changes: false,
            answer: "
SELECT kind, s, count(DISTINCT site),
  sum(DISTINCT CAST(small AS BIGINT)), count(*)
FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events) GROUP BY kind, s",
        },
        Sink {
            name: "older",
            columns: "kind STRING, starts TIMESTAMP(3), sites BIGINT",
            changes: false,
            answer: "
SELECT kind, min(ts), count(DISTINCT site)
FROM (SELECT *, sum(first) OVER (PARTITION BY kind ORDER BY ts) AS session FROM (
  SELECT *, CASE WHEN ts <= lag(ts) OVER (PARTITION BY kind ORDER BY ts)
    + INTERVAL '1 second' THEN 0 ELSE 1 END AS first FROM events))
GROUP BY kind, session",
        },
    ],
};

/// How often each value is there: as columns, since the batch engine has no such aggregate.
pub(crate) const MULTISETS: Query = Query {
    input: Input::Events,
    job: "
CREATE VIEW kinds AS SELECT site, COLLECT(kind) AS kinds,
  COLLECT(DISTINCT kind) FILTER (WHERE ok) AS good FROM events GROUP BY site;
INSERT INTO per_site SELECT site, kinds['view'], kinds['buy'], good['view'], CARDINALITY(kinds)
FROM kinds;
INSERT INTO of_windows SELECT window_end, ks['view'], CARDINALITY(ks), oks, sites FROM (
  SELECT window_end, COLLECT(kind) AS ks, CARDINALITY(COLLECT(DISTINCT kind) FILTER (WHERE ok)) AS oks,
    COUNT(DISTINCT site) AS sites
  FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
  GROUP BY window_start, window_end);
INSERT INTO of_counts SELECT ks['10'], CARDINALITY(ks) FROM (
  SELECT COLLECT(CAST(n AS STRING)) AS ks
  FROM (SELECT site, kind, COUNT(*) AS n FROM events GROUP BY site, kind));
INSERT INTO medians SELECT site, MEDIAN(amount), PERCENTILE(amount, ARRAY[0, 0.5, 1])[2], PERCENTILE(amount, 1) FILTER (WHERE ok)
FROM events GROUP BY site;
INSERT INTO median_counts SELECT MEDIAN(n), PERCENTILE(n, 0)
FROM (SELECT site, kind, COUNT(*) AS n FROM events GROUP BY site, kind);",
    sinks: &[
        Sink {
            name: "medians",
            columns: "site STRING, half DOUBLE, again DOUBLE, highest DOUBLE",
            changes: true,
            answer: "
SELECT site, median(CAST(amount AS DOUBLE)) AS a, median(CAST(amount AS DOUBLE)) AS b,
  CAST(max(CASE WHEN ok THEN amount END) AS DOUBLE) FROM events GROUP BY site",
        },
        Sink {
            name: "median_counts",
            columns: "half DOUBLE, lowest DOUBLE",
            changes: true,
            answer: "
SELECT median(CAST(n AS DOUBLE)), CAST(min(n) AS DOUBLE)
FROM (SELECT site, kind, count(*) AS n FROM events GROUP BY site, kind)",
        },
        Sink {
            name: "per_site",
            columns: "site STRING, views INT, buys INT, good INT, kinds INT",
            changes: true,
            answer: "
SELECT site, CAST(nullif(count(CASE WHEN kind = 'view' THEN 1 END), 0) AS INT),
  CAST(nullif(count(CASE WHEN kind = 'buy' THEN 1 END), 0) AS INT),
  max(CASE WHEN kind = 'view' AND ok THEN 1 END), CAST(count(DISTINCT kind) AS INT)
FROM events GROUP BY site",
        },
        Sink {
            name: "of_windows",
            columns: "ends TIMESTAMP(3), views INT, kinds INT, oks INT, sites BIGINT",
            changes: false,
            answer: "
SELECT e, CAST(nullif(count(CASE WHEN kind = 'view' THEN 1 END), 0) AS INT),
  CAST(count(DISTINCT kind) AS INT), CAST(count(DISTINCT CASE WHEN ok THEN kind END) AS INT),
  count(DISTINCT site)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + d AS e FROM events
  CROSS JOIN (VALUES (INTERVAL '5 seconds'), (INTERVAL '10 seconds')) AS ahead(d))
GROUP BY e",
        },
        Sink {
            name: "of_counts",
            columns: "tens INT, counts INT",
            changes: true,
            answer: "
SELECT CAST(nullif(count(CASE WHEN n = 10 THEN 1 END), 0) AS INT), CAST(count(DISTINCT n) AS INT)
FROM (SELECT site, kind, count(*) AS n FROM events GROUP BY site, kind)",
        },
    ],
};
