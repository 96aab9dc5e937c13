//! Aggregates of DataFusion that Flink does not have: moments of pairs, bits, truth values, and what
//! is approximate there and exact here.

use super::{Input, Query, Sink};

pub(crate) const PAIRS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO per_kind SELECT kind, CORR(ratio, amount), COVAR_POP(ratio, amount),
  COVAR_SAMP(amount, ratio), REGR_SLOPE(ratio, amount), REGR_INTERCEPT(ratio, amount),
  REGR_R2(ratio, amount), REGR_COUNT(ratio, amount), REGR_AVGX(ratio, amount),
  REGR_AVGY(ratio, amount), REGR_SXX(ratio, amount), REGR_SYY(ratio, amount),
  REGR_SXY(ratio, amount), SUM(amount), COVAR_POP(amount, id) FILTER (WHERE ok)
FROM events GROUP BY kind;
INSERT INTO of_windows SELECT window_start, CORR(amount, ratio), REGR_SLOPE(ratio, id)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
GROUP BY window_start, window_end;
INSERT INTO of_counts SELECT CORR(n, total), COVAR_POP(n, total), REGR_COUNT(n, total)
FROM (SELECT site, kind, COUNT(*) AS n, SUM(amount) AS total FROM events GROUP BY site, kind);",
    sinks: &[
        Sink {
            name: "per_kind",
            columns: "kind STRING, a DOUBLE, b DOUBLE, c DOUBLE, d DOUBLE, e DOUBLE, f DOUBLE, \
                      g BIGINT, h DOUBLE, i DOUBLE, j DOUBLE, k DOUBLE, l DOUBLE, total BIGINT, \
                      m DOUBLE",
            changes: true,
            answer: "
SELECT kind, corr(ratio, amount), covar_pop(ratio, amount), covar_samp(amount, ratio),
  regr_slope(ratio, amount), regr_intercept(ratio, amount), regr_r2(ratio, amount),
  CAST(regr_count(ratio, amount) AS BIGINT), regr_avgx(ratio, amount), regr_avgy(ratio, amount),
  regr_sxx(ratio, amount), regr_syy(ratio, amount), regr_sxy(ratio, amount), sum(amount),
  covar_pop(CASE WHEN ok THEN amount END, id)
FROM events GROUP BY kind",
        },
        Sink {
            name: "of_windows",
            columns: "starts TIMESTAMP(3), a DOUBLE, b DOUBLE",
            changes: false,
            answer: "
SELECT s, corr(amount, ratio), regr_slope(ratio, id)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) - INTERVAL '5 seconds' AS s FROM events
  UNION ALL SELECT *, date_bin(INTERVAL '5 seconds', ts) AS s FROM events) GROUP BY s",
        },
        Sink {
            name: "of_counts",
            columns: "a DOUBLE, b DOUBLE, n BIGINT",
            changes: true,
            answer: "
SELECT corr(n, total), covar_pop(n, total), CAST(regr_count(n, total) AS BIGINT)
FROM (SELECT site, kind, count(*) AS n, sum(amount) AS total FROM events GROUP BY site, kind)",
        },
    ],
};

pub(crate) const BITS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO per_kind SELECT kind, BIT_AND(amount), BIT_OR(small), BIT_XOR(amount),
  BIT_XOR(DISTINCT small), BIT_OR(amount) FILTER (WHERE ok), BOOL_AND(ok), BOOL_OR(ok),
  BOOL_OR(amount > 990) FILTER (WHERE ok), APPROX_DISTINCT(site), APPROX_MEDIAN(amount),
  PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY ratio)
FROM events GROUP BY kind;
INSERT INTO of_windows SELECT window_start, BIT_AND(amount), BIT_OR(amount), BIT_XOR(amount),
  BOOL_AND(amount > -900), BOOL_OR(amount > 900), APPROX_DISTINCT(kind),
  CHAR_LENGTH(STRING_AGG(kind, '--'))
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end;
INSERT INTO of_counts SELECT site, BIT_AND(n), BIT_OR(n), BIT_XOR(n), BOOL_AND(n > 2),
  BOOL_OR(n > 3), APPROX_DISTINCT(n)
FROM (SELECT site, kind, COUNT(*) AS n FROM events GROUP BY site, kind) GROUP BY site;",
    sinks: &[
        Sink {
            name: "per_kind",
            columns: "kind STRING, a BIGINT, b INT, c BIGINT, d INT, e BIGINT, f BOOLEAN, \
                      g BOOLEAN, h BOOLEAN, sites BIGINT, half DOUBLE, middle DOUBLE",
            changes: true,
            answer: "
SELECT kind, bit_and(amount), bit_or(small), bit_xor(amount), bit_xor(DISTINCT small),
  bit_or(CASE WHEN ok THEN amount END), bool_and(ok), bool_or(ok),
  bool_or(CASE WHEN ok THEN amount > 990 END), count(DISTINCT site),
  median(CAST(amount AS DOUBLE)), median(ratio)
FROM events GROUP BY kind",
        },
        Sink {
            name: "of_windows",
            columns: "starts TIMESTAMP(3), a BIGINT, b BIGINT, c BIGINT, d BOOLEAN, e BOOLEAN, \
                      kinds BIGINT, letters INT",
            changes: false,
            answer: "
SELECT s, bit_and(amount), bit_or(amount), bit_xor(amount), bool_and(amount > -900),
  bool_or(amount > 900), count(DISTINCT kind),
  CAST(character_length(string_agg(kind, '--')) AS INT)
FROM (SELECT *, date_bin(INTERVAL '10 seconds', ts) AS s FROM events) GROUP BY s",
        },
        Sink {
            name: "of_counts",
            columns: "site STRING, a BIGINT, b BIGINT, c BIGINT, d BOOLEAN, e BOOLEAN, n BIGINT",
            changes: true,
            answer: "
SELECT site, bit_and(n), bit_or(n), bit_xor(n), bool_and(n > 2), bool_or(n > 3),
  count(DISTINCT n)
FROM (SELECT site, kind, count(*) AS n FROM events GROUP BY site, kind) GROUP BY site",
        },
    ],
};

pub(crate) const PAIRS_OVER: Query = Query {
    input: Input::Bids,
    job: "
INSERT INTO last_five
SELECT auction, dateTime, COVAR_POP(MOD(price, 1000), MOD(bidder, 100)) OVER w,
  REGR_SLOPE(MOD(price, 1000), MOD(bidder, 100)) OVER w, BOOL_AND(price > 500) OVER w,
  BOOL_OR(price > 5000) OVER w, REGR_COUNT(price, bidder) OVER w
FROM bids
WINDOW w AS (PARTITION BY auction ORDER BY dateTime ROWS BETWEEN 4 PRECEDING AND CURRENT ROW);
INSERT INTO running
SELECT auction, dateTime, APPROX_DISTINCT(channel) OVER (PARTITION BY auction ORDER BY dateTime)
FROM bids;",
    sinks: &[
        Sink {
            name: "last_five",
            columns: "auction BIGINT, at TIMESTAMP(3), a DOUBLE, b DOUBLE, c BOOLEAN, d BOOLEAN, \
                      n BIGINT",
            changes: false,
            answer: "
SELECT auction, dateTime, CAST(n * xy - x * y AS DOUBLE) / (n * n),
  CAST(n * xy - x * y AS DOUBLE) / nullif(n * xx - x * x, 0), low > 500, high > 5000, n
FROM (
  SELECT auction, dateTime, count(*) OVER w AS n, min(price) OVER w AS low,
    max(price) OVER w AS high, sum(bidder % 100) OVER w AS x, sum(price % 1000) OVER w AS y,
    sum(bidder % 100 * (bidder % 100)) OVER w AS xx,
    sum(bidder % 100 * (price % 1000)) OVER w AS xy
  FROM bids
  WINDOW w AS (PARTITION BY auction ORDER BY dateTime ROWS BETWEEN 4 PRECEDING AND CURRENT ROW))",
        },
        Sink {
            name: "running",
            columns: "auction BIGINT, at TIMESTAMP(3), channels BIGINT",
            changes: false,
            answer: "
SELECT a.auction, a.dateTime, count(DISTINCT b.channel)
FROM bids AS a JOIN bids AS b ON a.auction = b.auction AND b.dateTime <= a.dateTime
GROUP BY a.auction, a.dateTime",
        },
    ],
};
