CREATE TABLE orders (id BIGINT, note STRING, unused STRING, ts TIMESTAMP(3),
  items ARRAY<ROW<name STRING, price BIGINT, day DATE>>, tags ARRAY<INT>, labels MAP<STRING, INT>,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kafka');
CREATE TABLE prices (id BIGINT, name STRING, price BIGINT) WITH ('connector' = 'print');
CREATE TABLE labelled (id BIGINT, label STRING, number INT) WITH ('connector' = 'print');
CREATE TABLE counts (id BIGINT, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE sums (name STRING, total BIGINT) WITH ('connector' = 'print');
CREATE TABLE last_tags (id BIGINT, tag INT) WITH ('connector' = 'print');
INSERT INTO prices SELECT o.id, x.name, x.price
FROM orders AS o CROSS JOIN UNNEST(o.items) AS x WHERE x.price > 10 AND o.note <> '';
INSERT INTO labelled SELECT id, label, number
FROM orders LEFT JOIN UNNEST(MAP_KEYS(labels)) WITH ORDINALITY AS l (label, number) ON TRUE;
INSERT INTO counts SELECT tags[1], 1 FROM orders, UNNEST(tags);
INSERT INTO sums SELECT name, SUM(price)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
CROSS JOIN UNNEST(items) AS x (name, price, `day`) GROUP BY window_start, window_end, name;
INSERT INTO last_tags SELECT id, tag FROM (SELECT id, tags FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) AS n FROM orders) WHERE n = 1)
CROSS JOIN UNNEST(tags) AS t (tag);
CREATE TABLE cheap (id BIGINT, name STRING, total BIGINT) WITH ('connector' = 'print');
INSERT INTO cheap SELECT id, name, 1 FROM orders LEFT JOIN UNNEST(items) WITH ORDINALITY AS x (name, price, `day`, n)
ON price < id AND n > 1 AND note = 'x' WHERE ts > TIMESTAMP '2024-01-01 00:00:00';
