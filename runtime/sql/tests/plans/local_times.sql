SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP_LTZ(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'x');
CREATE TABLE days (starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'x');
CREATE TABLE firsts (starts TIMESTAMP(3), t TIMESTAMP_LTZ(3), auction BIGINT) WITH ('connector' = 'x');
INSERT INTO days SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY)) GROUP BY window_start, window_end;
INSERT INTO firsts SELECT window_start, window_time, auction FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS place
  FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '1' DAY)))
WHERE place = 1;
