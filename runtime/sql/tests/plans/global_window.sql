-- A window without keys: all rows to one subtask. The time is an instant.
CREATE TABLE events (v DOUBLE, ts TIMESTAMP_LTZ(3) NOT NULL, WATERMARK FOR ts AS ts - INTERVAL '0.5' SECOND) WITH ('connector' = 'kafka');
CREATE TABLE totals (window_start TIMESTAMP(3), window_time TIMESTAMP_LTZ(3), v DOUBLE, mean DOUBLE) WITH ('connector' = 'print');
INSERT INTO totals SELECT window_start, window_time, SUM(v), AVG(v)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, window_time;
