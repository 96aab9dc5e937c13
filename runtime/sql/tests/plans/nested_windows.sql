-- The largest count of each window, and counts of counts over longer windows.
CREATE TABLE bids (auction BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'nexmark');
CREATE TABLE hot (starts TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE hourly (starts TIMESTAMP(3), n BIGINT, rows_ BIGINT) WITH ('connector' = 'print');
CREATE VIEW counts AS
  SELECT auction, COUNT(*) AS n, window_start AS ws, window_end AS we, window_time AS wt
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end, window_time;
INSERT INTO hot SELECT ws, MAX(n) FROM counts GROUP BY ws, we;
INSERT INTO hourly
SELECT window_start, SUM(n), COUNT(*)
FROM TABLE(TUMBLE(TABLE counts, DESCRIPTOR(wt), INTERVAL '1' HOUR))
GROUP BY window_start, window_end;
