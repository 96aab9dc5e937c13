CREATE TABLE bids (auction BIGINT, bidder BIGINT, price BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'kafka', 'topic' = 'bids', 'properties.bootstrap.servers' = 'k:9092', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE auctions (id BIGINT, seller BIGINT, reserve BIGINT) WITH ('connector' = 'kafka', 'topic' = 'auctions', 'properties.bootstrap.servers' = 'k:9092', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE highest (id BIGINT, high BIGINT, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE popular (id BIGINT) WITH ('connector' = 'print');
CREATE TABLE known (auction BIGINT, known BOOLEAN) WITH ('connector' = 'print');
CREATE TABLE above (id BIGINT, price BIGINT) WITH ('connector' = 'print');
EXECUTE STATEMENT SET BEGIN
INSERT INTO highest
SELECT id, (SELECT MAX(price) FROM bids WHERE auction = a.id), (SELECT COUNT(*) FROM bids WHERE auction = a.id AND price > a.reserve)
FROM auctions AS a;
INSERT INTO popular
SELECT id FROM auctions AS a WHERE EXISTS (SELECT bidder FROM bids WHERE auction = a.id GROUP BY bidder HAVING COUNT(*) > 9);
INSERT INTO known
SELECT auction, auction IN (SELECT id FROM auctions) FROM bids WHERE price > 100 OR bidder IN (SELECT seller FROM auctions);
INSERT INTO above
SELECT a.id, b.price FROM auctions AS a, LATERAL (SELECT price FROM bids WHERE auction = a.id AND price > a.reserve) AS b;
END;
