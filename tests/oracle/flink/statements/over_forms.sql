-- OVER in many forms.

-- over_short_rows
SELECT bidder, price, SUM(price) OVER (PARTITION BY bidder ORDER BY `dateTime` ROWS 2 PRECEDING) FROM bid WHERE MOD(auction, 3) = 0;

-- over_difference
SELECT auction, price, price - LAG(price) OVER (PARTITION BY auction ORDER BY `dateTime`), LAG(channel, 1, 'none') OVER (PARTITION BY auction ORDER BY `dateTime`) FROM bid WHERE MOD(auction, 3) = 0;

-- over_of_union
SELECT k, v, SUM(v) OVER (PARTITION BY k ORDER BY t) FROM (SELECT MOD(auction, 3) AS k, price AS v, `dateTime` AS t FROM bid WHERE price < 300 UNION ALL SELECT MOD(id, 3), id, `dateTime` FROM auction);

-- over_in_case
SELECT auction, CASE WHEN COUNT(*) OVER (PARTITION BY auction ORDER BY `dateTime`) > 3 THEN 'many' ELSE 'few' END, COUNT(*) OVER (PARTITION BY auction ORDER BY `dateTime`) * 2 + 1 FROM bid WHERE MOD(auction, 3) = 0;

-- over_interval_join
SELECT id, price, COUNT(*) OVER (PARTITION BY id ORDER BY t) FROM (SELECT a.id, b.price, b.`dateTime` AS t FROM auction a JOIN bid b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.`dateTime` + INTERVAL '3' SECOND);

-- over_window_refined
SELECT bidder, SUM(price) OVER (w ORDER BY `dateTime`) FROM bid WHERE MOD(auction, 3) = 0 WINDOW w AS (PARTITION BY bidder);

-- over_key_expression
SELECT MOD(bidder, 3), price, SUM(price) OVER (PARTITION BY MOD(bidder, 3), channel = 'Apple' ORDER BY `dateTime`) FROM bid WHERE MOD(auction, 3) = 0;

-- over_average_decimal
SELECT bidder, AVG(CAST(price AS DECIMAL(10, 2))) OVER w, SUM(CAST(price AS DECIMAL(10, 2))) OVER w, AVG(price) OVER w FROM bid WHERE MOD(auction, 3) = 0 WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime`);

-- over_a_sum_of_rows
SELECT bidder, price, SUM(price) OVER (PARTITION BY bidder ORDER BY `dateTime` ROWS BETWEEN 1 + 2 PRECEDING AND CURRENT ROW) FROM bid WHERE MOD(auction, 5) = 0;

-- over_an_interval_so_many_times
SELECT bidder, price, SUM(price) OVER (PARTITION BY bidder ORDER BY `dateTime` RANGE BETWEEN INTERVAL '1' SECOND * 2 PRECEDING AND CURRENT ROW) FROM bid WHERE MOD(auction, 5) = 0;

-- over_a_sum_of_intervals
SELECT bidder, price, SUM(price) OVER (PARTITION BY bidder ORDER BY `dateTime` RANGE BETWEEN INTERVAL '1' SECOND + INTERVAL '1' SECOND PRECEDING AND CURRENT ROW) FROM bid WHERE MOD(auction, 5) = 0;

-- over_lists
SELECT bidder, LISTAGG(channel, '|') OVER w, LISTAGG(CASE WHEN MOD(price, 2) = 0 THEN url END) OVER w FROM bid WHERE MOD(auction, 5) = 0 WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime` ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);

-- over_all_lists
SELECT auction, LISTAGG(channel) OVER (PARTITION BY auction ORDER BY `dateTime`) FROM bid WHERE MOD(auction, 7) = 0;

-- over_arrays
SELECT bidder, ARRAY_AGG(CASE WHEN MOD(price, 2) = 0 THEN price END) OVER w FROM bid WHERE MOD(auction, 5) = 0 WINDOW w AS (PARTITION BY bidder ORDER BY `dateTime` RANGE BETWEEN INTERVAL '2' SECOND PRECEDING AND CURRENT ROW);
