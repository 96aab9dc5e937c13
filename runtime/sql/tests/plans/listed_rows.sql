-- Rows that queries list themselves; equal ones are one source.
CREATE TABLE orders (id BIGINT, state INT) WITH ('connector' = 'kafka', 'topic' = 'orders');
CREATE TABLE named (id BIGINT, name STRING) WITH ('connector' = 'print');
CREATE TABLE states (state INT, name STRING) WITH ('connector' = 'print');
CREATE VIEW known AS SELECT * FROM (VALUES (1, 'open'), (2, 'paid'), (9, NULL)) AS v (state, name);
INSERT INTO states SELECT * FROM known WHERE name IS NOT NULL;
INSERT INTO named SELECT id, name FROM orders JOIN known ON orders.state = known.state;
INSERT INTO named SELECT 0, 'none';
INSERT INTO named (id) VALUES (1 + 1), (4);
