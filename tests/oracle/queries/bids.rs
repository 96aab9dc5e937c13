//! Over Nexmark's bids: plain queries, windows, views, several INSERTs.

use super::{Input, Query, Sink};

pub(crate) const PASS_THROUGH: Query = Query {
    input: Input::Bids,
    job: "INSERT INTO copies SELECT auction, bidder, price, channel, url, dateTime FROM bids;",
    sinks: &[Sink {
        name: "copies",
        columns: "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, \
                  dateTime TIMESTAMP(3)",
        changes: false,
        answer: "SELECT auction, bidder, price, channel, url, dateTime FROM bids",
    }],
};

pub(crate) const FILTERS_AND_PROJECTIONS: Query = Query {
    input: Input::Bids,
    job: "INSERT INTO chosen
SELECT auction, 0.908 * price, cents, dateTime,
  CASE WHEN price < 1000 THEN 'low' WHEN price < 100000 THEN 'middle' ELSE 'high' END,
  UPPER(channel), SPLIT_INDEX(url, '/', 3), SUBSTRING(url, 9, 5), CHAR_LENGTH(url),
  DATE_FORMAT(dateTime, 'yyyy-MM-dd HH:mm'), EXTRACT(SECOND FROM dateTime), MOD(auction, 7)
FROM bids
WHERE (channel IN ('Google', 'Apple') OR url LIKE '%item%') AND price BETWEEN 100 AND 5000000
  AND NOT (MOD(auction, 3) = 0 OR bidder < 1010);",
    sinks: &[Sink {
        name: "chosen",
        columns: "auction BIGINT, price DECIMAL(30, 3), cents BIGINT, at TIMESTAMP(3), \
                  class STRING, channel STRING, dir STRING, host STRING, n INT, m STRING, \
                  s BIGINT, mod7 BIGINT",
        changes: false,
        answer: "
SELECT auction, CAST('0.908' AS DECIMAL(4, 3)) * CAST(price AS DECIMAL(20, 0)), price * 100,
  dateTime,
  CASE WHEN price < 1000 THEN 'low' WHEN price < 100000 THEN 'middle' ELSE 'high' END,
  upper(channel), split_part(url, '/', 4), substr(url, 9, 5),
  CAST(character_length(url) AS INT), to_char(dateTime, '%Y-%m-%d %H:%M'),
  CAST(date_part('second', dateTime) AS BIGINT), auction % 7
FROM bids
WHERE (channel = 'Google' OR channel = 'Apple' OR strpos(url, 'item') > 0)
  AND price >= 100 AND price <= 5000000 AND auction % 3 <> 0 AND bidder >= 1010",
    }],
};

pub(crate) const TUMBLING_AGGREGATES: Query = Query {
    input: Input::Bids,
    job: "INSERT INTO per_auction
SELECT auction, window_start, window_end, COUNT(*), SUM(price), MIN(price), MAX(cents),
  AVG(price), MAX(channel), MIN(dateTime)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, auction;",
    sinks: &[Sink {
        name: "per_auction",
        columns: "auction BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, \
                  total BIGINT, low BIGINT, high BIGINT, mean BIGINT, last STRING, \
                  first TIMESTAMP(3)",
        changes: false,
        answer: "
SELECT auction, date_bin(INTERVAL '10 seconds', dateTime),
  date_bin(INTERVAL '10 seconds', dateTime) + INTERVAL '10 seconds', count(*), sum(price),
  min(price), max(price) * 100, sum(price) / count(*), max(channel), min(dateTime)
FROM bids GROUP BY auction, date_bin(INTERVAL '10 seconds', dateTime)",
    }],
};

pub(crate) const WINDOWS_WITHOUT_KEYS: Query = Query {
    input: Input::Bids,
    job: "INSERT INTO totals
SELECT window_start, window_time, COUNT(*), SUM(price), AVG(CAST(price AS DOUBLE)), MAX(price)
FROM TABLE(TUMBLE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(dateTime), SIZE => INTERVAL '7' SECOND,
  OFFSET => INTERVAL '2' SECOND))
GROUP BY window_start, window_end, window_time;",
    sinks: &[Sink {
        name: "totals",
        columns: "starts TIMESTAMP(3), last TIMESTAMP(3), n BIGINT, total BIGINT, mean DOUBLE, \
                  high BIGINT",
        changes: false,
        answer: "
SELECT s, s + INTERVAL '6999 milliseconds', count(*), sum(price), avg(price), max(price)
FROM (SELECT date_bin(INTERVAL '7 seconds', dateTime, TIMESTAMP '1970-01-01 00:00:02') AS s, price
  FROM bids)
GROUP BY s",
    }],
};

pub(crate) const FILTERED_AGGREGATES_AND_HAVING: Query = Query {
    input: Input::Bids,
    job: "INSERT INTO rare
SELECT bidder, window_start, COUNT(*), COUNT(*) FILTER (WHERE price > 50000),
  SUM(price) FILTER (WHERE channel LIKE '%oo%'), AVG(price) FILTER (WHERE price < 100),
  MAX(price) - MIN(price), SUM(price) / COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '20' SECOND))
WHERE auction > 1000
GROUP BY bidder, window_start, window_end
HAVING COUNT(*) > 1 AND MAX(price) > 2 * MIN(price);",
    sinks: &[Sink {
        name: "rare",
        columns: "bidder BIGINT, starts TIMESTAMP(3), n BIGINT, dear BIGINT, oo BIGINT, \
                  cheap BIGINT, spread BIGINT, mean BIGINT",
        changes: false,
        answer: "
SELECT bidder, s, count(*), sum(CASE WHEN price > 50000 THEN 1 ELSE 0 END),
  sum(CASE WHEN channel LIKE '%oo%' THEN price END),
  sum(CASE WHEN price < 100 THEN price END)
    / nullif(count(CASE WHEN price < 100 THEN price END), 0),
  max(price) - min(price), sum(price) / count(*)
FROM (SELECT *, date_bin(INTERVAL '20 seconds', dateTime) AS s FROM bids WHERE auction > 1000)
GROUP BY bidder, s HAVING count(*) > 1 AND max(price) > 2 * min(price)",
    }],
};

pub(crate) const VIEWS_AND_SUBQUERIES: Query = Query {
    input: Input::Bids,
    job: "
CREATE VIEW dear (auction, cents, channel, at) AS
  SELECT auction, cents, LOWER(channel), dateTime FROM bids WHERE price > 1000;
CREATE TEMPORARY VIEW dearer AS SELECT * FROM dear WHERE cents > 1000000;
INSERT INTO per_channel
WITH windowed AS (
  SELECT * FROM TABLE(TUMBLE(TABLE dearer, DESCRIPTOR(at), INTERVAL '15' SECOND)))
SELECT part, window_start, COUNT(*), SUM(cents) AS total FROM (
  SELECT SUBSTRING(channel, 1, 3) AS part, cents, w.window_start, w.window_end FROM windowed AS w
  WHERE auction <> 1003)
GROUP BY part, window_start, window_end;",
    sinks: &[Sink {
        name: "per_channel",
        columns: "part STRING, starts TIMESTAMP(3), n BIGINT, total BIGINT",
        changes: false,
        answer: "
SELECT substr(lower(channel), 1, 3) AS part, date_bin(INTERVAL '15 seconds', dateTime) AS s,
  count(*), sum(price * 100)
FROM bids WHERE price > 10000 AND auction <> 1003 GROUP BY part, s",
    }],
};

pub(crate) const NESTED_WINDOWS: Query = Query {
    input: Input::Bids,
    job: "
CREATE VIEW counts AS
  SELECT auction, COUNT(*) AS n, window_start AS ws, window_end AS we, window_time AS wt
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '5' SECOND))
  GROUP BY auction, window_start, window_end, window_time;
INSERT INTO hot SELECT ws, MAX(n), SUM(n) FROM counts GROUP BY ws, we;
INSERT INTO longer
SELECT auction, window_start, window_end, SUM(n), COUNT(*), AVG(n)
FROM TABLE(TUMBLE(TABLE counts, DESCRIPTOR(wt), INTERVAL '20' SECOND))
GROUP BY auction, window_start, window_end;",
    sinks: &[
        Sink {
            name: "hot",
            columns: "starts TIMESTAMP(3), most BIGINT, n BIGINT",
            changes: false,
            answer: "
SELECT s, max(n), sum(n) FROM (
  SELECT date_bin(INTERVAL '5 seconds', dateTime) AS s, auction, count(*) AS n
  FROM bids GROUP BY s, auction) GROUP BY s",
        },
        Sink {
            name: "longer",
            columns: "auction BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, \
                      windows BIGINT, mean BIGINT",
            changes: false,
            answer: "
SELECT auction, long, long + INTERVAL '20 seconds', sum(n), count(*), sum(n) / count(*) FROM (
  SELECT date_bin(INTERVAL '5 seconds', dateTime) AS s,
    date_bin(INTERVAL '20 seconds', dateTime) AS long, auction, count(*) AS n
  FROM bids GROUP BY s, long, auction) GROUP BY long, auction",
        },
    ],
};

pub(crate) const STATEMENT_SET: Query = Query {
    input: Input::Bids,
    job: "
EXECUTE STATEMENT SET BEGIN
INSERT INTO minutes SELECT window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;
INSERT INTO bidders SELECT bidder, window_start, MAX(price)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, bidder;
INSERT INTO both_ (what, id) SELECT 'auction', auction FROM bids WHERE price > 1000000;
INSERT INTO both_ (id, what, price) SELECT bidder, 'bidder', price FROM bids WHERE price < 200;
END;",
    sinks: &[
        Sink {
            name: "minutes",
            columns: "starts TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT date_bin(INTERVAL '1 minute', dateTime) AS s, count(*) FROM bids GROUP BY s",
        },
        Sink {
            name: "bidders",
            columns: "bidder BIGINT, starts TIMESTAMP(3), high BIGINT",
            changes: false,
            answer: "
SELECT bidder, date_bin(INTERVAL '10 seconds', dateTime) AS s, max(price)
FROM bids GROUP BY bidder, s",
        },
        Sink {
            name: "both_",
            columns: "id BIGINT, what STRING, price BIGINT",
            changes: false,
            answer: "
SELECT auction, 'auction', CAST(NULL AS BIGINT) FROM bids WHERE price > 1000000
UNION ALL SELECT bidder, 'bidder', price FROM bids WHERE price < 200",
        },
    ],
};
