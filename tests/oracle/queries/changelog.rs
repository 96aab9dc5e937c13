//! Queries over a table whose rows change and go as they are read.

use super::{Input, Query, Sink};

pub(crate) const CHANGES_THAT_ARE_READ: Query = Query {
    input: Input::Events,
    job: "CREATE TABLE accounts (
  id BIGINT NOT NULL, site STRING, amount BIGINT, twice AS amount * 2,
  file STRING METADATA FROM 'file.name' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/accounts');
INSERT INTO rich SELECT id, site, twice, file FROM accounts WHERE amount > 100;
INSERT INTO per_site SELECT site, COUNT(*), SUM(amount), MAX(amount) FROM accounts GROUP BY site;
INSERT INTO first SELECT site, id, amount FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY site ORDER BY amount DESC, id) AS r FROM accounts
) WHERE r <= 2;
INSERT INTO seen SELECT a.id, e.id, a.amount FROM accounts AS a JOIN events AS e
  ON a.site = e.site AND e.id < 600;",
    sinks: &[
        Sink {
            name: "rich",
            columns: "id BIGINT, site STRING, twice BIGINT, file STRING",
            changes: true,
            answer: "SELECT id, site, amount * 2, file FROM accounts WHERE amount > 100",
        },
        Sink {
            name: "per_site",
            columns: "site STRING, n BIGINT, total BIGINT, high BIGINT",
            changes: true,
            answer: "SELECT site, count(*), sum(amount), max(amount) FROM accounts GROUP BY site",
        },
        Sink {
            name: "first",
            columns: "site STRING, id BIGINT, amount BIGINT",
            changes: true,
            answer: "SELECT site, id, amount FROM (SELECT *, row_number() OVER
  (PARTITION BY site ORDER BY amount DESC, id) AS r FROM accounts) WHERE r <= 2",
        },
        Sink {
            name: "seen",
            columns: "account BIGINT, event BIGINT, amount BIGINT",
            changes: true,
            answer: "SELECT a.id, e.id, a.amount FROM accounts a JOIN events e
  ON a.site = e.site AND e.id < 600",
        },
    ],
};

/// The same changes, of which only what they say is now is taken.
pub(crate) const CHANGES_THAT_MAY_COME_AGAIN: Query = Query {
    input: Input::Events,
    job: "SET 'table.exec.source.cdc-events-duplicate' = 'true';
CREATE TABLE accounts (
  site STRING, id BIGINT NOT NULL, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/accounts');
INSERT INTO per_site SELECT site, COUNT(*), SUM(amount), MAX(amount) FROM accounts GROUP BY site;
INSERT INTO seen SELECT a.id, e.id, a.amount FROM accounts AS a JOIN events AS e
  ON a.site = e.site AND e.id < 600;",
    sinks: &[
        Sink {
            name: "per_site",
            columns: "site STRING, n BIGINT, total BIGINT, high BIGINT",
            changes: true,
            answer: "SELECT site, count(*), sum(amount), max(amount) FROM accounts GROUP BY site",
        },
        Sink {
            name: "seen",
            columns: "account BIGINT, event BIGINT, amount BIGINT",
            changes: true,
            answer: "SELECT a.id, e.id, a.amount FROM accounts a JOIN events e
  ON a.site = e.site AND e.id < 600",
        },
    ],
};

/// A batch answer over quotes, each with the time at which the next one of its site begins, and
/// without those that went then.
macro_rules! over_quotes {
    ($answer:literal) => {
        concat!(
            "WITH w AS (SELECT coalesce(get_field(after, 'site'), get_field(before, 'site')) AS site, \
             coalesce(get_field(after, 'ts'), get_field(before, 'ts')) AS ts, max(get_field(after, 'id')) AS id, \
             max(get_field(after, 'amount')) AS amount, max(CASE WHEN op = 'd' THEN 1 ELSE 0 END) AS gone \
             FROM records GROUP BY 1, 2), \
             n AS (SELECT *, lead(ts) OVER (PARTITION BY site ORDER BY ts) AS until FROM w), \
             v AS (SELECT * FROM n WHERE gone = 0) ",
            $answer
        )
    };
}

/// A row meets the version that a table of changes had at its time; one that changes and goes takes
/// with it what it met.
pub(crate) const VERSIONS_THAT_GO: Query = Query {
    input: Input::Events,
    job: "CREATE TABLE quotes (
  id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts,
  PRIMARY KEY (site) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/quotes');
CREATE TABLE records (
  before ROW<id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3)>,
  after ROW<id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3)>, op STRING
) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/quotes');
CREATE TABLE orders (
  id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/orders');
CREATE TABLE prices (id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3))
WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/prices');
INSERT INTO met SELECT e.id, q.id, q.amount, q.ts FROM events AS e
JOIN quotes FOR SYSTEM_TIME AS OF e.ts AS q ON e.site = q.site AND q.amount > e.amount
WHERE e.id < 1500;
INSERT INTO quoted SELECT o.id, o.amount, q.id, q.amount FROM orders AS o
LEFT JOIN quotes FOR SYSTEM_TIME AS OF o.ts AS q ON o.site = q.site;
INSERT INTO by_quote SELECT q.id, COUNT(*), SUM(o.amount) FROM orders AS o
JOIN quotes FOR SYSTEM_TIME AS OF o.ts AS q ON q.site = o.site AND o.amount > 0 GROUP BY q.id;
INSERT INTO priced SELECT o.id, o.amount, p.id FROM (SELECT *, PROCTIME() AS at FROM orders) AS o
LEFT JOIN prices FOR SYSTEM_TIME AS OF o.at AS p ON o.site = p.site AND p.amount > 900;
INSERT INTO read_too SELECT op, COUNT(*) FROM records GROUP BY op;",
    sinks: &[
        Sink {
            name: "met",
            columns: "a BIGINT, b BIGINT, amount BIGINT, ts TIMESTAMP(3)",
            changes: false,
            answer: over_quotes!(
                "SELECT e.id, v.id, v.amount, v.ts FROM events AS e JOIN v ON e.site = v.site
  AND v.ts <= e.ts AND (v.until IS NULL OR e.ts < v.until) AND v.amount > e.amount
WHERE e.id < 1500"
            ),
        },
        Sink {
            name: "quoted",
            columns: "a BIGINT, amount BIGINT, b BIGINT, quoted BIGINT",
            changes: true,
            answer: over_quotes!(
                "SELECT o.id, o.amount, v.id, v.amount FROM orders AS o LEFT JOIN v
  ON o.site = v.site AND v.ts <= o.ts AND (v.until IS NULL OR o.ts < v.until)"
            ),
        },
        Sink {
            name: "by_quote",
            columns: "b BIGINT, n BIGINT, total BIGINT",
            changes: true,
            answer: over_quotes!(
                "SELECT v.id, count(*), sum(o.amount) FROM orders AS o JOIN v
  ON o.site = v.site AND v.ts <= o.ts AND (v.until IS NULL OR o.ts < v.until)
WHERE o.amount > 0 GROUP BY v.id"
            ),
        },
        Sink {
            name: "priced",
            columns: "a BIGINT, amount BIGINT, b BIGINT",
            changes: true,
            answer: "SELECT o.id, o.amount, p.id FROM orders AS o LEFT JOIN prices AS p
  ON o.site = p.site AND p.amount > 900",
        },
        Sink {
            name: "read_too",
            columns: "op STRING, n BIGINT",
            changes: true,
            answer: "SELECT op, count(*) FROM records GROUP BY op",
        },
    ],
};

/// What is left of changing rows when their windows end is counted then.
pub(crate) const WINDOWS_OF_CHANGES: Query = Query {
    input: Input::Events,
    job: "CREATE TABLE orders (
  id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/orders');
INSERT INTO tumbled SELECT site, window_end, COUNT(*), SUM(amount), MIN(amount), MAX(amount),
  COUNT(DISTINCT amount / 100) FILTER (WHERE amount > 0)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' MINUTE))
GROUP BY site, window_start, window_end;
INSERT INTO hopped SELECT window_start, window_end, COUNT(*), SUM(amount), MAX(amount)
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' MINUTE, INTERVAL '20' MINUTE))
WHERE amount > -500 GROUP BY window_start, window_end;
INSERT INTO cumulated SELECT site, window_end, COUNT(*), MIN(amount)
FROM TABLE(CUMULATE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' MINUTE, INTERVAL '20' MINUTE))
GROUP BY site, window_start, window_end;
INSERT INTO older SELECT TUMBLE_START(ts, INTERVAL '10' MINUTE), site, COUNT(*) FROM orders
GROUP BY TUMBLE(ts, INTERVAL '10' MINUTE), site HAVING COUNT(*) > 3;",
    sinks: &[
        Sink {
            name: "tumbled",
            columns:
                "site STRING, ended TIMESTAMP(3), n BIGINT, total BIGINT, low BIGINT, high BIGINT,
  several BIGINT",
            changes: false,
            answer:
                "SELECT site, date_bin(INTERVAL '10 minutes', ts) + INTERVAL '10 minutes', count(*),
  sum(amount), min(amount), max(amount), count(DISTINCT amount / 100) FILTER (WHERE amount > 0)
FROM orders GROUP BY 1, 2",
        },
        Sink {
            name: "hopped",
            columns: "started TIMESTAMP(3), ended TIMESTAMP(3), n BIGINT, total BIGINT, high BIGINT",
            changes: false,
            answer:
                "SELECT begun, begun + INTERVAL '20 minutes', count(*), sum(amount), max(amount)
FROM (
  SELECT date_bin(INTERVAL '10 minutes', ts) AS begun, amount FROM orders UNION ALL
  SELECT date_bin(INTERVAL '10 minutes', ts) - INTERVAL '10 minutes', amount FROM orders
) WHERE amount > -500 GROUP BY begun",
        },
        Sink {
            name: "cumulated",
            columns: "site STRING, ended TIMESTAMP(3), n BIGINT, low BIGINT",
            changes: false,
            answer: "SELECT site, ended, count(*), min(amount) FROM (
  SELECT site, amount, date_bin(INTERVAL '10 minutes', ts) + INTERVAL '10 minutes' AS ended
  FROM orders UNION ALL
  SELECT site, amount, date_bin(INTERVAL '20 minutes', ts) + INTERVAL '20 minutes' FROM orders
  WHERE date_bin(INTERVAL '20 minutes', ts) = date_bin(INTERVAL '10 minutes', ts)
) GROUP BY site, ended",
        },
        Sink {
            name: "older",
            columns: "started TIMESTAMP(3), site STRING, n BIGINT",
            changes: false,
            answer: "SELECT date_bin(INTERVAL '10 minutes', ts), site, count(*) FROM orders
GROUP BY 1, 2 HAVING count(*) > 3",
        },
    ],
};

/// The same in local times, which are half an hour off the hours of UTC.
pub(crate) const LOCAL_WINDOWS_OF_CHANGES: Query = Query {
    input: Input::Events,
    job: "SET 'table.local-time-zone' = 'Asia/Kolkata';
CREATE TABLE orders (
  id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3), moment AS CAST(ts AS TIMESTAMP_LTZ(3)),
  WATERMARK FOR moment AS moment, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/orders');
INSERT INTO hours SELECT site, window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(moment), INTERVAL '1' HOUR))
GROUP BY site, window_start, window_end;
INSERT INTO parts SELECT window_start, COUNT(*), MIN(amount)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(moment), INTERVAL '20' MINUTE, INTERVAL '5' MINUTE))
GROUP BY window_start, window_end;",
    sinks: &[
        Sink {
            name: "hours",
            columns: "site STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, total BIGINT",
            changes: false,
            answer: "SELECT site, s, s + INTERVAL '1 hour', count(*), sum(amount) FROM (
  SELECT site, amount, date_bin(INTERVAL '1 hour', ts) AS s FROM orders) GROUP BY site, s",
        },
        Sink {
            name: "parts",
            columns: "starts TIMESTAMP(3), n BIGINT, low BIGINT",
            changes: false,
            answer: "SELECT date_bin(INTERVAL '20 minutes', ts, TIMESTAMP '1970-01-01 00:05:00'),
  count(*), min(amount) FROM orders GROUP BY 1",
        },
    ],
};
