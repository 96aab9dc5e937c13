-- Overlapping and growing windows, their results grouped again, and their names.
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'nexmark');
CREATE TABLE hot (starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE sums (auction BIGINT, ends TIMESTAMP(3), last TIMESTAMP(3), total BIGINT)
WITH ('connector' = 'print');
CREATE TABLE most (ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE VIEW counts AS
  SELECT auction, COUNT(*) AS n, window_start AS ws, window_end AS we
  FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end;
INSERT INTO hot SELECT ws, we, MAX(n) FROM counts GROUP BY ws, we;
INSERT INTO sums
SELECT auction, window_end, window_time, SUM(price) FROM (
  SELECT auction, price, window_start, window_end, window_time
  FROM TABLE(CUMULATE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), STEP => INTERVAL '1' MINUTE,
    SIZE => INTERVAL '1' HOUR, OFFSET => INTERVAL '-1' MINUTE)))
GROUP BY auction, window_start, window_end, window_time
HAVING window_start > TIMESTAMP '2020-01-01 00:00:00';
INSERT INTO most
SELECT we, MAX(n) FROM (
  SELECT auction, COUNT(*) AS n, window_start AS ws, window_end AS we
  FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end)
GROUP BY ws, we;
