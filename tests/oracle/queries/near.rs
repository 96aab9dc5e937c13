//! Joins of rows near each other in time and in the same windows, and the first rows of windows.

use super::{Input, Query, Sink};

pub(crate) const INTERVAL_JOINS: Query = Query {
    input: Input::Events,
    job: "
CREATE VIEW buys AS SELECT id, site, amount, ts FROM events WHERE kind = 'buy';
CREATE VIEW clicks AS SELECT id, site, amount, ts FROM events WHERE kind = 'click';
INSERT INTO inside
SELECT b.id, c.id, b.site, c.ts FROM buys b JOIN clicks c ON b.site = c.site
  AND c.ts BETWEEN b.ts - INTERVAL '3' SECOND AND b.ts + INTERVAL '1' SECOND
  AND c.amount < b.amount;
INSERT INTO of_left
SELECT b.id, c.id FROM buys b LEFT JOIN clicks c ON b.site = c.site
  AND c.ts > b.ts AND c.ts <= b.ts + INTERVAL '2' SECOND;
INSERT INTO of_right
SELECT b.id, c.id FROM buys b RIGHT JOIN clicks c ON b.site = c.site
  AND b.ts >= c.ts - INTERVAL '2' SECOND AND b.ts < c.ts - INTERVAL '1' SECOND;
INSERT INTO of_both
SELECT b.id, c.id FROM buys b FULL JOIN clicks c ON b.site = c.site AND b.amount > c.amount
  AND c.ts BETWEEN b.ts - INTERVAL '1' SECOND AND b.ts;
INSERT INTO per_window
SELECT window_start, COUNT(*), SUM(amount) FROM TABLE(TUMBLE((
    SELECT b.amount, b.ts FROM buys b, clicks c
    WHERE b.site = c.site AND c.ts BETWEEN b.ts AND b.ts + INTERVAL '2' SECOND),
  DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;",
    sinks: &[
        Sink {
            name: "inside",
            columns: "buy BIGINT, click BIGINT, site STRING, ts TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT b.id, c.id, b.site, c.ts FROM events b JOIN events c ON b.site = c.site
  AND c.ts >= b.ts - INTERVAL '3 seconds' AND c.ts <= b.ts + INTERVAL '1 second'
  AND c.amount < b.amount WHERE b.kind = 'buy' AND c.kind = 'click'",
        },
        Sink {
            name: "of_left",
            columns: "buy BIGINT, click BIGINT",
            changes: false,
            answer: "
SELECT b.id, c.id FROM (SELECT * FROM events WHERE kind = 'buy') b
LEFT JOIN (SELECT * FROM events WHERE kind = 'click') c ON b.site = c.site
  AND c.ts > b.ts AND c.ts <= b.ts + INTERVAL '2 seconds'",
        },
        Sink {
            name: "of_right",
            columns: "buy BIGINT, click BIGINT",
            changes: false,
            answer: "
SELECT b.id, c.id FROM (SELECT * FROM events WHERE kind = 'buy') b
RIGHT JOIN (SELECT * FROM events WHERE kind = 'click') c ON b.site = c.site
  AND b.ts >= c.ts - INTERVAL '2 seconds' AND b.ts < c.ts - INTERVAL '1 second'",
        },
        Sink {
            name: "of_both",
            columns: "buy BIGINT, click BIGINT",
            changes: false,
            answer: "
SELECT b.id, c.id FROM (SELECT * FROM events WHERE kind = 'buy') b
FULL JOIN (SELECT * FROM events WHERE kind = 'click') c ON b.site = c.site
  AND b.amount > c.amount AND c.ts >= b.ts - INTERVAL '1 second' AND c.ts <= b.ts",
        },
        Sink {
            name: "per_window",
            columns: "begins TIMESTAMP(3), n BIGINT, total BIGINT",
            changes: false,
            answer: "
SELECT date_bin(INTERVAL '10 seconds', b.ts), count(*), sum(b.amount)
FROM (SELECT * FROM events WHERE kind = 'buy') b
JOIN (SELECT * FROM events WHERE kind = 'click') c ON b.site = c.site
  AND c.ts >= b.ts AND c.ts <= b.ts + INTERVAL '2 seconds'
GROUP BY date_bin(INTERVAL '10 seconds', b.ts)",
        },
    ],
};

pub(crate) const WINDOW_JOINS: Query = Query {
    input: Input::Events,
    job: "
CREATE VIEW buys AS SELECT id, site, amount, window_start, window_end FROM TABLE(TUMBLE(
  TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND)) WHERE kind = 'buy';
CREATE VIEW clicks AS SELECT id, site, amount, window_start, window_end FROM TABLE(TUMBLE(
  TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND)) WHERE kind = 'click' AND amount > 0;
INSERT INTO inside
SELECT b.id, c.id, b.window_start FROM buys b JOIN clicks c ON b.site = c.site
  AND b.window_start = c.window_start AND b.window_end = c.window_end AND b.amount > c.amount;
INSERT INTO of_both
SELECT b.id, c.id FROM buys b FULL JOIN clicks c ON b.site = c.site
  AND b.window_start = c.window_start AND b.window_end = c.window_end;
INSERT INTO per_window
SELECT window_start, window_end, COUNT(*) FROM (
  SELECT b.window_start, b.window_end FROM buys b LEFT JOIN clicks c ON b.site = c.site
    AND b.window_start = c.window_start AND b.window_end = c.window_end)
GROUP BY window_start, window_end;",
    sinks: &[
        Sink {
            name: "inside",
            columns: "buy BIGINT, click BIGINT, begins TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT b.id, c.id, date_bin(INTERVAL '5 seconds', b.ts) FROM events b JOIN events c
ON b.site = c.site AND date_bin(INTERVAL '5 seconds', b.ts) = date_bin(INTERVAL '5 seconds', c.ts)
  AND b.amount > c.amount WHERE b.kind = 'buy' AND c.kind = 'click' AND c.amount > 0",
        },
        Sink {
            name: "of_both",
            columns: "buy BIGINT, click BIGINT",
            changes: false,
            answer: "
SELECT b.id, c.id FROM (SELECT * FROM events WHERE kind = 'buy') b
FULL JOIN (SELECT * FROM events WHERE kind = 'click' AND amount > 0) c ON b.site = c.site
  AND date_bin(INTERVAL '5 seconds', b.ts) = date_bin(INTERVAL '5 seconds', c.ts)",
        },
        Sink {
            name: "per_window",
            columns: "begins TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT date_bin(INTERVAL '5 seconds', b.ts),
  date_bin(INTERVAL '5 seconds', b.ts) + INTERVAL '5 seconds', count(*)
FROM (SELECT * FROM events WHERE kind = 'buy') b
LEFT JOIN (SELECT * FROM events WHERE kind = 'click' AND amount > 0) c ON b.site = c.site
  AND date_bin(INTERVAL '5 seconds', b.ts) = date_bin(INTERVAL '5 seconds', c.ts)
GROUP BY date_bin(INTERVAL '5 seconds', b.ts)",
        },
    ],
};

pub(crate) const WINDOW_SEMI_JOINS: Query = Query {
    input: Input::Events,
    job: "
CREATE VIEW buys AS SELECT id, site, amount, window_start, window_end FROM TABLE(TUMBLE(
  TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND)) WHERE kind = 'buy';
CREATE VIEW clicks AS SELECT id, site, amount, window_start, window_end FROM TABLE(TUMBLE(
  TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND)) WHERE kind = 'click' AND amount > 0;
INSERT INTO with_click
SELECT id FROM buys b WHERE EXISTS (SELECT 1 FROM clicks c WHERE b.site = c.site
  AND b.window_start = c.window_start AND b.window_end = c.window_end);
INSERT INTO without_click
SELECT id FROM buys b WHERE NOT EXISTS (SELECT 1 FROM clicks c WHERE b.site = c.site
  AND b.window_start = c.window_start AND b.window_end = c.window_end);
INSERT INTO overlapping
SELECT b.id, c.id, b.window_end
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '4' SECOND)) b
JOIN TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '4' SECOND)) c
ON b.small = c.small + 1 - 1 AND b.kind = 'buy' AND c.kind = 'buy' AND b.window_start = c.window_start
  AND b.window_end = c.window_end;",
    sinks: &[
        Sink {
            name: "with_click",
            columns: "buy BIGINT",
            changes: false,
            answer: "
SELECT id FROM events b WHERE kind = 'buy' AND EXISTS (SELECT 1 FROM events c
  WHERE c.kind = 'click' AND c.amount > 0 AND b.site = c.site
  AND date_bin(INTERVAL '5 seconds', b.ts) = date_bin(INTERVAL '5 seconds', c.ts))",
        },
        Sink {
            name: "without_click",
            columns: "buy BIGINT",
            changes: false,
            answer: "
SELECT id FROM events b WHERE kind = 'buy' AND NOT EXISTS (SELECT 1 FROM events c
  WHERE c.kind = 'click' AND c.amount > 0 AND b.site = c.site
  AND date_bin(INTERVAL '5 seconds', b.ts) = date_bin(INTERVAL '5 seconds', c.ts))",
        },
        Sink {
            name: "overlapping",
            columns: "l BIGINT, r BIGINT, ends TIMESTAMP(3)",
            changes: false,
            answer: "
WITH w AS (SELECT id, small, date_bin(INTERVAL '2 seconds', ts) + s AS ends FROM events e
  CROSS JOIN (VALUES (INTERVAL '2 seconds'), (INTERVAL '4 seconds')) AS shifts(s) WHERE e.kind = 'buy')
SELECT b.id, c.id, b.ends FROM w b JOIN w c ON b.small = c.small AND b.ends = c.ends",
        },
    ],
};

pub(crate) const WINDOW_FIRST_ROWS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO highest
SELECT site, id, amount, window_start, r FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, site
    ORDER BY amount DESC, id) AS r
  FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)))
WHERE r <= 3;
INSERT INTO busiest
SELECT site, n, window_start FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, site) AS r
  FROM (SELECT site, COUNT(*) AS n, window_start, window_end
    FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
    GROUP BY site, window_start, window_end))
WHERE r <= 2;
INSERT INTO once
SELECT kind, id, window_end FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, kind
    ORDER BY ts DESC, id) AS r
  FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)))
WHERE r = 1;
INSERT INTO per_window
SELECT window_start, COUNT(*), SUM(amount) FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, kind
    ORDER BY id) AS r
  FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND)))
WHERE r <= 4 GROUP BY window_start, window_end;",
    sinks: &[
        Sink {
            name: "highest",
            columns: "site STRING, id BIGINT, amount BIGINT, begins TIMESTAMP(3), r BIGINT",
            changes: false,
            answer: "
SELECT site, id, amount, begins, CAST(r AS BIGINT) FROM (
  SELECT *, date_bin(INTERVAL '10 seconds', ts) AS begins,
    row_number() OVER (PARTITION BY date_bin(INTERVAL '10 seconds', ts), site
      ORDER BY amount DESC NULLS LAST, id) AS r FROM events) WHERE r <= 3",
        },
        Sink {
            name: "busiest",
            columns: "site STRING, n BIGINT, begins TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT site, n, begins FROM (
  SELECT *, row_number() OVER (PARTITION BY begins ORDER BY n DESC, site NULLS FIRST) AS r FROM (
    SELECT site, date_bin(INTERVAL '10 seconds', ts) AS begins, count(*) AS n FROM events
    GROUP BY site, date_bin(INTERVAL '10 seconds', ts))) WHERE r <= 2",
        },
        Sink {
            name: "once",
            columns: "kind STRING, id BIGINT, ends TIMESTAMP(3)",
            changes: false,
            answer: "
SELECT kind, id, ends FROM (SELECT *, row_number() OVER (PARTITION BY ends, kind
    ORDER BY ts DESC, id) AS r
  FROM (SELECT *, date_bin(INTERVAL '5 seconds', ts) + s AS ends FROM events CROSS JOIN
    (VALUES (INTERVAL '5 seconds'), (INTERVAL '10 seconds')) AS shifts(s))) WHERE r = 1",
        },
        Sink {
            name: "per_window",
            columns: "begins TIMESTAMP(3), n BIGINT, total BIGINT",
            changes: false,
            answer: "
SELECT begins, count(*), sum(amount) FROM (
  SELECT *, row_number() OVER (PARTITION BY ends, kind ORDER BY id) AS r FROM (
    SELECT *, date_bin(INTERVAL '15 seconds', ts) AS begins,
      date_bin(INTERVAL '15 seconds', ts) + s AS ends FROM events CROSS JOIN
      (VALUES (INTERVAL '5 seconds'), (INTERVAL '10 seconds'), (INTERVAL '15 seconds'))
        AS shifts(s))
  WHERE ts < ends)
WHERE r <= 4 GROUP BY begins, ends",
        },
    ],
};

pub(crate) const DISTINCT_IN_WINDOWS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO tumbling
SELECT site, window_start, COUNT(DISTINCT kind), COUNT(*), SUM(amount), MIN(ratio), MAX(note)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY site, window_start, window_end HAVING COUNT(DISTINCT kind) > 1;
INSERT INTO hopping
SELECT window_end, COUNT(DISTINCT site) FILTER (WHERE ok), COUNT(id)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY window_start, window_end;
INSERT INTO growing
SELECT kind, window_end, SUM(DISTINCT small), AVG(DISTINCT small), COUNT(DISTINCT small)
FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
WHERE small < 0 AND small > -400000000
GROUP BY kind, window_start, window_end;",
    sinks: &[
        Sink {
            name: "tumbling",
            columns: "site STRING, begins TIMESTAMP(3), kinds BIGINT, n BIGINT, total BIGINT, \
                      low DOUBLE, note STRING",
            changes: false,
            answer: "
SELECT site, date_bin(INTERVAL '10 seconds', ts), count(DISTINCT kind), count(*), sum(amount),
  min(ratio), max(note)
FROM events GROUP BY site, date_bin(INTERVAL '10 seconds', ts) HAVING count(DISTINCT kind) > 1",
        },
        Sink {
            name: "hopping",
            columns: "ends TIMESTAMP(3), sites BIGINT, n BIGINT",
            changes: false,
            answer: "
SELECT ends, count(DISTINCT CASE WHEN ok THEN site END), count(*) FROM (
  SELECT *, date_bin(INTERVAL '5 seconds', ts) + s AS ends FROM events CROSS JOIN
    (VALUES (INTERVAL '5 seconds'), (INTERVAL '10 seconds'), (INTERVAL '15 seconds')) AS shifts(s))
GROUP BY ends",
        },
        Sink {
            name: "growing",
            columns: "kind STRING, ends TIMESTAMP(3), total INT, mean INT, n BIGINT",
            changes: false,
            // An INT wraps around.
            answer: "
SELECT kind, ends, arrow_cast((t + 2147483648) % 4294967296
    + CASE WHEN (t + 2147483648) % 4294967296 < 0 THEN 4294967296 ELSE 0 END - 2147483648, 'Int32'),
  arrow_cast(t / n, 'Int32'), n FROM (
  SELECT kind, ends, sum(DISTINCT CAST(small AS BIGINT)) AS t, count(DISTINCT small) AS n FROM (
    SELECT *, date_bin(INTERVAL '30 seconds', ts) + s AS ends FROM events CROSS JOIN
      (VALUES (INTERVAL '10 seconds'), (INTERVAL '20 seconds'), (INTERVAL '30 seconds'))
        AS shifts(s))
  WHERE ts < ends AND small < 0 AND small > -400000000 GROUP BY kind, ends)",
        },
    ],
};
