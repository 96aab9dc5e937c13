-- Rows behind their windows' ends change results, and what is made of these follows.
SET 'table.exec.emit.late-fire.enabled' = 'true';
SET 'table.exec.emit.late-fire.delay' = '0 s';
SET 'table.exec.emit.allow-lateness' = '1 min';
CREATE TABLE bids (auction BIGINT, price INT, ts TIMESTAMP(3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka');
CREATE TABLE counts (auction BIGINT, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE most (starts TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE seen (n BIGINT) WITH ('connector' = 'print');
INSERT INTO counts SELECT auction, COUNT(*)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
INSERT INTO most SELECT window_start, MAX(n) FROM (
  SELECT COUNT(*) AS n, window_start, window_end
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end
) GROUP BY window_start, window_end;
INSERT INTO seen SELECT COUNT(*) FROM bids GROUP BY TUMBLE(p, INTERVAL '10' SECOND);
