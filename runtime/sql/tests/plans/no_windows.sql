-- Filters and projections alone; a window function without an aggregation.
CREATE TABLE events (id INT, kind STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem');
CREATE TABLE copies (id INT, kind STRING, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem');
CREATE TABLE windowed (id BIGINT, starts TIMESTAMP(3)) WITH ('connector' = 'print');
INSERT INTO copies SELECT * FROM events;
INSERT INTO windowed
WITH good AS (SELECT * FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' DAY)) WHERE kind IN ('a', 'b'))
SELECT id, window_start FROM good AS g WHERE g.id BETWEEN 1 AND 9;
