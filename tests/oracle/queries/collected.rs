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
