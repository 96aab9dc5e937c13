-- Rows that change into topics by their keys: as they come where each key's rows come from one place, else by what a key has.
CREATE TABLE orders (id BIGINT, customer BIGINT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'value.fields-include' = 'ALL');
CREATE TABLE customers (id BIGINT, name STRING, region INT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'value.fields-include' = 'ALL');
CREATE TABLE named (id BIGINT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
CREATE TABLE of_both (id BIGINT, customer BIGINT, name STRING, PRIMARY KEY (id, customer) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka');
CREATE TABLE sums (customer BIGINT, amount BIGINT, name STRING, PRIMARY KEY (customer) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka');
CREATE TABLE highest (region BIGINT, id BIGINT, n BIGINT, PRIMARY KEY (region, n) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka');
CREATE TABLE any_of (region BIGINT, id BIGINT, PRIMARY KEY (region) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
CREATE TABLE made (id STRING, customer BIGINT, n BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
-- An order can change its customer, by whom it is joined.
INSERT INTO named SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON o.customer = c.id;
INSERT INTO of_both SELECT o.id, o.customer, c.name FROM orders o LEFT JOIN customers c ON o.customer = c.id;
INSERT INTO sums SELECT s.customer, s.amount, c.name FROM (
  SELECT customer, SUM(amount) AS amount FROM orders GROUP BY customer) s
JOIN customers c ON s.customer = c.id;
INSERT INTO highest SELECT region, id, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY region ORDER BY amount DESC) AS n FROM (
    SELECT o.id, o.amount, c.region FROM orders o JOIN customers c ON o.customer = c.id)) WHERE n <= 3;
INSERT INTO any_of SELECT c.region, o.id FROM orders o JOIN customers c ON o.customer = c.id;
-- A group keeps the id that it was given with each of its rows.
INSERT INTO made SELECT UUID(), customer, COUNT(*) FROM orders GROUP BY customer HAVING RAND() < 0.5;
-- Rows of a log without last rows are divided anew, to be kept with what they were given.
CREATE TABLE log (id BIGINT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'format' = 'debezium-json');
CREATE TABLE copied (id BIGINT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
CREATE TABLE drawn (id BIGINT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
INSERT INTO copied SELECT id, amount FROM log;
INSERT INTO drawn SELECT id, amount FROM log WHERE RAND() < 0.5;
