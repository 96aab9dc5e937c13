-- Queries together, and queries within WITH.

-- sets_parentheses
(SELECT id FROM person WHERE id < 1010) UNION ALL (SELECT id FROM auction WHERE id < 1005);

-- sets_precedence
SELECT MOD(id, 10) FROM person UNION SELECT MOD(id, 20) FROM auction INTERSECT SELECT MOD(bidder, 15) FROM bid;

-- sets_except_chain
SELECT MOD(id, 20) FROM auction EXCEPT SELECT MOD(id, 5) FROM person EXCEPT SELECT 10 + MOD(id, 3) FROM person;

-- sets_except_nested
SELECT MOD(id, 20) FROM auction EXCEPT (SELECT MOD(id, 10) FROM person EXCEPT SELECT MOD(id, 4) FROM person);

-- sets_texts_of_lengths
SELECT x, CHAR_LENGTH(x) FROM (SELECT 'a' AS x FROM person WHERE id = 1000 UNION ALL SELECT 'abc' FROM person WHERE id = 1001);

-- sets_numbers_of_types
SELECT CAST(1 AS TINYINT) AS x FROM person WHERE id = 1000 UNION ALL SELECT 2.5 FROM person WHERE id = 1000 UNION ALL SELECT id FROM person WHERE id < 1003;

-- sets_decimals
SELECT CAST(id AS DECIMAL(6, 2)) AS x FROM person WHERE id < 1002 UNION ALL SELECT CAST(id AS DECIMAL(10, 4)) FROM person WHERE id < 1002;

-- sets_union_of_groups
SELECT 'bids' AS kind, COUNT(*) AS n FROM bid UNION ALL SELECT 'auctions', COUNT(*) FROM auction UNION ALL SELECT 'persons', COUNT(*) FROM person;

-- sets_union_grouped
SELECT k, SUM(n) FROM (SELECT MOD(auction, 5) AS k, COUNT(*) AS n FROM bid GROUP BY MOD(auction, 5) UNION ALL SELECT MOD(id, 7), COUNT(*) FROM person GROUP BY MOD(id, 7)) GROUP BY k;

-- sets_intersect_all_chain
SELECT MOD(id, 3) FROM auction INTERSECT ALL SELECT MOD(id, 4) FROM auction INTERSECT ALL SELECT MOD(id, 5) FROM person;

-- sets_in_with_union
SELECT id FROM auction WHERE seller IN (SELECT id FROM person WHERE state = 'OR' UNION SELECT id FROM person WHERE state = 'CA');

-- sets_order_limit
SELECT id FROM person UNION ALL SELECT id FROM auction ORDER BY id DESC LIMIT 5;

-- sets_sides_with_limit
(SELECT id FROM person ORDER BY id LIMIT 3) UNION ALL (SELECT id FROM auction ORDER BY id DESC LIMIT 2);

-- sets_except_values
SELECT MOD(id, 5) FROM person EXCEPT VALUES (1), (2);

-- with_chain
WITH a AS (SELECT id, seller FROM auction WHERE category > 11), b AS (SELECT a.id, p.name FROM a JOIN person p ON a.seller = p.id), c AS (SELECT name, COUNT(*) AS n FROM b GROUP BY name) SELECT * FROM c WHERE n > 0;

-- with_shadow
WITH bid AS (SELECT * FROM auction) SELECT id, category FROM bid WHERE MOD(id, 20) = 0;

-- with_nested
SELECT * FROM (WITH x AS (SELECT id FROM person WHERE id < 1005) SELECT id + 1 AS y FROM x) AS t;

-- with_columns
WITH t (a, b) AS (SELECT id, state FROM person) SELECT a, b FROM t WHERE a < 1010;

-- with_in_subquery
SELECT id FROM auction WHERE seller IN (WITH t AS (SELECT id, state FROM person) SELECT id FROM t WHERE state = 'OR');

-- values_joined
SELECT p.id, v.name FROM person p JOIN (VALUES ('OR', 'Oregon'), ('CA', 'California')) AS v (code, name) ON p.state = v.code;

-- values_left_joined
SELECT v.code, COUNT(p.id) FROM (VALUES ('OR', 'Oregon'), ('CA', 'California'), ('XX', 'none')) AS v (code, name) LEFT JOIN person p ON p.state = v.code GROUP BY v.code;

-- values_expressions
SELECT a, b, a + 1, UPPER(b) FROM (VALUES (1, 'x'), (2, 'yy'), (CAST(NULL AS INT), 'z')) AS v (a, b);

-- select_without_from
SELECT 1, 'a', CAST(NULL AS INT), TRUE AND CAST(NULL AS BOOLEAN), DATE '2020-01-31' + INTERVAL '1' MONTH;
