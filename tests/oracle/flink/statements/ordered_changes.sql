-- Aggregates that keep values in their order, of rows that change and go.

-- first_and_last_of_one_row
SELECT FIRST_VALUE(n), LAST_VALUE(m), LAST_VALUE(s) FROM (SELECT COUNT(*) AS n, MAX(price) AS m, MAX(channel) AS s FROM bid);

-- first_and_last_of_winners
SELECT auction, FIRST_VALUE(bidder), LAST_VALUE(price), ARRAY_AGG(bidder), LISTAGG(channel, '|') FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, `dateTime`) AS n FROM bid) WHERE n = 1 GROUP BY auction;

-- objects_of_winners
SELECT MOD(auction, 9), JSON_OBJECTAGG(KEY CAST(auction AS STRING) VALUE price) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, `dateTime`) AS n FROM bid WHERE MOD(auction, 9) = 0 AND auction < 1010) WHERE n = 1 GROUP BY MOD(auction, 9), auction;

-- first_and_last_of_a_left_join
SELECT a.id, FIRST_VALUE(COALESCE(b.price, -1)), LAST_VALUE(COALESCE(b.price, -1)), FIRST_VALUE(b.channel), LAST_VALUE(b.channel)
FROM auction AS a LEFT JOIN (SELECT auction, price, channel, bidder FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY `dateTime`) AS n FROM bid) WHERE n = 1) AS b ON a.id = b.auction GROUP BY a.id;

-- lists_of_a_left_join
SELECT a.id, ARRAY_AGG(b.price), ARRAY_AGG(b.price IGNORE NULLS), LISTAGG(COALESCE(b.channel, 'none')), JSON_ARRAYAGG(b.bidder NULL ON NULL)
FROM auction AS a LEFT JOIN (SELECT auction, price, channel, bidder FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY `dateTime`) AS n FROM bid) WHERE n = 1) AS b ON a.id = b.auction GROUP BY a.id;

-- distinct_values_of_a_left_join
SELECT a.category, ARRAY_SORT(ARRAY_AGG(DISTINCT MOD(b.price, 3))), CARDINALITY(ARRAY_AGG(DISTINCT b.channel)), COUNT(DISTINCT b.channel)
FROM auction AS a LEFT JOIN (SELECT auction, price, channel, bidder FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY `dateTime`) AS n FROM bid) WHERE n = 1) AS b ON a.id = b.auction GROUP BY a.category;
