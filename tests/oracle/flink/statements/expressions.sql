-- Types and values of expressions.

CREATE VIEW few AS SELECT id, itemName, initialBid, category, seller, `dateTime`, expires FROM auction WHERE MOD(id, 10) = 0;

-- expressions_case_types
SELECT CASE WHEN category = 10 THEN 1 ELSE 2.5 END, CASE WHEN category = 10 THEN 'a' ELSE 'abc' END, CASE WHEN category > 12 THEN id END, CASE category WHEN 10 THEN CAST(1 AS TINYINT) WHEN 11 THEN 300 ELSE id END, CASE WHEN category = 10 THEN CAST(1.5 AS DECIMAL(3, 1)) ELSE CAST(2 AS DOUBLE) END FROM few;

-- expressions_coalesce_types
SELECT COALESCE(NULLIF(category, 10), 1), COALESCE(CAST(NULL AS INT), 2.5), COALESCE(NULLIF(itemName, ''), 'none'), NULLIF(category, 10), NULLIF(1, 1.0), IFNULL(NULLIF(category, 11), -1), COALESCE(NULLIF(category, 10), NULLIF(category, 11), 0) FROM few;

-- expressions_division
SELECT id / 7, id / 7.0, id / CAST(7 AS DOUBLE), -id / 7, MOD(-id, 7), -id % 7, id * 1.5, id * 0.908, id - 0.5, id / CAST(3 AS DECIMAL(10, 3)) FROM few;

-- expressions_decimals
SELECT CAST(id AS DECIMAL(10, 2)) * CAST(category AS DECIMAL(5, 3)), CAST(id AS DECIMAL(10, 2)) / CAST(category AS DECIMAL(5, 3)), CAST(id AS DECIMAL(10, 2)) + 1, CAST(id AS DECIMAL(10, 2)) - 0.125, MOD(CAST(id AS DECIMAL(10, 2)), 7), CAST(2.555 AS DECIMAL(3, 2)), ROUND(CAST(id AS DECIMAL(10, 3)) / 7, 2), FLOOR(CAST(id AS DECIMAL(10, 2)) / 7), CAST(id AS DECIMAL(10, 2)) > 1050.5 FROM few;

-- expressions_literals
SELECT 1, 1.0, 1.50, 1e0, 1.5E2, 12345678901, 'it''s', TRUE, .5, -1, 0.1 + 0.2 FROM few WHERE id = 1000;

-- expressions_text_comparisons
SELECT itemName > 'm', itemName = 'a', 'a' = 'a ', 'abc' < 'abd', CAST('ab' AS CHAR(5)) || '|', CAST('abcdef' AS VARCHAR(3)), CAST('a' AS CHAR(3)) = 'a', CHAR_LENGTH(CAST('a' AS CHAR(3))) FROM few;

-- expressions_implicit
SELECT id > '1050', `dateTime` > '2015-07-15 07:59:50', `dateTime` >= '2015-07-15', CAST(`dateTime` AS DATE) = '2015-07-15', category < '12' FROM few;

-- expressions_between
SELECT id FROM few WHERE id BETWEEN '1010' AND 1100 AND `dateTime` BETWEEN '2015-07-15 07:59:30' AND TIMESTAMP '2015-07-15 08:00:00' AND category NOT BETWEEN 11 AND 12;

-- expressions_time_arithmetic
SELECT `dateTime` + INTERVAL '1' DAY, `dateTime` - INTERVAL '90' MINUTE, `dateTime` + INTERVAL '1' MONTH, CAST(`dateTime` AS DATE) + INTERVAL '1' DAY, CAST(`dateTime` AS DATE) - INTERVAL '1' YEAR, `dateTime` + INTERVAL '1 02:03:04' DAY TO SECOND, TIMESTAMPADD(HOUR, 5, `dateTime`), `dateTime` + INTERVAL '-1' HOUR FROM few;

-- expressions_time_parts
SELECT EXTRACT(YEAR FROM `dateTime`), EXTRACT(DOW FROM `dateTime`), EXTRACT(EPOCH FROM `dateTime`), DAYOFWEEK(`dateTime`), WEEK(`dateTime`), QUARTER(`dateTime`), MINUTE(`dateTime`), SECOND(`dateTime`), DAYOFYEAR(CAST(`dateTime` AS DATE)), EXTRACT(MILLISECOND FROM `dateTime`) FROM few;

-- expressions_time_formats
SELECT DATE_FORMAT(`dateTime`, 'yyyy-MM-dd HH:mm:ss.SSS'), DATE_FORMAT(`dateTime`, 'yyyyMMdd'), CAST(`dateTime` AS STRING), CAST(`dateTime` AS VARCHAR(10)), UNIX_TIMESTAMP(CAST(`dateTime` AS STRING)), FROM_UNIXTIME(1436947170), TO_TIMESTAMP('2015-07-15 08:00:00'), TO_DATE('2015-07-15'), TO_TIMESTAMP('15/07/2015', 'dd/MM/yyyy'), DATE_FORMAT('2015-07-15 08:00:00', 'yyyy') FROM few;

-- expressions_time_casts
SELECT CAST(`dateTime` AS DATE), CAST(`dateTime` AS TIMESTAMP(0)), CAST('2015-07-15' AS DATE), CAST('2015-07-15 08:00:00.123456' AS TIMESTAMP(6)), CAST(`dateTime` AS TIMESTAMP_LTZ(3)), CAST(CAST(`dateTime` AS DATE) AS TIMESTAMP(3)), TO_TIMESTAMP_LTZ(1436947170000, 3), TRY_CAST('x' AS INT), TRY_CAST('2015-99-01' AS DATE) FROM few;

-- expressions_texts
SELECT SUBSTRING(itemName, 2, 3), SUBSTRING(itemName FROM 2), LEFT(itemName, 2), RIGHT(itemName, 2), UPPER(itemName), INITCAP(itemName), REPLACE(itemName, 'a', 'b'), POSITION('a' IN itemName), LPAD(CAST(id AS STRING), 6, '0'), TRIM('  a '), REVERSE(itemName), REPEAT('ab', 2), SPLIT_INDEX('a,b,c', ',', 1), CONCAT_WS('-', 'a', CAST(NULL AS STRING), 'b'), CONCAT('a', CAST(NULL AS STRING)) FROM few;

-- expressions_patterns
SELECT itemName LIKE 'a%', itemName NOT LIKE '%b_', 'a_b' LIKE 'a\_b' ESCAPE '\', REGEXP_EXTRACT(itemName, '([a-z]+)', 1), REGEXP(itemName, '^[a-m]'), REGEXP_REPLACE(itemName, '[aeiou]', '*'), itemName SIMILAR TO '[a-z ]+' FROM few;

-- expressions_conditions
SELECT category > 10 AND CAST(NULL AS BOOLEAN), category > 10 OR CAST(NULL AS BOOLEAN), NOT (category = 10), (category = 10) IS TRUE, (category = 10) IS NOT FALSE, NULLIF(category, 10) IS NULL, NULLIF(category, 10) IN (11, CAST(NULL AS INT)), NULLIF(category, 10) NOT IN (11, 12), NULLIF(category, 10) = NULLIF(category, 10), NULLIF(category, 10) IS NOT DISTINCT FROM CAST(NULL AS BIGINT) FROM few;

-- expressions_json
SELECT JSON_VALUE('{"a": {"b": [1, 2]}}', '$.a.b[0]'), JSON_QUERY('{"a": {"b": [1, 2]}}', '$.a'), JSON_EXISTS('{"a": 1}', '$.b'), JSON_OBJECT('id' VALUE id, 'name' VALUE itemName), JSON_ARRAY(id, itemName, CAST(NULL AS STRING)), JSON_STRING(itemName), JSON_VALUE('{"n": 5}', '$.n' RETURNING INT), '{"a": 1}' IS JSON FROM few;

-- expressions_numbers
SELECT ROUND(id / 7.0, 2), FLOOR(id / 7.0), CEIL(id / 7.0), ABS(-id), POWER(category, 2), SQRT(category), SIGN(category - 12), ROUND(CAST(id AS DOUBLE) / 7, 3), TRUNCATE(id / 7.0, 1), LOG10(100), EXP(0), GREATEST(id, 1050), LEAST(category, 11, 12), LN(category), BIN(category), HEX(category) FROM few;

-- expressions_casts
SELECT CAST(id AS STRING), CAST(id AS DOUBLE), CAST(2.9 AS INT), CAST(-2.9 AS INT), CAST('12' AS INT), CAST(TRUE AS INT), CAST(0 AS BOOLEAN), CAST('true' AS BOOLEAN), CAST(1.0E10 AS STRING), CAST(CAST(1.5 AS FLOAT) AS STRING), CAST(id AS TINYINT), CAST(12.345 AS DECIMAL(4, 1)), CAST(id AS DECIMAL(3, 0)), CAST(' 12 ' AS INT) FROM few;

-- expressions_if
SELECT IF(category > 12, 'high', 'low'), IF(category > 12, 1, 2.5), IF(NULLIF(category, 10) > 5, id, -1) FROM few;

-- expressions_nested_functions
SELECT COALESCE(CAST(NULLIF(category, 10) AS STRING), UPPER(SUBSTRING(itemName, 1, 3))), CONCAT(CAST(id AS STRING), '-', LOWER(itemName)), MD5(itemName), SHA256(CAST(id AS STRING)), TO_BASE64('abc'), FROM_BASE64('YWJj'), ASCII('a'), CHR(97), UUID() IS NOT NULL FROM few;

-- expressions_distinct_on_expression
SELECT DISTINCT category, category > 11, CAST(category AS STRING) FROM few;

-- expressions_not_boolean_column
SELECT id FROM (SELECT id, NULLIF(category, 10) > 11 AS big FROM few) WHERE NOT big OR big IS NULL;

-- expressions_where_unknown
SELECT id FROM few WHERE NULLIF(category, 10) <> 11;

-- expressions_in_mixed
SELECT id FROM few WHERE category IN (10, 11.0);

-- expressions_row_comparisons
SELECT id FROM few WHERE (category, MOD(id, 20)) = (10, 0) OR (id, category) IN ((1010, 10), (1020, 11), (1030, 12));

-- expressions_max_over_text
SELECT MAX(itemName), MIN(itemName), COUNT(DISTINCT itemName), MAX(CAST(category AS CHAR(4))) FROM few;
