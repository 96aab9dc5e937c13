CREATE TABLE auctions (id BIGINT, seller BIGINT, at TIMESTAMP(3),
  WATERMARK FOR at AS at - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE bids (auction BIGINT, price BIGINT, at TIMESTAMP(3),
  WATERMARK FOR at AS at - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
CREATE TABLE first_bids (seller BIGINT, price BIGINT) WITH ('connector' = 'print');
CREATE TABLE per_minute (ends TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE TABLE same_window (seller BIGINT, price BIGINT) WITH ('connector' = 'print');
CREATE TABLE highest (auction BIGINT, price BIGINT, r BIGINT) WITH ('connector' = 'print');
INSERT INTO first_bids SELECT seller, price FROM auctions a LEFT JOIN bids b ON a.id = b.auction
  AND b.at BETWEEN a.at AND a.at + INTERVAL '1' MINUTE AND b.price > a.seller;
INSERT INTO per_minute SELECT window_end, COUNT(*) FROM TABLE(TUMBLE((
    SELECT b.at FROM auctions a, bids b WHERE a.id = b.auction AND a.at < b.at
      AND a.at + INTERVAL '10' SECOND > b.at),
  DESCRIPTOR(at), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
INSERT INTO same_window SELECT seller, price
FROM TABLE(TUMBLE(TABLE auctions, DESCRIPTOR(at), INTERVAL '1' MINUTE)) a
FULL JOIN TABLE(TUMBLE(TABLE bids, DESCRIPTOR(at), INTERVAL '1' MINUTE)) b
ON a.id = b.auction AND a.window_start = b.window_start AND a.window_end = b.window_end;
INSERT INTO highest SELECT auction, price, r FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, auction
    ORDER BY price DESC) AS r
  FROM TABLE(HOP(TABLE bids, DESCRIPTOR(at), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)))
WHERE r <= 3;
