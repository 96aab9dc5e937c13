CREATE TABLE orders (
  id BIGINT, site STRING, amount BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/orders');
CREATE TABLE totals (site STRING, ended TIMESTAMP(3), total BIGINT) WITH ('connector' = 'print');
INSERT INTO totals SELECT site, window_end, SUM(amount)
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '5' MINUTE, INTERVAL '10' MINUTE))
WHERE amount > 0 GROUP BY site, window_start, window_end;
