-- ARRAYs, MAPs and ROWs as keys: of groups, windows, ranks and joins.
CREATE TABLE items (id BIGINT, tags ARRAY<STRING>, texts MAP<STRING, STRING>, place ROW<x INT, y INT>, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka');
CREATE TABLE counts (tags ARRAY<STRING>, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE places (x INT, texts MAP<STRING, STRING>, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE firsts (tags ARRAY<STRING>, id BIGINT) WITH ('connector' = 'print');
CREATE TABLE pairs (l BIGINT, r BIGINT) WITH ('connector' = 'print');
INSERT INTO counts SELECT tags, COUNT(*) FROM items GROUP BY tags;
INSERT INTO places SELECT place.x, texts, COUNT(*)
FROM TABLE(TUMBLE(TABLE items, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, place, place.x, texts;
INSERT INTO firsts SELECT tags, id FROM items QUALIFY ROW_NUMBER() OVER (PARTITION BY tags ORDER BY id) = 1;
INSERT INTO pairs SELECT a.id, b.id FROM items AS a JOIN items AS b ON a.tags = b.tags AND a.place = b.place;
