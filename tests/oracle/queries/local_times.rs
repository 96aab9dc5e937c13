//! Windows of instants in local times: over four hours in which clocks are put back from three to two,
//! and four in which they are put on from two to three.

use super::{Input, Query, Sink};

pub(crate) const LOCAL_TIMES: Query = Query {
    input: Input::Events,
    job: "
SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE autumn (
  id BIGINT NOT NULL, kind STRING, site STRING, amount BIGINT, ms BIGINT,
  moment AS TO_TIMESTAMP_LTZ(1445729400000 + (ms - 1700000040000) * 120, 3),
  WATERMARK FOR moment AS moment - INTERVAL '10' MINUTE
) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/events');
CREATE TABLE spring (
  kind STRING, amount BIGINT, ms BIGINT,
  moment AS TO_TIMESTAMP_LTZ(1427585400000 + (ms - 1700000040000) * 120, 3),
  WATERMARK FOR moment AS moment - INTERVAL '10' MINUTE
) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/events');
INSERT INTO hours SELECT kind, window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '1' HOUR))
GROUP BY kind, window_start, window_end;
INSERT INTO days SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '1' DAY))
GROUP BY window_start, window_end;
INSERT INTO hops SELECT kind, window_start, window_end, COUNT(*)
FROM TABLE(HOP(TABLE spring, DESCRIPTOR(moment), INTERVAL '20' MINUTE, INTERVAL '40' MINUTE))
GROUP BY kind, window_start, window_end;
INSERT INTO visits SELECT site, window_start, window_end, COUNT(*)
FROM TABLE(SESSION(TABLE autumn PARTITION BY site, DESCRIPTOR(moment), INTERVAL '4' MINUTE))
GROUP BY site, window_start, window_end;
INSERT INTO firsts SELECT window_start, window_end, id FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY amount DESC, id) AS place
  FROM TABLE(TUMBLE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '30' MINUTE)) WHERE amount IS NOT NULL)
WHERE place <= 3;
INSERT INTO clocks SELECT id, CAST(moment AS STRING), HOUR(moment), FLOOR(moment TO HOUR) FROM autumn;",
    sinks: &[
        Sink {
            name: "hours",
            columns: "kind STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, total BIGINT",
            changes: false,
            answer: "
SELECT kind, s, s + INTERVAL '1 hour', count(*), sum(amount)
FROM (SELECT *, date_bin(INTERVAL '1 hour', to_timestamp_millis(
    CASE WHEN t < 1445734800000 THEN t + 7200000 ELSE t + 3600000 END)) AS s
  FROM (SELECT *, 1445729400000 + (ms - 1700000040000) * 120 AS t FROM autumn))
GROUP BY kind, s",
        },
        Sink {
            name: "days",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT TIMESTAMP '2015-10-25 00:00:00', TIMESTAMP '2015-10-26 00:00:00', count(*) FROM autumn",
        },
        Sink {
            name: "hops",
            columns: "kind STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT kind, s, s + INTERVAL '40 minutes', count(*)
FROM (SELECT *, date_bin(INTERVAL '20 minutes', to_timestamp_millis(
    CASE WHEN t < 1427590800000 THEN t + 3600000 ELSE t + 7200000 END)) - d AS s
  FROM (SELECT *, 1427585400000 + (ms - 1700000040000) * 120 AS t FROM spring)
  CROSS JOIN (VALUES (INTERVAL '0 minutes'), (INTERVAL '20 minutes')) AS back(d))
GROUP BY kind, s",
        },
        Sink {
            name: "visits",
            columns: "site STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT",
            changes: false,
            answer: "
SELECT site, min(l), max(l) + INTERVAL '4 minutes', count(*)
FROM (SELECT *, sum(first) OVER (PARTITION BY site ORDER BY l) AS session FROM (
  SELECT *, CASE WHEN l <= lag(l) OVER (PARTITION BY site ORDER BY l)
    + INTERVAL '4 minutes' THEN 0 ELSE 1 END AS first
  FROM (SELECT *, to_timestamp_millis(
      CASE WHEN t < 1445734800000 THEN t + 7200000 ELSE t + 3600000 END) AS l
    FROM (SELECT *, 1445729400000 + (ms - 1700000040000) * 120 AS t FROM autumn))))
GROUP BY site, session",
        },
        Sink {
            name: "firsts",
            columns: "starts TIMESTAMP(3), ends TIMESTAMP(3), id BIGINT",
            changes: false,
            answer: "
SELECT s, s + INTERVAL '30 minutes', id
FROM (SELECT *, row_number() OVER (PARTITION BY s ORDER BY amount DESC, id) AS place
  FROM (SELECT *, date_bin(INTERVAL '30 minutes', to_timestamp_millis(
      CASE WHEN t < 1445734800000 THEN t + 7200000 ELSE t + 3600000 END)) AS s
    FROM (SELECT *, 1445729400000 + (ms - 1700000040000) * 120 AS t FROM autumn))
  WHERE amount IS NOT NULL)
WHERE place <= 3",
        },
        Sink {
            name: "clocks",
            columns: "id BIGINT, shown STRING, h BIGINT, f TIMESTAMP_LTZ(3)",
            changes: false,
            answer: "
SELECT id, to_char(l, '%Y-%m-%d %H:%M:%S%.3f'), CAST(date_part('hour', l) AS BIGINT),
  arrow_cast(t - t % 3600000, 'Timestamp(Millisecond, Some(\"+00:00\"))')
FROM (SELECT *, to_timestamp_millis(
    CASE WHEN t < 1445734800000 THEN t + 7200000 ELSE t + 3600000 END) AS l
  FROM (SELECT *, 1445729400000 + (ms - 1700000040000) * 120 AS t FROM autumn))",
        },
    ],
};
