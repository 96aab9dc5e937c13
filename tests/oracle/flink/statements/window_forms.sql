-- Windows by named arguments, of each other, joined, and as groups.

-- windows_named_arguments
SELECT window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(DATA => TABLE bid, TIMECOL => DESCRIPTOR(`dateTime`), SIZE => INTERVAL '10' SECONDS)) GROUP BY window_start, window_end;

-- windows_hop_named_arguments
SELECT window_start, window_end, SUM(price) FROM TABLE(HOP(DATA => TABLE bid, TIMECOL => DESCRIPTOR(`dateTime`), SLIDE => INTERVAL '5' SECONDS, SIZE => INTERVAL '10' SECONDS)) GROUP BY window_start, window_end;

-- windows_cumulate_named_arguments
SELECT window_start, window_end, SUM(price) FROM TABLE(CUMULATE(DATA => TABLE bid, TIMECOL => DESCRIPTOR(`dateTime`), STEP => INTERVAL '10' SECONDS, SIZE => INTERVAL '1' MINUTES)) GROUP BY window_start, window_end;

-- windows_session_named_arguments
SELECT window_start, window_end, bidder, COUNT(*) FROM TABLE(SESSION(DATA => TABLE bid PARTITION BY bidder, TIMECOL => DESCRIPTOR(`dateTime`), GAP => INTERVAL '3' SECONDS)) GROUP BY window_start, window_end, bidder;

-- windows_session_two_keys
SELECT bidder, auction, window_start, window_end, COUNT(*), SUM(price) FROM TABLE(SESSION(TABLE bid PARTITION BY (auction, bidder), DESCRIPTOR(`dateTime`), INTERVAL '1' SECOND)) GROUP BY bidder, auction, window_start, window_end;

-- windows_session_all
SELECT window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '1' SECOND)) GROUP BY window_start, window_end;

-- windows_key_expressions
SELECT window_start, UPPER(channel), COUNT(*), MAX(price) - MIN(price) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE CHAR_LENGTH(channel) < 9 GROUP BY UPPER(channel), window_end, window_start;

-- windows_start_only
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start;

-- windows_formatted
SELECT DATE_FORMAT(window_start, 'HH:mm:ss'), CAST(window_end AS STRING), EXTRACT(SECOND FROM window_end), TIMESTAMPDIFF(SECOND, window_start, window_end), window_time < window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time;

-- windows_joined_regularly
SELECT t.window_start, p.name, t.price FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS t JOIN person p ON t.bidder = p.id WHERE t.price > 200000;

-- windows_same_window_again
SELECT window_start, window_end, MAX(n), AVG(n), COUNT(*) FROM (SELECT window_start, window_end, bidder, COUNT(*) AS n FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end, bidder) GROUP BY window_start, window_end;

-- windows_most_of_each
SELECT a.window_start, a.auction, a.n FROM (SELECT auction, window_start, window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end) a JOIN (SELECT MAX(n) AS m, window_start, window_end FROM (SELECT auction, window_start, window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end) GROUP BY window_start, window_end) b ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.n >= b.m;

-- windows_grouped_again
SELECT channel, COUNT(*), SUM(n) FROM (SELECT channel, window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE CHAR_LENGTH(channel) < 9 GROUP BY channel, window_start, window_end) GROUP BY channel;

-- windows_over_windows
SELECT window_time, n, SUM(n) OVER (ORDER BY window_time ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM (SELECT window_time, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, window_time);

-- windows_having_window
SELECT window_start, auction, COUNT(*) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, auction HAVING SUM(price) > 500000 AND window_start > TIMESTAMP '2015-07-15 07:59:45';

-- windows_cumulate_grouping_sets
SELECT window_end, channel, COUNT(*) FROM TABLE(CUMULATE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND, INTERVAL '30' SECOND)) WHERE CHAR_LENGTH(channel) < 9 GROUP BY window_start, window_end, GROUPING SETS ((channel), ());

-- windows_rollup_of_hops
SELECT window_start, window_end, channel, MOD(auction, 2), COUNT(*), COUNT(DISTINCT bidder) FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND, INTERVAL '20' SECOND)) WHERE channel IN ('Apple', 'Baidu') GROUP BY window_start, window_end, ROLLUP(channel, MOD(auction, 2));

-- windows_join_hops
SELECT a.window_start, a.window_end, a.id, b.price FROM (SELECT * FROM TABLE(HOP(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) a JOIN (SELECT * FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) b ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.id = b.auction WHERE b.price > 10000;

-- windows_join_cumulates
SELECT a.window_end, a.id, b.price FROM (SELECT * FROM TABLE(CUMULATE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND, INTERVAL '20' SECOND))) a LEFT JOIN (SELECT * FROM TABLE(CUMULATE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND, INTERVAL '20' SECOND)) WHERE price > 100000) b ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.id = b.auction;

-- windows_join_direct
SELECT a.id, b.price, a.window_start FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) a JOIN TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) b ON a.id = b.auction AND a.window_start = b.window_start AND a.window_end = b.window_end AND b.price > a.initialBid * 10;

-- windows_join_three
SELECT a.window_start, a.id, b.price, p.name FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND)) a JOIN TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND)) b ON a.id = b.auction AND a.window_start = b.window_start AND a.window_end = b.window_end JOIN TABLE(TUMBLE(TABLE person, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND)) p ON a.seller = p.id AND a.window_start = p.window_start AND a.window_end = p.window_end WHERE b.price > 10000;

-- windows_join_without_key
SELECT a.window_start, a.id, p.id FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)) a JOIN TABLE(TUMBLE(TABLE person, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)) p ON a.window_start = p.window_start AND a.window_end = p.window_end;

-- windows_not_in
SELECT a.id, a.window_start FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) a WHERE a.id NOT IN (SELECT auction FROM (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) b WHERE a.window_start = b.window_start AND a.window_end = b.window_end);

-- windows_exists
SELECT a.id, a.window_start FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) a WHERE EXISTS (SELECT * FROM (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) b WHERE b.auction = a.id AND b.price > a.initialBid AND a.window_start = b.window_start AND a.window_end = b.window_end);

-- windows_first_of_hops
SELECT window_start, window_end, auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS rn FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) WHERE rn <= 2 AND price > 1000;

-- windows_first_of_cumulates
SELECT window_end, channel, price, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel, window_start, window_end ORDER BY price DESC, auction) AS rn FROM TABLE(CUMULATE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND, INTERVAL '30' SECOND))) WHERE rn < 3 AND CHAR_LENGTH(channel) < 9;

-- windows_second_rows
SELECT window_start, auction, price, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS rn FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) WHERE rn BETWEEN 2 AND 3;

-- windows_first_rows_counted
SELECT window_start, window_end, COUNT(*), SUM(price) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, auction ORDER BY price DESC) AS rn FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) WHERE rn = 1 GROUP BY window_start, window_end;

-- windows_first_rows_joined
SELECT t.window_start, t.auction, t.price, a.category FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS rn FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) t JOIN auction a ON t.auction = a.id WHERE t.rn <= 3;

-- group_windows_having
SELECT channel, TUMBLE_START(`dateTime`, INTERVAL '10' SECOND), COUNT(*) FROM bid WHERE CHAR_LENGTH(channel) < 9 GROUP BY channel, TUMBLE(`dateTime`, INTERVAL '10' SECOND) HAVING COUNT(*) > 40 AND TUMBLE_END(`dateTime`, INTERVAL '10' SECOND) > TIMESTAMP '2015-07-15 07:59:50';

-- group_windows_expressions
SELECT TUMBLE_START(`dateTime`, INTERVAL '10' SECOND) + INTERVAL '1' SECOND, CAST(TUMBLE_END(`dateTime`, INTERVAL '10' SECOND) AS STRING), DATE_FORMAT(TUMBLE_START(`dateTime`, INTERVAL '10' SECOND), 'mm:ss'), COUNT(DISTINCT auction) FROM bid GROUP BY TUMBLE(`dateTime`, INTERVAL '10' SECOND);

-- group_windows_unions
SELECT TUMBLE_START(t, INTERVAL '10' SECOND), kind, COUNT(*) FROM (SELECT `dateTime` AS t, 'p' AS kind FROM person UNION ALL SELECT `dateTime`, 'auction' FROM auction) GROUP BY TUMBLE(t, INTERVAL '10' SECOND), kind;

-- group_windows_session_rowtime_over
SELECT bidder, SUM(n) OVER (PARTITION BY bidder ORDER BY t) FROM (SELECT bidder, SESSION_ROWTIME(`dateTime`, INTERVAL '2' SECOND) AS t, COUNT(*) AS n FROM bid GROUP BY bidder, SESSION(`dateTime`, INTERVAL '2' SECOND));

-- group_windows_without_start
SELECT COUNT(*), SUM(price) FROM bid GROUP BY TUMBLE(`dateTime`, INTERVAL '10' SECOND);

-- group_windows_two_levels
SELECT TUMBLE_START(t, INTERVAL '30' SECOND), TUMBLE_END(t, INTERVAL '30' SECOND), SUM(n) FROM (SELECT HOP_ROWTIME(`dateTime`, INTERVAL '5' SECOND, INTERVAL '10' SECOND) AS t, COUNT(*) AS n FROM bid GROUP BY HOP(`dateTime`, INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY TUMBLE(t, INTERVAL '30' SECOND);

-- rows_of_windows_of_processing_time
SELECT auction, price, TIMESTAMPDIFF(SECOND, window_start, window_end), window_time < window_end FROM TABLE(TUMBLE((SELECT auction, price, PROCTIME() AS p FROM bid WHERE MOD(auction, 5) = 0), DESCRIPTOR(p), INTERVAL '10' SECOND));

-- rows_of_hopping_windows_of_processing_time
SELECT auction, price, TIMESTAMPDIFF(SECOND, window_start, window_end) FROM (SELECT * FROM TABLE(HOP((SELECT auction, price, PROCTIME() AS p FROM bid WHERE MOD(auction, 5) = 0), DESCRIPTOR(p), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) WHERE window_start IS NOT NULL;
