-- Aggregates of the rows before a row. Times are unique.

-- over_all_rows_before
SELECT bidder, price, COUNT(*) OVER w, SUM(price) OVER w, AVG(price) OVER w, MIN(price) OVER w, MAX(price) OVER w,
  FIRST_VALUE(price) OVER w, LAST_VALUE(price) OVER w
FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime`);

-- over_some_rows
SELECT bidder, price, COUNT(*) OVER w, SUM(price) OVER w, MIN(price) OVER w, MAX(channel) OVER w, FIRST_VALUE(price) OVER w
FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW);

-- over_an_interval
SELECT bidder, price, COUNT(*) OVER w, SUM(price) OVER w, MAX(price) OVER w, AVG(CAST(price AS DOUBLE)) OVER w
FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime` RANGE BETWEEN INTERVAL '2' SECOND PRECEDING AND CURRENT ROW);

-- over_distinct_values
SELECT bidder, price, COUNT(DISTINCT auction) OVER w, SUM(DISTINCT MOD(price, 10)) OVER w, COUNT(*) OVER w
FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime`);

-- over_distinct_values_of_rows
SELECT bidder, price, COUNT(DISTINCT MOD(auction, 3)) OVER (PARTITION BY bidder ORDER BY `dateTime` ROWS BETWEEN 4 PRECEDING AND CURRENT ROW)
FROM bid;

-- over_without_keys
SELECT auction, price, SUM(price) OVER (ORDER BY `dateTime` ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), COUNT(*) OVER (ORDER BY `dateTime` ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
FROM bid WHERE MOD(auction, 4) = 0;

-- numbers_of_rows
SELECT bidder, price, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `dateTime`) FROM bid;

-- ranks_of_rows
SELECT bidder, price, RANK() OVER (PARTITION BY bidder ORDER BY `dateTime`), DENSE_RANK() OVER (PARTITION BY bidder ORDER BY `dateTime`)
FROM bid;

-- over_with_nulls
SELECT bidder, SUM(p) OVER w, COUNT(p) OVER w, MIN(p) OVER w, FIRST_VALUE(p) OVER w, LAST_VALUE(p) OVER w
FROM (SELECT bidder, `dateTime`, CASE WHEN MOD(price, 2) = 0 THEN price END AS p FROM bid)
WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime` ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);

-- groups_of_over
SELECT bidder, MAX(n), SUM(s) FROM (
  SELECT bidder, COUNT(*) OVER (PARTITION BY bidder ORDER BY `dateTime`) AS n,
    SUM(price) OVER (PARTITION BY bidder ORDER BY `dateTime`) AS s FROM bid)
GROUP BY bidder;

-- moments_over
SELECT bidder, price, STDDEV_POP(CAST(price AS DOUBLE)) OVER w, VAR_POP(price) OVER w
FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime` ROWS BETWEEN 9 PRECEDING AND CURRENT ROW);

-- moments_over_all_rows_before
SELECT bidder, price, STDDEV_POP(CAST(price AS DOUBLE)) OVER w, STDDEV_SAMP(CAST(price AS DOUBLE)) OVER w, VAR_POP(CAST(price AS DOUBLE)) OVER w, VAR_SAMP(CAST(price AS DOUBLE)) OVER w, VARIANCE(CAST(price AS DOUBLE)) OVER w
FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime`);

-- aggregates_over_distinct_values
SELECT bidder, price, AVG(DISTINCT MOD(price, 10)) OVER w, MIN(DISTINCT price) OVER w, MAX(DISTINCT price) OVER w
FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime`);

-- ranks_in_another_order
SELECT auction, price, RANK() OVER w, DENSE_RANK() OVER w, COUNT(*) OVER w, SUM(price) OVER w
FROM bid WHERE MOD(auction, 5) = 0 WINDOW w AS (PARTITION BY MOD(auction, 3) ORDER BY MOD(price, 7));

-- numbers_in_another_order
SELECT auction, price, ROW_NUMBER() OVER (PARTITION BY MOD(auction, 3) ORDER BY price) FROM bid WHERE MOD(auction, 5) = 0;

-- ranks_of_groups
SELECT k, total, RANK() OVER w, SUM(total) OVER w FROM (SELECT MOD(auction, 13) AS k, SUM(price) AS total FROM bid GROUP BY MOD(auction, 13))
WINDOW w AS (ORDER BY k);

-- sums_of_sums_of_groups
SELECT channel, SUM(price), SUM(SUM(price)) OVER (ORDER BY channel) FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY channel;

-- sums_of_sums_by_a_key
SELECT MOD(auction, 4), MOD(bidder, 3), SUM(price), SUM(SUM(price)) OVER (PARTITION BY MOD(auction, 4) ORDER BY MOD(bidder, 3))
FROM bid GROUP BY MOD(auction, 4), MOD(bidder, 3);

-- sums_of_sums_of_windows
SELECT channel, window_start, SUM(price), SUM(SUM(price)) OVER (PARTITION BY channel ORDER BY window_time)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE CHAR_LENGTH(channel) < 9
GROUP BY window_start, window_end, window_time, channel;

-- parts_of_sums_of_sums
SELECT channel, SUM(price) * 100 / SUM(SUM(price)) OVER (ORDER BY channel) FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY channel;

-- distinct_ranks_of_groups
SELECT DISTINCT MOD(auction, 3), RANK() OVER (ORDER BY COUNT(*)) FROM bid GROUP BY MOD(auction, 3);

-- sums_of_sums_without_keys
SELECT SUM(price), SUM(SUM(price)) OVER (ORDER BY SUM(price)) FROM bid;

-- several_aggregates_of_groups
SELECT MOD(auction, 4), SUM(price), COUNT(*) OVER (ORDER BY MOD(auction, 4)), MAX(SUM(price)) OVER (ORDER BY MOD(auction, 4))
FROM bid GROUP BY MOD(auction, 4);

-- numbers_of_groups_in_case
SELECT MOD(auction, 4), CASE WHEN ROW_NUMBER() OVER (ORDER BY COUNT(*)) = 1 THEN 'few' ELSE 'many' END FROM bid GROUP BY MOD(auction, 4);

-- counts_over_groups_with_having
SELECT k, COUNT(*), SUM(COUNT(*)) OVER (ORDER BY k) FROM (SELECT MOD(auction, 5) AS k FROM bid) GROUP BY k HAVING COUNT(*) > 100;

-- some_windows_before_each
SELECT window_end, COUNT(*), SUM(COUNT(*)) OVER (ORDER BY window_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time;

-- counts_over_windows_by_their_ends
SELECT channel, window_end, COUNT(*), SUM(COUNT(*)) OVER (PARTITION BY channel ORDER BY window_end)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE CHAR_LENGTH(channel) < 9
GROUP BY window_start, window_end, channel;

-- counts_over_group_windows
SELECT TUMBLE_END(`dateTime`, INTERVAL '10' SECOND), COUNT(*), SUM(COUNT(*)) OVER (ORDER BY TUMBLE_ROWTIME(`dateTime`, INTERVAL '10' SECOND))
FROM bid GROUP BY TUMBLE(`dateTime`, INTERVAL '10' SECOND);

-- over_by_arrays
SELECT MOD(auction, 2), price, SUM(price) OVER (PARTITION BY ARRAY[MOD(auction, 2)] ORDER BY `dateTime`) FROM bid WHERE price < 200;

-- over_processing_time
SELECT bidder, COUNT(*) OVER w, COUNT(price) OVER w, MIN(bidder) OVER w
FROM (SELECT *, PROCTIME() AS p FROM bid) WINDOW w AS (PARTITION BY bidder ORDER BY p);

-- numbers_by_processing_time
SELECT bidder, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY p) FROM (SELECT *, PROCTIME() AS p FROM bid);

-- ranks_by_processing_time
SELECT bidder, RANK() OVER (PARTITION BY bidder ORDER BY p) FROM (SELECT *, PROCTIME() AS p FROM bid);

-- over_rows_of_processing_time
SELECT bidder, COUNT(*) OVER w, MAX(bidder) OVER w
FROM (SELECT *, PROCTIME() AS p FROM bid)
WINDOW w AS (PARTITION BY bidder ORDER BY p ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);

-- near_by_processing_time
SELECT a.id, b.bidder FROM (SELECT *, PROCTIME() AS p FROM auction) AS a
JOIN (SELECT *, PROCTIME() AS p FROM bid) AS b
ON a.id = b.auction AND b.p BETWEEN a.p - INTERVAL '1' HOUR AND a.p + INTERVAL '1' HOUR;
