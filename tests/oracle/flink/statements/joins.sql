-- Joins of every kind.

CREATE VIEW last_auction AS
SELECT id, itemName, seller, category, `dateTime` FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY `dateTime` DESC) AS n FROM auction)
WHERE n = 1;

CREATE VIEW last_bid AS
SELECT auction, bidder, price, `dateTime` FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY `dateTime` DESC) AS n FROM bid)
WHERE n = 1;

-- inner_join
SELECT b.auction, b.price, a.itemName, a.category FROM bid AS b JOIN auction AS a ON b.auction = a.id WHERE b.price > 20000;

-- left_join
SELECT a.id, b.bidder, b.price FROM auction AS a LEFT JOIN bid AS b ON a.id = b.auction AND b.price > 500000;

-- right_join
SELECT a.id, p.id, p.name FROM auction AS a RIGHT JOIN person AS p ON a.seller = p.id AND a.category = 11;

-- full_join
SELECT a.id, a.category, b.auction, b.n FROM (SELECT * FROM auction WHERE category > 11) AS a
FULL JOIN (SELECT auction, COUNT(*) AS n FROM bid GROUP BY auction) AS b ON a.id = b.auction;

-- join_of_nulls
SELECT a.k, a.id, b.id FROM (SELECT NULLIF(MOD(id, 3), 0) AS k, id FROM auction WHERE MOD(id, 5) = 0) AS a
LEFT JOIN (SELECT NULLIF(MOD(id, 3), 0) AS k, id FROM person WHERE MOD(id, 10) < 2) AS b ON a.k = b.k;

-- self_join_of_groups
SELECT a.bidder, a.n, b.high FROM (SELECT bidder, COUNT(*) AS n FROM bid GROUP BY bidder) AS a
JOIN (SELECT bidder, MAX(price) AS high FROM bid GROUP BY bidder) AS b ON a.bidder = b.bidder WHERE a.n > 3;

-- cross_join_with_condition
SELECT a.id, p.id FROM auction AS a, person AS p WHERE a.seller = p.id AND a.id > p.id + 20;

-- interval_join
SELECT a.id, b.price, b.bidder FROM auction AS a JOIN bid AS b ON a.id = b.auction
  AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '5' SECOND;

-- interval_left_join
SELECT a.id, b.price FROM auction AS a LEFT JOIN bid AS b ON a.id = b.auction AND b.price > 100000
  AND b.`dateTime` BETWEEN a.`dateTime` - INTERVAL '2' SECOND AND a.`dateTime` + INTERVAL '10' SECOND;

-- interval_right_join
SELECT a.id, b.auction, b.price FROM (SELECT * FROM auction WHERE category > 11) AS a
RIGHT JOIN (SELECT * FROM bid WHERE price > 100000) AS b ON a.id = b.auction
  AND b.`dateTime` >= a.`dateTime` AND b.`dateTime` < a.`dateTime` + INTERVAL '8' SECOND;

-- interval_full_join
SELECT a.id, b.auction, b.price FROM (SELECT * FROM auction WHERE category > 11) AS a
FULL JOIN (SELECT * FROM bid WHERE price > 200000) AS b ON a.id = b.auction
  AND a.`dateTime` BETWEEN b.`dateTime` - INTERVAL '8' SECOND AND b.`dateTime` + INTERVAL '1' SECOND;

-- temporal_join
SELECT b.auction, b.price, a.itemName, a.seller FROM bid AS b
JOIN last_auction FOR SYSTEM_TIME AS OF b.`dateTime` AS a ON b.auction = a.id;

-- temporal_left_join
SELECT a.id, a.category, b.bidder, b.price FROM auction AS a
LEFT JOIN last_bid FOR SYSTEM_TIME AS OF a.`dateTime` AS b ON a.id = b.auction;

-- temporal_join_of_changing_versions
SELECT b.auction, b.price, l.price, l.bidder FROM bid AS b
JOIN last_bid FOR SYSTEM_TIME AS OF b.`dateTime` AS l ON b.auction = l.auction WHERE MOD(b.auction, 4) = 0;

-- window_join
SELECT a.id, a.category, b.price, a.window_start
FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS a
JOIN (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS b
ON a.id = b.auction AND a.window_start = b.window_start AND a.window_end = b.window_end;

-- window_left_join
SELECT a.id, b.price, a.window_start, b.window_end
FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS a
LEFT JOIN (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS b
ON a.id = b.auction AND b.price > 50000 AND a.window_start = b.window_start AND a.window_end = b.window_end;

-- window_right_join
SELECT a.id, b.auction, b.price, b.window_start
FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE category > 11) AS a
RIGHT JOIN (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE price > 100000) AS b
ON a.id = b.auction AND a.window_start = b.window_start AND a.window_end = b.window_end;

-- window_full_join
SELECT a.id, b.auction, b.price, COALESCE(a.window_start, b.window_start)
FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE category > 11) AS a
FULL JOIN (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE price > 100000) AS b
ON a.id = b.auction AND a.window_start = b.window_start AND a.window_end = b.window_end;

-- window_semi_join
SELECT a.id, a.category, a.window_start FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS a
WHERE a.id IN (SELECT auction FROM (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS b
  WHERE b.price > 20000 AND a.window_start = b.window_start AND a.window_end = b.window_end);

-- window_anti_join
SELECT a.id, a.category, a.window_start FROM (SELECT * FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS a
WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))) AS b
  WHERE b.auction = a.id AND b.price > 20000 AND a.window_start = b.window_start AND a.window_end = b.window_end);

-- window_join_of_aggregates
SELECT a.window_start, a.n, b.n FROM (
  SELECT window_start, window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end) AS a
JOIN (
  SELECT window_start, window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end) AS b
ON a.window_start = b.window_start AND a.window_end = b.window_end;

-- hints_of_a_join
SELECT /*+ STATE_TTL('a' = '1 d', 'b' = '2 d') */ a.id, a.category, b.price FROM auction AS a JOIN bid AS b ON a.id = b.auction WHERE b.price > 1000000;

-- join_using
SELECT id, name, seller FROM person JOIN (SELECT seller AS id, seller FROM auction WHERE category = 12) USING (id);

-- join_by_arrays
SELECT p.id, a.id FROM (SELECT id, ARRAY[MOD(id, 20)] AS k FROM person) AS p JOIN (SELECT id, ARRAY[MOD(id, 20)] AS k
FROM auction WHERE category > 12) AS a ON p.k = a.k;

-- left_join_by_maps
SELECT p.id, a.id FROM (SELECT id, MAP['k', MOD(id, 20)] AS k FROM person) AS p LEFT
  JOIN (SELECT id, MAP['k', MOD(id, 20)] AS k FROM auction WHERE category > 12) AS a ON p.k = a.k;

-- join_by_whole_rows
SELECT p.id, a.id FROM (SELECT id, ROW(MOD(id, 20), 'x') AS k FROM person) AS p JOIN (SELECT id, ROW(MOD(id, 20), 'x') AS k
FROM auction WHERE category > 12) AS a ON p.k = a.k;
