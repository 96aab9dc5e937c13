-- First rows in many forms of the condition, and what is made of them.

-- rank_less
SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price ASC) AS rn FROM bid) WHERE rn < 3 AND MOD(auction, 2) = 0;

-- rank_from_two
SELECT auction, price, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn > 1 AND rn <= 3;

-- rank_second
SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn = 2;

-- rank_variable
SELECT k, price, rn FROM (SELECT k, price, m, ROW_NUMBER() OVER (PARTITION BY k, m ORDER BY price DESC) AS rn FROM (SELECT MOD(auction, 5) AS k, MOD(auction, 5) AS m, price FROM bid)) WHERE rn <= m;

-- rank_nested
SELECT k, auction, price, r2 FROM (SELECT k, auction, price, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price DESC) AS r2 FROM (SELECT MOD(auction, 4) AS k, auction, price, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS r1 FROM bid) WHERE r1 <= 2) WHERE r2 <= 3;

-- rank_joined
SELECT a.id, a.category, t.price FROM auction a JOIN (SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn = 1) t ON a.id = t.auction;

-- rank_of_left_join
SELECT seller, id, price FROM (SELECT a.seller, a.id, b.price, ROW_NUMBER() OVER (PARTITION BY a.seller ORDER BY b.price DESC, a.id) AS rn FROM auction a LEFT JOIN bid b ON a.id = b.auction AND b.price > 100000) WHERE rn <= 2;

-- rank_by_two_directions
SELECT channel, auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY auction DESC, price ASC, bidder) AS rn FROM bid WHERE CHAR_LENGTH(channel) < 9) WHERE rn <= 3;

-- rank_sum_of_window
SELECT window_start, channel, s FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY s DESC) AS rn FROM (SELECT window_start, channel, SUM(price) AS s FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE CHAR_LENGTH(channel) < 9 GROUP BY window_start, window_end, channel)) WHERE rn <= 2;

-- limit_offset
SELECT auction, price FROM bid ORDER BY price DESC LIMIT 5 OFFSET 3;

-- limit_in_subquery
SELECT a.id, a.category FROM auction a WHERE a.id IN (SELECT auction FROM bid ORDER BY price DESC LIMIT 10);

-- limit_of_groups
SELECT bidder, COUNT(*) AS n FROM bid GROUP BY bidder ORDER BY n DESC, bidder LIMIT 5;

-- limit_by_place
SELECT bidder, SUM(price) FROM bid GROUP BY bidder ORDER BY 2 DESC LIMIT 5;

-- limit_by_expression
SELECT bidder FROM bid GROUP BY bidder ORDER BY COUNT(*) * 2 DESC, bidder LIMIT 5;

-- limit_joined
SELECT t.auction, t.price, p.name FROM (SELECT * FROM bid ORDER BY price DESC LIMIT 10) t LEFT JOIN person p ON t.bidder = p.id;

-- deduplicated_last_counted
SELECT channel, COUNT(*), SUM(price) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `dateTime` DESC) AS rn FROM bid) WHERE rn = 1 GROUP BY channel HAVING COUNT(*) > 1;

-- deduplicated_first_windowed
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE((SELECT bidder, `dateTime` FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `dateTime` ASC) AS rn FROM bid) WHERE rn = 1), DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

-- deduplicated_by_expression
SELECT c, auction, price FROM (SELECT SUBSTRING(channel, 1, 1) AS c, auction, price, ROW_NUMBER() OVER (PARTITION BY SUBSTRING(channel, 1, 1) ORDER BY `dateTime` ASC) AS rn FROM bid) WHERE rn = 1;

-- deduplicated_last_joined
SELECT t.bidder, t.price, p.name FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `dateTime` DESC) AS rn FROM bid) t JOIN person p ON t.bidder = p.id WHERE t.rn = 1;

-- deduplicated_of_dedup
SELECT channel, bidder FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY `dateTime`) AS r2 FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `dateTime`) AS r1 FROM bid) WHERE r1 = 1) WHERE r2 = 1;

-- qualify_with_where
SELECT bidder, price, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY price DESC) AS rn FROM bid WHERE price > 1000 QUALIFY rn <= 2;
