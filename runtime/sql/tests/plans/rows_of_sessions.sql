-- Rows of sessions are lists until their sessions are over; conditions behind them are asked then.
CREATE TABLE bids (auction BIGINT NOT NULL, price BIGINT, name STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE results (auction BIGINT, price BIGINT, ws TIMESTAMP(3)) WITH ('connector' = 'print');
CREATE TABLE names (name STRING, n BIGINT) WITH ('connector' = 'print');
INSERT INTO results
SELECT auction, price, window_start
FROM TABLE(SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '5' SECOND)) WHERE price > 100;
INSERT INTO names
SELECT name, COUNT(*)
FROM TABLE(SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '5' SECOND))
GROUP BY window_start, window_end, name;
