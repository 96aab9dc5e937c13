-- What is written twice is computed once: the bids of each auction, and the most of any.
CREATE TABLE bids (auction BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'nexmark');
CREATE TABLE hot (auction BIGINT, n BIGINT) WITH ('connector' = 'print');
INSERT INTO hot
SELECT c.auction, c.n FROM (
  SELECT auction, COUNT(*) AS n, window_start AS starts, window_end AS ends
  FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end) AS c
JOIN (SELECT MAX(n) AS most, starts, ends FROM (
    SELECT COUNT(*) AS n, window_start AS starts, window_end AS ends
    FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
    GROUP BY auction, window_start, window_end)
  GROUP BY starts, ends) AS m
ON c.starts = m.starts AND c.ends = m.ends AND c.n >= m.most;
