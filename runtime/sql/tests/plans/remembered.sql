-- What changes by itself beside rows that change: each goes with what it was given when it came.
CREATE TABLE orders (id BIGINT, customer BIGINT, at_ TIMESTAMP(3), WATERMARK FOR at_ AS at_)
WITH ('connector' = 'filesystem', 'format' = 'debezium-json');
CREATE TABLE recent (customer BIGINT, n BIGINT, at_ TIMESTAMP_LTZ(3)) WITH ('connector' = 'print');
CREATE TABLE drawn (n BIGINT, share DOUBLE) WITH ('connector' = 'print');
INSERT INTO recent SELECT customer, COUNT(*), NOW() FROM orders
WHERE CURRENT_TIMESTAMP > TO_TIMESTAMP_LTZ(0, 3) AND at_ > CURRENT_WATERMARK(at_) GROUP BY customer;
INSERT INTO drawn SELECT n, r FROM (SELECT COUNT(*) AS n, RAND() AS r FROM orders) WHERE r < 0.5;
