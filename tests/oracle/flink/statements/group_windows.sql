-- Windows in the older form, as groups.

-- tumbling_groups
SELECT bid.bidder, TUMBLE_START(`dateTime`, INTERVAL '10' SECOND), TUMBLE_END(`dateTime`, INTERVAL '10' SECOND),
  TUMBLE_ROWTIME(`dateTime`, INTERVAL '10' SECOND), COUNT(*), SUM(bid.price)
FROM bid GROUP BY TUMBLE(`dateTime`, INTERVAL '10' SECOND), bid.bidder;

-- hopping_groups
SELECT bid.channel, HOP_START(`dateTime`, INTERVAL '5' SECOND, INTERVAL '15' SECOND), HOP_END(`dateTime`, INTERVAL '5' SECOND, INTERVAL '15' SECOND),
  HOP_ROWTIME(`dateTime`, INTERVAL '5' SECOND, INTERVAL '15' SECOND), COUNT(*), MAX(bid.price)
FROM bid WHERE CHAR_LENGTH(bid.channel) < 9 GROUP BY HOP(`dateTime`, INTERVAL '5' SECOND, INTERVAL '15' SECOND), bid.channel;

-- session_groups
SELECT bid.bidder, SESSION_START(`dateTime`, INTERVAL '3' SECOND), SESSION_END(`dateTime`, INTERVAL '3' SECOND),
  SESSION_ROWTIME(`dateTime`, INTERVAL '3' SECOND), COUNT(*), MIN(bid.price)
FROM bid GROUP BY SESSION(`dateTime`, INTERVAL '3' SECOND), bid.bidder;

-- groups_of_windows_in_windows
SELECT TUMBLE_START(t, INTERVAL '20' SECOND), MAX(n), COUNT(*) FROM (
  SELECT TUMBLE_ROWTIME(`dateTime`, INTERVAL '5' SECOND) AS t, bid.bidder, COUNT(*) AS n
  FROM bid GROUP BY TUMBLE(`dateTime`, INTERVAL '5' SECOND), bid.bidder)
GROUP BY TUMBLE(t, INTERVAL '20' SECOND);

-- windows_without_keys
SELECT TUMBLE_START(`dateTime`, INTERVAL '7' SECOND), COUNT(*), COUNT(DISTINCT bid.auction), STDDEV_POP(CAST(bid.price AS DOUBLE))
FROM bid GROUP BY TUMBLE(`dateTime`, INTERVAL '7' SECOND) HAVING COUNT(*) > 300;

-- windows_with_offsets
SELECT window_start, window_end, window_time, COUNT(*)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND, INTERVAL '3' SECOND))
GROUP BY window_start, window_end, window_time;

-- hopping_windows_with_offsets
SELECT window_start, window_end, COUNT(*), MAX(price)
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND, INTERVAL '2' SECOND))
GROUP BY window_start, window_end;

-- cumulating_windows
SELECT MOD(auction, 4), window_start, window_end, COUNT(*), AVG(price)
FROM TABLE(CUMULATE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '20' SECOND))
GROUP BY MOD(auction, 4), window_start, window_end;

-- rows_of_windows
SELECT auction, price, window_start, window_end, window_time
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) WHERE MOD(auction, 10) = 3;

-- ends_of_hopping_windows
SELECT window_end, MOD(auction, 5), COUNT(*), MAX(price)
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) GROUP BY window_end, MOD(auction, 5);

-- rows_of_all_windows
SELECT channel, COUNT(*), MAX(price) FROM TABLE(CUMULATE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
WHERE CHAR_LENGTH(channel) < 9 GROUP BY channel;

-- distinct_hopping_windows
SELECT DISTINCT window_start, window_end FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND));

-- moved_hopping_windows
SELECT auction, price, window_start + INTERVAL '1' SECOND, EXTRACT(SECOND FROM window_end)
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) WHERE MOD(auction, 10) = 3;

-- some_hopping_windows
SELECT window_start, window_end, COUNT(*), SUM(price)
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
WHERE window_start >= TIMESTAMP '2015-07-15 07:26:20' AND MOD(auction, 2) = 0 GROUP BY window_start, window_end;

-- grouping_sets_of_bounds
SELECT window_start, window_end, MOD(auction, 3), COUNT(*) FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY GROUPING SETS ((window_start, window_end), (window_end, MOD(auction, 3)), ());

-- rows_of_sessions
SELECT bidder, price, window_start, window_end, window_time
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND));

-- rows_of_one_session
SELECT bidder, price, window_start, window_end, window_time FROM TABLE(SESSION(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND));

-- some_rows_of_sessions
SELECT bidder, price, window_start, window_end
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND)) WHERE price > 10000;

-- groups_of_rows_of_sessions
SELECT window_start, window_end, MOD(auction, 2), COUNT(*)
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND))
GROUP BY window_start, window_end, MOD(auction, 2);

-- groups_of_sessions_by_more
SELECT bidder, window_start, window_end, MOD(auction, 2), COUNT(*)
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND))
GROUP BY bidder, window_start, window_end, MOD(auction, 2);

-- groups_of_one_session
SELECT window_start, window_end, bidder, COUNT(*) FROM TABLE(SESSION(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '1' SECOND))
GROUP BY window_start, window_end, bidder;

-- groups_without_their_sessions
SELECT bidder, COUNT(*) FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND)) GROUP BY bidder;

-- groups_by_the_begins_of_sessions
SELECT bidder, window_start, COUNT(*)
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND))
GROUP BY bidder, window_start;

-- first_rows_of_sessions
SELECT bidder, price, window_start
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, window_start, window_end ORDER BY price DESC) AS n
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND))) WHERE n <= 1;

-- sessions_of_some_rows
SELECT bidder, window_start, window_end, COUNT(*)
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND)) WHERE price > 10000
GROUP BY bidder, window_start, window_end;

-- sessions_of_a_query
SELECT bidder, window_start, window_end, COUNT(*) FROM TABLE(SESSION((SELECT * FROM bid
WHERE price > 10000) PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND))
GROUP BY bidder, window_start, window_end;

-- groups_of_some_rows_of_sessions
SELECT window_start, window_end, COUNT(*), MAX(price)
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND)) WHERE price > 10000
GROUP BY window_start, window_end;

-- distinct_sessions
SELECT DISTINCT bidder, window_start, window_end
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND));

-- windows_of_rows_of_sessions
SELECT TUMBLE_START(window_time, INTERVAL '10' SECOND), COUNT(*) FROM (SELECT *
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND)))
GROUP BY TUMBLE(window_time, INTERVAL '10' SECOND);

-- counts_over_rows_of_sessions
SELECT bidder, price, COUNT(*) OVER (PARTITION BY bidder ORDER BY window_time)
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '3' SECOND));

-- windows_by_the_times_of_windows
SELECT window_start, SUM(n)
FROM TABLE(TUMBLE((SELECT window_time, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, window_time), DESCRIPTOR(window_time), INTERVAL '15' SECOND)) GROUP BY window_start, window_end;

-- hopping_groups_of_no_multiple
SELECT HOP_START(`dateTime`, INTERVAL '5' SECOND, INTERVAL '6' SECOND), HOP_END(`dateTime`, INTERVAL '5' SECOND, INTERVAL '6' SECOND), channel, COUNT(*), SUM(price), COUNT(DISTINCT bidder) FROM bid WHERE MOD(auction, 5) = 0 GROUP BY HOP(`dateTime`, INTERVAL '5' SECOND, INTERVAL '6' SECOND), channel;

-- hopping_groups_with_gaps
SELECT HOP_START(`dateTime`, INTERVAL '5' SECOND, INTERVAL '2' SECOND), HOP_END(`dateTime`, INTERVAL '5' SECOND, INTERVAL '2' SECOND), HOP_ROWTIME(`dateTime`, INTERVAL '5' SECOND, INTERVAL '2' SECOND), channel, COUNT(*), SUM(price) FROM bid WHERE MOD(auction, 5) = 0 GROUP BY HOP(`dateTime`, INTERVAL '5' SECOND, INTERVAL '2' SECOND), channel;

-- hopping_groups_of_no_multiple_in_windows
SELECT TUMBLE_START(t, INTERVAL '20' SECOND), SUM(n), COUNT(*) FROM (
  SELECT HOP_ROWTIME(`dateTime`, INTERVAL '4' SECOND, INTERVAL '10' SECOND) AS t, bid.channel, COUNT(*) AS n
  FROM bid GROUP BY HOP(`dateTime`, INTERVAL '4' SECOND, INTERVAL '10' SECOND), bid.channel)
GROUP BY TUMBLE(t, INTERVAL '20' SECOND);
