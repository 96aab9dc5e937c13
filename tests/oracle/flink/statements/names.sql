-- Columns that are made in the same way of different rows, and so are not the same.

CREATE VIEW twice AS
SELECT id AS a, id AS b FROM auction UNION ALL SELECT id, MOD(id, 5) FROM person;

CREATE VIEW ones AS
SELECT 1 AS x, 1 AS y, 'auction' AS kind FROM auction UNION ALL SELECT CAST(MOD(id, 3) AS INT), CAST(MOD(id, 4) AS INT), 'person' FROM person;

CREATE VIEW counts AS
SELECT MOD(auction, 9) AS k, MOD(bidder, 9) AS g, COUNT(*) AS n FROM bid GROUP BY MOD(auction, 9), MOD(bidder, 9);

-- columns_of_a_union_by_both
SELECT a, b, COUNT(*) FROM twice WHERE a < 1030 GROUP BY a, b;

-- columns_of_a_union_once
SELECT id AS a, id AS b FROM auction WHERE id < 1030 UNION SELECT id, MOD(id, 5) FROM person;

-- columns_of_a_union_that_another_has
SELECT a, b FROM twice INTERSECT SELECT id, MOD(id, 5) FROM person;

-- columns_of_a_union_that_another_has_not
SELECT MOD(id, 5) AS a, MOD(id, 5) AS b FROM auction EXCEPT ALL SELECT MOD(id, 5), MOD(id, 3) FROM person;

-- sums_of_the_columns_of_a_union
SELECT SUM(a), SUM(b), MIN(a), MIN(b), COUNT(DISTINCT b), COUNT(DISTINCT a) FROM twice;

-- sums_of_a_union_beside_each_other
SELECT x.s, y.s FROM (SELECT SUM(a) AS s FROM twice) AS x, (SELECT SUM(b) AS s FROM twice) AS y;

-- literals_of_a_union
SELECT x, y, COUNT(*), SUM(x), SUM(y) FROM ones GROUP BY x, y;

-- literals_of_a_union_beside_literals
SELECT 1, x, 'person', kind, COUNT(*) FROM ones GROUP BY x, kind;

-- computed_columns_of_a_union
SELECT x, k + 1, COUNT(*) FROM (
  SELECT MOD(id, 5) AS k, MOD(id, 5) + 1 AS x FROM auction UNION ALL SELECT MOD(id, 3), MOD(id, 4) FROM person)
GROUP BY x, k + 1;

-- wider_columns_of_a_union
SELECT CAST(MOD(id, 5) AS INT) AS a, CAST(MOD(id, 5) AS INT) AS b FROM auction UNION SELECT id, CAST(MOD(id, 5) AS INT) FROM person WHERE id < 1010;

-- grouping_sets_once_more
SELECT b, c, SUM(n), COUNT(*) FROM (
  SELECT MOD(auction, 3) AS a, MOD(bidder, 3) AS b, SUBSTRING(channel FROM 1 FOR 1) AS c, COUNT(*) AS n FROM bid WHERE CHAR_LENGTH(channel) < 9
  GROUP BY GROUPING SETS ((MOD(auction, 3)), (MOD(bidder, 3)), (SUBSTRING(channel FROM 1 FOR 1))))
GROUP BY b, c;

-- groups_by_groupings
SELECT a, b, COUNT(*), SUM(n) FROM (
  SELECT GROUPING(k) AS a, GROUPING(g) AS b, COUNT(*) AS n FROM (SELECT MOD(auction, 3) AS k, MOD(bidder, 4) AS g FROM bid) GROUP BY CUBE (k, g))
GROUP BY a, b;

-- counts_of_counts
SELECT n, c, COUNT(*) FROM (SELECT n, COUNT(*) AS c FROM counts GROUP BY n) GROUP BY n, c;

-- counts_of_counts_of_counts
SELECT c + 1, d + 1, COUNT(*) + 1 FROM (
  SELECT c, COUNT(*) AS d FROM (SELECT n, COUNT(*) AS c FROM counts GROUP BY n) GROUP BY c)
GROUP BY c + 1, d + 1;

-- products_of_keys
SELECT x * 2, k + 1 * 2, COUNT(*) FROM (SELECT k, k + 1 AS x FROM (SELECT MOD(id, 5) AS k FROM auction) GROUP BY k, k + 1) GROUP BY x * 2, k + 1 * 2;

-- numbers_of_numbered_rows
SELECT n, m, COUNT(*) FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY category ORDER BY id) AS m FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY category ORDER BY id) AS n FROM auction)
  WHERE n BETWEEN 2 AND 4)
WHERE m <= 2 GROUP BY n, m;

-- counts_over_counts
SELECT n, m, COUNT(*) FROM (
  SELECT n, COUNT(*) OVER (PARTITION BY category ORDER BY `dateTime`) AS m FROM (
    SELECT category, `dateTime`, COUNT(*) OVER (PARTITION BY category ORDER BY `dateTime`) AS n FROM auction)
  WHERE n > 3)
WHERE m < 5 GROUP BY n, m;

-- bounds_of_both_windows
SELECT ws, window_start, SUM(n) FROM TABLE(TUMBLE((
  SELECT window_start AS ws, window_time AS t, MOD(auction, 5) AS k, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND))
  GROUP BY window_start, window_end, window_time, MOD(auction, 5)), DESCRIPTOR(t), INTERVAL '15' SECOND))
GROUP BY ws, window_start;

-- values_that_begin_alike
SELECT a, b, COUNT(*) FROM (VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (5, 7), (5, 7)) AS v (a, b) GROUP BY a, b;

-- values_that_begin_alike_once
SELECT DISTINCT b, a FROM (VALUES ('a', 'a'), ('b', 'b'), ('c', 'c'), ('d', 'd'), ('e', 'f'), ('e', 'f')) AS v (a, b);
