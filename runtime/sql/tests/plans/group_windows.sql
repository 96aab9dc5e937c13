-- Windows in GROUP BY, and the functions that tell of them.
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'nexmark');
CREATE TABLE sums (auction BIGINT, starts TIMESTAMP(3), ends TIMESTAMP(3), total BIGINT)
WITH ('connector' = 'print');
CREATE TABLE visits (at TIMESTAMP_LTZ(3), n BIGINT) WITH ('connector' = 'print');
INSERT INTO sums
SELECT auction, HOP_START(ts, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE),
  HOP_END(ts, INTERVAL '60' SECOND, INTERVAL '5' MINUTE), SUM(price)
FROM bids
GROUP BY HOP(ts, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE), auction;
INSERT INTO visits
SELECT TUMBLE_ROWTIME(at, INTERVAL '1' HOUR), SUM(n) FROM (
  SELECT session_rowtime(ts, INTERVAL '90' SECOND) AS at, COUNT(*) AS n
  FROM bids GROUP BY SESSION(ts, INTERVAL '90' SECOND), auction)
GROUP BY TUMBLE(at, INTERVAL '1' HOUR);
