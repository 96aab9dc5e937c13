-- The first rows of an order, and the first or last row of each key.

-- first_rows
SELECT auction, bidder, price, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, `dateTime`) AS n FROM bid)
WHERE n <= 3;

-- first_rows_without_their_number
SELECT auction, bidder, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, `dateTime`) AS n FROM bid)
WHERE n <= 2;

-- rows_between_numbers
SELECT auction, price, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price, `dateTime`) AS n FROM bid)
WHERE n BETWEEN 2 AND 4;

-- first_rows_of_all
SELECT auction, price, n FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY price DESC, `dateTime`) AS n FROM bid) WHERE n <= 10;

-- first_rows_of_groups
SELECT bidder, total, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY MOD(bidder, 5) ORDER BY total DESC, bidder) AS n
  FROM (SELECT bidder, SUM(price) AS total FROM bid GROUP BY bidder))
WHERE n <= 3;

-- first_of_each_key
SELECT bidder, auction, price, `dateTime` FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `dateTime`) AS n FROM bid) WHERE n = 1;

-- last_of_each_key
SELECT bidder, auction, price, `dateTime` FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `dateTime` DESC) AS n FROM bid) WHERE n = 1;

-- last_of_several_keys
SELECT bidder, auction, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY `dateTime` DESC) AS n FROM bid) WHERE n = 1 AND price > 1000;

-- first_rows_of_windows
SELECT auction, price, window_start, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, auction ORDER BY price DESC, bidder) AS n
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)))
WHERE n <= 2;

-- first_groups_of_windows
SELECT bidder, total, window_start, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC, bidder) AS n FROM (
    SELECT window_start, window_end, bidder, SUM(price) AS total
    FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, bidder))
WHERE n <= 3;

-- first_of_each_key_in_windows
SELECT bidder, price, window_end FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, bidder ORDER BY `dateTime`) AS n
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)))
WHERE n = 1;

-- last_of_each_key_in_windows
SELECT bidder, price, window_end FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, bidder ORDER BY `dateTime` DESC) AS n
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)))
WHERE n <= 1;

-- nulls_in_an_order
SELECT k, p, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY p, id) AS n
  FROM (SELECT MOD(id, 5) AS k, id, CASE WHEN MOD(id, 3) = 0 THEN id END AS p FROM auction))
WHERE n <= 4;

-- nulls_last_in_an_order
SELECT k, p, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY p DESC NULLS LAST, id) AS n
  FROM (SELECT MOD(id, 5) AS k, id, CASE WHEN MOD(id, 3) = 0 THEN id END AS p FROM auction))
WHERE n <= 4;

-- first_rows_by_limit
SELECT auction, price FROM bid ORDER BY price DESC, `dateTime` LIMIT 7;

-- sorted_by_time
SELECT auction, price FROM bid WHERE price > 500000 ORDER BY `dateTime`;

-- qualify_first_rows
SELECT auction, price FROM bid QUALIFY ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, `dateTime`) <= 2;

-- qualify_by_a_name
SELECT auction, bidder, price, COUNT(*) OVER (PARTITION BY bidder ORDER BY `dateTime`) AS n FROM bid QUALIFY n > 3 AND MOD(auction, 2) = 0;

-- first_groups_without_a_subquery
SELECT channel, s FROM (SELECT channel, SUM(price) AS s, ROW_NUMBER() OVER (ORDER BY SUM(price) DESC) AS n FROM bid
GROUP BY channel) WHERE n <= 3;

-- first_groups_of_each_key
SELECT k, b, s
FROM (SELECT MOD(auction, 4) AS k, MOD(bidder, 7) AS b, SUM(price) AS s, ROW_NUMBER() OVER (PARTITION BY MOD(auction, 4) ORDER BY SUM(price) DESC) AS n
FROM bid GROUP BY MOD(auction, 4), MOD(bidder, 7)) WHERE n <= 2;

-- first_groups_of_windows_without_a_subquery
SELECT window_start, channel, s
FROM (SELECT window_start, window_end, channel, SUM(price) AS s, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY SUM(price) DESC) AS n
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, channel)
WHERE n <= 2;

-- first_rows_by_arrays
SELECT k, price FROM (SELECT k, price, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price DESC) AS n
FROM (SELECT ARRAY[MOD(auction, 2)] AS k, price FROM bid)) WHERE n <= 2;
