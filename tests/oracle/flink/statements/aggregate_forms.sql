-- Aggregates as they are often written: ratios, totals beside parts, and types of their values.

-- ratios_of_sums
SELECT auction, SUM(price) * 1.0 / COUNT(*), AVG(price * 1.5), SUM(price) / 3.0, ROUND(AVG(CAST(price AS DOUBLE)), 2) FROM bid WHERE MOD(auction, 5) = 0 GROUP BY auction;

-- parts_of_all_in_percent
SELECT channel, CAST(COUNT(*) AS DOUBLE) * 100 / SUM(COUNT(*)) OVER (ORDER BY channel), COUNT(*) * 100.0 / 7 FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY channel;

-- aggregate_of_having_alone
SELECT SUM(price) FROM bid HAVING COUNT(*) > 5;

-- aggregate_of_having_alone_false
SELECT SUM(price) FROM bid HAVING COUNT(*) < 5;

-- aggregate_of_distinct_of_groups
SELECT DISTINCT COUNT(*) FROM bid GROUP BY auction;

-- aggregate_of_by_case
SELECT CASE WHEN price < 1000 THEN 'low' WHEN price < 100000 THEN 'middle' ELSE 'high' END, COUNT(*), MIN(price), MAX(price) FROM bid
GROUP BY CASE WHEN price < 1000 THEN 'low' WHEN price < 100000 THEN 'middle' ELSE 'high' END;

-- aggregate_of_of_booleans
SELECT MIN(price > 1000), MAX(price > 1000), COUNT(price > 1000), MOD(auction, 3) FROM bid GROUP BY MOD(auction, 3);

-- aggregate_of_having_grouping
SELECT a, channel, COUNT(*), GROUPING(a) + GROUPING(channel) FROM (SELECT MOD(auction, 3) AS a, channel FROM bid WHERE CHAR_LENGTH(channel) < 9)
GROUP BY CUBE(a, channel) HAVING GROUPING(a) = 1 OR COUNT(*) > 100;

-- aggregate_of_case_grouping
SELECT CASE WHEN GROUPING(channel) = 1 THEN 'all' ELSE channel END AS c, COUNT(*), AVG(price) FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY ROLLUP(channel);

-- aggregate_of_rollup_coalesce
SELECT COALESCE(channel, 'total'), COALESCE(CAST(MOD(auction, 2) AS STRING), 'both'), SUM(price) FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY ROLLUP(channel, MOD(auction, 2));

-- aggregate_of_grouping_sets_distinct
SELECT a, b, COUNT(DISTINCT bidder), COUNT(DISTINCT channel), SUM(DISTINCT MOD(price, 10)) FILTER (WHERE price > 1000)
FROM (SELECT MOD(auction, 3) AS a, MOD(bidder, 2) AS b, bidder, channel, price FROM bid) GROUP BY GROUPING SETS ((a, b), (a), ());

-- aggregate_of_decimal_types
SELECT SUM(d), AVG(d), MIN(d), MAX(d), SUM(e), AVG(e), COUNT(d) FROM (SELECT CAST(price AS DECIMAL(10, 2)) AS d, CAST(price AS DECIMAL(20, 5)) / 3 AS e FROM bid);

-- aggregate_of_avg_types
SELECT AVG(CAST(MOD(price, 100) AS TINYINT)), AVG(CAST(MOD(price, 1000) AS SMALLINT)), AVG(CAST(price AS INT)), AVG(CAST(MOD(price, 8) AS FLOAT)), AVG(CAST(price AS DECIMAL(12, 0))) FROM bid;

-- aggregate_of_count_distinct_case
SELECT MOD(auction, 4), COUNT(DISTINCT CASE WHEN price > 1000 THEN bidder END), COUNT(DISTINCT CASE WHEN price <= 1000 THEN bidder ELSE NULL END) FROM bid GROUP BY MOD(auction, 4);

-- aggregate_of_same_twice
SELECT auction, SUM(price), SUM(price) + COUNT(*), SUM(price) / COUNT(price), -SUM(price), COUNT(*) > 20 FROM bid WHERE MOD(auction, 7) = 0 GROUP BY auction;

-- aggregate_of_distinct_of_changes
SELECT n, COUNT(DISTINCT m), COUNT(DISTINCT m) FILTER (WHERE m > 100000), SUM(DISTINCT m) FROM (SELECT auction, COUNT(*) AS n, MAX(price) AS m FROM bid GROUP BY auction) GROUP BY n;

-- aggregate_of_min_max_of_changes
SELECT MOD(auction, 5), MIN(n), MAX(n), MIN(s), MAX(s), AVG(n) FROM (SELECT auction, COUNT(*) AS n, CAST(SUM(price) AS STRING) AS s FROM bid GROUP BY auction) GROUP BY MOD(auction, 5);

-- aggregate_of_over_left_join
SELECT a.category, COUNT(b.auction), SUM(b.price), MAX(b.price) FROM auction a LEFT JOIN bid b ON a.id = b.auction AND b.price > 100000 GROUP BY a.category;

-- aggregate_of_sum_case
SELECT channel, SUM(CASE WHEN price > 10000 THEN 1 ELSE 0 END), SUM(CASE WHEN price > 10000 THEN price END), SUM(IF(price > 500, 1, 0)) FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY channel;

-- aggregate_of_by_date
SELECT DATE_FORMAT(`dateTime`, 'yyyy-MM-dd HH:mm'), COUNT(*) FROM bid GROUP BY DATE_FORMAT(`dateTime`, 'yyyy-MM-dd HH:mm');

-- aggregate_of_by_floor
SELECT FLOOR(`dateTime` TO MINUTE), CEIL(`dateTime` TO MINUTE), COUNT(*) FROM bid GROUP BY FLOOR(`dateTime` TO MINUTE), CEIL(`dateTime` TO MINUTE);

-- aggregate_of_by_extract
SELECT EXTRACT(MINUTE FROM `dateTime`), HOUR(`dateTime`), COUNT(*) FROM bid GROUP BY EXTRACT(MINUTE FROM `dateTime`), HOUR(`dateTime`);

-- aggregate_of_key_expression
SELECT MOD(auction, 5) + 1, MOD(auction, 5) * 2, COUNT(*) FROM bid GROUP BY MOD(auction, 5);

-- aggregate_of_moments_of_one
SELECT id, STDDEV_SAMP(initialBid), VAR_SAMP(initialBid), STDDEV_POP(initialBid), STDDEV(initialBid) FROM auction WHERE MOD(id, 10) = 0 GROUP BY id;

-- aggregate_of_group_by_null
SELECT k, COUNT(*), SUM(id) FROM (SELECT NULLIF(MOD(id, 3), 1) AS k, id FROM auction) GROUP BY k HAVING k IS NULL OR k = 2;

-- aggregate_of_by_time
SELECT CAST(FLOOR(`dateTime` TO SECOND) AS TIME) = TIME '00:00:00', CAST(CAST(FLOOR(`dateTime` TO MINUTE) AS TIME) AS STRING), COUNT(*) FROM bid GROUP BY CAST(FLOOR(`dateTime` TO SECOND) AS TIME), CAST(FLOOR(`dateTime` TO MINUTE) AS TIME);

-- aggregate_of_distinct_times
SELECT MOD(auction, 5), COUNT(DISTINCT CAST(FLOOR(`dateTime` TO SECOND) AS TIME)) FROM bid GROUP BY MOD(auction, 5);
