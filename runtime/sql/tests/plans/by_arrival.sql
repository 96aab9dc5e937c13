-- Rows that only come, ordered by processing time: each is answered as it comes.
CREATE TABLE bids (auction BIGINT, price BIGINT, p AS PROCTIME()) WITH ('connector' = 'kafka');
CREATE TABLE auctions (id BIGINT, seller BIGINT, p AS PROCTIME()) WITH ('connector' = 'kafka');
CREATE TABLE running (auction BIGINT, n BIGINT, high BIGINT) WITH ('connector' = 'kafka');
CREATE TABLE per_second (ends TIMESTAMP_LTZ(3), n BIGINT) WITH ('connector' = 'kafka');
SET 'table.exec.state.ttl' = '1 d';
INSERT INTO running SELECT auction, COUNT(*) OVER w, MAX(price) OVER w FROM bids
WINDOW w AS (PARTITION BY auction ORDER BY p);
INSERT INTO running SELECT auction, SUM(price) OVER w, LAG(price) OVER w FROM (SELECT auction, price, PROCTIME() AS t FROM bids)
WINDOW w AS (PARTITION BY auction ORDER BY t);
INSERT INTO running SELECT auction, COUNT(*) OVER w, COUNT(DISTINCT price) OVER w FROM bids
WINDOW w AS (ORDER BY p ROWS BETWEEN 9 PRECEDING AND CURRENT ROW);
INSERT INTO running SELECT auction, COUNT(*) OVER w, SUM(price) OVER w FROM bids
WINDOW w AS (PARTITION BY auction ORDER BY p RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW);
INSERT INTO running SELECT a.id, b.price, a.seller FROM auctions AS a LEFT JOIN bids AS b
ON a.id = b.auction AND b.p BETWEEN a.p - INTERVAL '10' SECOND AND a.p + INTERVAL '1' MINUTE AND b.price > a.seller;
INSERT INTO per_second SELECT window_end, COUNT(*) FROM TABLE(TUMBLE((
    SELECT b.p FROM auctions AS a JOIN bids AS b ON a.id = b.auction AND a.p >= b.p AND a.p < b.p + INTERVAL '1' MINUTE),
  DESCRIPTOR(p), INTERVAL '1' SECOND)) GROUP BY window_start, window_end;
