-- What depends on the order in which rows come: of one subtask, in the order of their times, which the count makes.

CREATE VIEW in_order AS
SELECT auction, bidder, price, channel, url, `dateTime`, COUNT(*) OVER (ORDER BY `dateTime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM bid;

CREATE VIEW bids AS SELECT auction, bidder, price, channel, url, `dateTime` FROM in_order WHERE n > 0;

CREATE VIEW bids_and_rests AS SELECT *, MOD(price, 3) AS m FROM bids;

-- collect_of_groups
SELECT bid.auction, COLLECT(bid.channel), COUNT(*) FROM bids AS bid WHERE MOD(bid.auction, 5) = 0 GROUP BY bid.auction;

-- collect_of_distinct_values
SELECT bid.bidder, COLLECT(DISTINCT SUBSTRING(bid.channel FROM 1 FOR 3)), COLLECT(CASE WHEN MOD(bid.price, 2) = 0 THEN SUBSTRING(bid.url FROM 25 FOR 2) END)
FROM bids AS bid WHERE MOD(bid.bidder, 4) = 1 GROUP BY bid.bidder;

-- first_and_last_of_groups
SELECT bid.bidder, FIRST_VALUE(bid.price), LAST_VALUE(bid.price), FIRST_VALUE(bid.channel), LAST_VALUE(bid.url),
  FIRST_VALUE(CASE WHEN MOD(bid.price, 3) = 0 THEN bid.price END), LAST_VALUE(CASE WHEN MOD(bid.price, 3) = 0 THEN bid.price END),
  FIRST_VALUE(bid.price) FILTER (WHERE bid.price > 10000)
FROM bids AS bid GROUP BY bid.bidder;

-- first_and_last_without_keys
SELECT FIRST_VALUE(bid.price), LAST_VALUE(bid.price), FIRST_VALUE(`dateTime`), LAST_VALUE(`dateTime`) FROM bids AS bid;

-- lists_of_groups
SELECT bid.auction, LISTAGG(CAST(bid.price AS STRING)), LISTAGG(SUBSTRING(bid.channel FROM 1 FOR 2), '|'),
  LISTAGG(CASE WHEN MOD(bid.price, 2) = 0 THEN 'even' END, ''), CHAR_LENGTH(LISTAGG(DISTINCT SUBSTRING(bid.channel FROM 1 FOR 1))),
  LISTAGG(bid.channel) FILTER (WHERE bid.price < 0)
FROM bids AS bid WHERE MOD(bid.auction, 4) = 0 GROUP BY bid.auction;

-- arrays_of_groups
SELECT bid.auction, ARRAY_AGG(bid.price), ARRAY_AGG(CASE WHEN MOD(bid.price, 2) = 0 THEN bid.price END),
  ARRAY_AGG(CASE WHEN MOD(bid.price, 2) = 0 THEN bid.price END IGNORE NULLS), CARDINALITY(ARRAY_AGG(DISTINCT SUBSTRING(bid.channel FROM 1 FOR 2) IGNORE NULLS)),
  ARRAY_AGG(bid.price) FILTER (WHERE bid.price < 0)
FROM bids AS bid WHERE MOD(bid.auction, 4) = 0 GROUP BY bid.auction;

-- first_and_last_of_tumbling_windows
SELECT bid.bidder, window_start, FIRST_VALUE(bid.price), LAST_VALUE(bid.price),
  FIRST_VALUE(CASE WHEN MOD(bid.price, 3) = 0 THEN bid.price END), LAST_VALUE(CASE WHEN MOD(bid.price, 3) = 0 THEN bid.price END)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid
GROUP BY bid.bidder, window_start, window_end;

-- lists_of_tumbling_windows
SELECT bid.auction, window_start, LISTAGG(CAST(bid.price AS STRING)), LISTAGG(SUBSTRING(bid.channel FROM 1 FOR 2), '/'),
  CHAR_LENGTH(LISTAGG(DISTINCT SUBSTRING(bid.channel FROM 1 FOR 1)))
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid
WHERE MOD(bid.auction, 3) = 0 GROUP BY bid.auction, window_start, window_end;

-- lists_of_hopping_windows
SELECT bid.auction, window_start, LISTAGG(CAST(bid.price AS STRING))
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) AS bid
WHERE MOD(bid.auction, 10) = 0 GROUP BY bid.auction, window_start, window_end;

-- lists_of_cumulating_windows
SELECT bid.auction, window_start, window_end, LISTAGG(CAST(bid.price AS STRING), '+')
FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) AS bid
WHERE MOD(bid.auction, 10) = 0 GROUP BY bid.auction, window_start, window_end;

-- lists_of_sessions
SELECT bid.auction, window_start, LISTAGG(CAST(bid.price AS STRING), '+')
FROM TABLE(SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)) AS bid
WHERE MOD(bid.auction, 5) = 0 GROUP BY bid.auction, window_start, window_end;

-- arrays_of_tumbling_windows
SELECT bid.auction, window_start, ARRAY_AGG(bid.price), ARRAY_AGG(CASE WHEN MOD(bid.price, 2) = 0 THEN bid.channel END IGNORE NULLS)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid
WHERE MOD(bid.auction, 3) = 0 GROUP BY bid.auction, window_start, window_end;

-- arrays_of_hopping_windows
SELECT bid.auction, window_start, ARRAY_AGG(bid.price)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) AS bid
WHERE MOD(bid.auction, 10) = 0 GROUP BY bid.auction, window_start, window_end;

-- arrays_of_sessions
SELECT bid.bidder, window_start, ARRAY_AGG(bid.price)
FROM TABLE(SESSION(TABLE bids PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)) AS bid
WHERE MOD(bid.bidder, 2) = 0 GROUP BY bid.bidder, window_start, window_end;

-- collect_of_tumbling_windows
SELECT bid.auction, window_start, COLLECT(bid.channel)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '20' SECOND)) AS bid
WHERE MOD(bid.auction, 5) = 0 GROUP BY bid.auction, window_start, window_end;

-- collect_of_hopping_windows
SELECT bid.auction, window_start, COLLECT(bid.channel)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND, INTERVAL '20' SECOND)) AS bid
WHERE MOD(bid.auction, 10) = 0 GROUP BY bid.auction, window_start, window_end;

-- first_rows_with_ties
SELECT auction, price, channel, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY MOD(auction, 10) ORDER BY MOD(price, 10) DESC) AS n FROM bids AS bid)
WHERE n <= 3;

-- first_rows_with_ties_without_their_number
SELECT auction, price, channel FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY MOD(auction, 10) ORDER BY MOD(price, 10)) AS n FROM bids AS bid)
WHERE n <= 4;

-- first_rows_of_windows_with_ties
SELECT auction, price, window_start, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY MOD(price, 5) DESC) AS n
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)))
WHERE n <= 4;

-- lag
SELECT auction, price, LAG(price) OVER w, LAG(price, 2) OVER w, LAG(price, 3, CAST(-1 AS BIGINT)) OVER w
FROM bids AS bid WHERE MOD(auction, 5) = 0 WINDOW w AS (PARTITION BY auction ORDER BY `dateTime`);

-- json_array_of_groups
SELECT category, JSON_ARRAYAGG(id), JSON_ARRAYAGG(NULLIF(MOD(id, 3), 0) NULL ON NULL), JSON_ARRAYAGG(itemName ABSENT ON NULL)
FROM auction WHERE MOD(id, 10) = 0 GROUP BY category;

-- ranks_with_ties
SELECT auction, price, t, RANK() OVER w, DENSE_RANK() OVER w, COUNT(*) OVER w, SUM(price) OVER w, FIRST_VALUE(price) OVER w, LAST_VALUE(price) OVER w
FROM (
  SELECT auction, price, window_time AS t FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)))
WHERE MOD(auction, 7) = 0 WINDOW w AS (PARTITION BY MOD(auction, 3) ORDER BY t);

-- lag_with_ties
SELECT auction, price, t, LAG(price) OVER w, LAG(price, 2, CAST(-1 AS BIGINT)) OVER w, LAG(price, 0) OVER w, RANK() OVER w
FROM (
  SELECT auction, price, window_time AS t FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)))
WHERE MOD(auction, 7) = 0 WINDOW w AS (PARTITION BY MOD(auction, 3) ORDER BY t);

-- lag_of_nulls
SELECT auction, price, LAG(NULLIF(MOD(price, 3), 0)) OVER w, LAG(channel, 2) OVER w
FROM bids WHERE MOD(auction, 7) = 0 WINDOW w AS (PARTITION BY MOD(auction, 3) ORDER BY `dateTime`);

-- numbers_with_ties
SELECT auction, price, t, ROW_NUMBER() OVER (PARTITION BY MOD(auction, 3) ORDER BY t)
FROM (
  SELECT auction, price, window_time AS t FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)))
WHERE MOD(auction, 7) = 0;

-- rows_with_ties
SELECT auction, price, t, SUM(price) OVER w, COUNT(*) OVER w, FIRST_VALUE(price) OVER w
FROM (
  SELECT auction, price, window_time AS t FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND)))
WHERE MOD(auction, 7) = 0 WINDOW w AS (PARTITION BY MOD(auction, 3) ORDER BY t ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);

-- rows_that_come_first
SELECT auction, price FROM bids LIMIT 10;

-- distinct_lists_of_groups
SELECT bid.auction, CHAR_LENGTH(LISTAGG(DISTINCT bid.channel)), CARDINALITY(ARRAY_AGG(DISTINCT m IGNORE NULLS)), COLLECT(DISTINCT SUBSTRING(bid.channel FROM 1 FOR 1))
FROM (SELECT *, MOD(price, 3) AS m FROM bids) AS bid WHERE MOD(bid.auction, 10) = 0 GROUP BY bid.auction;

-- filtered_lists_of_groups
SELECT bid.auction, LISTAGG(bid.channel) FILTER (WHERE bid.price > 100000), ARRAY_AGG(bid.price) FILTER (WHERE bid.price > 100000),
  COLLECT(SUBSTRING(bid.channel FROM 1 FOR 1)) FILTER (WHERE bid.price > 100000), FIRST_VALUE(bid.price) FILTER (WHERE bid.price > 100000),
  LAST_VALUE(bid.price) FILTER (WHERE bid.price > 100000), CHAR_LENGTH(LISTAGG(DISTINCT bid.channel) FILTER (WHERE bid.price > 100000)),
  COLLECT(DISTINCT CAST(m AS STRING)) FILTER (WHERE bid.price > 100000)
FROM (SELECT *, MOD(price, 3) AS m FROM bids) AS bid WHERE MOD(bid.auction, 5) = 0 GROUP BY bid.auction;

-- filtered_lists_of_windows
SELECT bid.auction, window_start, LISTAGG(bid.channel) FILTER (WHERE bid.price > 10000), ARRAY_AGG(bid.price) FILTER (WHERE bid.price > 10000),
  COLLECT(SUBSTRING(bid.channel FROM 1 FOR 1)) FILTER (WHERE bid.price > 10000), FIRST_VALUE(bid.price) FILTER (WHERE bid.price > 10000),
  LAST_VALUE(bid.price) FILTER (WHERE bid.price > 10000)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid
WHERE MOD(bid.auction, 5) = 0 GROUP BY bid.auction, window_start, window_end;

-- distinct_lists_of_windows
SELECT bid.auction, window_start, CHAR_LENGTH(LISTAGG(DISTINCT bid.channel)), CARDINALITY(ARRAY_AGG(DISTINCT m IGNORE NULLS)), COLLECT(DISTINCT CAST(m AS STRING)),
  CHAR_LENGTH(LISTAGG(DISTINCT bid.channel) FILTER (WHERE bid.price > 10000)),
  COLLECT(DISTINCT CAST(m AS STRING)) FILTER (WHERE bid.price > 10000)
FROM TABLE(TUMBLE(TABLE bids_and_rests, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS bid
WHERE MOD(bid.auction, 5) = 0 GROUP BY bid.auction, window_start, window_end;

-- no_rows
SELECT auction, price FROM bids LIMIT 0;

-- json_of_windows
SELECT category, window_start, JSON_ARRAYAGG(id), JSON_OBJECTAGG(KEY itemName VALUE id), JSON_ARRAYAGG(NULLIF(MOD(id, 3), 0) NULL ON NULL),
  JSON_OBJECTAGG(KEY itemName VALUE NULLIF(MOD(id, 3), 0) ABSENT ON NULL)
FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) WHERE MOD(id, 10) = 0 GROUP BY category, window_start, window_end;

-- json_of_values
SELECT category, JSON_ARRAYAGG(JSON_OBJECT('id' VALUE id)), JSON_ARRAYAGG(CAST(id AS DOUBLE) / 4), JSON_ARRAYAGG(ARRAY[id, 1]),
  JSON_OBJECTAGG(KEY itemName VALUE NULLIF(MOD(id, 3), 0)), JSON_OBJECTAGG(KEY itemName VALUE id > 1100), COUNT(*)
FROM auction WHERE MOD(id, 10) = 0 GROUP BY category;

-- json_without_keys
SELECT JSON_ARRAYAGG(id), JSON_OBJECTAGG(KEY itemName VALUE id) FROM auction WHERE id < 0;
