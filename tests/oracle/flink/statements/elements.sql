-- Elements of arrays, maps and rows.

CREATE VIEW arrays AS SELECT id, category, ARRAY[category, seller, MOD(id, 3)] AS xs, SPLIT(itemName, ' ') AS words, MAP['c', category, 's', seller] AS m, ROW(id, ROW(category, itemName)) AS r FROM auction WHERE MOD(id, 15) = 0;

-- unnest_no_columns
SELECT id, t.* FROM arrays CROSS JOIN UNNEST(words) AS t;

-- unnest_where
SELECT id, w FROM arrays CROSS JOIN UNNEST(words) AS t (w) WHERE CHAR_LENGTH(w) > 3 AND w LIKE '%a%';

-- unnest_grouped
SELECT x, COUNT(*), SUM(id) FROM arrays CROSS JOIN UNNEST(xs) AS t (x) GROUP BY x;

-- unnest_inner_on
SELECT id, x FROM arrays JOIN UNNEST(xs) AS t (x) ON x > 100;

-- unnest_two
SELECT id, x, w FROM arrays CROSS JOIN UNNEST(xs) AS t (x) CROSS JOIN UNNEST(words) WITH ORDINALITY AS u (w, n) WHERE n = 1;

-- unnest_rows
SELECT id, a, b FROM arrays CROSS JOIN UNNEST(ARRAY[ROW(id, category), ROW(category, id)]) AS t (a, b);

-- unnest_literal
SELECT * FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t (x, n);

-- unnest_joined
SELECT arrays.id, x, p.name FROM arrays CROSS JOIN UNNEST(xs) AS t (x) JOIN person p ON p.id = x;

-- unnest_generate
SELECT id, n FROM arrays CROSS JOIN UNNEST(ARRAY[1, 2, 3]) AS t (n) WHERE n <= MOD(category, 4);

-- row_access_cast
SELECT q.a, q.b.c, q.b.d FROM (SELECT CAST(r AS ROW<a BIGINT, b ROW<c BIGINT, d STRING>>) AS q FROM arrays);

-- row_whole
SELECT bid.price, n.bid.channel, n.auction.id FROM nexmark n WHERE event_type = 2 AND n.bid.price > 1000000;

-- array_access
SELECT xs[1], xs[3], xs[4], CARDINALITY(xs), words[1], m['c'], m['x'], ELEMENT(ARRAY[id]) FROM arrays;

-- array_functions
SELECT ARRAY_CONTAINS(xs, CAST(0 AS BIGINT)), ARRAY_SORT(xs), ARRAY_MAX(xs), ARRAY_MIN(xs), ARRAY_REVERSE(xs), ARRAY_SLICE(xs, 1, 2), ARRAY_DISTINCT(xs), ARRAY_UNION(xs, ARRAY[CAST(1 AS BIGINT)]), ARRAY_JOIN(words, '-'), MAP_KEYS(m), MAP_VALUES(m) FROM arrays;

-- arrays_of_distinct_values_with_nulls
SELECT channel, ARRAY_SORT(ARRAY_AGG(DISTINCT NULLIF(MOD(price, 3), 1))), ARRAY_AGG(DISTINCT CASE WHEN price < 0 THEN price END) FROM bid WHERE MOD(auction, 5) = 0 GROUP BY channel;

-- distinct_elements_of_some_rows
SELECT channel, ARRAY_SORT(ARRAY_AGG(DISTINCT MOD(price, 4)) FILTER (WHERE MOD(price, 2) = 0)), COUNT(*) FROM bid WHERE MOD(auction, 5) = 0 GROUP BY channel;

-- distinct_elements_of_some_rows_in_windows
SELECT window_end, ARRAY_SORT(ARRAY_AGG(DISTINCT MOD(price, 5)) FILTER (WHERE price > 1000)), ARRAY_AGG(DISTINCT NULLIF(MOD(price, 1), 0)) FILTER (WHERE price < 0) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

-- unnest_named_by_its_table
SELECT auction, part FROM bid CROSS JOIN UNNEST(ARRAY[bidder, price]) AS part WHERE MOD(auction, 200) = 7;

-- unnest_named_by_its_table_left
SELECT auction, part, part + 1 FROM bid LEFT JOIN UNNEST(ARRAY[bidder, price]) AS part ON part > 5000 WHERE MOD(auction, 200) = 7;

-- unnest_of_one_field_named_by_its_table
SELECT auction, part FROM bid CROSS JOIN UNNEST(ARRAY[ROW(bidder), ROW(price)]) AS part WHERE MOD(auction, 200) = 7;
