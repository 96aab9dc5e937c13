CREATE TABLE auctions (id BIGINT NOT NULL, category BIGINT, at TIMESTAMP(3)) WITH ('connector' = 'nexmark');
CREATE TABLE bids (auction BIGINT, price BIGINT NOT NULL, bidder BIGINT, at TIMESTAMP(3)) WITH ('connector' = 'nexmark');
CREATE TABLE results (a BIGINT, b BIGINT, c BIGINT) WITH ('connector' = 'print');
EXECUTE STATEMENT SET BEGIN
-- In front of the join: a condition on the right side in ON, one on the left side in WHERE.
INSERT INTO results
SELECT a.id, b.auction, b.price FROM auctions AS a
LEFT JOIN bids AS b ON a.id = b.auction AND b.price > 1 AND a.category > 2
WHERE a.at > TIMESTAMP '2020-01-01 00:00:00' AND (b.price IS NULL OR b.price < 100);
INSERT INTO results
SELECT id, b.price, b.bidder FROM (SELECT auction AS id, price FROM bids) AS a
FULL JOIN (SELECT auction AS id, price, bidder FROM bids) AS b USING (id);
-- The right side keeps its keys alone.
INSERT INTO results
SELECT id, category, id FROM auctions WHERE id IN (SELECT auction FROM bids WHERE price > 5);
INSERT INTO results
SELECT id, category, id FROM auctions AS a WHERE category > 5 AND NOT EXISTS (
  SELECT 1 FROM bids AS b WHERE b.auction = a.id AND b.at > a.at AND a.category < 9);
-- A null is equal to everything until it is known, so that all rows meet.
INSERT INTO results
SELECT id, category, id FROM auctions WHERE category NOT IN (SELECT bidder FROM bids);
END;
