-- Joins with versions and with rows of near times, in many forms of the condition.

CREATE VIEW versions AS
SELECT auction, bidder, price, channel, `dateTime` FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY `dateTime` DESC) AS rn FROM bid) WHERE rn = 1;

CREATE VIEW versions_by_two AS
SELECT `dateTime` AS since, price AS p, auction AS a, bidder AS b FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction, bidder ORDER BY `dateTime` DESC) AS rn FROM bid) WHERE rn <= 1;

CREATE VIEW first_versions AS
SELECT id, name, state, `dateTime` FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY `dateTime` DESC) AS rn FROM person) WHERE rn < 2;

-- temporal_condition
SELECT a.id, v.price FROM auction a JOIN versions FOR SYSTEM_TIME AS OF a.`dateTime` AS v ON a.id = v.auction AND v.price > 1000;

-- temporal_left_condition
SELECT a.id, v.price FROM auction a LEFT JOIN versions FOR SYSTEM_TIME AS OF a.`dateTime` v ON v.auction = a.id - 1 AND v.price > 1000;

-- temporal_two_keys
SELECT b.auction, b.price, v.p, v.since FROM bid b JOIN versions_by_two FOR SYSTEM_TIME AS OF b.`dateTime` AS v ON b.bidder = v.b AND v.a = b.auction WHERE b.price > 50000;

-- temporal_chain
SELECT b.auction, p.name, v.price FROM bid b LEFT JOIN first_versions FOR SYSTEM_TIME AS OF b.`dateTime` AS p ON b.bidder = p.id LEFT JOIN versions FOR SYSTEM_TIME AS OF b.`dateTime` AS v ON v.auction = b.auction + 1 WHERE MOD(b.auction, 10) = 0;

-- temporal_in_window
SELECT window_start, state, COUNT(*), SUM(price) FROM TABLE(TUMBLE((SELECT b.price, p.state, b.`dateTime` FROM bid b JOIN first_versions FOR SYSTEM_TIME AS OF b.`dateTime` AS p ON b.bidder = p.id), DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, state;

-- temporal_expression_key
SELECT a.id, p.name FROM auction a JOIN first_versions FOR SYSTEM_TIME AS OF a.`dateTime` AS p ON a.seller - 1 = p.id;

-- temporal_grouped
SELECT p.state, COUNT(*), MAX(b.price) FROM bid b JOIN first_versions FOR SYSTEM_TIME AS OF b.`dateTime` AS p ON b.bidder = p.id GROUP BY p.state;

-- temporal_star
SELECT * FROM (SELECT id, seller, `dateTime` FROM auction) AS a LEFT JOIN first_versions FOR SYSTEM_TIME AS OF a.`dateTime` AS p ON a.seller = p.id;

-- interval_strict
SELECT a.id, b.price FROM auction a, bid b WHERE a.id = b.auction AND b.`dateTime` > a.`dateTime` + INTERVAL '1' SECOND AND b.`dateTime` < a.`dateTime` + INTERVAL '3' SECOND;

-- interval_reversed
SELECT a.id, b.price FROM auction a JOIN bid b ON a.id = b.auction AND a.`dateTime` BETWEEN b.`dateTime` - INTERVAL '4' SECOND AND b.`dateTime` - INTERVAL '1' SECOND;

-- interval_moved_left
SELECT a.id, b.price FROM auction a JOIN bid b ON a.id = b.auction AND a.`dateTime` + INTERVAL '1' SECOND <= b.`dateTime` AND b.`dateTime` - INTERVAL '3' SECOND < a.`dateTime`;

-- interval_equal_times
SELECT a.auction, b.price FROM bid a JOIN bid b ON a.auction = b.auction AND a.`dateTime` = b.`dateTime` WHERE a.price > 500000;

-- interval_minutes_to_seconds
SELECT a.id, b.price FROM auction a JOIN bid b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '00:02' MINUTE TO SECOND;

-- interval_fraction
SELECT a.id, b.price FROM auction a JOIN bid b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '1.500' SECOND;

-- interval_two_intervals
SELECT a.id, b.price FROM auction a JOIN bid b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` + INTERVAL '1' SECOND + INTERVAL '1' SECOND AND a.`dateTime` + INTERVAL '1' SECOND * 4;

-- interval_three
SELECT p.id, a.id, b.price FROM person p JOIN auction a ON a.seller = p.id AND a.`dateTime` BETWEEN p.`dateTime` AND p.`dateTime` + INTERVAL '10' SECOND JOIN bid b ON b.auction = a.id AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '5' SECOND;

-- interval_windowed
SELECT TUMBLE_START(t, INTERVAL '10' SECOND), COUNT(*), MAX(price) FROM (SELECT b.`dateTime` AS t, b.price FROM auction a JOIN bid b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '5' SECOND) GROUP BY TUMBLE(t, INTERVAL '10' SECOND);

-- interval_without_key
SELECT a.id, p.id FROM auction a JOIN person p ON p.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '1' SECOND;

-- interval_one_bound
SELECT a.id, b.price FROM auction a JOIN bid b ON a.id = b.auction AND b.`dateTime` >= a.`dateTime` + INTERVAL '10' SECOND;

-- interval_empty
SELECT a.id, b.price FROM auction a LEFT JOIN bid b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` + INTERVAL '5' SECOND AND a.`dateTime` - INTERVAL '5' SECOND;

-- interval_semi
SELECT a.id FROM auction a WHERE EXISTS (SELECT 1 FROM bid b WHERE b.auction = a.id AND b.price > 100000 AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '5' SECOND);

-- temporal_of_changes
SELECT v.auction, v.price, p.name FROM versions AS v JOIN first_versions FOR SYSTEM_TIME AS OF v.`dateTime` AS p ON v.bidder = p.id;

-- temporal_of_changes_left
SELECT v.auction, v.price, p.name FROM versions AS v LEFT JOIN first_versions FOR SYSTEM_TIME AS OF v.`dateTime` AS p ON v.bidder = p.id AND p.state <> 'OR' WHERE v.price > 1000;

-- temporal_of_changes_grouped
SELECT p.state, COUNT(*), SUM(v.price) FROM versions AS v LEFT JOIN first_versions FOR SYSTEM_TIME AS OF v.`dateTime` AS p ON v.bidder = p.id GROUP BY p.state;

-- windows_of_versions
SELECT window_start, window_end, COUNT(*), SUM(price), MIN(bidder), COUNT(DISTINCT channel) FROM TABLE(TUMBLE(TABLE versions, DESCRIPTOR(`dateTime`), INTERVAL '1' DAY)) GROUP BY window_start, window_end;

-- group_windows_of_versions
SELECT TUMBLE_END(`dateTime`, INTERVAL '1' DAY), MOD(bidder, 10), COUNT(*), MAX(price) FROM versions GROUP BY TUMBLE(`dateTime`, INTERVAL '1' DAY), MOD(bidder, 10);

-- cumulated_versions
SELECT MOD(auction, 7), window_end, SUM(price), AVG(price) FROM TABLE(CUMULATE(TABLE versions, DESCRIPTOR(`dateTime`), INTERVAL '12' HOUR, INTERVAL '1' DAY)) WHERE price > 500 GROUP BY MOD(auction, 7), window_start, window_end;
