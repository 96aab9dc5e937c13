-- Subqueries with HAVING, WITH, LIMIT and several columns.

CREATE VIEW high_bid AS SELECT auction, bidder, price, channel, `dateTime` FROM bid WHERE price > 20000;

-- subquery_having_without_group
SELECT a.id FROM auction a WHERE EXISTS (SELECT COUNT(*) FROM high_bid h WHERE h.auction = a.id HAVING COUNT(*) > 2);

-- subquery_scalar_having
SELECT a.id, (SELECT MAX(price) FROM high_bid h WHERE h.auction = a.id HAVING COUNT(*) > 2) AS m FROM auction a;

-- subquery_exists_with
SELECT a.id FROM auction a WHERE EXISTS (WITH t AS (SELECT auction, price FROM high_bid) SELECT 1 FROM t WHERE t.auction = a.id);

-- subquery_pairs_in_or
SELECT a.id FROM auction a WHERE a.category = 10 OR (a.id, a.seller) IN (SELECT auction, bidder FROM bid);

-- subquery_pairs_in_case
SELECT a.id, CASE WHEN (a.id, a.category) IN (SELECT auction, MOD(bidder, 5) + 10 FROM high_bid) THEN 'yes' ELSE 'no' END FROM auction a;

-- subquery_pairs_correlated
SELECT a.id FROM auction a WHERE (a.id, a.category) IN (SELECT h.auction, MOD(h.bidder, 5) + 10 FROM high_bid h WHERE h.price > a.initialBid);

-- subquery_scalar_limit
SELECT b.auction, b.price FROM high_bid b WHERE b.price >= (SELECT price FROM bid ORDER BY price DESC LIMIT 1);

-- subquery_is_null
SELECT a.id FROM auction a WHERE (SELECT MAX(price) FROM high_bid h WHERE h.auction = a.id) IS NULL;

-- subquery_case_scalar
SELECT a.id, CASE WHEN (SELECT COUNT(*) FROM high_bid h WHERE h.auction = a.id) > 3 THEN 'hot' WHEN (SELECT COUNT(*) FROM high_bid h WHERE h.auction = a.id) > 0 THEN 'warm' ELSE 'cold' END FROM auction a;

-- subquery_in_join
SELECT p.id, a.id FROM person p LEFT JOIN auction a ON a.seller = p.id WHERE a.id IN (SELECT auction FROM high_bid) OR a.id IS NULL;

-- subquery_exists_or_exists
SELECT p.id FROM person p WHERE EXISTS (SELECT 1 FROM auction a WHERE a.seller = p.id AND a.category = 12) OR EXISTS (SELECT 1 FROM high_bid h WHERE h.bidder = p.id);

-- subquery_two_scalars
SELECT (SELECT COUNT(*) FROM person) AS p, (SELECT COUNT(*) FROM auction) AS a FROM (VALUES 1) AS v (x);

-- subquery_arithmetic
SELECT a.id, a.initialBid - (SELECT MIN(b.price) FROM bid b WHERE b.auction = a.id) AS d, (SELECT MAX(b.price) FROM bid b WHERE b.auction = a.id) * 2 AS e FROM auction a WHERE MOD(a.id, 5) = 0;

-- subquery_latest_row
SELECT a.seller, a.id FROM auction a WHERE a.`dateTime` = (SELECT MAX(a2.`dateTime`) FROM auction a2 WHERE a2.seller = a.seller);

-- subquery_in_correlated_non_equi
SELECT a.id FROM auction a WHERE a.category IN (SELECT MOD(h.bidder, 5) + 10 FROM high_bid h WHERE h.auction <> a.id AND h.price > 2000000);

-- subquery_in_select_list_in
SELECT p.id, p.state IN ('OR', 'CA') AS west, p.id IN (SELECT seller FROM auction) AS sells, p.id NOT IN (SELECT bidder FROM high_bid) AS cheap FROM person p;

-- lateral_top_of_states
SELECT s.state, t.name FROM (SELECT DISTINCT state FROM person) s, LATERAL (SELECT name, id FROM person WHERE state = s.state ORDER BY id DESC LIMIT 2) AS t;
