//! Windows that overlap or grow: a row is put into each of its windows by a join.

use super::{Input, Query, Sink};

pub(crate) const HOPPING_AGGREGATES: Query = Query {
    input: Input::Bids,
    job: "
CREATE VIEW counts AS
  SELECT auction, COUNT(*) AS n, SUM(price) AS total, MAX(channel) AS channel,
    window_start AS ws, window_end AS we, window_time AS wt
  FROM TABLE(HOP(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end, window_time;
INSERT INTO per_auction SELECT auction, ws, we, wt, n, total, channel FROM counts;
INSERT INTO hot SELECT ws, we, MAX(n), COUNT(*) FROM counts GROUP BY ws, we;",
    sinks: &[
        Sink {
            name: "per_auction",
            columns: "auction BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), last TIMESTAMP(3), \
                      n BIGINT, total BIGINT, channel STRING",
            changes: false,
            answer: "
SELECT auction, s, s + INTERVAL '10 seconds', s + INTERVAL '9999 milliseconds', count(*),
  sum(price), max(channel)
FROM (SELECT *, date_bin(INTERVAL '2 seconds', dateTime) - d AS s FROM bids CROSS JOIN (VALUES
  (INTERVAL '0 seconds'), (INTERVAL '2 seconds'), (INTERVAL '4 seconds'), (INTERVAL '6 seconds'),
  (INTERVAL '8 seconds')) AS back(d))
GROUP BY auction, s",
        },
        Sink {
            name: "hot",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), most BIGINT, auctions BIGINT",
            changes: false,
            answer: "
SELECT s, s + INTERVAL '10 seconds', max(n), count(*) FROM (
  SELECT auction, s, count(*) AS n
  FROM (SELECT *, date_bin(INTERVAL '2 seconds', dateTime) - d AS s FROM bids CROSS JOIN (VALUES
    (INTERVAL '0 seconds'), (INTERVAL '2 seconds'), (INTERVAL '4 seconds'), (INTERVAL '6 seconds'),
    (INTERVAL '8 seconds')) AS back(d))
  GROUP BY auction, s)
GROUP BY s",
        },
    ],
};

pub(crate) const HOPPING_OVER_NULLS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO per_site
SELECT site, ok, window_end, COUNT(*), COUNT(amount), SUM(amount), MIN(born), AVG(ratio), SUM(fee),
  COUNT(note) FILTER (WHERE ok)
FROM TABLE(HOP(DATA => TABLE events, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '5' SECOND,
  SIZE => INTERVAL '15' SECOND, OFFSET => INTERVAL '1' SECOND))
GROUP BY site, ok, window_start, window_end;",
    sinks: &[Sink {
        name: "per_site",
        columns: "site STRING, ok BOOLEAN, ends TIMESTAMP(3), n BIGINT, amounts BIGINT, \
                  total BIGINT, born DATE, ratio DOUBLE, fees DECIMAL(38, 2), notes BIGINT",
        changes: false,
        answer: "
SELECT site, ok, e, count(*), count(amount), sum(amount), min(born), avg(ratio), sum(fee),
  count(CASE WHEN ok THEN note END)
FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts, TIMESTAMP '1970-01-01 00:00:01') + d AS e
  FROM events CROSS JOIN (VALUES (INTERVAL '5 seconds'), (INTERVAL '10 seconds'),
    (INTERVAL '15 seconds')) AS ahead(d))
GROUP BY site, ok, e",
    }],
};

pub(crate) const CUMULATING_AGGREGATES: Query = Query {
    input: Input::Events,
    job: "
CREATE VIEW so_far AS
  SELECT kind, COUNT(*) AS n, SUM(amount) AS total, MAX(site) AS site, window_start AS ws,
    window_end AS we
  FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '40' SECOND))
  GROUP BY kind, window_start, window_end;
INSERT INTO per_kind SELECT kind, ws, we, n, total, site FROM so_far;
INSERT INTO kinds SELECT ws, we, COUNT(*), SUM(n) FROM so_far GROUP BY ws, we;",
    sinks: &[
        Sink {
            name: "per_kind",
            columns: "kind STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, \
                      total BIGINT, site STRING",
            changes: false,
            answer: "
SELECT kind, s, e, count(*), sum(amount), max(site)
FROM (SELECT *, date_bin(INTERVAL '40 seconds', ts) AS s,
    date_bin(INTERVAL '10 seconds', ts) + d AS e
  FROM events CROSS JOIN (VALUES (INTERVAL '10 seconds'), (INTERVAL '20 seconds'),
    (INTERVAL '30 seconds'), (INTERVAL '40 seconds')) AS ahead(d))
WHERE e <= s + INTERVAL '40 seconds'
GROUP BY kind, s, e",
        },
        Sink {
            name: "kinds",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), kinds BIGINT, n BIGINT",
            changes: false,
            answer: "
SELECT s, e, count(*), sum(n) FROM (
  SELECT kind, s, e, count(*) AS n
  FROM (SELECT *, date_bin(INTERVAL '40 seconds', ts) AS s,
      date_bin(INTERVAL '10 seconds', ts) + d AS e
    FROM events CROSS JOIN (VALUES (INTERVAL '10 seconds'), (INTERVAL '20 seconds'),
      (INTERVAL '30 seconds'), (INTERVAL '40 seconds')) AS ahead(d))
  WHERE e <= s + INTERVAL '40 seconds'
  GROUP BY kind, s, e)
GROUP BY s, e",
        },
    ],
};
