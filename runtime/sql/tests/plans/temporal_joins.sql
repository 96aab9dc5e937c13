-- Joins with what a table has when a row comes, and with what one had at a row's time.
CREATE TABLE orders (id BIGINT, currency STRING, amount BIGINT, ts TIMESTAMP(3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka');
CREATE TABLE rates (currency STRING, rate BIGINT, source STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND, PRIMARY KEY (currency) NOT ENFORCED)
WITH ('connector' = 'kafka');
CREATE TABLE names (code STRING, name STRING, since INT, upper_name AS UPPER(name))
WITH ('connector' = 'filesystem', 'lookup.full-cache.periodic-reload.interval' = '10 min');
CREATE TABLE results (id BIGINT, rate BIGINT, name STRING) WITH ('connector' = 'print');
CREATE TABLE totals (ends TIMESTAMP(3), total BIGINT) WITH ('connector' = 'print');
CREATE VIEW last_rates AS SELECT currency AS c, rate, ts FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY currency ORDER BY ts DESC) AS n FROM rates
  WHERE source <> 'x') WHERE n = 1;
INSERT INTO results SELECT o.id, r.rate, n.upper_name FROM orders AS o
LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency AND r.rate > o.amount
JOIN names FOR SYSTEM_TIME AS OF o.p AS n ON n.code = o.currency AND n.since > 2000 AND n.since < r.rate
WHERE o.amount > 5;
INSERT INTO totals SELECT window_end, SUM(amount * rate) FROM TABLE(TUMBLE(
  (SELECT o.amount, r.rate, o.ts FROM orders o JOIN last_rates FOR SYSTEM_TIME AS OF o.ts r
   ON o.currency = r.c), DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;
