-- Windows that the clock cuts, windows over their results, and processing time as a value.
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'nexmark');
CREATE TABLE counts (starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE most (ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE minutes (ends TIMESTAMP_LTZ(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE stamped (auction BIGINT, p TIMESTAMP_LTZ(3), `at` TIMESTAMP_LTZ(3)) WITH ('connector' = 'print');
INSERT INTO counts SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(p), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
CREATE VIEW timed AS SELECT auction, price, PROCTIME() AS now FROM bids;
CREATE VIEW hopping AS SELECT auction, COUNT(*) AS n, window_start AS ws, window_end AS we
FROM TABLE(HOP(TABLE timed, DESCRIPTOR(now), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
INSERT INTO most SELECT we, MAX(n) FROM hopping GROUP BY ws, we;
INSERT INTO minutes SELECT TUMBLE_ROWTIME(window_time, INTERVAL '1' MINUTE), SUM(n) FROM (
  SELECT COUNT(*) AS n, window_time FROM TABLE(SESSION(TABLE timed PARTITION BY auction,
    DESCRIPTOR(now), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end, window_time)
GROUP BY TUMBLE(window_time, INTERVAL '1' MINUTE);
INSERT INTO stamped SELECT auction, p, PROCTIME() FROM bids WHERE PROCTIME() > p;
INSERT INTO stamped SELECT auction, TUMBLE_PROCTIME(now, INTERVAL '1' SECOND), NULL FROM timed
GROUP BY auction, TUMBLE(now, INTERVAL '1' SECOND);
