-- How long states are kept by input, and options for one read of a table.
CREATE TABLE orders (id BIGINT, customer BIGINT, price BIGINT) WITH ('connector' = 'kafka', 'topic' = 'orders');
CREATE TABLE customers (id BIGINT, name STRING) WITH ('connector' = 'kafka', 'topic' = 'customers');
CREATE TABLE joined (id BIGINT, name STRING) WITH ('connector' = 'print');
CREATE TABLE counted (customer BIGINT, n BIGINT) WITH ('connector' = 'print');
SET 'table.exec.state.ttl' = '1 h';
INSERT INTO joined /*+ OPTIONS('print-identifier' = 'x') */
SELECT /*+ STATE_TTL('o' = '3 d', 'customers' = '12 h'), BROADCAST(customers) */ o.id, name
FROM orders AS o JOIN customers ON o.customer = customers.id;
INSERT INTO counted SELECT /*+ STATE_TTL('orders' = '0') */ customer, COUNT(*)
FROM orders /*+ OPTIONS('scan.startup.mode' = 'latest-offset') */ GROUP BY customer;
INSERT INTO counted
SELECT /*+ STATE_TTL('o' = '2 d') */ o.customer, COUNT(*) FROM (
  SELECT /*+ STATE_TTL('a' = '1 d', 'c' = '5 d') */ a.customer
  FROM orders a JOIN orders b ON a.id = b.id LEFT JOIN customers c ON b.customer = c.id
) AS o GROUP BY o.customer;
