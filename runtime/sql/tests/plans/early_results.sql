-- Windows that give results before they end.
SET 'table.exec.emit.early-fire.enabled' = 'true';
SET 'table.exec.emit.early-fire.delay' = '5 s';
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE results (auction BIGINT, ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE counts (n BIGINT) WITH ('connector' = 'print');
INSERT INTO results SELECT auction, HOP_END(ts, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE), COUNT(*)
FROM bids GROUP BY auction, HOP(ts, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE);
INSERT INTO counts SELECT COUNT(*) FROM bids GROUP BY TUMBLE(p, INTERVAL '1' HOUR);
