-- AVG and SUM / COUNT need no state beside SUM and COUNT; a NOT NULL column is counted as rows.
CREATE TABLE bids (
  auction BIGINT NOT NULL, price INT NOT NULL, tip INT, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts
) WITH ('connector' = 'nexmark');
CREATE TABLE results (
  auction BIGINT, n BIGINT, total INT, mean INT, ratio BIGINT, tips INT, mean_tip INT, big BIGINT, top INT
) WITH ('connector' = 'print');
INSERT INTO results
SELECT auction, COUNT(price), SUM(price), AVG(price), SUM(price) / COUNT(*), SUM(tip), AVG(tip),
       COUNT(*) FILTER (WHERE price > 100), MAX(price)
FROM TABLE(TUMBLE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '1' MINUTE,
                  OFFSET => INTERVAL '15' SECOND))
GROUP BY window_start, window_end, auction
HAVING COUNT(*) > 1;
