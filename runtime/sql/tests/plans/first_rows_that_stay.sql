-- The first row of each key that comes stays; by event time it is known once the watermark has passed it, for sinks that take no changes.
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'nexmark');
CREATE TABLE names (auction BIGINT, name STRING) WITH ('connector' = 'filesystem', 'format' = 'json');
CREATE TABLE firsts (auction BIGINT, price BIGINT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE changes (auction BIGINT, price BIGINT) WITH ('connector' = 'print');
CREATE TABLE named (auction BIGINT, name STRING) WITH ('connector' = 'print');
CREATE TABLE ids (id STRING, made TIMESTAMP_LTZ(3), n INT) WITH ('connector' = 'print');
INSERT INTO firsts SELECT auction, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY p ASC) AS n FROM bids) WHERE n = 1;
INSERT INTO firsts SELECT auction, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY ts) AS n FROM bids) WHERE n = 1;
INSERT INTO changes SELECT auction, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY ts) AS n FROM bids) WHERE n = 1;
-- A table is looked up by a constant alone.
INSERT INTO named SELECT b.auction, n.name FROM bids b
LEFT JOIN names FOR SYSTEM_TIME AS OF b.p AS n ON n.auction = 1 AND n.name <> 'x';
INSERT INTO ids VALUES (UUID(), NOW(), 1), ('none', CURRENT_TIMESTAMP, 2);
-- In windows rows of one time have an order of their own.
INSERT INTO changes SELECT auction, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, auction ORDER BY p) AS n
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE n = 1;
