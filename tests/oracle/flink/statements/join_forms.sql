-- Joins of odd conditions, and conditions on what others have.

-- join_or
SELECT p.id, a.id FROM person p JOIN auction a ON p.id = a.seller OR p.id + 3 = a.id WHERE p.id < 1015;

-- join_cross_count
SELECT p.id, c.n FROM person p CROSS JOIN (SELECT COUNT(*) AS n FROM auction) c;

-- join_not_distinct
SELECT a.k, a.id, b.id FROM (SELECT NULLIF(MOD(id, 5), 0) AS k, id FROM auction WHERE MOD(id, 7) = 0) a JOIN (SELECT NULLIF(MOD(id, 5), 0) AS k, id FROM person WHERE MOD(id, 4) = 0) b ON a.k IS NOT DISTINCT FROM b.k;

-- join_left_condition_on_left
SELECT a.id, b.price FROM auction a LEFT JOIN bid b ON a.id = b.auction AND a.category > 12 AND b.price > 200000;

-- join_full_non_equi
SELECT a.id, p.id FROM (SELECT * FROM auction WHERE category > 12) a FULL JOIN person p ON a.seller = p.id AND a.id > p.id + 30;

-- join_natural
SELECT * FROM (SELECT id, name FROM person) NATURAL JOIN (SELECT seller AS id, category FROM auction WHERE category > 12);

-- join_right_using
SELECT id, name, category FROM (SELECT seller AS id, category FROM auction WHERE category > 12) RIGHT JOIN (SELECT id, name FROM person) USING (id);

-- join_full_using
SELECT id, x, y FROM (SELECT MOD(id, 30) AS id, state AS x FROM person WHERE id < 1020) FULL JOIN (SELECT category + 5 AS id, category AS y FROM auction WHERE category > 12) USING (id);

-- join_chain_full_left
SELECT COALESCE(p.id, a.seller), h.n FROM person p FULL JOIN (SELECT DISTINCT seller FROM auction) a ON a.seller = p.id LEFT JOIN (SELECT bidder, COUNT(*) AS n FROM bid GROUP BY bidder) h ON h.bidder = p.id;

-- join_anti_idiom
SELECT p.id, p.name FROM person p LEFT JOIN auction a ON a.seller = p.id WHERE a.id IS NULL;

-- join_left_where
SELECT p.id, a.id FROM person p LEFT JOIN auction a ON a.seller = p.id WHERE a.category = 11 OR a.id IS NULL;

-- join_one_equals_one
SELECT p.id, s.id FROM (SELECT id FROM person WHERE id < 1004) p JOIN (SELECT id FROM auction WHERE id < 1004) s ON 1 = 1;

-- join_left_false
SELECT p.id, a.id FROM person p LEFT JOIN auction a ON FALSE WHERE p.id < 1020;

-- join_types
SELECT a.id, b.price FROM (SELECT CAST(id AS INT) AS id FROM auction WHERE MOD(id, 4) = 0) a JOIN (SELECT CAST(auction AS DECIMAL(20, 0)) AS auction, price FROM bid WHERE price > 10000) b ON a.id = b.auction;

-- join_on_expressions
SELECT a.id, p.id FROM auction a JOIN person p ON MOD(a.id, 10) + 1000 = p.id AND UPPER(p.state) = 'OR';

-- join_inequality_only
SELECT a.id, p.id FROM (SELECT * FROM auction WHERE category > 13) a JOIN person p ON a.seller > p.id + 50;

-- join_left_inequality_only
SELECT p.id, a.id FROM person p LEFT JOIN (SELECT * FROM auction WHERE category > 13) a ON a.seller > p.id + 50;

-- join_upserts
SELECT a.auction, a.n, b.m, a.n * b.m FROM (SELECT auction, COUNT(*) AS n FROM bid GROUP BY auction) a LEFT JOIN (SELECT auction, MAX(price) AS m FROM bid WHERE price > 50000 GROUP BY auction) b ON a.auction = b.auction;

-- join_self
SELECT a.id, b.id FROM auction a JOIN auction b ON a.seller = b.seller AND a.id < b.id;

-- join_right_of_changes
SELECT t.bidder, t.n, p.name FROM (SELECT bidder, COUNT(*) AS n FROM bid GROUP BY bidder) t RIGHT OUTER JOIN person p ON t.bidder = p.id;

-- semi_join_in_expression
SELECT id, category FROM auction WHERE seller + 1 IN (SELECT id FROM person WHERE state IN ('OR', 'CA'));

-- semi_join_two_columns
SELECT auction, bidder, price FROM bid WHERE (auction, bidder) IN (SELECT id, seller FROM auction);

-- semi_join_not_two_columns
SELECT auction, bidder, price FROM bid WHERE MOD(auction, 10) = 0 AND (auction, bidder) NOT IN (SELECT id, seller + 2 FROM auction);

-- semi_join_non_equi
SELECT p.id FROM person p WHERE EXISTS (SELECT * FROM auction a WHERE a.seller = p.id AND a.initialBid > p.id AND a.category <> 10);

-- semi_join_inequality_only
SELECT p.id FROM person p WHERE EXISTS (SELECT * FROM auction a WHERE a.id > p.id + 150);

-- anti_join_inequality_only
SELECT p.id FROM person p WHERE NOT EXISTS (SELECT * FROM auction a WHERE a.id > p.id + 150);

-- anti_join_with_nulls
SELECT id FROM (SELECT NULLIF(id, 1003) AS id FROM person) WHERE id NOT IN (SELECT seller FROM auction);

-- join_then_distinct
SELECT DISTINCT p.state FROM person p JOIN auction a ON a.seller = p.id;

-- join_row_fields
SELECT n.bid.price, a.category FROM nexmark n JOIN auction a ON n.bid.auction = a.id WHERE n.bid.price > 500000;

-- join_text_cast_and_number
SELECT a.id, b.price FROM (SELECT CAST(id AS STRING) AS id FROM auction WHERE MOD(id, 4) = 0) a JOIN bid b ON CAST(a.id AS BIGINT) = b.auction WHERE b.price > 10000;

-- join_by_times_of_day
SELECT a.auction, b.auction FROM (SELECT auction, CAST(FLOOR(`dateTime` TO SECOND) AS TIME) AS t FROM bid WHERE MOD(auction, 5) = 0) a JOIN (SELECT auction, CAST(FLOOR(`dateTime` TO SECOND) AS TIME) AS t FROM bid WHERE MOD(auction, 5) = 1) b ON a.t = b.t;

-- join_using_both_columns
SELECT e.id, a.id, id, e.category, a.price FROM auction AS e JOIN (SELECT auction AS id, price FROM bid WHERE price > 1000000) AS a USING (id);

-- join_using_both_columns_left
SELECT e.id, a.id, id, a.price FROM auction AS e LEFT JOIN (SELECT auction AS id, price FROM bid WHERE price > 1000000) AS a USING (id);

-- join_using_both_columns_full
SELECT e.id, a.id, id, a.price FROM (SELECT * FROM auction WHERE category > 11) AS e FULL JOIN (SELECT auction AS id, price FROM bid WHERE price > 1000000) AS a USING (id);

-- join_using_both_columns_right
SELECT e.id, a.id, id, a.price FROM (SELECT * FROM auction WHERE category > 11) AS e RIGHT JOIN (SELECT auction AS id, price FROM bid WHERE price > 1000000) AS a USING (id);

-- join_using_all_columns
SELECT * FROM (SELECT id, category FROM auction WHERE category > 11) AS e RIGHT JOIN (SELECT auction AS id, price FROM bid WHERE price > 1000000) AS a USING (id);

-- join_using_cube
SELECT e.id, a.id, COUNT(*) FROM auction AS e JOIN (SELECT auction AS id, price FROM bid WHERE MOD(auction, 5) = 0) AS a USING (id) GROUP BY CUBE(e.id, a.id);
