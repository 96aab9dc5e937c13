CREATE TABLE bids (auction BIGINT, price BIGINT, bidder BIGINT, at TIMESTAMP(3),
  WATERMARK FOR at AS at - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE means (auction BIGINT, mean BIGINT, high BIGINT) WITH ('connector' = 'print');
CREATE TABLE near (auction BIGINT, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE changes (auction BIGINT, more BIGINT, number BIGINT) WITH ('connector' = 'print');
CREATE TABLE ranks (auction BIGINT, n BIGINT, total BIGINT) WITH ('connector' = 'print');
INSERT INTO means SELECT auction, AVG(price) OVER w, MAX(price) OVER w FROM bids WHERE price > 10
WINDOW w AS (PARTITION BY auction ORDER BY at ROWS BETWEEN 9 PRECEDING AND CURRENT ROW);
INSERT INTO near SELECT auction, COUNT(*) OVER (ORDER BY at RANGE INTERVAL '10' SECOND PRECEDING)
FROM bids;
INSERT INTO changes
SELECT auction, price - LAG(price, 1, 0) OVER w, ROW_NUMBER() OVER w FROM bids
WINDOW w AS (PARTITION BY auction ORDER BY at);
INSERT INTO ranks SELECT auction, n, SUM(n) OVER (ORDER BY n DESC, auction) FROM (
  SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction);
INSERT INTO ranks SELECT auction, RANK() OVER w, DENSE_RANK() OVER w FROM bids WINDOW w AS (PARTITION BY auction ORDER BY at);
INSERT INTO near SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price) FROM bids;
INSERT INTO near SELECT auction, price AS p FROM bids
QUALIFY ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) <= 2 AND p > 3 AND bidder <> 7;
INSERT INTO near SELECT auction, COUNT(*) OVER (PARTITION BY auction ORDER BY at) AS n FROM bids QUALIFY n > 5;
