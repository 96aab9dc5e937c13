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

-- values_without_parentheses
VALUES 1, 2, 3;

-- values_with_and_without_parentheses
SELECT * FROM (VALUES (1), 2, ROW(3)) AS v (x);

-- values_of_different_types
SELECT * FROM (VALUES 1, 2.5, CAST(NULL AS INT)) AS v (x);

-- values_together
VALUES 1, 2 UNION ALL VALUES 3;

-- values_of_expressions
SELECT * FROM (VALUES CASE WHEN TRUE THEN 'a' END, 'b' || 'c') AS v (x);

-- values_as_a_subquery
SELECT id FROM person WHERE MOD(id, 10) IN (VALUES 1, 2);

-- values_that_are_arrays
SELECT * FROM (VALUES ARRAY[1, 2], ARRAY[3]) AS v (x);

-- values_in_an_order
SELECT * FROM (VALUES 3, 1, 2) AS v (x) ORDER BY x LIMIT 2;

-- values_of_multisets
SELECT k, x FROM (SELECT MOD(auction, 3) AS k, COLLECT(MOD(bidder, 3)) AS m FROM bid GROUP BY MOD(auction, 3)) CROSS
  JOIN UNNEST(m) AS v (x);

-- rows_of_multisets
SELECT k, x, y FROM (SELECT MOD(id, 3) AS k, COLLECT(ROW(state, id)) AS m FROM person GROUP BY MOD(id, 3)) CROSS JOIN UNNEST(m) AS v (x, y);

-- values_of_multisets_of_windows
SELECT k, x FROM (SELECT MOD(auction, 3) AS k, COLLECT(MOD(bidder, 3)) AS m
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, MOD(auction, 3)) CROSS JOIN UNNEST(m) AS v (x);

-- values_of_multisets_or_none
SELECT k, x FROM (SELECT MOD(auction, 3) AS k, COLLECT(NULLIF(MOD(bidder, 3), MOD(bidder, 3))) AS m FROM bid
GROUP BY MOD(auction, 3)) LEFT JOIN UNNEST(m) AS v (x) ON TRUE;

-- values_of_multisets_that_change
SELECT x, COUNT(*) FROM (SELECT MOD(auction, 3) AS k, COLLECT(MOD(bidder, 4)) AS m FROM bid GROUP BY MOD(auction, 3)) CROSS
  JOIN UNNEST(m) AS v (x) GROUP BY x;

-- arrays_of_multisets
SELECT k, x FROM (SELECT MOD(id, 3) AS k, COLLECT(ARRAY[state]) AS m FROM person GROUP BY MOD(id, 3)) CROSS JOIN UNNEST(m) AS v (x);

-- elements_that_are_arrays
SELECT id, x FROM auction CROSS JOIN UNNEST(ARRAY[ARRAY[category, seller], ARRAY[id]]) AS v (x) WHERE MOD(id, 10) = 1;

-- elements_of_elements
SELECT id, y FROM auction CROSS JOIN UNNEST(ARRAY[ARRAY[category, seller], ARRAY[id]]) AS v (x) CROSS JOIN UNNEST(x) AS w (y)
WHERE MOD(id, 10) = 1;

-- entries_with_numbers
SELECT id, k, x, n FROM (SELECT id, MAP['category', category, 'seller', seller] AS m FROM auction WHERE MOD(id, 10) = 2)
  CROSS JOIN UNNEST(m) WITH ORDINALITY AS v (k, x, n);

-- rows_of_arrays_with_numbers
SELECT id, a, b, n FROM auction CROSS JOIN UNNEST(ARRAY[ROW(category, 'x'), ROW(seller, 'y')]) WITH ORDINALITY AS v (a, b, n)
WHERE MOD(id, 10) = 1;

-- union_of_arrays
SELECT ARRAY[MOD(auction, 2)] FROM bid UNION SELECT ARRAY[MOD(id, 3)] FROM person;

-- except_of_arrays
SELECT ARRAY[MOD(auction, 5)] FROM bid EXCEPT SELECT ARRAY[MOD(id, 3)] FROM person;

-- intersect_all_of_maps
SELECT MAP['a', MOD(id, 3)] FROM auction INTERSECT ALL SELECT MAP['a', MOD(id, 3)] FROM person;

-- distinct_arrays
SELECT DISTINCT ARRAY[MOD(auction, 2), MOD(bidder, 2)] FROM bid;

-- distinct_maps
SELECT DISTINCT MAP['a', MOD(auction, 3)] FROM bid;

-- distinct_whole_rows
SELECT a.f0, a.f1 FROM (SELECT DISTINCT CAST(ROW(MOD(auction, 2), channel) AS ROW<f0 BIGINT, f1 STRING>) AS a FROM bid
WHERE CHAR_LENGTH(channel) < 9);

-- tables_within_queries
SELECT x.id, x.name FROM (TABLE person) AS x WHERE x.id IN (SELECT id FROM (TABLE person UNION ALL TABLE person));
