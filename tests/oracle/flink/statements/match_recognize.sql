-- Rows that match a pattern. Times are unique.

CREATE VIEW bids_of_bidders AS SELECT auction, bidder, price, channel, `dateTime`, MOD(price, 10) AS digit FROM bid WHERE bidder < 1030;

-- match_of_one_row
SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS price, A.channel AS channel PATTERN (A) DEFINE A AS A.price > 1000000) AS t;

-- match_of_two_rows
SELECT bidder, first_price, second_price, later FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS first_price, B.price AS second_price, B.`dateTime` AS later
  ONE ROW PER MATCH PATTERN (A B) DEFINE A AS A.price < 10000, B AS B.price > A.price) AS t;

-- match_of_all_keys
SELECT * FROM bid MATCH_RECOGNIZE (ORDER BY `dateTime`
  MEASURES A.auction AS a, B.auction AS b, C.auction AS c
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A B C)
  DEFINE B AS B.price > A.price, C AS C.price > B.price);

-- match_of_falling_prices
SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST(DOWN.price) AS high, LAST(DOWN.price) AS low, UP.price AS after, COUNT(DOWN.price) AS n
  AFTER MATCH SKIP PAST LAST ROW PATTERN (DOWN{2,} UP)
  DEFINE DOWN AS price < LAST(DOWN.price, 1) OR LAST(DOWN.price, 1) IS NULL, UP AS price > LAST(DOWN.price));

-- match_with_any_number
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, FIRST(B.price) AS b, LAST(B.price) AS lb, C.price AS c, COUNT(B.price) AS n
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A B* C) DEFINE A AS digit < 3, B AS digit < 7, C AS digit >= 5);

-- match_with_one_or_more
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST(A.price) AS a, LAST(A.price) AS la, B.price AS b, SUM(A.price) AS s, AVG(A.price) AS mean
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A+ B) DEFINE A AS digit < 7, B AS digit > 4);

-- match_with_one_or_more_reluctantly
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST(A.price) AS a, LAST(A.price) AS la, B.price AS b, COUNT(A.price) AS n
  PATTERN (A+? B) DEFINE A AS digit < 7, B AS digit > 4);

-- match_with_any_number_reluctantly
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, FIRST(B.price) AS b, C.price AS c, COUNT(B.price) AS n
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A B*? C) DEFINE A AS digit < 3, C AS digit >= 5);

-- match_with_an_optional_row
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, B.price AS b, C.price AS c
  PATTERN (A B? C) DEFINE A AS digit < 4, B AS digit > 2, C AS digit > 5);

-- match_with_optional_rows_in_a_row
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, B.price AS b, C.price AS c, D.price AS d
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A B? C? D) DEFINE A AS digit < 5, B AS digit > 2, C AS digit > 1, D AS digit > 3);

-- match_that_begins_with_an_optional_row
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, B.price AS b PATTERN (A? B) DEFINE A AS digit < 5, B AS digit > 3);

-- match_that_begins_with_any_number
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS n, B.price AS b AFTER MATCH SKIP PAST LAST ROW PATTERN (A* B) DEFINE A AS digit < 8, B AS digit > 7);

-- match_with_a_number_of_rows
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST(A.price) AS a, LAST(A.price) AS la, FIRST(A.price, 1) AS following, B.price AS b
  PATTERN (A{3} B) DEFINE A AS digit < 8);

-- match_with_numbers_of_rows
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS n, LAST(A.price, 2) AS third, B.price AS b
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A{1,3} B) DEFINE A AS digit < 8, B AS digit > 2);

-- match_with_numbers_of_rows_reluctantly
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS n, LAST(A.price, 2) AS third, B.price AS b
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A{1,3}? B) DEFINE A AS digit < 8, B AS digit > 2);

-- match_with_none_or_some_rows
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, COUNT(B.price) AS n, C.price AS c
  PATTERN (A B{0,2} C) DEFINE A AS digit < 5, B AS digit < 8, C AS digit > 4);

-- match_with_at_least_some_rows
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS n, MIN(A.price) AS low, MAX(A.price) AS high, B.price AS b
  PATTERN (A{2,} B) DEFINE A AS digit < 8, B AS digit > 6);

-- match_with_at_least_some_rows_reluctantly
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS n, B.price AS b PATTERN (A{2,}? B) DEFINE A AS digit < 8, B AS digit > 3);

-- match_that_ends_reluctantly
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, COUNT(B.price) AS n, LAST(B.price) AS b AFTER MATCH SKIP PAST LAST ROW PATTERN (A B{2,}?) DEFINE A AS digit < 5, B AS digit > 1);

-- match_of_several_greedy_ones
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS a, COUNT(B.price) AS b, C.price AS c
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A+ B+ C) DEFINE A AS digit < 5, B AS digit < 8, C AS digit > 6);

-- match_of_greedy_and_none_or_some
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS a, COUNT(B.price) AS b, C.price AS c
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A{1,3} B{0,2} C) DEFINE A AS digit < 6, B AS digit > 3, C AS digit > 1);

-- match_skip_to_next_row
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST(A.price) AS a, LAST(A.price) AS la, B.price AS b
  AFTER MATCH SKIP TO NEXT ROW PATTERN (A+ B) DEFINE A AS digit < 7, B AS digit > 4);

-- match_skip_to_first
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, FIRST(B.price) AS b, LAST(B.price) AS lb, C.price AS c
  AFTER MATCH SKIP TO FIRST B PATTERN (A B+ C) DEFINE B AS digit < 7, C AS digit > 4);

-- match_skip_to_last
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, FIRST(B.price) AS b, LAST(B.price) AS lb, C.price AS c
  AFTER MATCH SKIP TO LAST B PATTERN (A B+ C) DEFINE B AS digit < 7, C AS digit > 4);

-- match_skip_to_a_variable
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, B.price AS b AFTER MATCH SKIP TO B PATTERN (A B) DEFINE B AS B.price > A.price);

-- match_within_some_seconds
SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, COUNT(B.price) AS n, C.price AS c, A.`dateTime` AS begun, C.`dateTime` AS ended
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A B* C) WITHIN INTERVAL '5' SECOND DEFINE A AS MOD(A.price, 3) = 0, B AS MOD(B.price, 5) > 0, C AS MOD(C.price, 5) = 0);

-- match_within_a_second_of_all
SELECT * FROM bid MATCH_RECOGNIZE (ORDER BY `dateTime`
  MEASURES FIRST(A.auction) AS a, COUNT(A.auction) AS n, B.auction AS b
  AFTER MATCH SKIP TO NEXT ROW PATTERN (A+ B) WITHIN INTERVAL '0.2' SECOND DEFINE A AS MOD(A.price, 4) <> 1, B AS MOD(B.price, 4) = 1);

-- match_of_sums_so_far
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST(A.price) AS a, SUM(A.price) AS total, AVG(A.price) AS mean, B.price AS b
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A+ B) DEFINE A AS SUM(A.price) < 50000, B AS B.price > 100);

-- match_of_averages
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST(A.price) AS a, COUNT(A.price) AS n, AVG(CAST(A.price AS DOUBLE)) AS mean, B.price AS b
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A+ B) DEFINE A AS AVG(A.price) < 100000 OR COUNT(A.price) < 2);

-- match_of_extremes_so_far
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES MIN(A.price) AS low, MAX(A.price) AS high, MAX(A.channel) AS channel, B.price AS b
  AFTER MATCH SKIP PAST LAST ROW PATTERN (A+ B) DEFINE A AS A.price <= MIN(A.price) OR A.price < 5000, B AS B.price > MAX(A.price));

-- match_of_expressions_of_rows
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES LAST(A.price - A.digit) AS a, FIRST(A.price * 2, 1) AS twice, SUM(A.digit * 2) AS s, B.price - LAST(A.price) AS more,
    UPPER(B.channel) AS channel, COALESCE(LAST(A.price, 3), -1) AS before
  PATTERN (A{2,4} B) DEFINE A AS LAST(A.digit + 1, 1) < 7 OR LAST(A.digit, 1) IS NULL, B AS B.price > A.price);

-- match_of_columns_without_a_variable
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES price AS last_price, FIRST(price) AS first_price, LAST(price, 1) AS before, SUM(price) AS total, COUNT(price) AS n
  PATTERN (A B+ C) DEFINE B AS price > LAST(price, 1), C AS price < LAST(price, 1) AND FIRST(price) < SUM(price));

-- match_with_nulls
SELECT * FROM (SELECT bidder, `dateTime`, price, CASE WHEN MOD(price, 3) = 0 THEN price END AS p FROM bid) MATCH_RECOGNIZE (
  PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.p AS a, FIRST(B.p) AS b, COUNT(B.p) AS n, COUNT(B.price) AS m, SUM(B.p) AS s, MAX(B.p) AS high, C.p AS c
  PATTERN (A B+ C) DEFINE B AS MOD(B.p, 2) = 0 OR B.p IS NULL, C AS NOT (C.p < 0)) AS t;

-- match_of_texts
SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY auction ORDER BY `dateTime`
  MEASURES A.channel AS a, B.channel AS b, C.channel AS c
  PATTERN (A B C) DEFINE A AS A.channel LIKE 'channel%', B AS B.channel <> A.channel, C AS C.channel IN ('Apple', 'Google', 'Baidu')) AS t;

-- match_by_two_keys
SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY auction, channel ORDER BY `dateTime`
  MEASURES A.bidder AS a, B.bidder AS b PATTERN (A B) DEFINE B AS B.bidder <> A.bidder) AS t;

-- match_in_order_of_prices
SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`, price DESC, channel
  MEASURES A.price AS a, B.price AS b PATTERN (A B) DEFINE A AS A.price > B.price OR TRUE, B AS B.price > A.price) AS t;

-- match_row_times
SELECT bidder, n, t FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS n, MATCH_ROWTIME() AS t PATTERN (A+ B) DEFINE A AS digit < 7, B AS digit > 6);

-- match_in_windows
SELECT TUMBLE_START(t, INTERVAL '10' SECOND), COUNT(*), SUM(n), MAX(b) FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(A.price) AS n, B.price AS b, MATCH_ROWTIME() AS t
  PATTERN (A+ B) DEFINE A AS MOD(A.price, 4) < 3, B AS MOD(B.price, 4) = 3) AS m
GROUP BY TUMBLE(t, INTERVAL '10' SECOND);

-- match_of_matches
SELECT * FROM (SELECT bidder, a, b, t FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
    MEASURES A.price AS a, B.price AS b, MATCH_ROWTIME() AS t PATTERN (A B) DEFINE B AS B.price > A.price)) MATCH_RECOGNIZE (
  PARTITION BY bidder ORDER BY t
  MEASURES X.a AS x, Y.b AS y PATTERN (X Y) DEFINE Y AS Y.a < X.b);

-- match_of_windows
SELECT * FROM (SELECT auction, COUNT(*) AS n, window_time AS t FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND))
    GROUP BY auction, window_start, window_end, window_time) MATCH_RECOGNIZE (
  PARTITION BY auction ORDER BY t
  MEASURES A.n AS a, B.n AS b, B.t AS t PATTERN (A B) DEFINE B AS B.n < A.n);

-- match_counted
SELECT bidder, COUNT(*), SUM(b), MIN(a) FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, B.price AS b PATTERN (A B) DEFINE B AS B.price > A.price) AS t WHERE b < 100000000 GROUP BY bidder;

-- match_joined
SELECT t.bidder, t.a, p.name FROM bid MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, B.price AS b PATTERN (A B) DEFINE B AS B.price > A.price) AS t JOIN person AS p ON t.bidder = p.id;

-- match_without_definition
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES A.price AS a, COUNT(B.price) AS n, C.price AS c PATTERN (A B{2} C) DEFINE A AS TRUE);

-- match_counted_by_rows
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES COUNT(*) AS n, B.price AS b PATTERN (A+ B) DEFINE A AS digit < 7 AND COUNT(*) < 4, B AS digit > 6);

-- match_of_first_and_last_values
SELECT * FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES FIRST_VALUE(A.price) AS a, LAST_VALUE(A.price) AS la, B.price AS b PATTERN (A+ B) DEFINE A AS digit < 7, B AS digit > 6);

-- match_renamed
SELECT t.bidder, t.y FROM bids_of_bidders MATCH_RECOGNIZE (PARTITION BY bidder ORDER BY `dateTime`
  MEASURES `v w`.price AS y PATTERN (`v w`) DEFINE `v w` AS `v w`.digit = 3) AS t;
