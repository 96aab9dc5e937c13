-- Rows in an order, and no more than asked for.
CREATE TABLE bids (auction BIGINT, price BIGINT, name STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'kafka', 'topic' = 'bids');
CREATE TABLE largest (auction BIGINT, price BIGINT) WITH ('connector' = 'print');
CREATE TABLE some (auction BIGINT) WITH ('connector' = 'print');
CREATE TABLE counts (auction BIGINT, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE in_time (name STRING) WITH ('connector' = 'print');
CREATE TABLE windows (ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
INSERT INTO largest SELECT auction, price FROM bids ORDER BY price DESC, ts LIMIT 10 OFFSET 2;
INSERT INTO some SELECT auction FROM bids WHERE price > 5 FETCH NEXT 3 ROWS ONLY;
INSERT INTO counts SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction LIMIT 3;
INSERT INTO in_time SELECT name AS n FROM bids ORDER BY ts, price DESC;
INSERT INTO windows SELECT window_end, COUNT(*) FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)
  GROUP BY window_start, window_end, window_time ORDER BY window_time;
INSERT INTO some SELECT auction FROM (SELECT auction, price FROM bids ORDER BY price) WHERE price > 7;
