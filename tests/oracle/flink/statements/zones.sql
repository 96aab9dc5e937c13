-- Windows of TIMESTAMP_LTZ, whose bounds are local times of a zone that is 5:30 ahead. Where Flink counts in slices it
-- loses rows of windows that begin at other times in UTC, so that those are of 5 and 10 seconds.

SET 'table.local-time-zone' = 'Asia/Kolkata';

CREATE TABLE stamped (
  moment AS CAST(CASE
    WHEN event_type = 0 THEN person.`dateTime`
    WHEN event_type = 1 THEN auction.`dateTime`
    ELSE bid.`dateTime`
  END AS TIMESTAMP_LTZ(3)),
  WATERMARK FOR moment AS moment - INTERVAL '4' SECOND
) LIKE nexmark (EXCLUDING WATERMARKS);

CREATE VIEW stamped_bid AS SELECT bid.auction, bid.bidder, bid.price, moment, `dateTime` FROM stamped WHERE event_type = 2;

CREATE VIEW stamped_counts AS SELECT bidder, window_time AS t, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end, window_time;

-- zone_of_times
SELECT moment, CAST(moment AS STRING), CAST(moment AS TIMESTAMP(3)) = `dateTime`, HOUR(moment), FLOOR(moment TO HOUR), DATE_FORMAT(moment, 'HH:mm'),
  UNIX_TIMESTAMP(DATE_FORMAT(moment, 'yyyy-MM-dd HH:mm:ss')), moment > TIMESTAMP '2015-07-15 08:00:00'
FROM stamped_bid WHERE MOD(auction, 50) = 7;

-- zone_of_tumbling_windows
SELECT window_start, window_end, window_time, COUNT(*), MAX(price)
FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time;

-- zone_of_days
SELECT window_start, window_end, window_time, COUNT(*)
FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '1' DAY)) GROUP BY window_start, window_end, window_time;

-- zone_of_rows_in_tumbling_windows
SELECT window_start, window_end, window_time, CAST(moment AS STRING), price
FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '7' SECOND)) WHERE MOD(auction, 20) = 7;

-- zone_of_hopping_windows
SELECT MOD(auction, 3), window_start, window_end, window_time, COUNT(*)
FROM TABLE(HOP(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND, INTERVAL '20' SECOND))
GROUP BY MOD(auction, 3), window_start, window_end, window_time;

-- zone_of_rows_in_hopping_windows
SELECT window_start, window_end, window_time, CAST(moment AS STRING), price
FROM TABLE(HOP(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '7' SECOND, INTERVAL '21' SECOND)) WHERE MOD(auction, 50) = 7;

-- zone_of_cumulating_windows
SELECT window_start, window_end, COUNT(*), SUM(price)
FROM TABLE(CUMULATE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '5' SECOND, INTERVAL '20' SECOND)) GROUP BY window_start, window_end;

-- zone_of_sessions
SELECT bidder, window_start, window_end, window_time, COUNT(*)
FROM TABLE(SESSION(TABLE stamped_bid PARTITION BY bidder, DESCRIPTOR(moment), INTERVAL '3' SECOND))
GROUP BY bidder, window_start, window_end, window_time;

-- zone_of_groups
SELECT TUMBLE_START(moment, INTERVAL '7' SECOND), TUMBLE_END(moment, INTERVAL '7' SECOND), TUMBLE_ROWTIME(moment, INTERVAL '7' SECOND), COUNT(*)
FROM stamped_bid GROUP BY TUMBLE(moment, INTERVAL '7' SECOND);

-- zone_of_hopping_groups
SELECT HOP_START(moment, INTERVAL '7' SECOND, INTERVAL '21' SECOND), HOP_END(moment, INTERVAL '7' SECOND, INTERVAL '21' SECOND),
  HOP_ROWTIME(moment, INTERVAL '7' SECOND, INTERVAL '21' SECOND), COUNT(*)
FROM stamped_bid GROUP BY HOP(moment, INTERVAL '7' SECOND, INTERVAL '21' SECOND);

-- zone_of_windows_in_windows
SELECT window_start, window_end, MAX(n), COUNT(*)
FROM TABLE(TUMBLE(TABLE stamped_counts, DESCRIPTOR(t), INTERVAL '20' SECOND)) GROUP BY window_start, window_end;

-- zone_of_windows_of_the_same
SELECT window_start, window_end, MAX(n), COUNT(*) FROM (
  SELECT bidder, window_start, window_end, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end)
GROUP BY window_start, window_end;

-- zone_of_first_rows
SELECT window_start, window_end, bidder, n, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, bidder) AS place FROM (
    SELECT bidder, window_start, window_end, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end))
WHERE place <= 2;

-- zone_of_first_rows_in_windows
SELECT window_start, window_end, auction, price, moment FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS place
  FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '7' SECOND)))
WHERE place = 1;

-- zone_of_joined_windows
SELECT l.window_start, l.window_end, l.bidder, l.n, r.m FROM (
  SELECT bidder, window_start, window_end, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end) AS l
JOIN (
  SELECT bidder, window_start, window_end, MAX(price) AS m
  FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end) AS r
ON l.bidder = r.bidder AND l.window_start = r.window_start AND l.window_end = r.window_end WHERE l.n > 2;

-- zone_of_joined_rows_in_windows
SELECT COALESCE(l.window_start, r.window_start), l.auction, r.price FROM (
  SELECT * FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '7' SECOND)) WHERE MOD(auction, 10) = 7) AS l
FULL JOIN (
  SELECT * FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '7' SECOND)) WHERE MOD(auction, 20) = 7) AS r
ON l.price = r.price AND l.window_start = r.window_start AND l.window_end = r.window_end;

-- zone_of_over
SELECT bidder, moment, COUNT(*) OVER (PARTITION BY bidder ORDER BY moment RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW)
FROM stamped_bid WHERE MOD(auction, 20) = 7;

-- zone_of_intervals
SELECT a.auction, a.moment, CAST(b.moment AS STRING), b.price FROM stamped_bid AS a JOIN stamped_bid AS b
ON a.auction = b.auction AND b.moment BETWEEN a.moment AND a.moment + INTERVAL '1' SECOND WHERE MOD(a.auction, 20) = 7 AND a.price < b.price;

-- zone_of_days_by_rows
SELECT FLOOR(moment TO DAY), CAST(moment AS DATE), COUNT(*) FROM stamped_bid GROUP BY FLOOR(moment TO DAY), CAST(moment AS DATE);

-- zone_of_joined_windows_with_a_condition
SELECT l.window_start, l.bidder, l.n, r.bidder, r.n FROM (
  SELECT MOD(bidder, 10) AS k, bidder, window_start, window_end, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end) AS l
LEFT JOIN (
  SELECT MOD(bidder, 10) AS k, bidder, window_start, window_end, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE stamped_bid, DESCRIPTOR(moment), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end) AS r
ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end AND l.n < r.n;

-- zone_of_rows_in_sessions
SELECT window_start, window_end, window_time, bidder, CAST(moment AS STRING)
FROM TABLE(SESSION(TABLE stamped_bid PARTITION BY bidder, DESCRIPTOR(moment), INTERVAL '1' SECOND)) WHERE MOD(auction, 10) = 7;

-- zone_of_days_over_groups
SELECT CAST(d AS STRING), n, SUM(n) OVER (ORDER BY d) FROM (
  SELECT TUMBLE_ROWTIME(moment, INTERVAL '7' SECOND) AS d, COUNT(*) AS n FROM stamped_bid GROUP BY TUMBLE(moment, INTERVAL '7' SECOND));

-- zone_of_arrays_as_keys
SELECT CAST(days AS STRING), COUNT(*) FROM (
  SELECT ARRAY[CAST(moment AS DATE), CAST(TIMESTAMPADD(DAY, 1, moment) AS DATE)] AS days FROM stamped_bid)
GROUP BY days;
