CREATE TABLE bids (auction BIGINT NOT NULL, price BIGINT, name STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE plain (auction BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'nexmark');
CREATE TABLE nested (bid ROW<auction BIGINT, price BIGINT>) WITH ('connector' = 'nexmark');
CREATE TABLE results (auction BIGINT, n BIGINT) WITH ('connector' = 'print');
----
INSERT INTO results
  SELECT auction, price FROM bidz;
----
INSERT INTO resultz SELECT auction, price FROM bids;
----
INSERT INTO results SELECT auktion, price FROM bids;
----
INSERT INTO results SELECT Auction, price FROM bids;
----
INSERT INTO results SELECT b.price, c.price FROM bids AS b;
----
INSERT INTO results SELECT auction, name FROM bids;
----
INSERT INTO results SELECT auction FROM bids;
----
INSERT INTO results (auction, m) SELECT auction, price FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids WHERE price;
----
INSERT INTO results SELECT auction, price + name FROM bids;
----
INSERT INTO results SELECT auction, UPPR(name) FROM bids;
----
INSERT INTO results SELECT auction, UPPER(price) FROM bids;
----
INSERT INTO results SELECT auction, UPPER(name, name) FROM bids;
----
INSERT INTO results SELECT auction, CURRENT_TIMESTAMPS FROM bids;
----
INSERT INTO results SELECT auction, HOUR(CURRENT_TIMESTAMP(3)) FROM bids;
----
INSERT INTO results SELECT auction, MINUTE(CURRENT_WATERMARK(CAST(ts AS TIMESTAMP(3)))) FROM bids;
----
INSERT INTO results SELECT auction, RAND_INTEGER('10') FROM bids;
----
INSERT INTO results SELECT auction, RAND_INTEGER(1, 10) FROM bids;
----
INSERT INTO results
SELECT price, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COLLECT(price)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, SUM(name)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE plain, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(time), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, ts, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), 10))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MONTH))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '3' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '0' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(HOP(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), STEP => INTERVAL '5' SECOND, SIZE => INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' SECOND, 10))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, price
FROM TABLE(HOP(TABLE plain, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '10' SECOND));
----
INSERT INTO results
SELECT auction, MAX(EXTRACT(SECOND FROM window_end))
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(window_end)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(TUMBLE((SELECT * FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '10' SECOND))), DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '0' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(SESSION(TABLE bids PARTITION BY auktion, DESCRIPTOR(ts), INTERVAL '5' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(SESSION(TABLE bids PARTITION BY, DESCRIPTOR(ts), INTERVAL '5' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts)))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results
SELECT auction, COUNT(*)
FROM TABLE(STEP(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results SELECT auction, COUNT(*)
FROM bids
GROUP BY auction, TUMBLE(ts, INTERVAL '10' SECOND, INTERVAL '1' SECOND);
----
INSERT INTO results SELECT auction, COUNT(*)
FROM bids
GROUP BY auction, HOP(ts, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, COUNT(*)
FROM (SELECT auction, PROCTIME() AS p FROM bids)
GROUP BY auction, HOP(p, INTERVAL '4' SECOND, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, COUNT(*)
FROM bids
GROUP BY auction, TUMBLE(price, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, COUNT(*)
FROM plain
GROUP BY auction, TUMBLE(ts, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, COUNT(*)
FROM bids
GROUP BY auction, CUMULATE(ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, COUNT(*)
FROM bids
GROUP BY TUMBLE(ts, INTERVAL '10' SECOND), auction, TUMBLE(ts, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, EXTRACT(SECOND FROM TUMBLE_START(ts, INTERVAL '20' SECOND))
FROM bids
GROUP BY auction, TUMBLE(ts, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, EXTRACT(SECOND FROM HOP_START(ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND))
FROM bids
GROUP BY auction, TUMBLE(ts, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, TUMBLE_PROCTIME(ts, INTERVAL '10' SECOND)
FROM bids
GROUP BY auction, TUMBLE(ts, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT price, COUNT(*)
FROM bids
GROUP BY auction, TUMBLE(ts, INTERVAL '10' SECOND);
----
INSERT INTO results SELECT auction, EXTRACT(SECOND FROM TUMBLE_END(ts, INTERVAL '10' SECOND)) FROM bids;
----
INSERT INTO results SELECT auction, TUMBLE(ts, INTERVAL '10' SECOND) FROM bids;
----
INSERT INTO results SELECT auction, EXTRACT(SECOND FROM TUMBLE_START(ts, INTERVAL '10' SECOND))
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results SELECT auction, price FROM bids WHERE COUNT(*) > 1;
----
INSERT INTO results SELECT auction, price FROM bids ORDER BY price;
----
INSERT INTO results SELECT auction, price FROM bids LIMIT 10;
----
INSERT INTO results SELECT auction, price FROM bids ORDER BY ts DESC;
----
INSERT INTO results SELECT auction, price FROM bids ORDER BY ts, price;
----
INSERT INTO results SELECT auction, COUNT(*) FROM bids GROUP BY auction ORDER BY 1;
----
INSERT INTO results SELECT a, n FROM (SELECT auction AS a, price AS n, ts FROM bids ORDER BY price LIMIT 5) ORDER BY ts;
----
INSERT INTO results SELECT auction, price FROM bids ORDER BY 3 LIMIT 5;
----
INSERT INTO results SELECT auction, price FROM bids ORDER BY prize LIMIT 5;
----
INSERT INTO results SELECT auction, price FROM bids LIMIT price;
----
INSERT INTO results SELECT auction, price FROM bids LIMIT -1;
----
INSERT INTO results SELECT auction, price FROM bids ORDER BY ts OFFSET 5;
----
INSERT INTO results SELECT auction, price FROM bids OFFSET 5;
----
INSERT INTO results SELECT auction, price FROM bids FETCH FIRST 5 ROWS WITH TIES;
----
INSERT INTO results (auction) SELECT bid.auction FROM nested ORDER BY bid LIMIT 5;
----
INSERT INTO results SELECT DISTINCT auction, price FROM bids ORDER BY name LIMIT 2;
----
INSERT INTO results SELECT auction, "price" FROM bids;
----
INSERT INTO results SELECT auction, price FORM bids;
----
INSERT INTO results SELECT auction, 'abc FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids WHERE
----
INSERT INTO results VALUES (1, 2);
----
INSERT INTO results VALUES (1, 2), (3);
----
INSERT INTO results VALUES
  (1, 2),
  (3, 'a');
----
INSERT INTO results VALUES (1, 'a');
----
INSERT INTO results VALUES (1, 2, 3);
----
INSERT INTO results VALUES (1, "a");
----
INSERT INTO results VALUES (1, price);
----
INSERT INTO results VALUES (1, COUNT(*));
----
INSERT INTO results VALUES (1, 1 / 0);
----
INSERT INTO results VALUES (1, INTERVAL '1' DAY);
----
INSERT INTO results (auction) SELECT a FROM (VALUES (PROCTIME())) AS v (a);
----
INSERT INTO results SELECT x, y FROM (VALUES (1, 2)) AS v (x);
----
INSERT INTO results SELECT *;
----
INSERT INTO results SELECT 1, price;
----
CREATE TABLE listed (a BIGINT) WITH ('rows' = '3', 'connector' = 'values');
----
SELECT auction FROM bids;
----
DROP TABLE bids;
----
SET 'table.local-time-zone' = 'Europe/Berlim';
INSERT INTO results SELECT auction, price FROM bids;
----
SET 'table.local-time-zone' = 'PST+8';
INSERT INTO results SELECT auction, price FROM bids;
----
INSERT INTO results SELECT auction, EXTRACT(EPOCH FROM TO_TIMESTAMP_LTZ(name, 'yyyy', 'Berlin')) FROM bids;
----
SET 'foo.bar' = '4';
----
SET foo = 4;
----
CREATE TABLE bids (a INT) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT);
----
CREATE TABLE x (a INT) WITH ('format' = 'json');
----
CREATE TABLE x (a INTT) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, a INT) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, b AS c + 1) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, WATERMARK FOR a AS a) WITH ('connector' = 'print');
----
CREATE TABLE x (a TIMESTAMP(6), WATERMARK FOR a AS a) WITH ('connector' = 'print');
----
CREATE TABLE x (a TIMESTAMP(3), WATERMARK FOR b AS b) WITH ('connector' = 'print');
----
CREATE TABLE x (a TIMESTAMP(3), WATERMARK FOR a AS 5) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, PRIMARY KEY (a)) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT METADATA) WITH ('connector' = 'print');
----
CREATE TABLE x (a MULTISET) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT) PARTITIONED BY (a) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, b INT) PARTITIONED BY (a, c) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, b INT) PARTITIONED BY (a, a) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, b INT, c AS a + 1) PARTITIONED BY (c) WITH ('connector' = 'print');
----
CREATE TABLE x (a INT, b INT) WITH ('connector' = 'print', 'partitioned by' = 'a');
----
CREATE TABLE x (a INT) DISTRIBUTED BY (a) WITH ('connector' = 'print');
----
CREATE VIEW v (a, b, c) AS SELECT auction, price FROM bids;
----
INSERT INTO results SELECT a, b FROM (SELECT auction AS a, price AS a FROM bids) AS x;
----
EXECUTE STATEMENT SET BEGIN INSERT INTO results SELECT auction, price FROM bids;
----
EXECUTE STATEMENT SET BEGIN CREATE TABLE x (a INT) WITH ('connector' = 'print'); END;
----
INSERT INTO my.results SELECT auction, price FROM bids;
----
INSERT INTO results SELECT auction, price::INT FROM bids;
----
INSERT INTO results SELECT auction, CASE WHEN price > 1 THEN name ELSE ts END FROM bids;
----
INSERT INTO results SELECT auction, COALESCE(price, name) FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids GROUP BY;
----
INSERT INTO results SELECT auction, price FROM bids HAVING price > 1;
----
INSERT INTO results SELECT auction, price FROM bids UNION ALL SELECT auction FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids UNION ALL SELECT auction, name FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids INTERSECT SELECT auction, price FROM bids;
----
INSERT INTO results SELECT b.auction, p.auction FROM bids b LEFT JOIN bids p;
----
INSERT INTO results SELECT b.auction, p.auction FROM bids b LEFT SEMI JOIN bids p ON b.auction = p.auction;
----
INSERT INTO results SELECT b.auction, p.price FROM bids b LEFT JOIN bids FOR SYSTEM_TIME AS OF b.ts AS p
  ON b.auction = p.auction;
----
INSERT INTO results SELECT auction, price FROM bids WHERE auction IN (SELECT auction, ts FROM plain);
----
INSERT INTO results SELECT auction, price FROM bids WHERE auction > 1 AND NOT auction IN (SELECT ts FROM plain);
----
INSERT INTO results SELECT auction, price FROM bids b
WHERE NOT EXISTS (SELECT 1 FROM plain p WHERE p.auction = b.auktion);
----
INSERT INTO results SELECT auction, price FROM bids b WHERE EXISTS (SELECT b.auction, b.auktion FROM plain);
----
INSERT INTO results SELECT b.auction, p.price FROM bids b JOIN bids p USING (auctions);
----
INSERT INTO results SELECT b.auction, price FROM bids b JOIN bids p ON b.auction = p.auction;
----
INSERT INTO results SELECT auction, price FROM (
  SELECT auction, price, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY ts) AS r FROM bids)
WHERE r < 1;
----
INSERT INTO results SELECT auction, r FROM (
  SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction) AS r FROM bids) WHERE r = 1;
----
INSERT INTO results SELECT auction, COUNT(*)
FROM TABLE(TUMBLE((SELECT auction, ts FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price) AS r FROM bids) WHERE r = 1),
  DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
----
INSERT INTO results SELECT bid.auction, bid.prize FROM nested;
----
INSERT INTO results SELECT bid.auction, bid.price.cents FROM nested;
----
INSERT INTO results SELECT bid.auction, bit.price FROM nested;
----
INSERT INTO results SELECT bid, bid.price FROM nested;
----
CREATE TABLE t (r ROW<a INT, b>) WITH ('connector' = 'print');
----
CREATE TABLE t (r ROW<a INT, b STRING) WITH ('connector' = 'print');
----
CREATE TABLE t (a INT, `$row_kind` TINYINT) WITH ('connector' = 'print');
----
CREATE TABLE t (a INT, p AS PROCTIME(), WATERMARK FOR p AS p) WITH ('connector' = 'print');
----
CREATE TABLE t (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS CAST(PROCTIME() AS TIMESTAMP(3)))
WITH ('connector' = 'print');
----
INSERT INTO results SELECT auction, EXTRACT(SECOND FROM PROCTIME(3)) FROM bids;
----
INSERT INTO results SELECT a.auction, b.price FROM bids a
JOIN bids b ON a.auction = b.auction AND a.ts < PROCTIME();
----
INSERT INTO results SELECT a.auction, b.price FROM bids a
JOIN bids b ON a.auction = b.auction AND RAND() < 0.5;
----
CREATE VIEW timed AS SELECT auction, PROCTIME() AS p FROM bids;
INSERT INTO results SELECT auction, EXTRACT(SECOND FROM window_start)
FROM TABLE(SESSION(TABLE timed, DESCRIPTOR(p), INTERVAL '10' SECOND));
----
INSERT INTO results SELECT auction, EXTRACT(SECOND FROM TUMBLE_ROWTIME(p, INTERVAL '10' SECOND))
FROM (SELECT auction, PROCTIME() AS p FROM bids) GROUP BY auction, TUMBLE(p, INTERVAL '10' SECOND);
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem', 'lookup.cache' = 'PARTIAL');
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem', 'lookup.cash' = 'FULL');
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem');
INSERT INTO results SELECT k, v FROM d FOR SYSTEM_TIME AS OF d.k;
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem');
INSERT INTO results SELECT b.auction, d.v FROM bids b JOIN d FOR SYSTEM_TIME AS OF b.price ON d.k = b.auction;
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem');
INSERT INTO results SELECT b.auction, d.v FROM (SELECT *, PROCTIME() AS p FROM bids) b
RIGHT JOIN d FOR SYSTEM_TIME AS OF b.p ON d.k = b.auction;
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem');
INSERT INTO results SELECT b.auction, d.v FROM (SELECT *, PROCTIME() AS p FROM bids) b
JOIN d FOR SYSTEM_TIME AS OF b.p ON d.k > b.auction;
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem');
INSERT INTO results SELECT b.auction, d.v FROM (SELECT *, PROCTIME() AS p FROM bids) b
JOIN (SELECT k, MAX(v) AS v FROM d GROUP BY k) AS d ON d.k = b.auction
JOIN d FOR SYSTEM_TIME AS OF b.p AS e ON e.k = b.auction;
----
INSERT INTO results SELECT b.auction, d.price FROM (SELECT *, PROCTIME() AS p FROM bids) b
JOIN bids FOR SYSTEM_TIME AS OF b.p AS d ON d.auction = b.auction;
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'filesystem');
CREATE VIEW grouped AS SELECT k, MAX(v) AS v FROM d GROUP BY k;
INSERT INTO results SELECT b.auction, d.v FROM (SELECT *, PROCTIME() AS p FROM bids) b
JOIN grouped FOR SYSTEM_TIME AS OF b.p AS d ON d.k = b.auction;
----
INSERT INTO results SELECT b.auction, d.price FROM bids b
JOIN bids FOR SYSTEM_TIME AS OF b.ts AS d ON d.auction = b.auction;
----
CREATE TABLE d (k BIGINT, v BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem');
INSERT INTO results SELECT b.auction, d.v FROM bids b
JOIN d FOR SYSTEM_TIME AS OF b.ts ON d.k = b.auction;
----
CREATE TABLE d (k BIGINT, l BIGINT, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts,
  PRIMARY KEY (k, l) NOT ENFORCED) WITH ('connector' = 'filesystem');
INSERT INTO results SELECT b.auction, d.v FROM bids b
JOIN d FOR SYSTEM_TIME AS OF b.ts ON d.k = b.auction AND d.l > b.price;
----
CREATE TABLE d (k BIGINT, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts,
  PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem');
CREATE VIEW dear AS SELECT * FROM d WHERE v > 5;
INSERT INTO results SELECT b.auction, d.v FROM bids b
JOIN dear FOR SYSTEM_TIME AS OF b.ts AS d ON d.k = b.auction;
----
CREATE VIEW first AS SELECT auction, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY ts) AS n FROM bids) WHERE n = 1;
INSERT INTO results SELECT b.auction, d.price FROM bids b
JOIN first FOR SYSTEM_TIME AS OF b.ts AS d ON d.auction = b.auction;
----
INSERT INTO results SELECT auction, SUM(price) OVER (PARTITION BY auction) FROM bids;
----
INSERT INTO results SELECT auction, SUM(price) OVER w FROM bids
WINDOW v AS (PARTITION BY auction ORDER BY ts);
----
INSERT INTO results SELECT auction, SUM(price) OVER (PARTITION BY auction ORDER BY ts ROWS 2 PRECEDING)
  + COUNT(*) OVER (PARTITION BY auction ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT COUNT(*) OVER (ORDER BY ts), COUNT(*) OVER (ORDER BY price) FROM bids;
----
INSERT INTO results SELECT auction, SUM(price) OVER (ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
FROM bids;
----
INSERT INTO results SELECT auction, SUM(price) OVER (ORDER BY ts ROWS -1 PRECEDING) FROM bids;
----
INSERT INTO results SELECT auction, SUM(price) OVER (ORDER BY price RANGE 5 PRECEDING) FROM bids;
----
INSERT INTO results SELECT auction, SUM(price) OVER (ORDER BY ts RANGE 5 PRECEDING) FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids QUALIFY price > 5;
----
INSERT INTO results SELECT auction, price FROM bids QUALIFY nothing = ROW_NUMBER() OVER (ORDER BY price);
----
INSERT INTO results SELECT auction, RANK(price) OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, DENSE_RANK() OVER (ORDER BY ts ROWS 5 PRECEDING) FROM bids;
----
INSERT INTO results SELECT auction, NTILE(2) OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, LEAD(price) OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, LAG(price, -1) OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, LAG(price, 1, 'none') OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, LAG(price) OVER (ORDER BY ts ROWS 2 PRECEDING) FROM bids;
----
INSERT INTO results SELECT auction, FIRST_VALUE(DISTINCT price) OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, SUM(name) OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids WHERE SUM(price) OVER (ORDER BY ts) > 1;
----
SET 'table.exec.mini-batch.enable' = 'true'; INSERT INTO results SELECT auction, price FROM bids;
----
EXPLAIN INSERT INTO results SELECT auction, price FROM bids;
----
CREATE VIEW timed AS SELECT auction, price, PROCTIME() AS p FROM bids;
INSERT INTO results SELECT auction, price
FROM TABLE(SESSION(TABLE timed, DESCRIPTOR(p), INTERVAL '10' SECOND));
----
CREATE TABLE x (a INT, b BIGINT METADATA FROM offset) WITH ('connector' = 'kafka');
----
CREATE TABLE x (a INT, b BIGINT METADATA, PRIMARY KEY (b) NOT ENFORCED) WITH ('connector' = 'kafka');
----
CREATE TABLE x (a INT, b STRING METADATA) PARTITIONED BY (b) WITH ('connector' = 'filesystem');
----
CREATE TABLE x (a INT, b STRING METADATA VIRTUAL) WITH ('connector' = 'kafka');
INSERT INTO x (a, b) SELECT auction, name FROM bids;
----
CREATE TABLE x (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
INSERT INTO results SELECT 1, COUNT(*)
FROM TABLE(TUMBLE(TABLE x, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
----
CREATE TABLE x (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
INSERT INTO results SELECT a, a FROM TABLE(HOP(TABLE x, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND));
----
CREATE TABLE x (a BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'kafka', 'format' = 'debezium-json');
CREATE VIEW last AS SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY a ORDER BY ts DESC) AS n FROM x) WHERE n = 1;
INSERT INTO results SELECT b.auction, v.a FROM bids AS b
  JOIN last FOR SYSTEM_TIME AS OF b.ts AS v ON b.auction = v.a;
----
SET 'table.exec.source.cdc-events-duplicate' = 'true';
CREATE TABLE x (a INT, b BIGINT) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
INSERT INTO results SELECT a, b FROM x;
----
CREATE TABLE x (a INT, b BIGINT) WITH ('connector' = 'upsert-kafka');
----
CREATE TABLE x (a INT, b AS a + 1, PRIMARY KEY (b) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
----
CREATE TABLE x (a BIGINT, ts TIMESTAMP(3), PRIMARY KEY (a) NOT ENFORCED, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'upsert-kafka');
INSERT INTO results SELECT a, COUNT(*)
FROM TABLE(TUMBLE(TABLE x, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY a, window_start, window_end;
----
SET 'sabot.late-rows.table' = 'late';
INSERT INTO results SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end;
----
SET 'sabot.late-rows.table' = 'late';
CREATE TABLE late (auktion BIGINT) WITH ('connector' = 'print');
INSERT INTO results SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end;
----
SET 'sabot.late-rows.table' = 'late';
CREATE TABLE late (name BIGINT) WITH ('connector' = 'print');
INSERT INTO results SELECT auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end;
----
SET 'sabot.late-rows.table' = 'results';
INSERT INTO results SELECT auction, COUNT(*) FROM bids GROUP BY auction;
----
SET 'table.exec.emit.late-fire.enabled' = 'true';
SET 'table.exec.emit.allow-lateness' = '10 s';
----
SET 'table.exec.emit.late-fire.enabled' = 'true';
SET 'table.exec.emit.late-fire.delay' = '0 s';
----
SET 'table.exec.emit.late-fire.delay' = '5 s';
----
SET 'table.exec.emit.early-fire.enabled' = 'true';
----
SET 'table.exec.emit.early-fire.delay' = '5 s';
INSERT INTO results SELECT auction, COUNT(*) FROM bids GROUP BY auction, TUMBLE(ts, INTERVAL '10' SECOND);
----
SET 'table.exec.emit.early-fire.enabled' = 'true';
SET 'table.exec.emit.early-fire.delay' = '5 s';
INSERT INTO results SELECT auction, COUNT(*) FROM bids GROUP BY auction, SESSION(ts, INTERVAL '10' SECOND);
----
SET 'table.exec.emit.early-fire.enabled' = 'true';
SET 'table.exec.emit.early-fire.delay' = 'now';
----
SET 'table.exec.emit.late-fire.enable' = 'true';
----
SET 'table.exec.emit.late-fire.enabled' = 'true';
SET 'table.exec.emit.late-fire.delay' = '0 s';
SET 'table.exec.emit.allow-lateness' = '10 s';
INSERT INTO results SELECT auction, COUNT(*)
FROM TABLE(SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end;
----
SET 'table.exec.emit.late-fire.enabled' = 'true';
SET 'table.exec.emit.late-fire.delay' = '0 s';
SET 'table.exec.emit.allow-lateness' = '10 s';
CREATE VIEW counts AS SELECT auction, COUNT(*) AS n, window_time AS wt
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end, window_time;
INSERT INTO results SELECT auction, SUM(n)
FROM TABLE(TUMBLE(TABLE counts, DESCRIPTOR(wt), INTERVAL '1' MINUTE)) GROUP BY auction, window_start, window_end;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>, m MAP<STRING, INT>, items ARRAY<ROW<a INT, b STRING>>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, x FROM o CROSS JOIN UNNEST(id) AS t (x);
----
CREATE TABLE o (id BIGINT, items ARRAY<ROW<a INT, b STRING>>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, x FROM o CROSS JOIN UNNEST(items) AS t (x);
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, x FROM o LEFT JOIN UNNEST(tags) AS t (x) USING (id);
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, x FROM o FULL JOIN UNNEST(tags) AS t (x) ON TRUE;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, x FROM o, UNNEST(tags) AS t (x) FULL JOIN bids ON bids.auction = x;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, id FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY tags) AS n FROM o) WHERE n <= 3;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, MAX(tags) FROM o GROUP BY id;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, tags FROM o;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, tags[0] FROM o;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, tags[id] FROM o;
----
CREATE TABLE o (id BIGINT, tags ARRAY<INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, tags.first FROM o;
----
CREATE TABLE o (id BIGINT, m MAP<STRING, INT>) WITH ('connector' = 'kafka');
INSERT INTO results SELECT id, m[id] FROM o;
----
INSERT INTO results SELECT auction, CARDINALITY(ARRAY[auction, name]) FROM bids;
----
INSERT INTO results SELECT auction, CARDINALITY(MAP[auction, 1, price]) FROM bids;
----
INSERT INTO results SELECT auction, CARDINALITY(ARRAY[]) FROM bids;
----
INSERT INTO results SELECT auction, name[1] FROM bids;
----
INSERT INTO results SELECT auction, ARRAY_POSITION(ARRAY[price], name) FROM bids;
----
INSERT INTO results SELECT auction, ARRAY_JOIN(ARRAY[price], ',') FROM bids;
----
INSERT INTO results SELECT auction, CAST(ARRAY[price] AS BIGINT) FROM bids;
----
CREATE TABLE o (id BIGINT, tags ARRAY) WITH ('connector' = 'kafka');
----
CREATE TABLE o (id BIGINT, m MAP<STRING>) WITH ('connector' = 'kafka');
----
INSERT INTO results SELECT auction, LAST_VALUE(price RESPECT NULLS) OVER (ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(LISTAGG(price)) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(LISTAGG(name, name)) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, FIRST_VALUE(price, name) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, STDDEV_POP(name) FROM bids GROUP BY auction;
----
CREATE TABLE d (k BIGINT, v BIGINT) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
INSERT INTO results SELECT b.auction, d.v FROM (SELECT *, PROCTIME() AS p FROM bids) b
JOIN d FOR SYSTEM_TIME AS OF b.p ON d.k = b.auction;
----
CREATE TABLE d (k BIGINT, v BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'format' = 'debezium-json');
INSERT INTO results SELECT b.auction, d.v FROM (SELECT *, PROCTIME() AS p FROM bids) b
JOIN d FOR SYSTEM_TIME AS OF b.p ON d.k = b.auction;
----
INSERT INTO results SELECT /*+ STATE_TTL('bidz' = '1 d') */ auction, COUNT(*) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT /*+ STATE_TTL('bids' = '1 d') */ auction, price FROM bids;
----
INSERT INTO results SELECT /*+ STATE_TTL('b' = 'soon') */ auction, COUNT(*) FROM bids b GROUP BY auction;
----
INSERT INTO results SELECT /*+ STATE_TLL('b' = '1 d') */ auction, COUNT(*) FROM bids b GROUP BY auction;
----
INSERT INTO results SELECT /*+ STATE_TTL(b) */ auction, COUNT(*) FROM bids b GROUP BY auction;
----
INSERT INTO results SELECT auction, price /*+ STATE_TTL('bids' = '1 d') */ FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids AS b /*+ OPTIONS('a' = 'b') */;
----
INSERT INTO results SELECT auction, price FROM bids /*+ OPTIONS('connector' = 'kafka') */;
----
INSERT INTO results WITH v AS (SELECT * FROM bids) SELECT auction, price FROM v /*+ OPTIONS('a' = 'b') */;
----
SET 'table.dynamic-table-options.enabled' = 'false';
INSERT INTO results SELECT auction, price FROM bids /*+ OPTIONS('a' = 'b') */;
----
INSERT INTO results SELECT auction, price FROM bids TABLESAMPLE BERNOULLI (10);
----
INSERT INTO results SELECT auction, price FROM bids SORT BY price;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(JSON_OBJECTAGG(price VALUE auction)) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(JSON_OBJECTAGG(name)) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(JSON_ARRAYAGG(DISTINCT price)) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(JSON_ARRAYAGG(price) FILTER (WHERE price > 1)) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, price FROM bids WHERE ARRAY[price] < ARRAY[auction];
----
INSERT INTO results SELECT auction, price FROM bids WHERE ARRAY[price] = MAP['a', auction];
----
INSERT INTO results SELECT auction, price FROM bids WHERE ARRAY[price] = ARRAY[ts];
----
INSERT INTO results SELECT RANK() OVER (ORDER BY ts), SUM(price) OVER (ORDER BY ts ROWS 5 PRECEDING) FROM bids;
----
INSERT INTO results SELECT auction, CARDINALITY(CAST(price AS BYTES)) FROM bids;
----
INSERT INTO results SELECT auction, GROUPING(price) FROM bids GROUP BY ROLLUP (auction);
----
INSERT INTO results SELECT auction, price FROM other_catalog.default_database.bids;
----
USE CATALOG hive;
----
DROP TABLE IF EXISTS bids;
----
USE default_catalog.default_database; DROP VIEW IF EXISTS nothing;
INSERT INTO default_database.results SELECT auction, price FROM default_catalog.default_database.bids;
----
CREATE TABLE x LIKE bid;
----
CREATE TABLE x (price STRING) LIKE bids;
----
CREATE TABLE x (WATERMARK FOR ts AS ts) LIKE bids;
----
CREATE TABLE x WITH ('connector' = 'print') LIKE bids (INCLUDING OPTIONS);
----
CREATE TABLE x LIKE bids (OVERWRITING CONSTRAINTS);
----
CREATE TABLE x LIKE bids (INCLUDING WATERMARK);
----
CREATE TABLE x LIKE bids (WATERMARKS);
----
CREATE TABLE x LIKE bids (EXCLUDING OPTIONS);
----
CREATE VIEW v AS SELECT * FROM bids; CREATE TABLE x LIKE v;
----
INSERT INTO results SELECT auction, price FROM (SELECT auction, price FROM bids ORDER BY nothing);
----
INSERT INTO results (SELECT auction, price FROM bids ORDER BY price);
----
INSERT INTO results SELECT auction, price FROM (SELECT auction, price FROM bids ORDER BY price);
----
INSERT INTO results SELECT auction, price FROM bids WHERE (auction, price) = (1, 2, 3);
----
INSERT INTO results SELECT auction, price FROM bids WHERE (auction, price) < (1, 2);
----
INSERT INTO results SELECT auction, price FROM bids WHERE (auction, name) = (1, TIMESTAMP '2020-01-01 00:00:00');
----
INSERT INTO results SELECT auction, price FROM bids WHERE (auction, price) IN ((1, 2), 3);
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_OBJECT('a', 1);
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_OBJECT('a' VALUE 1, 'b', 2);
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_VALUE(name, '$.a' RETURNING BIGINT);
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_VALUE(name, '$.a' EMPTY ARRAY ON ERROR);
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_VALUE(name, '$.a' DEFAULT name ON EMPTY);
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_VALUE(name, '$.a' DEFAULT 'x');
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_QUERY(name, '$.a' WITH WRAP);
----
INSERT INTO results SELECT auction, price FROM bids WHERE name = JSON_QUERY(name, '$.a' DEFAULT '[]' ON EMPTY);
----
INSERT INTO results SELECT auction, price FROM bids WHERE JSON_EXISTS(name, '$.a' NULL ON ERROR);
----
INSERT INTO results SELECT auction, price FROM bids WHERE JSON_EXISTS(name, '$.a' TRUE ON EMPTY);
----
INSERT INTO results SELECT auction, price FROM bids WHERE JSON_EXISTS(name NULL ON ERROR);
----
CREATE TABLE x WITH ('connector' = 'print') AS SELECT nothing FROM bids;
----
CREATE TABLE bids WITH ('connector' = 'print') AS SELECT auction FROM bids;
----
CREATE TABLE x (auction, other) WITH ('connector' = 'print') AS SELECT auction FROM bids;
----
CREATE TABLE x (price) WITH ('connector' = 'print') AS SELECT auction, price FROM bids;
----
CREATE TABLE x (price, a INT) WITH ('connector' = 'print') AS SELECT auction, price FROM bids;
----
CREATE TABLE x (price, auction) WITH ('connector' = 'print');
----
CREATE TABLE x (price TIMESTAMP(3)) WITH ('connector' = 'print') AS SELECT auction, price FROM bids;
----
CREATE TABLE x (price AS auction + 1) WITH ('connector' = 'print') AS SELECT auction, price FROM bids;
----
CREATE TABLE x (a INT NOT NULL) WITH ('connector' = 'print') AS SELECT auction, price FROM bids;
----
CREATE TABLE x WITH ('connector' = 'print') AS SELECT auction, NULL AS nothing FROM bids;
----
CREATE TABLE x AS SELECT auction FROM bids;
----
CREATE TEMPORARY TABLE x WITH ('connector' = 'print') AS SELECT auction FROM bids;
----
CREATE TABLE x WITH ('connector' = 'print') AS SELECT auction FROM bids ORDER BY price;
----
INSERT INTO results SELECT auction, (SELECT p.auction FROM plain p WHERE p.auction = b.auction LIMIT 1) FROM bids b;
----
INSERT INTO results SELECT auction, (SELECT auction, ts FROM plain) FROM bids;
----
INSERT INTO results SELECT auction, (SELECT MAX(auction) FROM plain WHERE auction = b.auktion) FROM bids b;
----
INSERT INTO results SELECT auction, (SELECT MAX(auction) FROM plain p WHERE p.auction = b.auction AND COALESCE(b.price, 1) > 0) FROM bids b;
----
INSERT INTO results SELECT auction, price FROM bids WHERE NOT ((auction, price) IN (SELECT auction, auction FROM plain)) OR price > 1;
----
INSERT INTO results SELECT b.auction, p.ts FROM bids b RIGHT JOIN LATERAL (SELECT ts FROM plain WHERE auction = b.auction) AS p ON TRUE;
----
INSERT INTO results SELECT b.auction, 1 FROM bids b LEFT JOIN plain p ON b.auction = p.auction AND b.price > (SELECT MAX(auction) FROM plain);
----
INSERT INTO results SELECT price.*, 1 FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids WHERE price < ALL (SELECT auction, ts FROM plain);
----
CREATE TABLE wide (n INT) WITH ('connector' = 'print') LIKE plain ();
----
CREATE TABLE keyed (PRIMARY KEY (auction) NOT ENFORCED) LIKE plain;
----
INSERT INTO results SELECT auction, CAST(TIMESTAMP '2300-01-01 00:00:00.123456789' AS BIGINT) FROM bids;
----
INSERT INTO results SELECT auction, CARDINALITY(REGEXP_EXTRACT_ALL(name, '(')) FROM bids;
----
INSERT INTO results SELECT auction, JSON_VALUE(name, 'lax $.a.length()' RETURNING INT) FROM bids;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(CONVERT_TZ(name, 'UTC', 'Europe/Berlim')) FROM bids;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(DECODE(ENCODE(name, 'UTF-9'), 'UTF-8')) FROM bids;
----
CREATE TABLE keyed (auction BIGINT, PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector' = 'print');
CREATE TABLE keyless LIKE keyed (EXCLUDING CONSTRAINTS);
CREATE TABLE again (PRIMARY KEY (auction) NOT ENFORCED) LIKE keyless;
INSERT INTO again SELECT auction FROM bids;
----
CREATE TABLE twice (auction BIGINT) WITH ('connector' = 'nexmark', 'connector' = 'print');
INSERT INTO twice SELECT auction FROM bids;
----
INSERT INTO results VALUES (1, COALESCE(CAST('x' AS BIGINT), 1));
----
INSERT INTO results VALUES (1, CASE WHEN TRUE THEN 1 ELSE 1 / 0 END);
----
INSERT INTO results VALUES (1, 1 / 0);
----
INSERT INTO results SELECT auction, (SELECT b.auction + COUNT(*) FROM plain p WHERE p.auction > b.auction) FROM bids b;
----
INSERT INTO results SELECT auction, price FROM bids b WHERE auction NOT IN (SELECT MAX(p.auction) FROM plain p WHERE p.auction = b.auction HAVING COUNT(*) = 0);
----
INSERT INTO results SELECT auction, price FROM bids b WHERE EXISTS (SELECT p.auction FROM plain p WHERE p.auction = b.auction GROUP BY p.auction HAVING COUNT(*) = COALESCE(b.price, 1));
----
INSERT INTO results SELECT auction, price FROM bids WHERE (ts, ts) OVERLAPS (ts, price);
----
INSERT INTO results SELECT auction, price FROM bids WHERE ts OVERLAPS (ts, ts);
----
INSERT INTO results SELECT auction, HOUR(TIME '10:00:00' + INTERVAL '1' MONTH) FROM bids;
----
INSERT INTO results SELECT a.auction, x.price FROM bids a LEFT JOIN LATERAL (
  SELECT price FROM bids b WHERE b.auction = a.auction) AS x ON RAND() < 0.5;
----
INSERT INTO results SELECT auction, COUNT(*) FROM bids GROUP BY 1;
----
INSERT INTO results (n) SELECT COUNT(*) FROM bids GROUP BY NULL;
----
INSERT INTO results (n) SELECT GROUP_ID(auction) FROM bids GROUP BY auction;
----
INSERT INTO results (n) SELECT GROUP_ID() FROM bids;
----
INSERT INTO results (n) SELECT COUNT(*) FROM bids WHERE ROLLUP(auction) GROUP BY auction;
----
INSERT INTO results SELECT auction, PERCENT(price, 0.5) FROM bids;
----
INSERT INTO results SELECT auction, MEDAIN(price) FROM bids GROUP BY auction;
----
INSERT INTO results (n) SELECT CHAR_LENGTH(PRINTF('%s', ARRAY[price])) FROM bids;
----
INSERT INTO results (n) SELECT CHAR_LENGTH(PRINTF(1, price)) FROM bids;
----
INSERT INTO results (n) VALUES 1, (2, 3);
----
INSERT INTO results (n) VALUES 1 2;
----
INSERT INTO results (n) SELECT x FROM bids CROSS JOIN UNNEST(price) AS v (x);
----
INSERT INTO results SELECT x, y FROM (SELECT COLLECT(auction) AS m FROM bids) CROSS JOIN UNNEST(m) AS v (x, y, z);
----
INSERT INTO results SELECT auction, SUM(SUM(price)) OVER (PARTITION BY auction) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, SUM(price) OVER (ORDER BY auction) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, SUM(SUM(SUM(price))) OVER (ORDER BY auction) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, COUNT(*) FROM bids GROUP BY auction QUALIFY RANK() OVER (ORDER BY price) = 1;
----
CREATE VIEW clocked AS SELECT auction, price, PROCTIME() AS p FROM bids;
INSERT INTO results SELECT price, COUNT(*)
FROM TABLE(SESSION(TABLE clocked PARTITION BY auction, DESCRIPTOR(p), INTERVAL '5' SECOND))
GROUP BY price, window_start, window_end;
----
CREATE VIEW sums AS SELECT auction, SUM(price) AS s, MAX(ts) AS ts FROM bids GROUP BY auction;
INSERT INTO results SELECT auction, s
FROM TABLE(SESSION(TABLE sums PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '5' SECOND));
----
INSERT INTO results SELECT auction, SUM(price) OVER (w PARTITION BY price ORDER BY ts) FROM bids WINDOW w AS (PARTITION BY auction);
----
INSERT INTO results SELECT auction, SUM(price) OVER (w ORDER BY price) FROM bids WINDOW w AS (PARTITION BY auction ORDER BY ts);
----
INSERT INTO results SELECT auction, SUM(price) OVER (w ORDER BY ts) FROM bids WINDOW w AS (ORDER BY ts ROWS 1 PRECEDING);
----
INSERT INTO results SELECT auction, SUM(price) OVER (v ORDER BY ts) FROM bids WINDOW w AS (PARTITION BY auction);
----
INSERT INTO results SELECT auction, BIT_XOR(name) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CAST(BOOL_AND(price) AS BIGINT) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, REGR_COUNT(price) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CAST(CORR(price, name) AS BIGINT) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CAST(COVAR_POP(DISTINCT price, auction) AS BIGINT) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, NTH_VALUE(price, 2) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, APPROX_DISTINCT(ARRAY[price]) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY price DESC) AS BIGINT) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, BIT_AND(price) OVER (PARTITION BY auction ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, CARDINALITY(ARRAY_REPEAT(price)) FROM bids;
----
INSERT INTO results SELECT auction, RANGE(ts, ts)[1] FROM bids;
----
INSERT INTO results PARTITION (auction = 1) SELECT price FROM bids;
----
CREATE TABLE parted (a BIGINT, b STRING, c BIGINT) PARTITIONED BY (b, c) WITH ('connector' = 'filesystem');
INSERT INTO parted PARTITION (b = 'x', d = 1) SELECT auction, price FROM bids;
----
CREATE TABLE parted (a BIGINT, b STRING, c BIGINT) PARTITIONED BY (b, c) WITH ('connector' = 'filesystem');
INSERT INTO parted PARTITION (c = price) SELECT auction, 'x' FROM bids;
----
CREATE TABLE parted (a BIGINT, b STRING, c BIGINT) PARTITIONED BY (b, c) WITH ('connector' = 'filesystem');
INSERT INTO parted PARTITION (c = 'x') SELECT auction, 'x' FROM bids;
----
CREATE TABLE parted (a BIGINT, b STRING, c BIGINT) PARTITIONED BY (b, c) WITH ('connector' = 'filesystem');
INSERT INTO parted PARTITION (c = 1) (a, c) SELECT auction, price FROM bids;
----
CREATE TABLE parted (a BIGINT, b STRING, c BIGINT) PARTITIONED BY (b, c) WITH ('connector' = 'filesystem');
INSERT INTO parted PARTITION (c = ) SELECT auction, 'x' FROM bids;
----
SET 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD'; INSERT INTO results SELECT auction, price FROM bids;
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY price, ts
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts DESC
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p ALL ROWS PER MATCH PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM (SELECT auction, COUNT(*) AS n, MAX(ts) AS ts FROM bids GROUP BY auction) MATCH_RECOGNIZE (
  PARTITION BY auction ORDER BY ts MEASURES A.n AS p PATTERN (A) DEFINE A AS A.n > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B+) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A*? B?) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B A) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A+ B* C) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B?? C) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B{3,2} C) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A (B | C) D) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A (B C)+ D) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (PERMUTE(A, B)) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A {- B -} C) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price > 1, C AS C.price > 2);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price > 1, A AS A.price < 2);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES C.price AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.prise AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price + 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS auction PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES COUNT(DISTINCT A.price) AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES SUM(A.price + B.price) AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES LISTAGG(A.name) AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES LAST(SUM(A.price)) AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES LAST(A.price, B.price) AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS PREV(A.price) > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES CLASSIFIER() AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price > RAND());
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES MATCH_ROWTIME(name) AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p AFTER MATCH SKIP TO C PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p AFTER MATCH SKIP TO FIRST A PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction ORDER BY ts
  MEASURES A.price AS p PATTERN (A B) WITHIN INTERVAL '1' MONTH DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT * FROM bids MATCH_RECOGNIZE (PARTITION BY auction + 1 ORDER BY ts
  MEASURES A.price AS p PATTERN (A B) DEFINE A AS A.price > 1);
----
INSERT INTO results SELECT auction, MATCH_ROWTIME() FROM bids;
----
CREATE TABLE o (id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'kafka');
----
INSERT INTO results SELECT auction, price FROM bids AS b WHERE auction IN (
  SELECT a.auction FROM bids AS a LEFT JOIN (SELECT auction FROM bids AS c WHERE c.price = b.price) AS o
  ON a.auction = o.auction);
----
INSERT INTO results SELECT auction, price FROM bids AS b WHERE auction IN (
  SELECT a.auction FROM (SELECT MAX(auction) AS auction FROM bids AS c WHERE c.price = b.price) AS a);
----
INSERT INTO results SELECT auction, price FROM bids ON CONFLICT DO NOTHING;
----
SHOW TABLES;
----
DESCRIBE bids;
----
USE CATALOG other;
----
ALTER TABLE bids RESET ('connector');
----
INSERT OVERWRITE results SELECT auction, price FROM bids;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(CAST(PARSE_JSON(name) AS STRING)) FROM bids;
----
CREATE TABLE v (v VARIANT) WITH ('connector' = 'print');
----
INSERT INTO results SELECT auction, CHAR_LENGTH(DATE_FORMAT(ts, 'HH:mmXXX')) FROM bids;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(DATE_FORMAT(ts, 'yyyy-bb')) FROM bids;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(FROM_UNIXTIME(price, 'e')) FROM bids;
----
INSERT INTO results SELECT auction, CHAR_LENGTH(DATE_FORMAT(ts, price)) FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids WHERE name SIMILAR TO 'a!b' ESCAPE '!';
----
INSERT INTO results SELECT auction, price FROM bids WHERE name SIMILAR TO 'ab' ESCAPE '!!';
----
INSERT INTO results SELECT auction, price FROM bids WHERE (ts - CAST(ts AS DATE)) DAY > INTERVAL '1' DAY;
----
INSERT INTO results SELECT auction, EXTRACT(MONTH FROM INTERVAL '3' DAY) FROM bids;
----
INSERT INTO results SELECT auction, ARRAY[price][0] FROM bids;
----
INSERT INTO results SELECT a.auction, x.price FROM bids a RIGHT JOIN LATERAL (
  SELECT price FROM bids b WHERE b.auction = a.auction) AS x ON TRUE;
----
INSERT INTO results SELECT a.auction, x.price FROM bids a FULL JOIN LATERAL (
  SELECT price FROM bids b WHERE b.auction = a.auction) AS x ON TRUE;
----
INSERT INTO results SELECT auction, x FROM bids RIGHT JOIN UNNEST(ARRAY[price]) AS u (x) ON TRUE;
----
INSERT INTO results SELECT auction, (SELECT MAX(auction), MIN(auction) FROM plain) FROM bids;
----
CREATE VIEW two AS SELECT n.bid, m.bid AS bid2 FROM nested AS n CROSS JOIN nested AS m;
INSERT INTO results SELECT auction, auction FROM two;
----
INSERT INTO results SELECT auction, CAST(PERCENTILE(price, 0.5, name) AS BIGINT) FROM bids GROUP BY auction;
----
INSERT INTO results SELECT auction, CAST(RAND(1) AS BIGINT) FROM bids;
----
INSERT INTO results SELECT auction, COUNT(DISTINCT auction, price) OVER (PARTITION BY auction ORDER BY ts) FROM bids;
----
INSERT INTO results SELECT auction, price FROM bids b WHERE price IN (
  SELECT COUNT(*) OVER w FROM plain p WHERE p.auction = b.auction WINDOW w AS (ORDER BY p.ts));
