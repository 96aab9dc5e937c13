//! An example of each construct of Flink SQL, to be planned behind the same few tables.

/// A construct.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// How it is written.
    pub what: &'static str,
    /// What is to be known about it.
    pub about: &'static str,
    /// Statements that use it.
    pub sql: &'static str,
}

/// The tables of all examples.
pub(super) const WORLD: &str = "
CREATE TABLE t (k STRING, i INT, b BIGINT, d DOUBLE, f BOOLEAN, r ROW<x INT>, ts TIMESTAMP(3),
  l TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'kafka');
CREATE TABLE u (k STRING, b BIGINT, ts TIMESTAMP(3),
  PRIMARY KEY (k) NOT ENFORCED, WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka');
CREATE TABLE out (k STRING, n BIGINT) WITH ('connector' = 'print');
";

pub(super) const fn example(what: &'static str, about: &'static str, sql: &'static str) -> Example {
    Example { what, about, sql }
}

pub(super) const QUERIES: &[Example] = &[
    example("SELECT ... FROM ... WHERE", "", "INSERT INTO out SELECT k, b FROM t WHERE b > 1"),
    example("SELECT *", "also `t.*`", "INSERT INTO out (n) SELECT * FROM (SELECT b FROM t)"),
    example(
        "WITH name AS (...)",
        "",
        "INSERT INTO out (n) WITH v AS (SELECT b FROM t) SELECT b FROM v",
    ),
    example("FROM (SELECT ...)", "", "INSERT INTO out (n) SELECT v.b FROM (SELECT b FROM t) AS v"),
    example(
        "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size))",
        "with an offset if it is given; windows of windows as well",
        "INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "TABLE(HOP(...))",
        "",
        "INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "TABLE(CUMULATE(...))",
        "",
        "INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "TABLE(SESSION(...))",
        "",
        "INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k,
           DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end",
    ),
    example(
        "TABLE(SESSION(...)) without GROUP BY",
        "or by other columns: rows go on once their session is over. `WHERE` behind it asks these rows, as in Flink, but where \
         they are grouped by their sessions it asks those that make the sessions",
        "INSERT INTO out SELECT k, b FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
           WHERE window_start < ts",
    ),
    example(
        "GROUP BY TUMBLE(ts, size)",
        "",
        "INSERT INTO out (n) SELECT COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)",
    ),
    example(
        "GROUP BY without a window",
        "",
        "INSERT INTO out SELECT k, COUNT(*) FROM t GROUP BY k",
    ),
    example("aggregates without GROUP BY", "", "INSERT INTO out (n) SELECT COUNT(*) FROM t"),
    example(
        "HAVING",
        "",
        "INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE)) GROUP BY window_start, window_end HAVING COUNT(*) > 1",
    ),
    example(
        "FILTER (WHERE ...)",
        "of an aggregate",
        "INSERT INTO out (n) SELECT COUNT(*) FILTER (WHERE f) FROM TABLE(TUMBLE(TABLE t,
           DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "COUNT(DISTINCT ...)",
        "",
        "INSERT INTO out (n) SELECT COUNT(DISTINCT k) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "GROUP BY array",
        "also by a `MAP`, a `ROW` and a constant; `DISTINCT`, `UNION`, `INTERSECT`, `EXCEPT`, `PARTITION BY` and equalities \
         of joins as well. The order of a `MAP`'s entries does not count",
        "INSERT INTO out SELECT 'x', COUNT(*) FROM t GROUP BY ARRAY[i], MAP[k, b], r, 'x';
         INSERT INTO out (n) SELECT x FROM (SELECT DISTINCT ARRAY[b] AS a FROM t), UNNEST(a) AS v (x)",
    ),
    example(
        "GROUPING SETS",
        "also `ROLLUP` and `CUBE`, within each other and several of them, with `GROUPING(...)`, `GROUPING_ID(...)` and `GROUP_ID()`: an aggregation for each set, with and without windows",
        "INSERT INTO out SELECT k, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, GROUPING SETS ((k), ())",
    ),
    example("SELECT DISTINCT", "", "INSERT INTO out SELECT DISTINCT k, b FROM t"),
    example("JOIN", "", "INSERT INTO out SELECT t.k, u.b FROM t JOIN u ON t.k = u.k"),
    example("LEFT JOIN", "", "INSERT INTO out SELECT t.k, u.b FROM t LEFT JOIN u ON t.k = u.k"),
    example("RIGHT JOIN", "", "INSERT INTO out SELECT t.k, u.b FROM t RIGHT JOIN u ON t.k = u.k"),
    example("FULL JOIN", "", "INSERT INTO out SELECT k, u.b FROM t FULL JOIN u USING (k)"),
    example(
        "JOIN with times near each other",
        "with `LEFT`, `RIGHT` and `FULL` as well: rows are kept as long as a partner can come",
        "INSERT INTO out SELECT t.k, u.b FROM t JOIN u ON t.k = u.k
           AND t.ts BETWEEN u.ts - INTERVAL '1' MINUTE AND u.ts",
    ),
    example(
        "JOIN ... FOR SYSTEM_TIME AS OF row_time",
        "also `LEFT JOIN`; with a table with `PRIMARY KEY` and `WATERMARK FOR`, or a view of the last row of each key, \
         `ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) = 1`",
        "INSERT INTO out SELECT t.k, u.b FROM t JOIN u FOR SYSTEM_TIME AS OF t.ts ON t.k = u.k",
    ),
    example(
        "JOIN ... FOR SYSTEM_TIME AS OF proc_time",
        "also `LEFT JOIN`; [looks up](../connectors.md#lookup-joins) a `filesystem`, `kafka` or `upsert-kafka` table",
        "CREATE TABLE d (k STRING, b BIGINT) WITH ('connector' = 'filesystem');
         INSERT INTO out SELECT t.k, d.b FROM (SELECT *, PROCTIME() AS p FROM t) AS t
           JOIN d FOR SYSTEM_TIME AS OF t.p ON t.k = d.k",
    ),
    example(
        "JOIN of windows",
        "equal `window_start` and `window_end`, of every kind: answered when the windows are over",
        "INSERT INTO out SELECT x.k, y.b
           FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) x
           FULL JOIN TABLE(HOP(TABLE u, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) y
           ON x.k = y.k AND x.window_start = y.window_start AND x.window_end = y.window_end",
    ),
    example(
        "/*+ STATE_TTL('t' = '1 d') */",
        "behind `SELECT`: [how long](../joins.md#how-long-state-is-kept) joins and groups keep what they have of an input. Hints for joins of tables that end, and `LOOKUP`, are taken with a warning",
        "INSERT INTO out SELECT /*+ STATE_TTL('t' = '1 d'), BROADCAST(u) */ t.k, u.b FROM t JOIN u ON t.k = u.k",
    ),
    example(
        "/*+ OPTIONS('key' = 'value') */",
        "behind a table's name: options of one read, or of one `INSERT`",
        "INSERT INTO out SELECT k, b FROM t /*+ OPTIONS('scan.startup.mode' = 'latest-offset') */ AS x",
    ),
    example("UNION ALL", "", "INSERT INTO out SELECT k, b FROM t UNION ALL SELECT k, b FROM u"),
    example("UNION", "", "INSERT INTO out SELECT k, b FROM t UNION SELECT k, b FROM u"),
    example(
        "EXCEPT",
        "also `INTERSECT`: each row once, by how often both queries have it",
        "INSERT INTO out SELECT k, b FROM t EXCEPT SELECT k, b FROM u",
    ),
    example("INTERSECT", "", "INSERT INTO out SELECT k, b FROM t INTERSECT SELECT k, b FROM u"),
    example(
        "EXCEPT ALL",
        "each row as often as the first query has it more; `INTERSECT ALL` as often as both have it",
        "INSERT INTO out SELECT k, b FROM t EXCEPT ALL SELECT k, b FROM u;
         INSERT INTO out SELECT k, b FROM t INTERSECT ALL SELECT k, b FROM u",
    ),
    example(
        "ROW_NUMBER() OVER (...) <= n",
        "",
        "INSERT INTO out SELECT k, b FROM (SELECT k, b, ROW_NUMBER() OVER (PARTITION BY k
           ORDER BY b DESC) AS n FROM t) WHERE n <= 3",
    ),
    example(
        "ROW_NUMBER() OVER (...) <= n of windows",
        "by `window_start` and `window_end`: answered when the windows are over",
        "INSERT INTO out SELECT k, b FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start,
           window_end, k ORDER BY b DESC) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE))) WHERE n <= 3",
    ),
    example(
        "QUALIFY",
        "a condition on functions with `OVER`, also on those that only stand there",
        "INSERT INTO out SELECT k, b FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY b DESC) <= 3",
    ),
    example(
        "SUM(...) OVER (...)",
        "`COUNT`, `SUM`, `AVG`, `MIN`, `MAX`, `FIRST_VALUE`, `LAST_VALUE`, `LAG` and `ROW_NUMBER`. In the order of event \
         time rows are answered once, as the watermark passes them, and in that of processing time as they come; \
         in another order, or of rows that change, answers change",
        "INSERT INTO out SELECT k, SUM(b) OVER (PARTITION BY k ORDER BY ts) FROM t",
    ),
    example(
        "ROWS | RANGE BETWEEN ... PRECEDING AND CURRENT ROW",
        "a number of rows, an interval or `UNBOUNDED`",
        "INSERT INTO out SELECT k, SUM(b) OVER (PARTITION BY k ORDER BY ts
           RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) FROM t",
    ),
    example(
        "WINDOW w AS (...)",
        "",
        "INSERT INTO out SELECT k, SUM(b) OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY ts)",
    ),
    example(
        "RANK() OVER (...)",
        "also `DENSE_RANK()`, and `ROW_NUMBER()` without a limit. As in Flink's streams, and not as its documentation says, \
         both ranks are the number of rows up to the row and those that are equal to it in the order; `LAG` counts from the \
         last of these",
        "INSERT INTO out SELECT k, RANK() OVER (PARTITION BY k ORDER BY ts) FROM t;
         INSERT INTO out SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY b) FROM t",
    ),
    example(
        "STDDEV_POP(...) OVER (...)",
        "also `STDDEV_SAMP`, `STDDEV`, `VAR_POP`, `VAR_SAMP` and `VARIANCE`",
        "INSERT INTO out SELECT k, VAR_SAMP(b) OVER (PARTITION BY k ORDER BY ts) FROM t",
    ),
    example(
        "COUNT(DISTINCT ...) OVER (...)",
        "",
        "INSERT INTO out SELECT k, COUNT(DISTINCT b) OVER (PARTITION BY k ORDER BY ts) FROM t",
    ),
    example(
        "LISTAGG(...) OVER (...)",
        "also `ARRAY_AGG`, `COLLECT`, `PERCENTILE` and `MEDIAN`",
        "INSERT INTO out (k) SELECT LISTAGG(k) OVER (PARTITION BY i ORDER BY ts) FROM t",
    ),
    example(
        "SUM(SUM(...)) OVER (...)",
        "`OVER` beside `GROUP BY`: of the groups and their aggregates, which change unless they are those of windows in \
         the order of `window_time`; also in `QUALIFY`",
        "INSERT INTO out SELECT k, SUM(SUM(b)) OVER (ORDER BY k) FROM t GROUP BY k;
         INSERT INTO out SELECT k, COUNT(*) FROM t GROUP BY k
           QUALIFY ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC) <= 3",
    ),
    example(
        "ORDER BY ... LIMIT n",
        "the first rows of all, which change as rows come; also `OFFSET m`, and `FETCH FIRST n ROWS ONLY`",
        "INSERT INTO out SELECT k, b FROM t ORDER BY b DESC, k LIMIT 3 OFFSET 1; INSERT INTO out SELECT k, COUNT(*) FROM t
           GROUP BY k ORDER BY 2 DESC FETCH FIRST 3 ROWS ONLY",
    ),
    example(
        "(SELECT ... ORDER BY b)",
        "within another query: without `LIMIT` it has no effect",
        "INSERT INTO out SELECT k, SUM(b) FROM (SELECT k, b FROM t ORDER BY b DESC) GROUP BY k",
    ),
    example(
        "LIMIT n",
        "the rows that come first; where rows change and go some n of them, which change too. `LIMIT 0` gives none",
        "INSERT INTO out SELECT k, b FROM t LIMIT 3",
    ),
    example(
        "ORDER BY ts",
        "without `LIMIT` by event time, ascending, of rows that only come: each is given once the watermark has passed it; \
         what stands behind the time orders rows of one time",
        "INSERT INTO out SELECT k, b FROM t ORDER BY ts, b DESC",
    ),
    example(
        "IN (SELECT ...)",
        "in `WHERE`, alone or between `AND`s; also of several columns",
        "INSERT INTO out SELECT k, b FROM t WHERE k IN (SELECT k FROM u)",
    ),
    example(
        "NOT IN (SELECT ...)",
        "of columns that can be NULL by one subtask, which compares all rows: `NOT EXISTS` has keys",
        "INSERT INTO out SELECT k, b FROM t WHERE k NOT IN (SELECT k FROM u)",
    ),
    example(
        "[NOT] EXISTS (SELECT ...)",
        "as a join in `WHERE`, alone or between `AND`s; elsewhere it is counted",
        "INSERT INTO out SELECT k, b FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k)",
    ),
    example(
        "a subquery as a value",
        "also `IN` and `EXISTS`, in `SELECT`, `WHERE`, `HAVING`, `ON` of an inner `JOIN` and aggregates; a second row of it \
         fails the job; without columns around it one subtask compares all rows",
        "INSERT INTO out SELECT k, b FROM t WHERE b > (SELECT AVG(b) FROM u) OR k IN (SELECT k FROM u)",
    ),
    example(
        "a subquery that names columns around it",
        "equalities become keys of the join, other conditions are asked for each of the different values; with `LIMIT` \
         where it has `ORDER BY`",
        "INSERT INTO out SELECT k, (SELECT MAX(b) FROM u WHERE u.k = t.k) FROM t",
    ),
    example(
        "x > ANY (SELECT ...), x > ALL (SELECT ...)",
        "by the least and the greatest value; `SOME` is `ANY`",
        "INSERT INTO out SELECT k, b FROM t WHERE b >= ALL (SELECT b FROM u)",
    ),
    example(
        "LATERAL (SELECT ...)",
        "behind a comma, `CROSS JOIN`, `JOIN` and `LEFT JOIN`",
        "INSERT INTO out SELECT t.k, x.n FROM t, LATERAL (SELECT COUNT(*) AS n FROM u WHERE u.k = t.k) AS x",
    ),
    example("TABLE t", "as a query", "INSERT INTO out SELECT k, b FROM (TABLE t) AS x"),
    example(
        "VALUES (...), (...)",
        "also `VALUES 1, 2`, `FROM (VALUES ...) AS x (...)`, and `SELECT` without `FROM`: rows of constants, computed when the job is \
         planned; they are read once, also over restores",
        "INSERT INTO out VALUES ('a', 1); INSERT INTO out (n) VALUES 1, 2; INSERT INTO out SELECT t.k, x.n FROM t JOIN (VALUES ('a', 1)) AS x (k, n)
           ON t.k = x.k; INSERT INTO out SELECT 'b', 2",
    ),
    example(
        "CROSS JOIN UNNEST(...) AS x (...)",
        "a row for each element of an `ARRAY`, with the fields of a `ROW` as columns, or for each key and value of a \
         `MAP`, or for each value of a `MULTISET`; also `FROM t, UNNEST(...)` and `JOIN UNNEST(...) ON ...`",
        "INSERT INTO out SELECT k, x FROM t CROSS JOIN UNNEST(ARRAY[1, 2]) AS v (x)",
    ),
    example(
        "LEFT JOIN UNNEST(...) AS x ON ...",
        "keeps rows without elements",
        "INSERT INTO out SELECT name, n FROM t LEFT JOIN UNNEST(MAP[k, b]) AS x (name, n) ON TRUE",
    ),
    example(
        "UNNEST(...) WITH ORDINALITY",
        "the elements' numbers as a last column, from 1",
        "INSERT INTO out SELECT x, n FROM t, UNNEST(SPLIT(k, ',')) WITH ORDINALITY AS v (x, n)",
    ),
    example(
        "COLLECT(...)",
        "a `MULTISET`, which is a `MAP` of the values to how often each is there",
        "INSERT INTO out SELECT k, CARDINALITY(COLLECT(b)) FROM t GROUP BY k",
    ),
    example(
        "ARRAY_AGG(...), LISTAGG(...)",
        "and `FIRST_VALUE`, `LAST_VALUE`, over windows too; a row that goes takes the first of the values that are \
         equal to its own along. `ARRAY_AGG` takes `IGNORE NULLS`, the others ignore NULLs",
        "INSERT INTO out SELECT LISTAGG(k, '; '), CARDINALITY(ARRAY_AGG(b)) + FIRST_VALUE(b) FROM t GROUP BY i",
    ),
    example(
        "JSON_OBJECTAGG(KEY k VALUE v), JSON_ARRAYAGG(v)",
        "with `NULL ON NULL` or `ABSENT ON NULL`, over windows too. A key that comes twice fails the \
         job, as in Flink",
        "INSERT INTO out SELECT JSON_OBJECTAGG(KEY k VALUE b ABSENT ON NULL), MAX(b) FROM t GROUP BY i;
         INSERT INTO out SELECT JSON_ARRAYAGG(b NULL ON NULL), MAX(b) FROM t GROUP BY i",
    ),
    example(
        "MATCH_RECOGNIZE (... PATTERN (A B+ C) ...)",
        "a row for each [match of a pattern](../patterns.md), of rows that only come, by event time or processing time",
        "INSERT INTO out SELECT k, n FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts
           MEASURES SUM(B.b) AS n AFTER MATCH SKIP TO LAST B PATTERN (A B+ C{2}) DEFINE B AS B.b > A.b)",
    ),
    example(
        "MATCH_RECOGNIZE (... WITHIN INTERVAL ...)",
        "how long a match takes at most; older rows are forgotten",
        "INSERT INTO out SELECT k, n FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts
           MEASURES COUNT(B.b) AS n PATTERN (A B*? C) WITHIN INTERVAL '1' HOUR DEFINE C AS C.b > LAST(A.b))",
    ),
    example(
        "MATCH_ROWTIME()",
        "in `MEASURES`: a row time; `MATCH_ROWTIME(ts)` of a `TIMESTAMP_LTZ`, and `MATCH_PROCTIME()`",
        "INSERT INTO out SELECT k, COUNT(*) FROM TABLE(TUMBLE((SELECT * FROM t MATCH_RECOGNIZE (
           PARTITION BY k ORDER BY ts MEASURES MATCH_ROWTIME() AS x PATTERN (A B) DEFINE A AS A.b > 1)),
           DESCRIPTOR(x), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end",
    ),
];

/// Operators, each within the same query.
pub(super) fn operators() -> impl Iterator<Item = Example> {
    macro_rules! operators {
        ($($what:literal, $about:literal, $condition:literal;)*) => {
            [$(example($what, $about, concat!("INSERT INTO out SELECT k, b FROM t WHERE ", $condition)),)*]
        };
    }
    operators! {
        "+ - * / %", "of numbers; integers divide toward zero", "i + 1 * 2 / 3 % 4 - 5 > 0 AND -i < +i";
        "= <> < <= > >=", "a text beside a number or a time is read as such", "i = 1 AND i <> 2 AND i < 3 AND i <= 3 AND i > 0 AND i >= 0";
        "AND OR NOT", "with three values", "NOT (f OR f AND f)";
        "||", "", "k || 'a' = 'b'";
        "IS [NOT] NULL", "also `TRUE`, `FALSE`, `UNKNOWN`", "k IS NULL OR k IS NOT NULL OR f IS TRUE OR f IS NOT TRUE OR f IS FALSE OR f IS NOT FALSE OR f IS UNKNOWN OR f IS NOT UNKNOWN";
        "IS [NOT] DISTINCT FROM", "", "i IS DISTINCT FROM 1 OR i IS NOT DISTINCT FROM 2";
        "[NOT] BETWEEN", "", "i BETWEEN 1 AND 2 OR i NOT BETWEEN 0 AND 9";
        "BETWEEN SYMMETRIC", "", "i BETWEEN SYMMETRIC 2 AND 1";
        "[NOT] IN (...)", "also `(i, k) IN ((1, 'a'), (2, 'b'))`", "i IN (1, 2) AND i NOT IN (3) AND (i, k) IN ((1, 'a')) AND (i, k) NOT IN ((1, 'a'), (2, 'b'))";
        "[NOT] LIKE", "with `ESCAPE` if it is given", "k LIKE 'a!%' ESCAPE '!' OR k NOT LIKE 'b!%' ESCAPE '!' OR k LIKE 'a%' OR k NOT LIKE 'a_'";
        "[NOT] SIMILAR TO", "a pattern in single quotes, with `ESCAPE` if it is given", "k SIMILAR TO 'a(b|c)%' OR k NOT SIMILAR TO '[a-c]' OR k SIMILAR TO 'a!%' ESCAPE '!' OR k NOT SIMILAR TO 'a!%' ESCAPE '!'";
        "CASE", "with and without a value behind it", "CASE i WHEN 1 THEN f ELSE NOT f END OR CASE i WHEN 2 THEN f END OR CASE WHEN i = 3 THEN f END OR CASE WHEN f THEN f ELSE NOT f END";
        "CAST", "", "CAST(k AS INT) = 1";
        "TRY_CAST", "", "TRY_CAST(k AS INT) = 1";
        "row.field", "of a `ROW`; the field alone where no column is called so", "r.x = 1";
        "time + INTERVAL", "one unit, from `YEAR` to `SECOND`", "ts + INTERVAL '1' DAY > ts - INTERVAL '1' YEAR + INTERVAL '1' MONTH - INTERVAL '1' HOUR + INTERVAL '1' MINUTE - INTERVAL '1' SECOND";
        "INTERVAL '1-2' YEAR TO MONTH", "", "ts + INTERVAL '1-2' YEAR TO MONTH > ts";
        "(time - time) DAY", "the interval between two times of one kind, in milliseconds, or with `MONTH` and `YEAR` in months; `DAY TO SECOND` and its like", "ts + (ts - TIMESTAMP '2020-01-01 00:00:00') DAY > ts";
        "EXTRACT(unit FROM interval)", "`YEAR`, `QUARTER` and `MONTH`, or from `DAY` to `MILLISECOND`", "EXTRACT(DAY FROM INTERVAL '3' DAY) = 3";
        "DATE '...'", "`TIME` and `TIMESTAMP` as well", "ts > TIMESTAMP '2020-01-01 00:00:00' AND CAST(ts AS DATE) < DATE '2020-01-01' AND CAST(ts AS TIME) < TIME '10:00:00'";
        "EXTRACT(unit FROM time)", "from `MILLENNIUM` to `MICROSECOND`, `DOW`, `DOY`, `ISODOW`, `ISOYEAR`, `EPOCH`", "EXTRACT(MILLENNIUM FROM ts) + EXTRACT(CENTURY FROM ts) + EXTRACT(DECADE FROM ts) + EXTRACT(YEAR FROM ts) + EXTRACT(ISOYEAR FROM ts) + EXTRACT(QUARTER FROM ts) + EXTRACT(MONTH FROM ts) + EXTRACT(WEEK FROM ts) + EXTRACT(DAY FROM ts) + EXTRACT(DOW FROM ts) + EXTRACT(ISODOW FROM ts) + EXTRACT(DOY FROM ts) + EXTRACT(HOUR FROM ts) + EXTRACT(MINUTE FROM ts) + EXTRACT(SECOND FROM ts) + EXTRACT(MILLISECOND FROM ts) + EXTRACT(MICROSECOND FROM ts) + EXTRACT(EPOCH FROM ts) = 1";
        "FLOOR(time TO unit)", "and `CEIL`: from `SECOND` to `YEAR`; weeks begin on Sunday", "FLOOR(ts TO SECOND) = CEIL(ts TO SECOND) AND FLOOR(ts TO MINUTE) = CEIL(ts TO MINUTE) AND FLOOR(ts TO HOUR) = CEIL(ts TO HOUR) AND FLOOR(ts TO DAY) = CEIL(ts TO DAY) AND FLOOR(ts TO WEEK) = CEIL(ts TO WEEK) AND FLOOR(ts TO MONTH) = CEIL(ts TO MONTH) AND FLOOR(ts TO QUARTER) = CEIL(ts TO QUARTER) AND FLOOR(ts TO YEAR) = CEIL(ts TO YEAR)";
        "TIMESTAMPADD(unit, n, time)", "and `TIMESTAMPDIFF`: from `SECOND` to `YEAR`", "TIMESTAMPDIFF(DAY, ts, ts) = 1";
        "SUBSTRING(s FROM n FOR m)", "also with commas", "SUBSTRING(k FROM 1 FOR 2) = SUBSTRING(k FROM 2)";
        "TRIM(LEADING c FROM s)", "also `TRAILING` and `BOTH`", "TRIM(LEADING 'x' FROM k) = TRIM(TRAILING 'x' FROM k) OR TRIM(BOTH 'x' FROM k) = TRIM(k)";
        "OVERLAY(s PLACING r FROM n FOR m)", "", "OVERLAY(k PLACING 'a' FROM 1) = OVERLAY(k PLACING 'a' FROM 1 FOR 2)";
        "POSITION(s IN t)", "also `FROM n`", "POSITION('a' IN k) = 1 OR POSITION('a' IN k FROM 2) = 3";
        "OVERLAPS", "of two periods, `(begin, end)` or `(begin, interval)`", "(ts, ts) OVERLAPS (ts, INTERVAL '1' DAY)";
        "IS JSON", "also `IS NOT JSON`, with `OBJECT`, `ARRAY` or `SCALAR`", "k IS JSON OBJECT";
        "ROW = ROW", "also `<>`, and `(a, b) = (c, d)`; `IS [NOT] DISTINCT FROM` too", "(i, k) = (1, 'a') AND r <> ROW(2)";
        "ROW(a, b)", "its fields are found by their places where it is cast or written", "CAST(ROW(i, k) AS ROW<x INT, y STRING>).x = 1";
        "JSON_OBJECT('key' VALUE value, ...)", "also `KEY 'key' VALUE value` and `'key': value`; `NULL ON NULL` or `ABSENT ON NULL` at its end, and at that of `JSON_ARRAY`", "JSON_OBJECT('a' VALUE k ABSENT ON NULL) = '{}'";
        "JSON_VALUE(text, path RETURNING type)", "of `STRING`, `INT`, `DOUBLE` and `BOOLEAN`; `NULL`, `ERROR` or `DEFAULT value`, `ON EMPTY` and `ON ERROR`", "JSON_VALUE(k, 'lax $.a' RETURNING INT DEFAULT 1 ON EMPTY NULL ON ERROR) = 1";
        "JSON_QUERY(text, path ...)", "`RETURNING ARRAY<STRING>`; `WITH [CONDITIONAL] WRAPPER`; `NULL`, `ERROR`, `EMPTY ARRAY` or `EMPTY OBJECT`, `ON EMPTY` and `ON ERROR`", "JSON_QUERY(k, 'lax $.a' WITH CONDITIONAL WRAPPER EMPTY ARRAY ON EMPTY) = '[]'";
        "JSON_EXISTS(text, path ... ON ERROR)", "`TRUE`, `FALSE`, `UNKNOWN` or `ERROR`", "JSON_EXISTS(k, '$.a' UNKNOWN ON ERROR)";
        "X'...', U&'...'", "bytes, and a text with `\\0041` for a character", "U&'\\0041' = 'A' AND X'41' = X'42'";
        "ARRAY[...]", "of values with a common type", "CARDINALITY(ARRAY[i, b, NULL]) = 3";
        "array[n]", "from 1; NULL where there is none", "ARRAY[1, 2][1] = 1";
        "MAP[key, value, ...]", "of a key that comes twice the last value counts", "CARDINALITY(MAP[k, i, 'a', 1]) = 2";
        "map[key]", "NULL where there is none", "MAP['a', 1]['a'] = 1";
        "ARRAY = ARRAY", "also `MAP = MAP`, `<>`, `IN` and `IS [NOT] DISTINCT FROM`; NULL among the elements is a value like others", "ARRAY[1] = ARRAY[i] AND MAP['a', 1] <> MAP['a', i]";
    }
    .into_iter()
}

/// Aggregate functions with an argument.
pub(super) const AGGREGATES: &[(&str, &str)] = &[
    ("COUNT", "*"),
    ("SUM", "b"),
    ("AVG", "b"),
    ("MIN", "b"),
    ("MAX", "b"),
    ("STDDEV_POP", "d"),
    ("STDDEV_SAMP", "d"),
    ("VAR_POP", "d"),
    ("VAR_SAMP", "d"),
    ("VARIANCE", "d"),
    ("PERCENTILE", "d, 0.5"),
    ("MEDIAN", "d"),
    ("FIRST_VALUE", "b"),
    ("LAST_VALUE", "b"),
    ("LISTAGG", "k"),
    ("COLLECT", "b"),
    ("ARRAY_AGG", "b"),
    ("JSON_OBJECTAGG", "k VALUE b"),
    ("JSON_ARRAYAGG", "b"),
];

/// Aggregate functions of DataFusion that Flink does not have, each with arguments.
pub(super) const AGGREGATES_OF_DATAFUSION: &[(&str, &str)] = &[
    ("STRING_AGG", "k, ','"),
    ("APPROX_DISTINCT", "b"),
    ("APPROX_MEDIAN", "d"),
    ("APPROX_PERCENTILE_CONT", "d, 0.5"),
    ("PERCENTILE_CONT", "d, 0.5"),
    ("BIT_AND", "b"),
    ("BIT_OR", "b"),
    ("BIT_XOR", "b"),
    ("BOOL_AND", "b > 1"),
    ("BOOL_OR", "b > 1"),
    ("CORR", "d, b"),
    ("COVAR", "d, b"),
    ("COVAR_POP", "d, b"),
    ("COVAR_SAMP", "d, b"),
    ("REGR_AVGX", "d, b"),
    ("REGR_AVGY", "d, b"),
    ("REGR_COUNT", "d, b"),
    ("REGR_INTERCEPT", "d, b"),
    ("REGR_R2", "d, b"),
    ("REGR_SLOPE", "d, b"),
    ("REGR_SXX", "d, b"),
    ("REGR_SXY", "d, b"),
    ("REGR_SYY", "d, b"),
    ("APPROX_PERCENTILE_CONT_WITH_WEIGHT", "d, b, 0.5"),
    ("NTH_VALUE", "b, 2"),
];
