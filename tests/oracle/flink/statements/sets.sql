-- Relations together, and conditions on what others have.

-- union_all
SELECT id, name FROM person UNION ALL SELECT id, itemName FROM auction WHERE category = 10 UNION ALL SELECT id, name FROM person;

-- union_of_different_rows
SELECT MOD(bidder, 10), channel FROM bid WHERE CHAR_LENGTH(channel) < 9 UNION SELECT MOD(id, 7), state FROM person;

-- intersect
SELECT bidder FROM bid INTERSECT SELECT seller FROM auction;

-- intersect_all
SELECT MOD(bidder, 50) FROM bid WHERE price > 50000 INTERSECT ALL SELECT MOD(seller, 50) FROM auction;

-- except
SELECT bidder FROM bid EXCEPT SELECT seller FROM auction;

-- except_all
SELECT MOD(seller, 50) FROM auction EXCEPT ALL SELECT MOD(bidder, 50) FROM bid WHERE price > 100000;

-- intersect_of_nulls
SELECT NULLIF(MOD(bidder, 5), 0) FROM bid INTERSECT SELECT NULLIF(MOD(id, 4), 0) FROM person;

-- except_of_nulls
SELECT NULLIF(MOD(bidder, 9), 0), NULLIF(MOD(bidder, 2), 0) FROM bid EXCEPT SELECT NULLIF(MOD(id, 5), 0), NULLIF(MOD(id, 2), 0) FROM person;

-- in_a_subquery
SELECT id, itemName FROM auction WHERE seller IN (SELECT id FROM person WHERE state IN ('OR', 'CA'));

-- not_in_a_subquery
SELECT id, itemName FROM auction WHERE seller NOT IN (SELECT id FROM person WHERE state = 'OR');

-- not_in_with_nulls
SELECT id FROM auction WHERE NULLIF(MOD(seller, 7), 0) NOT IN (SELECT NULLIF(MOD(id, 3), 0) FROM person WHERE MOD(id, 3) > 0);

-- exists
SELECT id, name FROM person AS p WHERE EXISTS (SELECT 1 FROM auction AS a WHERE a.seller = p.id AND a.category > 11);

-- not_exists
SELECT id, name FROM person AS p WHERE NOT EXISTS (SELECT * FROM auction AS a WHERE a.seller = p.id AND a.category > 11);

-- in_groups
SELECT id, category FROM auction WHERE id IN (SELECT auction FROM bid GROUP BY auction HAVING COUNT(*) > 10);

-- scalar_subquery
SELECT auction, price FROM bid WHERE price > (SELECT AVG(price) * 20 FROM bid);

-- values_of_a_query
SELECT k, n, t FROM (VALUES (1, 'a', DATE '2020-01-01'), (2, CAST(NULL AS STRING), DATE '2020-02-29'), (1, 'a', DATE '2020-01-01')) AS v (k, n, t);

-- common_table_expressions
WITH high AS (SELECT auction, MAX(price) AS price FROM bid GROUP BY auction), sold AS (SELECT id, category FROM auction)
SELECT category, COUNT(*), MAX(price) FROM high JOIN sold ON id = auction GROUP BY category;

-- elements
SELECT id, x FROM auction CROSS JOIN UNNEST(ARRAY[category, category * 2, CAST(NULL AS BIGINT)]) AS v (x) WHERE MOD(id, 10) = 1;

-- elements_or_none
SELECT id, x FROM (SELECT id, ARRAY_REMOVE(ARRAY[category], CAST(10 AS BIGINT)) AS xs FROM auction) LEFT JOIN UNNEST(xs) AS v (x) ON TRUE;

-- elements_with_numbers
SELECT id, x, n FROM person CROSS JOIN UNNEST(SPLIT(name, ' ')) WITH ORDINALITY AS v (x, n);

-- entries_of_maps
SELECT id, k, x FROM (SELECT id, MAP['category', category, 'seller', seller] AS m FROM auction WHERE MOD(id, 10) = 2)
CROSS JOIN UNNEST(m) AS v (k, x);

-- all_columns
SELECT * FROM (SELECT auction, price, channel FROM bid WHERE MOD(auction, 25) = 0);
