//! Windows that overlap or grow: a row is put into each of its windows by a join. Sessions: a row
//! that is far from the one before begins one.

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

pub(crate) const SESSIONS: Query = Query {
    input: Input::Bids,
    job: "
INSERT INTO per_bidder
SELECT bidder, window_start, window_end, window_time, COUNT(*), SUM(price), MAX(channel)
FROM TABLE(SESSION(TABLE bids PARTITION BY bidder, DESCRIPTOR(dateTime), INTERVAL '2' SECOND))
GROUP BY bidder, window_start, window_end, window_time;
CREATE VIEW dear AS SELECT dateTime AS at, price FROM bids WHERE price > 1000000;
INSERT INTO dear_times
SELECT window_start, window_end, MIN(price), AVG(price)
FROM TABLE(SESSION(DATA => TABLE dear, TIMECOL => DESCRIPTOR(at), GAP => INTERVAL '0.1' SECOND))
GROUP BY window_start, window_end;
CREATE VIEW counts AS
  SELECT auction, COUNT(*) AS n, window_time AS wt
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '1' SECOND))
  GROUP BY auction, window_start, window_end, window_time;
INSERT INTO busy_times
SELECT auction, window_start, window_end, COUNT(*), SUM(n)
FROM TABLE(SESSION(TABLE counts PARTITION BY (auction), DESCRIPTOR(wt), INTERVAL '1' SECOND))
GROUP BY window_start, window_end, auction
HAVING COUNT(*) > 1;",
    sinks: &[
        Sink {
            name: "per_bidder",
            columns: "bidder BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), last TIMESTAMP(3), \
                      n BIGINT, total BIGINT, channel STRING",
            changes: false,
            answer: "
SELECT bidder, min(dateTime), max(dateTime) + INTERVAL '2 seconds',
  max(dateTime) + INTERVAL '1999 milliseconds', count(*), sum(price), max(channel)
FROM (SELECT *, sum(first) OVER (PARTITION BY bidder ORDER BY dateTime) AS session FROM (
  SELECT *, CASE WHEN dateTime <= lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime)
    + INTERVAL '2 seconds' THEN 0 ELSE 1 END AS first FROM bids))
GROUP BY bidder, session",
        },
        Sink {
            name: "dear_times",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), low BIGINT, mean BIGINT",
            changes: false,
            answer: "
SELECT min(dateTime), max(dateTime) + INTERVAL '100 milliseconds', min(price),
  sum(price) / count(*)
FROM (SELECT *, sum(first) OVER (ORDER BY dateTime) AS session FROM (
  SELECT *, CASE WHEN dateTime <= lag(dateTime) OVER (ORDER BY dateTime)
    + INTERVAL '100 milliseconds' THEN 0 ELSE 1 END AS first FROM bids WHERE price > 1000000))
GROUP BY session",
        },
        Sink {
            name: "busy_times",
            columns: "auction BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), windows BIGINT, \
                      n BIGINT",
            changes: false,
            answer: "
SELECT auction, min(s) + INTERVAL '999 milliseconds', max(s) + INTERVAL '1999 milliseconds',
  count(*), sum(n)
FROM (SELECT *, sum(first) OVER (PARTITION BY auction ORDER BY s) AS session FROM (
  SELECT *, CASE WHEN s <= lag(s) OVER (PARTITION BY auction ORDER BY s) + INTERVAL '1 second'
    THEN 0 ELSE 1 END AS first
  FROM (SELECT auction, date_bin(INTERVAL '1 second', dateTime) AS s, count(*) AS n
    FROM bids GROUP BY auction, s)))
GROUP BY auction, session HAVING count(*) > 1",
        },
    ],
};

pub(crate) const SESSIONS_OVER_NULLS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO per_site
SELECT site, kind, window_start, window_end, COUNT(*), COUNT(amount), SUM(amount), MIN(small),
  MAX(note), SUM(fee), AVG(ratio), COUNT(*) FILTER (WHERE ok)
FROM TABLE(SESSION(TABLE events PARTITION BY (site, kind), DESCRIPTOR(ts), INTERVAL '6' SECOND))
GROUP BY window_start, window_end, kind, site;",
    sinks: &[Sink {
        name: "per_site",
        columns: "site STRING, kind STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, \
                  amounts BIGINT, total BIGINT, low INT, note STRING, fees DECIMAL(38, 2), \
                  ratio DOUBLE, oks BIGINT",
        changes: false,
        answer: "
SELECT site, kind, min(ts), max(ts) + INTERVAL '6 seconds', count(*), count(amount), sum(amount),
  min(small), max(note), sum(fee), avg(ratio), sum(CASE WHEN ok THEN 1 ELSE 0 END)
FROM (SELECT *, sum(first) OVER (PARTITION BY site, kind ORDER BY ts) AS session FROM (
  SELECT *, CASE WHEN ts <= lag(ts) OVER (PARTITION BY site, kind ORDER BY ts)
    + INTERVAL '6 seconds' THEN 0 ELSE 1 END AS first FROM events))
GROUP BY site, kind, session",
    }],
};

pub(crate) const GROUP_WINDOWS: Query = Query {
    input: Input::Bids,
    job: "
CREATE VIEW counts AS
  SELECT auction, COUNT(*) AS n, TUMBLE_START(dateTime, INTERVAL '1' SECOND) AS starts,
    TUMBLE_ROWTIME(dateTime, INTERVAL '1' SECOND) AS last
  FROM bids GROUP BY TUMBLE(dateTime, INTERVAL '1' SECOND), auction;
INSERT INTO per_second SELECT auction, starts, last, n FROM counts;
INSERT INTO hopping
SELECT SUM(n), HOP_START(last, INTERVAL '5' SECOND, INTERVAL '10' SECOND),
  HOP_END(last, INTERVAL '5' SECOND, INTERVAL '10' SECOND), auction
FROM counts
GROUP BY auction, HOP(last, INTERVAL '5' SECOND, INTERVAL '10' SECOND)
HAVING HOP_END(last, INTERVAL '5' SECOND, INTERVAL '10' SECOND)
  > TIMESTAMP '2023-11-14 22:13:30';
INSERT INTO visits
SELECT bidder, SESSION_START(dateTime, INTERVAL '3' SECOND),
  SESSION_END(dateTime, INTERVAL '3' SECOND), COUNT(*)
FROM bids GROUP BY bidder, SESSION(dateTime, INTERVAL '3' SECOND);",
    sinks: &[
        Sink {
            name: "per_second",
            columns: "auction BIGINT, starts TIMESTAMP(3), last TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT auction, s, s + INTERVAL '999 milliseconds', count(*)
FROM (SELECT auction, date_bin(INTERVAL '1 second', dateTime) AS s FROM bids) GROUP BY auction, s",
        },
        Sink {
            name: "hopping",
            columns: "n BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), auction BIGINT",
            changes: false,
            answer: "
SELECT count(*), s, s + INTERVAL '10 seconds', auction
FROM (SELECT auction, date_bin(INTERVAL '5 seconds', dateTime) - d AS s FROM bids
  CROSS JOIN (VALUES (INTERVAL '0 seconds'), (INTERVAL '5 seconds')) AS back(d))
WHERE s > TIMESTAMP '2023-11-14 22:13:20'
GROUP BY auction, s",
        },
        Sink {
            name: "visits",
            columns: "bidder BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT bidder, min(dateTime), max(dateTime) + INTERVAL '3 seconds', count(*)
FROM (SELECT *, sum(first) OVER (PARTITION BY bidder ORDER BY dateTime) AS session FROM (
  SELECT *, CASE WHEN dateTime <= lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime)
    + INTERVAL '3 seconds' THEN 0 ELSE 1 END AS first FROM bids))
GROUP BY bidder, session",
        },
    ],
};
