-- Windows of TIMESTAMP_LTZ where clocks are changed: the hours around the end of summer time, and around its begin.

SET 'table.local-time-zone' = 'Europe/Berlin';

CREATE TABLE autumn (
  moment AS TO_TIMESTAMP_LTZ(1445729400000 + 240000 * TIMESTAMPDIFF(SECOND, TIMESTAMP '2015-07-15 07:59:30', CASE
    WHEN event_type = 0 THEN person.`dateTime`
    WHEN event_type = 1 THEN auction.`dateTime`
    ELSE bid.`dateTime`
  END), 3),
  WATERMARK FOR moment AS moment - INTERVAL '4' SECOND
) LIKE nexmark (EXCLUDING WATERMARKS);

CREATE TABLE spring (
  moment AS TO_TIMESTAMP_LTZ(1427585400000 + 240000 * TIMESTAMPDIFF(SECOND, TIMESTAMP '2015-07-15 07:59:30', CASE
    WHEN event_type = 0 THEN person.`dateTime`
    WHEN event_type = 1 THEN auction.`dateTime`
    ELSE bid.`dateTime`
  END), 3),
  WATERMARK FOR moment AS moment - INTERVAL '4' SECOND
) LIKE nexmark (EXCLUDING WATERMARKS);

-- autumn_hours
SELECT window_start, window_end, window_time, COUNT(*)
FROM TABLE(TUMBLE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, window_time;

-- autumn_hours_of_groups
SELECT TUMBLE_START(moment, INTERVAL '1' HOUR), TUMBLE_END(moment, INTERVAL '1' HOUR), TUMBLE_ROWTIME(moment, INTERVAL '1' HOUR), COUNT(*)
FROM autumn GROUP BY TUMBLE(moment, INTERVAL '1' HOUR);

-- autumn_days
SELECT window_start, window_end, window_time, COUNT(*)
FROM TABLE(TUMBLE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '1' DAY)) GROUP BY window_start, window_end, window_time;

-- autumn_days_of_groups
SELECT TUMBLE_START(moment, INTERVAL '1' DAY), TUMBLE_END(moment, INTERVAL '1' DAY), COUNT(*)
FROM autumn GROUP BY TUMBLE(moment, INTERVAL '1' DAY);

-- autumn_hopping_hours
SELECT HOP_START(moment, INTERVAL '30' MINUTE, INTERVAL '1' HOUR), HOP_END(moment, INTERVAL '30' MINUTE, INTERVAL '1' HOUR), COUNT(*)
FROM autumn GROUP BY HOP(moment, INTERVAL '30' MINUTE, INTERVAL '1' HOUR);

-- autumn_cumulating_hours
SELECT window_start, window_end, COUNT(*)
FROM TABLE(CUMULATE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '2' HOUR, INTERVAL '1' DAY)) GROUP BY window_start, window_end;

-- autumn_rows_of_hours
SELECT window_start, window_end, window_time, CAST(moment AS STRING), CAST(CAST(moment AS STRING) AS TIMESTAMP_LTZ(3)) = moment
FROM TABLE(TUMBLE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '1' HOUR)) WHERE event_type = 0;

-- autumn_rows_of_hopping_hours
SELECT window_start, window_end, window_time, CAST(moment AS STRING)
FROM TABLE(HOP(TABLE autumn, DESCRIPTOR(moment), INTERVAL '1' HOUR, INTERVAL '2' HOUR)) WHERE event_type = 0;

-- autumn_first_rows_of_hours
SELECT window_start, window_end, s, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, s) AS place FROM (
    SELECT window_start, window_end, MOD(bid.auction, 7) AS s, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE autumn, DESCRIPTOR(moment), INTERVAL '1' HOUR)) WHERE event_type = 2
    GROUP BY MOD(bid.auction, 7), window_start, window_end))
WHERE place <= 2;

-- spring_hours
SELECT window_start, window_end, window_time, COUNT(*)
FROM TABLE(TUMBLE(TABLE spring, DESCRIPTOR(moment), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, window_time;

-- spring_hours_of_groups
SELECT TUMBLE_START(moment, INTERVAL '1' HOUR), TUMBLE_END(moment, INTERVAL '1' HOUR), TUMBLE_ROWTIME(moment, INTERVAL '1' HOUR), COUNT(*)
FROM spring GROUP BY TUMBLE(moment, INTERVAL '1' HOUR);

-- spring_days
SELECT window_start, window_end, window_time, COUNT(*)
FROM TABLE(TUMBLE(TABLE spring, DESCRIPTOR(moment), INTERVAL '1' DAY)) GROUP BY window_start, window_end, window_time;

-- spring_days_of_groups
SELECT TUMBLE_START(moment, INTERVAL '1' DAY), TUMBLE_END(moment, INTERVAL '1' DAY), COUNT(*)
FROM spring GROUP BY TUMBLE(moment, INTERVAL '1' DAY);

-- spring_hopping_hours
SELECT HOP_START(moment, INTERVAL '30' MINUTE, INTERVAL '1' HOUR), HOP_END(moment, INTERVAL '30' MINUTE, INTERVAL '1' HOUR), COUNT(*)
FROM spring GROUP BY HOP(moment, INTERVAL '30' MINUTE, INTERVAL '1' HOUR);

-- spring_cumulating_hours
SELECT window_start, window_end, COUNT(*)
FROM TABLE(CUMULATE(TABLE spring, DESCRIPTOR(moment), INTERVAL '2' HOUR, INTERVAL '1' DAY)) GROUP BY window_start, window_end;

-- spring_rows_of_hours
SELECT window_start, window_end, window_time, CAST(moment AS STRING), CAST(CAST(moment AS STRING) AS TIMESTAMP_LTZ(3)) = moment
FROM TABLE(TUMBLE(TABLE spring, DESCRIPTOR(moment), INTERVAL '1' HOUR)) WHERE event_type = 0;

-- spring_rows_of_hopping_hours
SELECT window_start, window_end, window_time, CAST(moment AS STRING)
FROM TABLE(HOP(TABLE spring, DESCRIPTOR(moment), INTERVAL '1' HOUR, INTERVAL '2' HOUR)) WHERE event_type = 0;

-- spring_first_rows_of_hours
SELECT window_start, window_end, s, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, s) AS place FROM (
    SELECT window_start, window_end, MOD(bid.auction, 7) AS s, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE spring, DESCRIPTOR(moment), INTERVAL '1' HOUR)) WHERE event_type = 2
    GROUP BY MOD(bid.auction, 7), window_start, window_end))
WHERE place <= 2;
