//! An example of each statement of Flink SQL, and of each part of `CREATE TABLE`.

use super::examples::{Example, example};

/// In the order of the document.
pub(super) const STATEMENTS: &[Example] = &[
    example(
        "CREATE TABLE",
        "`IF NOT EXISTS`, `NOT NULL`, `COMMENT`, `WITH (...)` with the options of a [connector](../connectors.md)",
        "CREATE TABLE IF NOT EXISTS x (a INT NOT NULL COMMENT 'c') COMMENT 'c' WITH ('connector' = 'print');
         INSERT INTO x SELECT 1 FROM t",
    ),
    example(
        "name AS expression",
        "a computed column",
        "CREATE TABLE x (a INT, b AS a + 1) WITH ('connector' = 'kafka');
         INSERT INTO out (n) SELECT b FROM x",
    ),
    example(
        "name AS PROCTIME()",
        "processing time, for [windows](../windows.md#processing-time) and lookup joins",
        "CREATE TABLE x (a INT, p AS PROCTIME()) WITH ('connector' = 'kafka');
         INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE x, DESCRIPTOR(p),
           INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "WATERMARK FOR column AS expression",
        "of a `TIMESTAMP(3)` or `TIMESTAMP_LTZ(3)`",
        "CREATE TABLE x (a TIMESTAMP(3), WATERMARK FOR a AS a - INTERVAL '1' SECOND)
           WITH ('connector' = 'kafka');
         INSERT INTO out (n) SELECT 1 FROM x",
    ),
    example(
        "PRIMARY KEY (...) NOT ENFORCED",
        "of a table or of one column",
        "CREATE TABLE x (a INT, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'print');
         INSERT INTO x SELECT 1 FROM t",
    ),
    example(
        "name type METADATA [FROM 'key'] [VIRTUAL]",
        "what a [connector](../connectors.md#metadata-columns) has beside a row",
        "CREATE TABLE x (a INT, b BIGINT METADATA FROM 'offset' VIRTUAL) WITH ('connector' = 'kafka');
         INSERT INTO out (n) SELECT b FROM x",
    ),
    example(
        "'format' = 'debezium-json' of a source",
        "rows that change and go, as a [database's log](../connectors.md#the-format-debezium-json) tells them",
        "CREATE TABLE x (a BIGINT) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
         INSERT INTO out (n) SELECT SUM(a) FROM x",
    ),
    example(
        "'format' = 'csv'",
        "[rows by the places of their columns](../connectors.md#the-format-csv), as source and sink",
        "CREATE TABLE x (k STRING, a BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv');
         INSERT INTO x SELECT k, b FROM t",
    ),
    example(
        "'format' = 'avro', 'avro-confluent'",
        "[records of Avro](../connectors.md#the-formats-avro-and-avro-confluent), also by a schema registry",
        "CREATE TABLE x (k STRING, a BIGINT) WITH ('connector' = 'kafka', 'format' = 'avro-confluent');
         INSERT INTO x SELECT k, b FROM t",
    ),
    example(
        "'format' = 'raw'",
        "[a value alone](../connectors.md#the-format-raw), as source and sink",
        "CREATE TABLE x (k STRING) WITH ('connector' = 'filesystem', 'format' = 'raw');
         INSERT INTO x SELECT k FROM t",
    ),
    example(
        "'connector' = 'upsert-kafka'",
        "[what keys have now](../connectors.md#upsert-kafka), as source and sink",
        "CREATE TABLE x (k STRING, a BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
         INSERT INTO x SELECT k, SUM(a) FROM x GROUP BY k",
    ),
    example(
        "PARTITIONED BY (...)",
        "for `filesystem`, `print` and `blackhole`",
        "CREATE TABLE x (a INT, b INT) PARTITIONED BY (a) WITH ('connector' = 'filesystem');
         INSERT INTO x SELECT 1, 2 FROM t",
    ),
    example(
        "CREATE TABLE ... LIKE",
        "with `INCLUDING`, `EXCLUDING` and `OVERWRITING` of `ALL`, `CONSTRAINTS`, `GENERATED`, `METADATA`, `OPTIONS`, \
         `PARTITIONS`, `WATERMARKS`, by Flink's rules",
        "CREATE TABLE x LIKE out; INSERT INTO x SELECT k, b FROM t",
    ),
    example(
        "CREATE TABLE ... AS SELECT",
        "the table has the query's columns behind its own; also with names alone, in another order",
        "CREATE TABLE x WITH ('connector' = 'print') AS SELECT k, COUNT(*) AS n FROM t GROUP BY k;
         CREATE TABLE y (n, k) WITH ('connector' = 'print') AS SELECT k, b AS n FROM t",
    ),
    example(
        "CREATE [TEMPORARY] VIEW",
        "with names for its columns if they are given",
        "CREATE TEMPORARY VIEW v (a) AS SELECT b FROM t; INSERT INTO out (n) SELECT a FROM v",
    ),
    example("INSERT INTO", "`table [(columns)] query`", "INSERT INTO out (n) SELECT b FROM t"),
    example(
        "INSERT INTO ... PARTITION (a = 1, ...)",
        "columns that the table is partitioned by get literals; the query gives the others",
        "CREATE TABLE x (a INT, b BIGINT) PARTITIONED BY (a) WITH ('connector' = 'filesystem');
         INSERT INTO x PARTITION (a = 1) SELECT b FROM t",
    ),
    example(
        "EXECUTE STATEMENT SET",
        "`BEGIN ... END`; so do several `INSERT INTO`",
        "EXECUTE STATEMENT SET BEGIN INSERT INTO out SELECT k, b FROM t; END",
    ),
    example(
        "SET",
        "`SET 'table.exec.source.idle-timeout' = '10 s'`",
        "SET 'table.exec.source.idle-timeout' = '10 s'; INSERT INTO out SELECT k, b FROM t",
    ),
    example(
        "SET 'table.exec.state.ttl'",
        "[how long](../joins.md#how-long-state-is-kept) rows of joins, groups, Top-N and `OVER` aggregates are kept",
        "SET 'table.exec.state.ttl' = '1 h'; INSERT INTO out SELECT k, b FROM t",
    ),
    example(
        "SET 'table.exec.sink.not-null-enforcer'",
        "`ERROR`, or `DROP`: rows with a NULL for a `NOT NULL` column of a sink are left out",
        "SET 'table.exec.sink.not-null-enforcer' = 'DROP'; INSERT INTO out SELECT k, b FROM t",
    ),
    example(
        "SET 'table.exec.sink.upsert-materialize'",
        "`AUTO`, `NONE` or `FORCE`: where an [operator in front of a sink](../connectors.md#upsert-kafka) keeps the rows of each of its keys",
        "SET 'table.exec.sink.upsert-materialize' = 'NONE'; INSERT INTO out SELECT k, b FROM t",
    ),
    example(
        "SET 'sabot.late-rows.table'",
        "the table of rows that are [too late](../windows.md#late-rows) for their windows",
        "SET 'sabot.late-rows.table' = 'late'; CREATE TABLE late (b BIGINT) WITH ('connector' = 'print');
         INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "SET 'table.exec.emit.late-fire.enabled'",
        "with `table.exec.emit.late-fire.delay` = '0 s' and `table.exec.emit.allow-lateness`: rows that come behind a window's end [change its result](../windows.md#allowed-lateness)",
        "SET 'table.exec.emit.late-fire.enabled' = 'true'; SET 'table.exec.emit.late-fire.delay' = '0 s';
         SET 'table.exec.emit.allow-lateness' = '10 s';
         INSERT INTO out (n) SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),
           INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
    ),
    example(
        "SET 'table.exec.emit.early-fire.enabled'",
        "with `table.exec.emit.early-fire.delay`: windows give [results before they end](../windows.md#early-results)",
        "SET 'table.exec.emit.early-fire.enabled' = 'true'; SET 'table.exec.emit.early-fire.delay' = '5 s';
         INSERT INTO out (n) SELECT COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)",
    ),
    example(
        "CREATE FUNCTION",
        "",
        "CREATE FUNCTION g AS 'a.B'; INSERT INTO out SELECT k, b FROM t",
    ),
    example("DROP TABLE", "", "DROP TABLE u; INSERT INTO out SELECT k, b FROM t"),
];
