-- Aggregates of groups and windows.

-- distinct_of_tumbling_windows
SELECT window_start, COUNT(DISTINCT bid.bidder), COUNT(DISTINCT bid.channel), SUM(DISTINCT bid.price), AVG(DISTINCT bid.price), COUNT(*),
  MAX(DISTINCT bid.price)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid GROUP BY window_start, window_end;

-- distinct_of_hopping_windows
SELECT bid.auction, window_end, COUNT(DISTINCT bid.bidder), COUNT(DISTINCT bid.channel) FILTER (WHERE bid.price > 5000)
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) AS bid
GROUP BY bid.auction, window_start, window_end;

-- distinct_of_cumulating_windows
SELECT window_start, window_end, COUNT(DISTINCT bid.bidder), SUM(DISTINCT bid.price)
FROM TABLE(CUMULATE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '20' SECOND)) AS bid
GROUP BY window_start, window_end;

-- distinct_of_sessions
SELECT bid.bidder, window_start, window_end, COUNT(DISTINCT bid.auction), COUNT(DISTINCT bid.channel), COUNT(*)
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND)) AS bid
GROUP BY bid.bidder, window_start, window_end;

-- distinct_of_groups
SELECT bid.auction, COUNT(DISTINCT bid.bidder), COUNT(DISTINCT bid.channel) FILTER (WHERE bid.price > 5000), SUM(DISTINCT MOD(bid.price, 10)),
  AVG(DISTINCT MOD(bid.price, 10)), MIN(DISTINCT bid.price)
FROM bid GROUP BY bid.auction;

-- filters_and_having
SELECT bid.bidder, COUNT(*) FILTER (WHERE bid.price > 10000), SUM(bid.price) FILTER (WHERE bid.channel = 'Apple'), MAX(bid.price)
FROM bid GROUP BY bid.bidder HAVING COUNT(*) > 10 AND MAX(bid.price) > 100000;

-- having_of_windows
SELECT bid.auction, window_start, COUNT(*) AS n, AVG(bid.price)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid
GROUP BY bid.auction, window_start, window_end HAVING COUNT(*) >= 5 OR MIN(bid.price) < 200;

-- grouping_sets_of_windows
SELECT window_start, bid.auction, bid.channel, COUNT(*), SUM(bid.price)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND)) AS bid
WHERE bid.channel IN ('Apple', 'Google') GROUP BY window_start, window_end, GROUPING SETS ((bid.auction, bid.channel), (bid.channel), ());

-- cube_of_windows
SELECT window_start, MOD(bid.auction, 3), bid.channel, COUNT(*)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND)) AS bid
WHERE bid.channel IN ('Apple', 'Google') GROUP BY window_start, window_end, CUBE (MOD(bid.auction, 3), bid.channel);

-- rollup_of_windows
SELECT window_start, bid.channel, MOD(bid.auction, 3), COUNT(*)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND)) AS bid
WHERE bid.channel IN ('Apple', 'Google') GROUP BY window_start, window_end, ROLLUP (bid.channel, MOD(bid.auction, 3));

-- grouping_sets
SELECT a, channel, COUNT(*), SUM(price), GROUPING(a), GROUPING(channel), GROUPING_ID(a, channel)
FROM (SELECT MOD(bid.auction, 7) AS a, bid.channel, bid.price FROM bid WHERE CHAR_LENGTH(bid.channel) < 8)
GROUP BY GROUPING SETS ((a, channel), (a), (channel), ());

-- cube
SELECT a, b, COUNT(*), MAX(price)
FROM (SELECT MOD(bid.auction, 3) AS a, MOD(bid.bidder, 2) AS b, bid.price FROM bid) GROUP BY CUBE (a, b);

-- rollup
SELECT a, b, c, COUNT(*), COUNT(DISTINCT price)
FROM (SELECT MOD(bid.auction, 3) AS a, MOD(bid.bidder, 2) AS b, SUBSTRING(bid.channel FROM 1 FOR 1) AS c, bid.price FROM bid)
GROUP BY ROLLUP (a, b, c);

-- grouping_sets_over_nulls
SELECT a, b, COUNT(*), GROUPING(a), GROUPING(b)
FROM (SELECT NULLIF(MOD(bid.auction, 3), 0) AS a, NULLIF(MOD(bid.bidder, 2), 0) AS b FROM bid)
GROUP BY GROUPING SETS ((a, b), (a), (b));

-- nested_aggregates
SELECT n, COUNT(*), SUM(total), MIN(total), MAX(low), AVG(total), COUNT(DISTINCT low)
FROM (SELECT bid.auction, COUNT(*) AS n, SUM(bid.price) AS total, MIN(bid.price) AS low FROM bid GROUP BY bid.auction) GROUP BY n;

-- aggregates_of_windows_of_windows
SELECT window_start, window_end, MAX(n), SUM(total) FROM TABLE(TUMBLE((
  SELECT window_time AS t, bid.bidder, COUNT(*) AS n, SUM(bid.price) AS total
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND)) AS bid
  GROUP BY bid.bidder, window_start, window_end, window_time), DESCRIPTOR(t), INTERVAL '20' SECOND))
GROUP BY window_start, window_end;

-- moments
SELECT bid.auction, STDDEV_POP(bid.price), STDDEV_SAMP(bid.price), VAR_POP(bid.price), VAR_SAMP(bid.price), VARIANCE(bid.price),
  STDDEV_POP(CAST(bid.price AS DOUBLE)), VAR_SAMP(CAST(bid.price AS DOUBLE)), AVG(CAST(bid.price AS DOUBLE))
FROM bid GROUP BY bid.auction;

-- aggregates_of_decimals
SELECT bid.auction, SUM(p), ROUND(AVG(p), 6), MIN(p), MAX(p), ROUND(SUM(p) / COUNT(*), 6), SUM(DISTINCT p)
FROM (SELECT bid.auction, CAST(bid.price AS DECIMAL(12, 2)) / 7 AS p FROM bid) AS bid GROUP BY bid.auction;

-- aggregates_of_narrow_integers
SELECT MOD(auction, 10), SUM(t), SUM(s), SUM(i), AVG(t), AVG(s), MIN(t), MAX(s), SUM(f)
FROM (SELECT bid.auction, CAST(MOD(bid.price, 100) AS TINYINT) AS t, CAST(MOD(bid.price, 30000) AS SMALLINT) AS s,
  CAST(bid.price AS INT) * 1000 AS i, CAST(MOD(bid.price, 16) AS FLOAT) AS f FROM bid)
GROUP BY MOD(auction, 10);

-- aggregates_of_times_and_texts
SELECT bid.channel, MIN(`dateTime`), MAX(`dateTime`), MIN(CAST(`dateTime` AS DATE)), MAX(bid.url), MIN(bid.url), COUNT(bid.url), MAX(bid.price > 1000)
FROM bid WHERE CHAR_LENGTH(bid.channel) < 9 GROUP BY bid.channel;

-- aggregates_without_keys
SELECT COUNT(*), COUNT(CASE WHEN bid.price > 1000 THEN 1 END), SUM(bid.price), MIN(bid.price), MAX(bid.price), AVG(bid.price) FROM bid;

-- aggregates_of_nothing
SELECT COUNT(*), SUM(bid.price), MAX(bid.price) FROM bid WHERE bid.price < 0;

-- distinct_rows
SELECT DISTINCT MOD(bid.auction, 5), MOD(bid.bidder, 3), bid.channel FROM bid WHERE CHAR_LENGTH(bid.channel) < 9;

-- json_of_groups
SELECT category, JSON_OBJECTAGG(KEY CAST(id AS STRING) VALUE seller), JSON_OBJECTAGG(KEY CAST(id AS STRING) VALUE NULLIF(MOD(id, 3), 0) ABSENT ON NULL)
FROM auction WHERE MOD(id, 20) = 0 GROUP BY category;

-- groups_of_rows_in_an_order
SELECT bidder, SUM(price), COUNT(*) FROM (SELECT bidder, price FROM bid ORDER BY price DESC) GROUP BY bidder;

-- rows_among_others
SELECT auction, bidder, price FROM bid WHERE (MOD(auction, 5), MOD(bidder, 3)) IN ((1, 2), (3, 0)) AND (price, bidder) <> (auction, bidder);

-- filtered_moments_of_groups
SELECT auction, STDDEV_POP(p) FILTER (WHERE price > 5000),
  STDDEV_SAMP(p) FILTER (WHERE price > 5000),
  VAR_POP(p) FILTER (WHERE price > 5000),
  VAR_SAMP(p) FILTER (WHERE price > 5000),
  VARIANCE(p) FILTER (WHERE price > 5000)
FROM (SELECT bid.auction, bid.bidder, bid.price, CAST(MOD(bid.price, 20) AS DOUBLE) AS p FROM bid) GROUP BY auction;

-- filtered_of_groups
SELECT bid.auction, COUNT(bid.channel) FILTER (WHERE bid.price > 5000), SUM(bid.price) FILTER (WHERE bid.price > 5000),
  AVG(bid.price) FILTER (WHERE bid.price > 5000), MIN(bid.price) FILTER (WHERE bid.price > 5000), MAX(bid.channel) FILTER (WHERE bid.price > 5000)
FROM bid GROUP BY bid.auction;

-- distinct_and_filtered_of_groups
SELECT bid.auction, COUNT(DISTINCT bid.bidder) FILTER (WHERE bid.price > 5000), SUM(DISTINCT MOD(bid.price, 10)) FILTER (WHERE bid.price > 5000),
  AVG(DISTINCT MOD(bid.price, 10)) FILTER (WHERE bid.price > 5000), MIN(DISTINCT MOD(bid.price, 10)) FILTER (WHERE bid.price > 5000),
  MAX(DISTINCT MOD(bid.price, 10)) FILTER (WHERE bid.price > 5000), MAX(DISTINCT bid.price)
FROM bid GROUP BY bid.auction;

-- moments_of_windows
SELECT bid.auction, window_start, STDDEV_POP(CAST(bid.price AS DOUBLE)), STDDEV_SAMP(CAST(bid.price AS DOUBLE)), VAR_POP(CAST(bid.price AS DOUBLE)), VAR_SAMP(CAST(bid.price AS DOUBLE)), VARIANCE(CAST(bid.price AS DOUBLE)), AVG(CAST(bid.price AS DOUBLE))
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid
WHERE MOD(bid.auction, 3) = 0 GROUP BY bid.auction, window_start, window_end;

-- filtered_of_windows
SELECT window_start, COUNT(*) FILTER (WHERE bid.price > 5000), SUM(bid.price) FILTER (WHERE bid.channel = 'Apple'),
  AVG(bid.price) FILTER (WHERE bid.channel = 'Apple'), MIN(bid.price) FILTER (WHERE bid.channel = 'Apple'), MAX(bid.price) FILTER (WHERE bid.price < 0),
  STDDEV_POP(CAST(bid.price AS DOUBLE)) FILTER (WHERE bid.channel = 'Apple'), STDDEV_SAMP(CAST(bid.price AS DOUBLE)) FILTER (WHERE bid.channel = 'Apple'), VAR_POP(CAST(bid.price AS DOUBLE)) FILTER (WHERE bid.channel = 'Apple'), VAR_SAMP(CAST(bid.price AS DOUBLE)) FILTER (WHERE bid.channel = 'Apple'), VARIANCE(CAST(bid.price AS DOUBLE)) FILTER (WHERE bid.channel = 'Apple')
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid GROUP BY window_start, window_end;

-- distinct_and_filtered_of_windows
SELECT window_start, COUNT(DISTINCT bid.bidder) FILTER (WHERE bid.price > 5000), SUM(DISTINCT MOD(bid.price, 10)) FILTER (WHERE bid.channel = 'Apple'),
  AVG(DISTINCT MOD(bid.price, 10)) FILTER (WHERE bid.channel = 'Apple'), MIN(DISTINCT bid.price) FILTER (WHERE bid.channel = 'Apple'),
  MAX(DISTINCT bid.price) FILTER (WHERE bid.channel = 'Apple'),
  MIN(DISTINCT bid.price), MAX(DISTINCT bid.price)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid GROUP BY window_start, window_end;

-- aggregates_of_moments_of_integers
SELECT MOD(auction, 10), STDDEV_POP(CAST(MOD(price, 100) AS INT)), STDDEV_SAMP(CAST(MOD(price, 100) AS INT)), VAR_POP(CAST(MOD(price, 100) AS INT)), VAR_SAMP(CAST(MOD(price, 100) AS INT)), VARIANCE(CAST(MOD(price, 100) AS INT)), STDDEV_POP(CAST(MOD(price, 100) AS DECIMAL(10, 2))),
  VAR_SAMP(CAST(MOD(price, 100) AS FLOAT))
FROM bid GROUP BY MOD(auction, 10);

-- groups_by_rows
SELECT MOD(bid.auction, 3), bid.channel, COUNT(*) FROM bid
WHERE bid.channel IN ('Apple', 'Google') GROUP BY (MOD(bid.auction, 3), bid.channel);

-- groups_by_nothing
SELECT COUNT(*), MAX(bid.price) FROM bid GROUP BY ();

-- percentiles_of_groups
SELECT bid.auction, PERCENTILE(bid.price, 0.5), PERCENTILE(bid.price, 0.9), PERCENTILE(bid.price, 0), PERCENTILE(bid.price, 1.0), COUNT(*),
  PERCENTILE(bid.price, 0.5) FILTER (WHERE bid.price > 10000)
FROM bid GROUP BY bid.auction;

-- percentiles_of_windows
SELECT window_start, PERCENTILE(CAST(bid.price AS DOUBLE) / 3, 0.25), PERCENTILE(bid.price, ARRAY[0.1, 0.5, 0.99])[1], PERCENTILE(bid.price, ARRAY[0.1, 0.5, 0.99])[3],
  PERCENTILE(bid.price, 0.5) FILTER (WHERE bid.channel = 'Apple'), PERCENTILE(CAST(NULL AS INT), 0.5)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid GROUP BY window_start, window_end;

-- percentiles_of_rows_that_change
SELECT PERCENTILE(n, 0.5), PERCENTILE(n, 0.75), PERCENTILE(CAST(n AS DECIMAL(10, 2)), 0.3) FROM (
  SELECT bid.auction, COUNT(*) AS n FROM bid GROUP BY bid.auction);

-- groups_by_a_number
SELECT COUNT(*), SUM(price) FROM bid GROUP BY 1;

-- groups_by_a_constant_of_nothing
SELECT COUNT(*) FROM bid WHERE price < 0 GROUP BY 'x';

-- groups_by_a_text
SELECT 'x', COUNT(*) FROM bid GROUP BY 'x';

-- windows_by_a_constant
SELECT 'a', window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, 'a';

-- groups_by_a_constant_and_a_column
SELECT MOD(auction, 3), COUNT(*) FROM bid GROUP BY MOD(auction, 3), 'x';

-- groups_by_arrays
SELECT a, COUNT(*) FROM (SELECT ARRAY[MOD(auction, 2), MOD(bidder, 2)] AS a FROM bid) GROUP BY a;

-- groups_by_arrays_with_nulls
SELECT a, COUNT(*) FROM (SELECT ARRAY[NULLIF(MOD(auction, 2), 0), MOD(bidder, 2)] AS a FROM bid) GROUP BY a;

-- groups_by_arrays_of_texts
SELECT a, COUNT(*), MAX(price) FROM (SELECT SPLIT(REPLACE(channel, 'channel-', 'x y '), ' ') AS a, price FROM bid
WHERE CHAR_LENGTH(channel) < 11) GROUP BY a;

-- groups_by_maps
SELECT m, COUNT(*) FROM (SELECT MAP['a', MOD(auction, 3), 'b', MOD(bidder, 2)] AS m FROM bid) GROUP BY m;

-- groups_by_maps_in_another_order
SELECT m, COUNT(*) FROM (SELECT CASE WHEN MOD(auction, 2) = 0 THEN MAP['a', 1, 'b', 2] ELSE MAP['b', 2, 'a', 1] END AS m
FROM bid) GROUP BY m;

-- groups_by_whole_rows
SELECT a.f0, a.f1, n FROM (SELECT a, COUNT(*) AS n
FROM (SELECT CAST(ROW(MOD(auction, 2), channel) AS ROW<f0 BIGINT, f1 STRING>) AS a FROM bid WHERE CHAR_LENGTH(channel) < 9)
GROUP BY a);

-- groups_by_rows_of_arrays
SELECT a.f0, a.f1, n FROM (SELECT a, COUNT(*) AS n
FROM (SELECT CAST(ROW(MOD(auction, 2), ARRAY[MOD(bidder, 2)]) AS ROW<f0 BIGINT, f1 ARRAY<BIGINT>>) AS a FROM bid)
GROUP BY a);

-- groups_by_arrays_of_rows
SELECT a[1].f0, a[1].f1, n FROM (SELECT a, COUNT(*) AS n
FROM (SELECT ARRAY[CAST(ROW(MOD(auction, 2), channel) AS ROW<f0 BIGINT, f1 STRING>)] AS a FROM bid
WHERE CHAR_LENGTH(channel) < 9) GROUP BY a);

-- groups_by_arrays_that_change
SELECT a, COUNT(*) FROM (SELECT ARRAY[MAX(MOD(price, 3))] AS a FROM bid GROUP BY auction) GROUP BY a;

-- having_of_arrays
SELECT a, COUNT(*) FROM (SELECT ARRAY[MOD(auction, 2), MOD(bidder, 3)] AS a FROM bid) GROUP BY a HAVING a[1] = 0 AND CARDINALITY(a) = 2;

-- grouping_sets_of_arrays
SELECT a, b, COUNT(*) FROM (SELECT ARRAY[MOD(auction, 2)] AS a, MAP['b', MOD(bidder, 2)] AS b FROM bid) GROUP BY GROUPING SETS (a, b, ());

-- hopping_windows_by_arrays
SELECT a, window_start, COUNT(*) FROM TABLE(HOP((SELECT ARRAY[MOD(auction, 2)] AS a, `dateTime`
FROM bid), DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end, a;

-- sessions_by_arrays
SELECT a, window_start, COUNT(*) FROM TABLE(SESSION((SELECT ARRAY[MOD(bidder, 50)] AS a, `dateTime`
FROM bid) PARTITION BY a, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND)) GROUP BY window_start, window_end, a;

-- rollup_in_grouping_sets
SELECT channel, MOD(auction, 2), MOD(bidder, 2), COUNT(*) FROM bid WHERE CHAR_LENGTH(channel) < 9
GROUP BY GROUPING SETS (channel, ROLLUP(MOD(auction, 2), MOD(bidder, 2)));

-- cube_in_grouping_sets
SELECT channel, MOD(auction, 2), MOD(bidder, 2), COUNT(*) FROM bid WHERE CHAR_LENGTH(channel) < 9
GROUP BY GROUPING SETS (CUBE(channel, MOD(auction, 2)), MOD(bidder, 2));

-- grouping_sets_in_grouping_sets
SELECT channel, MOD(auction, 2), MOD(bidder, 2), COUNT(*) FROM bid WHERE CHAR_LENGTH(channel) < 9
GROUP BY GROUPING SETS (channel, GROUPING SETS (MOD(auction, 2), (MOD(bidder, 2), channel)));

-- rollup_beside_a_column
SELECT channel, MOD(auction, 2), MOD(bidder, 2), COUNT(*) FROM bid WHERE CHAR_LENGTH(channel) < 9
GROUP BY channel, ROLLUP(MOD(auction, 2), MOD(bidder, 2));

-- cube_beside_rollup
SELECT channel, MOD(auction, 2), MOD(bidder, 2), COUNT(*), GROUPING(channel), GROUPING_ID(channel, MOD(auction, 2)) FROM bid
WHERE CHAR_LENGTH(channel) < 9 GROUP BY CUBE(channel, MOD(auction, 2)), ROLLUP(MOD(bidder, 2));

-- rollup_of_tuples
SELECT channel, MOD(auction, 2), MOD(bidder, 2), COUNT(*) FROM bid WHERE CHAR_LENGTH(channel) < 9
GROUP BY ROLLUP((channel, MOD(auction, 2)), MOD(bidder, 2));

-- group_ids
SELECT channel, MOD(auction, 2), COUNT(*), GROUP_ID() FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY ROLLUP(channel, MOD(auction, 2));

-- group_ids_of_the_same_groups
SELECT MOD(auction, 2), COUNT(*), GROUP_ID() FROM bid GROUP BY GROUPING SETS (MOD(auction, 2), MOD(auction, 2), (), ());
