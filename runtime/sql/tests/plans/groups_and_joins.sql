CREATE TABLE auctions (id BIGINT, category BIGINT, expires TIMESTAMP(3), at TIMESTAMP(3),
  WATERMARK FOR at AS at - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE bids (auction BIGINT, price BIGINT, bidder BIGINT, at TIMESTAMP(3),
  WATERMARK FOR at AS at - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE means (category BIGINT, mean BIGINT, bidders BIGINT) WITH ('connector' = 'print');
CREATE TABLE top (auction BIGINT, price BIGINT, r BIGINT) WITH ('connector' = 'print');
INSERT INTO means
SELECT category, AVG(final), SUM(bidders) FROM (
  SELECT MAX(b.price) AS final, COUNT(DISTINCT b.bidder) AS bidders, a.category
  FROM auctions AS a, bids AS b
  WHERE a.id = b.auction AND b.at BETWEEN a.at AND a.expires AND b.price > 10
  GROUP BY a.id, a.category)
GROUP BY category;
INSERT INTO top SELECT auction, price, r FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, at) AS r FROM bids)
WHERE r <= 10;
INSERT INTO top SELECT auction, price, r FROM (
  SELECT b.auction, b.price, ROW_NUMBER() OVER (PARTITION BY a.category ORDER BY b.price DESC, b.at) AS r
  FROM auctions AS a JOIN bids AS b ON a.id = b.auction)
WHERE r <= 3;
