CREATE TABLE bids (auction BIGINT NOT NULL, price BIGINT, name STRING, ts TIMESTAMP(3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE results (auction BIGINT, low BIGINT, n BIGINT, at TIMESTAMP(3)) WITH ('connector' = 'print');
CREATE TABLE pairs (first BIGINT, other STRING) WITH ('connector' = 'print');
INSERT INTO results SELECT auction, low, n, at FROM bids MATCH_RECOGNIZE (
  PARTITION BY auction ORDER BY ts, price DESC
  MEASURES LAST(DOWN.price) AS low, COUNT(DOWN.price) AS n, AVG(DOWN.price) AS mean, UP.name AS name, MATCH_ROWTIME() AS at
  AFTER MATCH SKIP TO LAST DOWN
  PATTERN (UP DOWN{2,} REST) WITHIN INTERVAL '1' HOUR
  DEFINE UP AS price > 10, DOWN AS DOWN.price < LAST(DOWN.price, 1) OR LAST(DOWN.price, 1) IS NULL, REST AS REST.price > UP.price);
INSERT INTO pairs SELECT t.a, t.b FROM (SELECT price, name, p FROM bids WHERE price > 5) MATCH_RECOGNIZE (
  ORDER BY p MEASURES A.price AS a, B.name AS b PATTERN (A C*? B) DEFINE B AS B.name <> A.name) AS t;
