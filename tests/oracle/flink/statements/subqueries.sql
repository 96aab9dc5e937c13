-- Subqueries that name columns of the query around them, and those beside other conditions.

CREATE VIEW high_bid AS
SELECT auction, bidder, price, channel, url, `dateTime` FROM bid WHERE price > 20000;

-- scalar_of_each_row
SELECT auction, bidder, price FROM bid AS b WHERE price > (SELECT 3 * AVG(price) FROM bid AS o WHERE o.auction = b.auction);

-- scalar_of_each_row_in_select
SELECT a.id, a.category, (SELECT MAX(price) FROM bid WHERE auction = a.id) AS high FROM auction AS a;

-- count_of_each_row
SELECT a.id, (SELECT COUNT(*) FROM high_bid AS h WHERE h.auction = a.id) AS n FROM auction AS a;

-- count_and_sum_of_each_row
SELECT a.id, (SELECT COUNT(*) * 2 + 1 FROM high_bid AS h WHERE h.auction = a.id) AS n, (SELECT SUM(price) FROM high_bid AS h WHERE h.auction = a.id AND h.bidder > a.seller) AS s FROM auction AS a;

-- rows_with_few_others
SELECT a.id, a.category FROM auction AS a WHERE (SELECT COUNT(*) FROM high_bid AS h WHERE h.auction = a.id) < 2;

-- rows_with_no_others
SELECT a.id, a.category FROM auction AS a WHERE (SELECT COUNT(*) FROM high_bid AS h WHERE h.auction = a.id) = 0;

-- scalar_of_two_columns
SELECT b.auction, b.bidder, b.price FROM bid AS b WHERE b.price = (SELECT MAX(price) FROM bid AS o WHERE o.auction = b.auction AND o.bidder = b.bidder) AND b.price > 20000;

-- scalar_by_an_expression
SELECT a.id, (SELECT MIN(name) FROM person AS p WHERE MOD(p.id, 10) = MOD(a.id, 10) AND p.state = 'OR') AS name FROM auction AS a;

-- scalar_by_an_inequality
SELECT p.id, (SELECT COUNT(*) FROM auction AS a WHERE a.seller = p.id AND a.`dateTime` > p.`dateTime`) AS n FROM person AS p;

-- scalar_by_an_inequality_alone
SELECT p.id, (SELECT COUNT(*) FROM auction AS a WHERE a.initialBid > p.id * 100) AS n FROM person AS p;

-- scalar_of_one_row
SELECT b.auction, b.price, (SELECT p.name FROM person AS p WHERE p.id = b.bidder) AS name FROM high_bid AS b;

-- scalar_of_one_row_without_others
SELECT b.auction, b.price FROM high_bid AS b WHERE b.bidder > (SELECT id FROM person WHERE id = 1010);

-- scalar_of_a_distinct_row
SELECT b.auction, b.price, (SELECT DISTINCT p.city FROM person AS p WHERE p.id = b.bidder) AS city FROM high_bid AS b;

-- exists_with_groups
SELECT a.id, a.seller FROM auction AS a WHERE EXISTS (SELECT bidder FROM bid AS b WHERE b.auction = a.id GROUP BY bidder HAVING COUNT(*) > 5);

-- not_exists_with_groups
SELECT a.id, a.seller FROM auction AS a WHERE NOT EXISTS (SELECT bidder FROM bid AS b WHERE b.auction = a.id GROUP BY bidder HAVING COUNT(*) > 2);

-- in_groups_of_each_row
SELECT a.id, a.seller FROM auction AS a WHERE a.category + 1000 IN (SELECT MOD(MAX(price), 5) + 1010 FROM bid AS b WHERE b.auction = a.id GROUP BY b.bidder);

-- in_an_aggregate_of_each_row
SELECT a.id, a.seller FROM auction AS a WHERE a.category IN (SELECT MOD(MAX(price), 5) + 10 FROM bid AS b WHERE b.auction = a.id);

-- not_in_an_aggregate_of_each_row
SELECT a.id, a.seller FROM auction AS a WHERE a.category NOT IN (SELECT MOD(MAX(price), 5) + 10 FROM high_bid AS b WHERE b.auction = a.id);

-- exists_in_an_aggregate
SELECT a.id FROM auction AS a WHERE EXISTS (SELECT COUNT(*) FROM high_bid AS b WHERE b.auction = a.id);

-- exists_or
SELECT a.id, a.category FROM auction AS a WHERE a.category = 10 OR EXISTS (SELECT 1 FROM high_bid AS h WHERE h.auction = a.id);

-- in_or
SELECT a.id, a.category FROM auction AS a WHERE a.category = 10 OR a.id IN (SELECT auction FROM high_bid);

-- not_in_or
SELECT a.id, a.category FROM auction AS a WHERE a.category = 10 OR a.id NOT IN (SELECT auction FROM high_bid);

-- in_or_in
SELECT a.id, a.category FROM auction AS a WHERE a.id IN (SELECT auction FROM high_bid WHERE price > 1000000) OR a.seller IN (SELECT id FROM person WHERE state = 'OR');

-- in_as_a_value
SELECT a.id, a.id IN (SELECT auction FROM high_bid) AS has FROM auction AS a;

-- exists_as_a_value
SELECT a.id, EXISTS (SELECT 1 FROM high_bid AS h WHERE h.auction = a.id) AS has FROM auction AS a;

-- exists_in_case
SELECT a.id, CASE WHEN EXISTS (SELECT 1 FROM high_bid AS h WHERE h.auction = a.id) THEN 'high' ELSE 'low' END AS what FROM auction AS a;

-- in_as_a_value_with_nulls
SELECT a.id, a.id IN (SELECT NULLIF(auction, 1000) FROM high_bid) AS has FROM auction AS a;

-- scalar_in_select
SELECT auction, price - (SELECT AVG(price) FROM bid) AS above FROM high_bid;

-- scalar_in_having
SELECT auction, COUNT(*) AS n FROM bid GROUP BY auction HAVING COUNT(*) > (SELECT AVG(initialBid) / 10000 FROM auction);

-- scalar_beside_groups
SELECT auction, COUNT(*) AS n, (SELECT MAX(id) FROM auction) AS newest FROM high_bid GROUP BY auction;

-- scalar_in_an_aggregate
SELECT auction, SUM(price - (SELECT MIN(price) FROM bid)) AS above FROM high_bid GROUP BY auction;

-- scalar_in_on
SELECT a.id, h.price FROM auction AS a JOIN high_bid AS h ON a.id = h.auction AND h.price > (SELECT AVG(price) FROM bid);

-- greater_than_all
SELECT auction, price FROM bid WHERE price >= ALL (SELECT price FROM bid);

-- greater_than_any
SELECT auction, price FROM high_bid WHERE price > ANY (SELECT initialBid * 20 FROM auction);

-- equal_to_some
SELECT auction, price FROM high_bid WHERE auction = SOME (SELECT id FROM auction WHERE category = 10);

-- different_from_all
SELECT auction, price FROM high_bid WHERE auction <> ALL (SELECT id FROM auction WHERE category = 10);

-- less_than_all_of_nothing
SELECT auction, price FROM high_bid WHERE price < ALL (SELECT initialBid FROM auction WHERE category = 99);

-- greater_than_any_of_each_row
SELECT b.auction, b.price FROM high_bid AS b WHERE b.price > ANY (SELECT a.reserve FROM auction AS a WHERE a.id = b.auction);

-- lateral
SELECT a.id, t.n, t.high FROM auction AS a, LATERAL (SELECT COUNT(*) AS n, MAX(price) AS high FROM high_bid AS h WHERE h.auction = a.id) AS t;

-- lateral_rows
SELECT a.id, t.bidder, t.price FROM auction AS a, LATERAL (SELECT bidder, price FROM high_bid AS h WHERE h.auction = a.id) AS t;

-- lateral_left_rows
SELECT a.id, t.bidder, t.price FROM auction AS a LEFT JOIN LATERAL (SELECT bidder, price FROM high_bid AS h WHERE h.auction = a.id) AS t ON TRUE;

-- lateral_groups
SELECT a.id, t.bidder, t.n FROM auction AS a JOIN LATERAL (SELECT bidder, COUNT(*) AS n FROM bid AS b WHERE b.auction = a.id GROUP BY bidder HAVING COUNT(*) > 3) AS t ON TRUE;

-- lateral_left_groups
SELECT a.id, t.n FROM auction AS a LEFT JOIN LATERAL (SELECT bidder, COUNT(*) AS n FROM bid AS b WHERE b.auction = a.id GROUP BY bidder HAVING COUNT(*) > 3) AS t ON TRUE;

-- lateral_expressions
SELECT a.id, t.x, t.y FROM auction AS a, LATERAL (SELECT a.id + 1 AS x, a.category * h.price AS y FROM high_bid AS h WHERE h.auction = a.id) AS t;

-- nested_correlation
SELECT p.id FROM person AS p WHERE EXISTS (SELECT 1 FROM auction AS a WHERE a.seller = p.id AND EXISTS (SELECT 1 FROM high_bid AS h WHERE h.auction = a.id));

-- correlation_over_two_levels
SELECT p.id FROM person AS p WHERE EXISTS (SELECT 1 FROM auction AS a WHERE a.seller = p.id AND EXISTS (SELECT 1 FROM high_bid AS h WHERE h.auction = a.id AND h.bidder > p.id));

-- scalar_of_a_join
SELECT p.id, (SELECT MAX(h.price) FROM auction AS a JOIN high_bid AS h ON h.auction = a.id WHERE a.seller = p.id) AS high FROM person AS p;

-- scalar_over_a_subquery
SELECT a.id, (SELECT MAX(n) FROM (SELECT bidder, auction, COUNT(*) AS n FROM bid GROUP BY bidder, auction) AS t WHERE t.auction = a.id) AS most FROM auction AS a;

-- scalar_in_a_function
SELECT a.id, COALESCE((SELECT MAX(price) FROM high_bid AS h WHERE h.auction = a.id), a.initialBid) AS price FROM auction AS a;

-- scalar_twice
SELECT a.id, (SELECT MAX(price) FROM high_bid AS h WHERE h.auction = a.id) AS high FROM auction AS a WHERE (SELECT MAX(price) FROM high_bid AS h WHERE h.auction = a.id) > 100000;

-- scalar_of_distinct_values
SELECT a.id, (SELECT COUNT(DISTINCT bidder) FROM high_bid AS h WHERE h.auction = a.id) AS n FROM auction AS a;

-- in_a_subquery_of_each_row
SELECT a.id, a.category FROM auction AS a WHERE a.seller IN (SELECT p.id FROM person AS p WHERE p.id = a.seller AND p.state = 'OR');

-- not_in_a_subquery_of_each_row
SELECT a.id, a.category FROM auction AS a WHERE a.seller NOT IN (SELECT h.bidder FROM high_bid AS h WHERE h.auction = a.id);

-- exists_over_nothing
SELECT a.id FROM auction AS a WHERE EXISTS (SELECT 1 FROM person WHERE state = 'OR');

-- exists_distinct
SELECT a.id FROM auction AS a WHERE EXISTS (SELECT DISTINCT bidder FROM high_bid AS h WHERE h.auction = a.id);

-- exists_with_limit
SELECT a.id FROM auction AS a WHERE EXISTS (SELECT bidder FROM high_bid AS h WHERE h.auction = a.id LIMIT 1);

-- in_with_not
SELECT a.id, a.category FROM auction AS a WHERE NOT (a.category = 10 OR a.id IN (SELECT auction FROM high_bid));

-- elements_first
SELECT x FROM UNNEST(ARRAY[1, 2, 3]) AS t (x);

-- elements_of_a_literal_beside_rows
SELECT a.id, t.x FROM auction AS a, UNNEST(ARRAY[1, 2]) AS t (x) WHERE a.category = 12;

-- a_table_as_a_query
TABLE high_bid;

-- a_table_as_a_side
SELECT * FROM high_bid UNION ALL TABLE high_bid;

-- columns_by_their_database
SELECT default_catalog.default_database.high_bid.auction, default_database.high_bid.price FROM high_bid;

-- columns_by_their_table
SELECT high_bid.auction FROM default_catalog.default_database.high_bid;

-- fields_of_a_row
SELECT n.bid.* FROM nexmark AS n WHERE n.bid.price > 1000000;

-- joins_in_parentheses
SELECT p.id, a.id, h.price FROM person AS p LEFT JOIN (auction AS a JOIN high_bid AS h ON h.auction = a.id) ON a.seller = p.id;

-- two_levels_as_joins
SELECT DISTINCT p.id FROM person AS p JOIN auction AS a ON a.seller = p.id JOIN high_bid AS h ON h.auction = a.id AND h.bidder > p.id;
