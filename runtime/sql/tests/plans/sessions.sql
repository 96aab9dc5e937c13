-- Sessions of a key, by names and by place, and of all rows.
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'nexmark');
CREATE TABLE visits (auction BIGINT, starts TIMESTAMP(3), last TIMESTAMP_LTZ(3), n BIGINT)
WITH ('connector' = 'print');
CREATE TABLE busy (starts TIMESTAMP(3), ends TIMESTAMP(3), total BIGINT)
WITH ('connector' = 'print');
INSERT INTO visits
SELECT auction, window_start, window_time, COUNT(*) FROM (
  SELECT * FROM TABLE(
    SESSION(DATA => TABLE bids PARTITION BY auction, TIMECOL => DESCRIPTOR(ts),
      GAP => INTERVAL '90' SECOND)))
GROUP BY auction, window_start, window_end, window_time;
INSERT INTO busy
SELECT window_start, window_end, SUM(price)
FROM TABLE(SESSION(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' MINUTE))
GROUP BY window_start, window_end;
