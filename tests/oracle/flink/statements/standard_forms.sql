-- Forms of standard SQL that are seldom written.

CREATE VIEW few AS SELECT id, itemName, initialBid, category, seller, `dateTime`, expires FROM auction WHERE MOD(id, 10) = 0;

CREATE VIEW others AS SELECT id, itemName, category, `dateTime` FROM auction WHERE MOD(id, 30) = 0;

CREATE VIEW rowed AS SELECT id, CAST(ROW(id, itemName) AS ROW<a BIGINT, b STRING>) AS r, ARRAY[id, category] AS arr FROM few;

-- percentiles_of_frequencies
SELECT category, PERCENTILE(id, 0.5, MOD(id, 3)), PERCENTILE(initialBid, ARRAY[0.1, 0.9], category)[1], PERCENTILE(initialBid, ARRAY[0.1, 0.9], category)[2] FROM auction GROUP BY category;

-- percentiles_of_unknown_frequencies
SELECT category, PERCENTILE(id, 0.5, NULLIF(MOD(id, 3), 1)) FROM auction GROUP BY category;

-- percentiles_of_frequencies_below_zero
SELECT category, PERCENTILE(id, 0.5, MOD(id, 3) - 1) FROM auction GROUP BY category;

-- percentiles_of_no_frequencies
SELECT category, PERCENTILE(id, 0.5, 0) FROM auction GROUP BY category;

-- percentiles_over_rows
SELECT id, PERCENTILE(initialBid, 0.5) OVER (PARTITION BY category ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM few;

-- percentiles_over_all_rows_before
SELECT id, shares[1], shares[2] FROM (SELECT id, PERCENTILE(initialBid, ARRAY[0.25, 0.75]) OVER (PARTITION BY category ORDER BY `dateTime`) AS shares FROM few);

-- percentiles_over_frequencies
SELECT id, PERCENTILE(initialBid, 0.5, MOD(id, 3)) OVER (PARTITION BY category ORDER BY `dateTime`) FROM few;

-- percentiles_of_frequencies_of_windows
SELECT window_start, PERCENTILE(price, 0.9, 1 + MOD(auction, 2)) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

-- exists_by_one_or_the_other
SELECT id FROM few AS a WHERE EXISTS (SELECT 1 FROM others AS b WHERE a.id = b.id OR a.category = b.id - 1000);

-- not_exists_by_one_or_the_other
SELECT id FROM few AS a WHERE NOT EXISTS (SELECT 1 FROM others AS b WHERE a.id = b.id OR a.category = b.category + 3);

-- in_by_one_or_the_other
SELECT id FROM few AS a WHERE a.category IN (SELECT b.category FROM others AS b WHERE a.id = b.id OR a.id = b.id + 10);

-- not_in_by_one_or_the_other
SELECT id FROM few AS a WHERE a.category NOT IN (SELECT b.category FROM others AS b WHERE a.id = b.id OR a.id = b.id + 10);

-- exists_by_a_column_around_alone
SELECT id FROM few AS a WHERE EXISTS (SELECT 1 FROM others AS b WHERE a.category = 10 OR b.id = a.id);

-- natural_left_join
SELECT * FROM (SELECT id, category FROM few) NATURAL LEFT JOIN (SELECT id, itemName FROM others);

-- natural_join_of_nothing_in_common
SELECT * FROM (SELECT id FROM few) NATURAL JOIN (SELECT itemName FROM others WHERE id = 1020);

-- natural_join_of_types
SELECT * FROM (SELECT id, category FROM few) NATURAL JOIN (SELECT CAST(id AS INT) AS id, itemName FROM others);

-- natural_join_of_elements
SELECT * FROM (SELECT id, arr FROM rowed) NATURAL JOIN UNNEST(arr) AS u (x);

-- natural_join_lateral
SELECT * FROM few AS a NATURAL JOIN LATERAL (SELECT b.id, b.itemName AS n FROM others AS b WHERE b.category = a.category);

-- elements_by_computed_places
SELECT arr[CAST(id - 1000 AS INT)] FROM rowed;

-- fields_without_their_row
SELECT a, b FROM rowed;

-- fields_behind_their_table
SELECT r.a, rowed.r.b FROM rowed;

-- intervals_between_times
SELECT id, `dateTime` + (expires - `dateTime`) SECOND, (expires - `dateTime`) DAY > INTERVAL '1' MINUTE, CAST((expires - `dateTime`) DAY TO SECOND AS STRING), `dateTime` + INTERVAL '1' DAY * MOD(id, 7), `dateTime` + MOD(id, 7) * INTERVAL '1' MONTH FROM few;

-- collect_over_all_rows_before
SELECT id, COLLECT(CAST(category AS STRING)) OVER (PARTITION BY MOD(seller, 3) ORDER BY `dateTime`) FROM few;

-- collect_over_rows
SELECT id, COLLECT(CAST(category AS STRING)) OVER (ORDER BY `dateTime` ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), COLLECT(DISTINCT CAST(category AS STRING)) OVER (ORDER BY `dateTime` ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM few;

-- lists_of_distinct_values_over_rows
SELECT id, LISTAGG(DISTINCT CAST(category AS STRING)) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM few;

-- arrays_of_distinct_values_over_rows
SELECT id, ARRAY_AGG(DISTINCT category) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM few;

-- moments_of_distinct_values
SELECT MOD(seller, 3), STDDEV_POP(DISTINCT category), STDDEV_SAMP(DISTINCT category), STDDEV(DISTINCT category), VAR_POP(DISTINCT category), VAR_SAMP(DISTINCT category), VARIANCE(DISTINCT category) FROM auction GROUP BY MOD(seller, 3);

-- moments_of_distinct_values_of_some_rows
SELECT MOD(seller, 3), STDDEV_POP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), STDDEV_SAMP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), STDDEV(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), VAR_POP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), VAR_SAMP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), VARIANCE(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0) FROM auction GROUP BY MOD(seller, 3);

-- moments_of_distinct_values_of_windows
SELECT window_start, STDDEV_POP(DISTINCT category), STDDEV_SAMP(DISTINCT category), STDDEV(DISTINCT category), VAR_POP(DISTINCT category), VAR_SAMP(DISTINCT category), VARIANCE(DISTINCT category) FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

-- moments_of_distinct_values_of_some_rows_of_windows
SELECT window_start, STDDEV_POP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), STDDEV_SAMP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), STDDEV(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), VAR_POP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), VAR_SAMP(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0), VARIANCE(DISTINCT category) FILTER (WHERE MOD(id, 2) = 0) FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

-- moments_of_distinct_values_over_rows
SELECT id, STDDEV_POP(DISTINCT category) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW), STDDEV_SAMP(DISTINCT category) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW), STDDEV(DISTINCT category) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW), VAR_POP(DISTINCT category) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW), VAR_SAMP(DISTINCT category) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW), VARIANCE(DISTINCT category) OVER (ORDER BY `dateTime` ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM few;

-- over_a_power_of_rows
SELECT id, SUM(category) OVER (ORDER BY `dateTime` ROWS BETWEEN POWER(2, 4) PRECEDING AND CURRENT ROW) FROM few;

-- over_a_cast_of_rows
SELECT id, SUM(category) OVER (ORDER BY `dateTime` ROWS BETWEEN CAST(3 AS BIGINT) PRECEDING AND CURRENT ROW) FROM few;

-- match_by_the_time
SELECT * FROM few MATCH_RECOGNIZE (PARTITION BY category ORDER BY `dateTime` MEASURES A.id AS x, B.id AS y PATTERN (A B) DEFINE A AS A.`dateTime` < CURRENT_TIMESTAMP);

-- match_by_the_local_time
SELECT * FROM few MATCH_RECOGNIZE (PARTITION BY category ORDER BY `dateTime` MEASURES A.id AS x, B.id AS y PATTERN (A B) DEFINE A AS A.`dateTime` < LOCALTIMESTAMP);

-- match_with_the_time
SELECT x, n > TIMESTAMP '2020-01-01 00:00:00' FROM few MATCH_RECOGNIZE (PARTITION BY category ORDER BY `dateTime` MEASURES A.id AS x, LOCALTIMESTAMP AS n PATTERN (A B) DEFINE A AS A.id > 0);

-- in_over
SELECT id FROM few AS a WHERE a.id IN (SELECT b.id FROM (SELECT id, COUNT(*) OVER (PARTITION BY category ORDER BY `dateTime`) AS n FROM others) AS b WHERE b.n > 1);

-- in_over_of_each_row
SELECT id FROM few AS a WHERE a.category IN (SELECT COUNT(*) OVER (PARTITION BY b.category ORDER BY b.`dateTime`) + 9 FROM others AS b WHERE b.category = a.category);

-- formats_of_each_row
SELECT id, DATE_FORMAT(`dateTime`, CASE category WHEN 10 THEN 'yyyy' WHEN 11 THEN 'YYYY-ww' ELSE 'HH:mm' END) FROM few;
