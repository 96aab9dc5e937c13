-- Rows that are too late go to a table: by its columns of the table that windows read.
SET 'sabot.late-rows.table' = 'late_bids';
CREATE TABLE bids (auction BIGINT, price INT, note STRING, twice AS price * 2, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka');
CREATE TABLE late_bids (ts TIMESTAMP(3), twice BIGINT, note STRING) WITH ('connector' = 'filesystem');
CREATE TABLE counts (auction BIGINT, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE most (n BIGINT) WITH ('connector' = 'print');
INSERT INTO counts SELECT auction, COUNT(*)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
WHERE price > 3 GROUP BY auction, window_start, window_end;
INSERT INTO most SELECT MAX(n) FROM (
  SELECT COUNT(*) AS n, window_time AS t FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end, window_time
) GROUP BY TUMBLE(t, INTERVAL '1' MINUTE);
