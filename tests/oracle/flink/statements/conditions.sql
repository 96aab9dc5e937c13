-- Subqueries within what is compared with a subquery, and queries in FROM and WITH of a subquery that name columns
-- around it.

CREATE VIEW few AS SELECT auction, bidder, price, channel, `dateTime` FROM bid WHERE MOD(auction, 5) = 0;

-- case_in_a_subquery_of_each_row
SELECT auction, price FROM few AS b WHERE (CASE WHEN bidder IN (SELECT id FROM person WHERE state = 'OR') THEN 1 ELSE 2 END) IN (SELECT category - 9 FROM auction WHERE auction.id = b.auction);

-- case_in_a_subquery
SELECT auction, price FROM few WHERE (CASE WHEN bidder IN (SELECT id FROM person WHERE state = 'OR') THEN 10 ELSE 2 END) IN (SELECT category FROM auction);

-- cases_not_in_a_subquery
SELECT auction, price FROM few AS b WHERE (CASE WHEN auction NOT IN (SELECT id FROM auction WHERE category = 10) THEN 11 WHEN bidder NOT IN (SELECT id FROM person) THEN 12 ELSE 13 END) NOT IN (SELECT category FROM auction WHERE auction.id = b.auction);

-- tuple_with_a_case_not_in_a_subquery
SELECT auction, price FROM few AS b WHERE (auction, (CASE WHEN auction NOT IN (SELECT id FROM auction WHERE category = 10) THEN 11 WHEN bidder NOT IN (SELECT id FROM person) THEN 12 ELSE 13 END)) NOT IN (SELECT id, category FROM auction);

-- subquery_in_a_subquery_of_each_row
SELECT auction, price FROM few AS b WHERE (SELECT MAX(id) FROM auction WHERE category = 10) IN (SELECT id FROM auction WHERE seller = b.bidder);

-- subquery_in_a_subquery
SELECT auction, price FROM few AS b WHERE (SELECT MAX(id) FROM auction WHERE category = 10) IN (SELECT id FROM auction);

-- subquery_not_in_a_subquery
SELECT auction, price FROM few AS b WHERE (SELECT MAX(id) FROM auction WHERE category = 10) NOT IN (SELECT auction FROM bid WHERE price > 100000000);

-- with_that_names_columns_around
SELECT auction, price FROM few AS b WHERE bidder IN (WITH s AS (SELECT seller, category FROM auction WHERE auction.id = b.auction AND category < 13) SELECT seller FROM s INNER JOIN (SELECT id FROM person WHERE person.id = b.bidder AND state <> 'OR') AS p ON s.seller = p.id);

-- with_that_names_columns_around_joined_left
SELECT auction, price FROM few AS b WHERE bidder IN (WITH s AS (SELECT seller FROM auction WHERE auction.id >= b.auction AND category < 13) SELECT p.id FROM s LEFT JOIN person AS p ON s.seller = p.id);

-- query_in_from_that_names_columns_around_joined_right
SELECT auction, price FROM few AS b WHERE bidder IN (SELECT seller FROM auction AS a RIGHT JOIN (SELECT id FROM person WHERE person.id = b.bidder AND state <> 'OR') AS p ON a.seller = p.id);

-- query_in_from_that_names_columns_around_exists
SELECT auction, price FROM few AS b WHERE EXISTS (SELECT * FROM (SELECT seller FROM auction WHERE auction.id = b.auction) AS a JOIN person AS p ON a.seller = p.id WHERE p.state <> 'OR' AND p.id < b.bidder);

-- query_in_from_that_names_columns_around_counted
SELECT auction, price, (SELECT COUNT(*) FROM (SELECT seller, category FROM auction WHERE auction.id = b.auction) AS a JOIN person AS p ON a.seller = p.id) FROM few AS b;

-- exists_with_over_of_groups
SELECT a.id, a.category FROM auction AS a WHERE EXISTS (SELECT MAX(price) OVER () FROM bid AS b WHERE b.auction = a.id GROUP BY b.price);

-- exists_with_over
SELECT a.id, a.category FROM auction AS a WHERE EXISTS (SELECT MAX(price) OVER (ORDER BY `dateTime`) FROM bid AS b WHERE b.auction = a.id);
