//! Where an expression's answer is not Flink's, and why: what the tests allow and the document says.

/// Answers that differ for one reason.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    /// What differs, and why it stays so.
    pub why: &'static str,
    /// Expressions of `tests/flink` with the answers here, written as there.
    pub answers: &'static [(&'static str, &'static str)],
}

/// All that are known.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        why: "Flink takes the day and the time of a timestamp before 1970 that has a fraction of a second from its seconds cut off toward zero: 1969-12-31 23:59:59.999 is on 1970-01-01 for it. Here it is on 1969-12-31.",
        answers: &[
            (
                "CAST(ARRAY[ts] AS ARRAY<DATE>)",
                "ARRAY<DATE> [2020-02-29] | [NULL] | [1969-12-31] | [1970-01-01] | [9999-12-31]",
            ),
            ("CAST(ts AS DATE)", "DATE 2020-02-29 | NULL | 1969-12-31 | 1970-01-01 | 9999-12-31"),
            ("DAYOFMONTH(ts)", "BIGINT 29 | NULL | 31 | 1 | 31"),
            ("DAYOFWEEK(ts)", "BIGINT 7 | NULL | 4 | 5 | 6"),
            ("DAYOFYEAR(ts)", "BIGINT 60 | NULL | 365 | 1 | 365"),
            ("EXTRACT(DAY FROM ts)", "BIGINT 29 | NULL | 31 | 1 | 31"),
            ("EXTRACT(DECADE FROM ts)", "BIGINT 202 | NULL | 196 | 197 | 999"),
            ("EXTRACT(DOW FROM ts)", "BIGINT 7 | NULL | 4 | 5 | 6"),
            ("EXTRACT(DOY FROM ts)", "BIGINT 60 | NULL | 365 | 1 | 365"),
            ("EXTRACT(HOUR FROM ts)", "BIGINT 23 | NULL | 23 | 0 | 23"),
            ("EXTRACT(ISODOW FROM ts)", "BIGINT 6 | NULL | 3 | 4 | 5"),
            ("EXTRACT(MICROSECOND FROM ts)", "BIGINT 123000 | NULL | 999000 | 0 | 999000"),
            ("EXTRACT(MILLISECOND FROM ts)", "BIGINT 123 | NULL | 999 | 0 | 999"),
            ("EXTRACT(MINUTE FROM ts)", "BIGINT 59 | NULL | 59 | 0 | 59"),
            ("EXTRACT(QUARTER FROM ts)", "BIGINT 1 | NULL | 4 | 1 | 4"),
            ("EXTRACT(SECOND FROM ts)", "BIGINT 58 | NULL | 59 | 0 | 59"),
            ("EXTRACT(YEAR FROM ts)", "BIGINT 2020 | NULL | 1969 | 1970 | 9999"),
            (
                "FLOOR(ts TO MONTH)",
                "TIMESTAMP(3) 2020-02-01 00:00:00 | NULL | 1969-12-01 00:00:00 | 1970-01-01 00:00:00 | 9999-12-01 00:00:00",
            ),
            (
                "FLOOR(ts TO QUARTER)",
                "TIMESTAMP(3) 2020-01-01 00:00:00 | NULL | 1969-10-01 00:00:00 | 1970-01-01 00:00:00 | 9999-10-01 00:00:00",
            ),
            (
                "FLOOR(ts TO YEAR)",
                "TIMESTAMP(3) 2020-01-01 00:00:00 | NULL | 1969-01-01 00:00:00 | 1970-01-01 00:00:00 | 9999-01-01 00:00:00",
            ),
            ("HOUR(l)", "BIGINT 23 | NULL | 23 | 0 | 23"),
            ("HOUR(ts)", "BIGINT 23 | NULL | 23 | 0 | 23"),
            ("MINUTE(l)", "BIGINT 59 | NULL | 59 | 0 | 59"),
            ("MINUTE(ts)", "BIGINT 59 | NULL | 59 | 0 | 59"),
            ("MONTH(ts)", "BIGINT 2 | NULL | 12 | 1 | 12"),
            ("QUARTER(ts)", "BIGINT 1 | NULL | 4 | 1 | 4"),
            ("SECOND(l)", "BIGINT 58 | NULL | 59 | 0 | 59"),
            ("SECOND(ts)", "BIGINT 58 | NULL | 59 | 0 | 59"),
            ("YEAR(l)", "BIGINT 2020 | NULL | 1969 | 1970 | 9999"),
            ("YEAR(ts)", "BIGINT 2020 | NULL | 1969 | 1970 | 9999"),
            ("DAYOFMONTH(l)", "BIGINT 29 | NULL | 31 | 1 | 31"),
            ("EXTRACT(MICROSECOND FROM l)", "BIGINT 123000 | NULL | 999000 | 0 | 999000"),
            (
                "FLOOR(l TO QUARTER)",
                "TIMESTAMP_LTZ(3) 2020-01-01 00:00:00Z | NULL | 1969-10-01 00:00:00Z | 1970-01-01 00:00:00Z | 9999-10-01 00:00:00Z",
            ),
            ("DAYOFWEEK(l)", "BIGINT 7 | NULL | 4 | 5 | 6"),
            ("DAYOFYEAR(l)", "BIGINT 60 | NULL | 365 | 1 | 365"),
            ("MONTH(l)", "BIGINT 2 | NULL | 12 | 1 | 12"),
            ("QUARTER(l)", "BIGINT 1 | NULL | 4 | 1 | 4"),
            (
                "FLOOR(ts TO DECADE)",
                "TIMESTAMP(3) 2020-01-01 00:00:00 | NULL | 1960-01-01 00:00:00 | 1970-01-01 00:00:00 | 9990-01-01 00:00:00",
            ),
            (
                "CEIL(ts TO DECADE)",
                "TIMESTAMP(3) 2030-01-01 00:00:00 | NULL | 1970-01-01 00:00:00 | 1980-01-01 00:00:00 | 10000-01-01 00:00:00",
            ),
        ],
    },
    Difference {
        why: "`TIME` has milliseconds here, `TIME(0)` in Flink. (Before 1970 as above.)",
        answers: &[
            (
                "CAST(l AS TIME)",
                "TIME 23:59:58.123 | NULL | 23:59:59.999 | 00:00:00 | 23:59:59.999",
            ),
            (
                "CAST(ts AS TIME)",
                "TIME 23:59:58.123 | NULL | 23:59:59.999 | 00:00:00 | 23:59:59.999",
            ),
            (
                "Europe/Berlin: CAST(l AS TIME)",
                "TIME 00:59:58.123 | NULL | 00:59:59.999 | 01:00:00 | 00:59:59.999",
            ),
            (
                "Asia/Kathmandu: CAST(l AS TIME)",
                "TIME 05:44:58.123 | NULL | 05:29:59.999 | 05:30:00 | 05:44:59.999",
            ),
        ],
    },
    Difference {
        why: "Flink writes the last four digits of a year that has more. (Behind the name of a zone: in local times of it.)",
        answers: &[
            (
                "Asia/Kathmandu: CAST(ARRAY[l] AS STRING)",
                r#"STRING "[2020-03-01 05:44:58.123]" | "[NULL]" | "[1970-01-01 05:29:59.999]" | "[1970-01-01 05:30:00.000]" | "[+10000-01-01 05:44:59.999]""#,
            ),
            (
                "Asia/Kathmandu: CAST(CAST(l AS TIMESTAMP_LTZ(6)) AS STRING)",
                r#"STRING "2020-03-01 05:44:58.123000" | NULL | "1970-01-01 05:29:59.999000" | "1970-01-01 05:30:00.000000" | "+10000-01-01 05:44:59.999000""#,
            ),
            (
                "Asia/Kathmandu: CAST(MAP['a', l] AS STRING)",
                r#"STRING "{a=2020-03-01 05:44:58.123}" | "{a=NULL}" | "{a=1970-01-01 05:29:59.999}" | "{a=1970-01-01 05:30:00.000}" | "{a=+10000-01-01 05:44:59.999}""#,
            ),
            (
                "Asia/Kathmandu: CAST(ROW(l, 1) AS STRING)",
                r#"STRING "(2020-03-01 05:44:58.123, 1)" | "(NULL, 1)" | "(1970-01-01 05:29:59.999, 1)" | "(1970-01-01 05:30:00.000, 1)" | "(+10000-01-01 05:44:59.999, 1)""#,
            ),
            (
                "Asia/Kathmandu: CAST(l AS STRING)",
                r#"STRING "2020-03-01 05:44:58.123" | NULL | "1970-01-01 05:29:59.999" | "1970-01-01 05:30:00.000" | "+10000-01-01 05:44:59.999""#,
            ),
            (
                "Asia/Kathmandu: CONCAT(CAST(l AS STRING), '!')",
                r#"STRING "2020-03-01 05:44:58.123!" | NULL | "1970-01-01 05:29:59.999!" | "1970-01-01 05:30:00.000!" | "+10000-01-01 05:44:59.999!""#,
            ),
            (
                "Europe/Berlin: CAST(ARRAY[l] AS STRING)",
                r#"STRING "[2020-03-01 00:59:58.123]" | "[NULL]" | "[1970-01-01 00:59:59.999]" | "[1970-01-01 01:00:00.000]" | "[+10000-01-01 00:59:59.999]""#,
            ),
            (
                "Europe/Berlin: CAST(CAST(l AS TIMESTAMP_LTZ(6)) AS STRING)",
                r#"STRING "2020-03-01 00:59:58.123000" | NULL | "1970-01-01 00:59:59.999000" | "1970-01-01 01:00:00.000000" | "+10000-01-01 00:59:59.999000""#,
            ),
            (
                "Europe/Berlin: CAST(MAP['a', l] AS STRING)",
                r#"STRING "{a=2020-03-01 00:59:58.123}" | "{a=NULL}" | "{a=1970-01-01 00:59:59.999}" | "{a=1970-01-01 01:00:00.000}" | "{a=+10000-01-01 00:59:59.999}""#,
            ),
            (
                "Europe/Berlin: CAST(ROW(l, 1) AS STRING)",
                r#"STRING "(2020-03-01 00:59:58.123, 1)" | "(NULL, 1)" | "(1970-01-01 00:59:59.999, 1)" | "(1970-01-01 01:00:00.000, 1)" | "(+10000-01-01 00:59:59.999, 1)""#,
            ),
            (
                "Europe/Berlin: CAST(l AS STRING)",
                r#"STRING "2020-03-01 00:59:58.123" | NULL | "1970-01-01 00:59:59.999" | "1970-01-01 01:00:00.000" | "+10000-01-01 00:59:59.999""#,
            ),
            (
                "Europe/Berlin: CONCAT(CAST(l AS STRING), '!')",
                r#"STRING "2020-03-01 00:59:58.123!" | NULL | "1970-01-01 00:59:59.999!" | "1970-01-01 01:00:00.000!" | "+10000-01-01 00:59:59.999!""#,
            ),
        ],
    },
    Difference {
        why: "A timestamp's precision is 3, 6 or 9 here.",
        answers: &[
            (
                "CAST(TIMESTAMP '2020-01-01 00:00:00' AS STRING)",
                r#"STRING "2020-01-01 00:00:00.000""#,
            ),
            ("TIMESTAMPADD(HOUR, 1, DATE '2020-01-31')", "TIMESTAMP(3) 2020-01-31 01:00:00"),
        ],
    },
    Difference {
        why: "Timestamps of nine digits are those of the years 1678 to 2261 here; what makes another one fails.",
        answers: &[
            ("CAST('1600-01-01 00:00:00' AS TIMESTAMP(9))", "fails"),
            ("CAST(ts AS TIMESTAMP(9))", "fails"),
            ("TIMESTAMP '2300-01-01 00:00:00.123456789'", "fails"),
            ("TIMESTAMPADD(DAY, 200000, TIMESTAMP '2020-01-01 00:00:00.123456789')", "fails"),
            ("TIMESTAMPADD(YEAR, 300, TIMESTAMP '2020-01-01 00:00:00.123456789')", "fails"),
        ],
    },
    Difference {
        why: "Times end with the year 262142 here. Behind it `TIMESTAMPADD` of days goes on and that of months is NULL, and texts of it cannot be written; `TO_TIMESTAMP_LTZ` of numbers beyond the year 9999 is NULL in Flink.",
        answers: &[
            ("FROM_UNIXTIME(b)", "fails"),
            (
                "FROM_UNIXTIME(b, CASE WHEN i = 7 THEN 'yyyy' ELSE 'MM' END)",
                "STRING \"1970\" | NULL | \"12\" | \"01\" | NULL",
            ),
            (
                "TIMESTAMPADD(DAY, i, TIMESTAMP '1970-01-01 00:00:00')",
                "TIMESTAMP(3) 1970-01-08 00:00:00 | NULL | 1969-12-25 00:00:00 | 1970-01-01 00:00:00 | beyond the calendar",
            ),
            (
                "TIMESTAMPADD(MONTH, i, TIMESTAMP '2020-01-31 00:00:00')",
                "TIMESTAMP(3) 2020-08-31 00:00:00 | NULL | 2019-06-30 00:00:00 | 2020-01-31 00:00:00 | NULL",
            ),
            (
                "TO_TIMESTAMP_LTZ(b)",
                "TIMESTAMP_LTZ(3) 1970-01-01 00:00:00.002Z | NULL | 1969-12-31 23:59:59.997Z | 1970-01-01 00:00:00Z | beyond the calendar",
            ),
            (
                "TO_TIMESTAMP_LTZ(b, 3)",
                "TIMESTAMP_LTZ(3) 1970-01-01 00:00:00.002Z | NULL | 1969-12-31 23:59:59.997Z | 1970-01-01 00:00:00Z | beyond the calendar",
            ),
        ],
    },
    Difference {
        why: "Flink takes the result of these for `NOT NULL` because their arguments are literals, and fails when it is NULL; with columns it is NULL as here.",
        answers: &[
            ("LPAD('hi', -1, '?')", "STRING NULL"),
            ("LPAD('hi', 2, '')", "STRING NULL"),
            ("LPAD('hi', 5, '')", "STRING NULL"),
            ("RPAD('hi', -1, '?')", "STRING NULL"),
            ("RPAD('hi', 5, '')", "STRING NULL"),
            ("TO_TIMESTAMP_LTZ('nonsense')", "TIMESTAMP_LTZ(3) NULL"),
        ],
    },
    Difference {
        why: "Days before 1582-10-15 are those of the same calendar here; Flink reads them by formats as those of the Julian one.",
        answers: &[(
            "TO_DATE('30/12/2020', CASE WHEN i = 7 THEN 'dd/MM/yyyy' ELSE 'yyyy' END)",
            "DATE 2020-12-30 | 0030-01-01 | 0030-01-01 | 0030-01-01 | 0030-01-01",
        )],
    },
    Difference {
        why: "More is accepted than in Flink.",
        answers: &[
            (
                "ts + INTERVAL '5' MILLISECOND",
                "TIMESTAMP(3) 2020-02-29 23:59:58.128 | NULL | 1970-01-01 00:00:00.004 | 1970-01-01 00:00:00.005 | 10000-01-01 00:00:00.004",
            ),
            ("ARRAY_CONTAINS(ARRAY[ARRAY[1]], ARRAY[i])", "BOOLEAN false"),
            (
                "ARRAY[CAST(i AS TINYINT)] = ARRAY[CAST(7 AS TINYINT)]",
                "BOOLEAN true | false | false | false | false",
            ),
            ("GREATEST(ARRAY[i], ARRAY[1])", "ARRAY<INT> [7] | [1] | [1] | [1] | [2147483647]"),
            (
                "ARRAY_APPEND(ARRAY['a'], s)",
                r#"ARRAY<STRING> ["a", "Hällo"] | ["a", NULL] | ["a", " a,b  c "] | ["a", ""] | ["a", "日本🎉"]"#,
            ),
            ("COALESCE(NULL, NULL)", "NULL NULL"),
            ("IF(f, s, NULL)", r#"STRING "Hällo" | NULL | NULL | "" | NULL"#),
            ("LEAST(c, 1)", "DECIMAL(12, 2) 1.00 | NULL | -0.05 | 0.00 | 1.00"),
            ("REGEXP_LIKE('a', 'a')", "BOOLEAN true"),
            ("SUBSTRING_INDEX('a.b.c', '.', 2)", r#"STRING "a.b""#),
            ("TRUNCATE(d)", "DOUBLE 2.0 | NULL | -2.0 | 0.0 | 1e20"),
            ("TRUNCATE(d, 1)", "DOUBLE 2.5 | NULL | -2.5 | 0.0 | 1e20"),
            ("d % 2", "DOUBLE 0.5 | NULL | -0.5 | 0.0 | 0.0"),
            ("f AND NULL", "BOOLEAN NULL | NULL | false | NULL | false"),
            ("f OR NULL", "BOOLEAN true | NULL | NULL | true | NULL"),
            ("i = '7'", "BOOLEAN true | NULL | false | false | false"),
            (
                "ts + INTERVAL '100' YEAR",
                "TIMESTAMP(3) 2120-02-29 23:59:58.123 | NULL | 2069-12-31 23:59:59.999 | 2070-01-01 00:00:00 | 10099-12-31 23:59:59.999",
            ),
        ],
    },
    Difference {
        why: "What is out of range: Flink fails when it plans these constants.",
        answers: &[
            ("CAST('1e-40' AS DECIMAL(5, 2))", "DECIMAL(5, 2) 0.00"),
            ("CAST(99999999999999999999.5 AS BIGINT)", "BIGINT 7766279631452241919"),
        ],
    },
    Difference {
        why: "A pattern that is none is refused, when the statement is planned if it is a literal; in Flink nothing matches it.",
        answers: &[
            ("REGEXP('foobar', '(')", "fails"),
            ("REGEXP_EXTRACT('foo', '(', 0)", "fails"),
            ("REGEXP_COUNT('abc', '(')", "fails"),
            ("REGEXP_EXTRACT_ALL('abc', '(', 0)", "fails"),
            ("REGEXP_INSTR('abc', '(')", "fails"),
            ("REGEXP_SUBSTR('abc', '(')", "fails"),
            ("REGEXP_REPLACE(s, '(', '-')", "fails"),
        ],
    },
    Difference {
        why: "Not there yet.",
        answers: &[
            ("PRINTF('%a', d)", "fails"),
            ("PRINTF('%h', i)", "fails"),
            ("ROUND(2.5, CAST(NULL AS INT))", "fails"),
        ],
    },
    Difference {
        why: "`TYPEOF` names types as they are kept here: without lengths of texts, and `NOT NULL` only where that is known.",
        answers: &[
            ("TYPEOF('a' || 'b')", r#"STRING "STRING NOT NULL""#),
            ("TYPEOF(ARRAY[1, 2])", r#"STRING "ARRAY<INT> NOT NULL""#),
            ("TYPEOF(CAST(s AS VARCHAR(10)))", r#"STRING "STRING""#),
            ("TYPEOF(COALESCE(i, 1))", r#"STRING "INT""#),
            ("TYPEOF(MAP['a', 1])", r#"STRING "MAP<STRING, INT> NOT NULL""#),
            (
                "TYPEOF(ROW(1, 'a'))",
                r#"STRING "ROW<`EXPR$0` INT NOT NULL, `EXPR$1` STRING NOT NULL> NOT NULL""#,
            ),
            ("TYPEOF(TIMESTAMP '2020-01-01 00:00:00')", r#"STRING "TIMESTAMP(3) NOT NULL""#),
            ("TYPEOF(UPPER('a'))", r#"STRING "STRING""#),
            ("TYPEOF(UUID())", r#"STRING "STRING NOT NULL""#),
        ],
    },
    Difference {
        why: "Two calls of `UUID()` are two values here; Flink takes them for one when it compares them.",
        answers: &[("UUID() = UUID()", "BOOLEAN false")],
    },
    Difference {
        why: "A time zone that nobody knows is refused; Flink takes it for GMT.",
        answers: &[("CONVERT_TZ('2020-01-01 12:00:00', 'nonsense', 'UTC')", "fails")],
    },
    Difference {
        why: "NaN is a value like others among the elements of an ARRAY, and the highest of them; in Flink it is not equal to itself there.",
        answers: &[
            ("ARRAY_CONTAINS(ARRAY[SQRT(d), 1e0], SQRT(d))", "BOOLEAN true"),
            (
                "ARRAY_DISTINCT(ARRAY[SQRT(d), SQRT(d)])",
                "ARRAY<DOUBLE> [1.5811388300841898] | [NULL] | [NaN] | [0.0] | [10000000000.0]",
            ),
            ("ARRAY_POSITION(ARRAY[1e0, SQRT(d)], SQRT(d))", "INT 2 | NULL | 2 | 2 | 2"),
        ],
    },
    Difference {
        why: "`\\+` in a U& text is followed by six digits, as standard SQL has it; Flink reads four, with the plus as one of them.",
        answers: &[("U&'d\\0061t\\+000061'", r#"STRING "data""#)],
    },
    Difference {
        why: "Numbers in JSON are written as they are read, as a DOUBLE; Flink keeps their digits.",
        answers: &[
            (
                r#"JSON_QUERY('{ "a" : { "b" : [ 1 , 2.50 ] } }', '$.a')"#,
                r#"STRING "{\"b\":[1,2.5]}""#,
            ),
            (r#"JSON_VALUE('{"a": 1.50}', '$.a')"#, r#"STRING "1.5""#),
            (r#"JSON_VALUE('{"a": 1e3}', '$.a')"#, r#"STRING "1000.0""#),
        ],
    },
    Difference {
        why: "Java 17 writes some floats with more digits than are needed; Java 19 and this write the shortest.",
        answers: &[
            ("CAST(r AS STRING)", r#"STRING "1.5" | NULL | "-0.25" | "0.0" | "3.0E10""#),
            ("PRINTF('%s', r)", r#"STRING "1.5" | "null" | "-0.25" | "0.0" | "3.0E10""#),
        ],
    },
    Difference {
        why: "Flink cuts a text whose length in bytes changes with its case, or changes letters one by one.",
        answers: &[
            ("LOWER('İ')", r#"STRING "i̇""#),
            ("UPPER('straße')", r#"STRING "STRASSE""#),
            ("UPPER('ß')", r#"STRING "SS""#),
            ("UPPER('ﬁn')", r#"STRING "FIN""#),
        ],
    },
    Difference {
        why: "A zero's sign: Flink computes constants as decimals, which have none.",
        answers: &[("CEIL(-0.5e0)", "DOUBLE -0.0"), ("LOG(0, 2)", "DOUBLE -0.0")],
    },
    Difference {
        why: "In Flink a backslash escapes only in patterns that have a `_`, and an empty pattern matches everything.",
        answers: &[
            (r"'a%b' LIKE 'a\%b'", "BOOLEAN true"),
            (r"'a\b' LIKE 'a\\b'", "BOOLEAN true"),
            ("s LIKE ''", "BOOLEAN false | NULL | false | true | false"),
        ],
    },
    Difference {
        why: "Sums of decimals with 38 digits keep all digits behind the point here; Flink keeps 6.",
        answers: &[(
            "CAST(1 AS DECIMAL(38, 0)) + CAST(1 AS DECIMAL(38, 10))",
            "DECIMAL(38, 10) 2.0000000000",
        )],
    },
    Difference {
        why: "The first digit of an odd number stands alone; Flink loses it.",
        answers: &[("UNHEX('FFF')", "BYTES x'0fff'")],
    },
    Difference {
        why: "What an ARRAY or a MAP does not have is NULL. Flink takes a constant to have none that is NULL, and gives -1 or an empty text instead.",
        answers: &[
            ("ARRAY[1, 2, 3][4]", "INT NULL"),
            ("ARRAY[1, 2, 3][i]", "INT NULL"),
            ("ARRAY[ARRAY[1], ARRAY[2, 3]][3][1]", "INT NULL"),
            ("ELEMENT(ARRAY_REMOVE(ARRAY[1], 1))", "INT NULL"),
            ("MAP['Hällo', 1, '', 2][s]", "INT 1 | NULL | NULL | 2 | NULL"),
            ("MAP['a', 1, 'b', 2]['c']", "INT NULL"),
            ("MAP[7, 'x', 0, 'y'][b]", "STRING NULL | NULL | NULL | \"y\" | NULL"),
            ("MAP[7, 'x', 0, 'y'][i]", "STRING \"x\" | NULL | NULL | \"y\" | NULL"),
            ("MAP[CAST(7 AS BIGINT), 'x'][i]", "STRING \"x\" | NULL | NULL | NULL | NULL"),
        ],
    },
    Difference {
        why: "The key of a MAP is never NULL, and NULL alone has no type.",
        answers: &[
            ("MAP['a', NULL]", "fails"),
            ("MAP[i, 'a']", "fails"),
            ("MAP[i, s] = MAP[i, s]", "fails"),
            ("MAP[s, i]", "fails"),
        ],
    },
    Difference {
        why: "Flink splits a letter of two UTF-16 units.",
        answers: &[(
            "SPLIT(s, '')",
            "ARRAY<STRING> [\"H\", \"ä\", \"l\", \"l\", \"o\"] | NULL | [\" \", \"a\", \",\", \"b\", \" \", \" \", \"c\", \" \"] | [] | [\"日\", \"本\", \"🎉\"]",
        )],
    },
    Difference {
        why: "Half of a letter of two UTF-16 units, where a text is cut, is a `?` in Flink.",
        answers: &[
            ("LPAD('日本', 5, '🎉')", "STRING \"🎉\u{fffd}日本\""),
            (
                "OVERLAY(s PLACING 'XX' FROM 2)",
                r#"STRING "HXXlo" | NULL | " XXb  c " | "" | "日XX""#,
            ),
        ],
    },
    Difference {
        why: "Flink takes a NULL in an array for 0 when it makes its elements wider.",
        answers: &[
            (
                "ARRAY_CONCAT(ARRAY[i], ARRAY[b])",
                "ARRAY<BIGINT> [7, 2] | [NULL, NULL] | [-7, -3] | [0, 0] | [2147483647, 9007199254740993]",
            ),
            ("ARRAY[i] = ARRAY[b]", "BOOLEAN false | true | false | true | false"),
            ("MAP['a', i] = MAP['a', b]", "BOOLEAN false | true | false | true | false"),
        ],
    },
    Difference {
        why: "A DATE is midnight here; Flink reads its number of days as milliseconds.",
        answers: &[
            ("MINUTE(dt)", "BIGINT 0 | NULL | 0 | 0 | 0"),
            ("SECOND(dt)", "BIGINT 0 | NULL | 0 | 0 | 0"),
        ],
    },
    Difference {
        why: "A QUARTER in an interval is three months here; Flink takes it for one.",
        answers: &[
            (
                "dt + INTERVAL '1' QUARTER",
                "DATE 2020-05-29 | NULL | 1970-03-31 | 1970-04-01 | 10000-03-31",
            ),
            (
                "ts + INTERVAL '1' QUARTER",
                "TIMESTAMP(3) 2020-05-29 23:59:58.123 | NULL | 1970-03-31 23:59:59.999 | 1970-04-01 00:00:00 | 10000-03-31 23:59:59.999",
            ),
            (
                "ts + INTERVAL '2' QUARTER",
                "TIMESTAMP(3) 2020-08-29 23:59:58.123 | NULL | 1970-06-30 23:59:59.999 | 1970-07-01 00:00:00 | 10000-06-30 23:59:59.999",
            ),
        ],
    },
    Difference {
        why: "A WEEK in an interval is seven days here; Flink takes it for an hour.",
        answers: &[(
            "ts + INTERVAL '3' WEEK",
            "TIMESTAMP(3) 2020-03-21 23:59:58.123 | NULL | 1970-01-21 23:59:59.999 | 1970-01-22 00:00:00 | 10000-01-21 23:59:59.999",
        )],
    },
];
