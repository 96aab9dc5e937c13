-- OVER beside GROUP BY is over the groups, and QUALIFY asks for the first of them.
CREATE TABLE bids (auction BIGINT NOT NULL, price BIGINT, name STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE sums (name STRING, total BIGINT, up_to BIGINT) WITH ('connector' = 'print');
CREATE TABLE firsts (name STRING, n BIGINT) WITH ('connector' = 'print');
INSERT INTO sums SELECT name, SUM(price), SUM(SUM(price)) OVER (PARTITION BY name ORDER BY window_time)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time, name;
INSERT INTO firsts SELECT name, COUNT(*) FROM bids GROUP BY name HAVING COUNT(*) > 1
QUALIFY ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC) <= 3;
