//! Functions of time, with the values of Flink's documentation where it has some.

use super::{both, check};

#[test]
fn fields_of_dates_are_those_of_flink() {
    both(&[
        ("YEAR(DATE '1994-09-27')", "BIGINT 1994"),
        ("QUARTER(DATE '1994-09-27')", "BIGINT 3"),
        ("MONTH(DATE '1994-09-27')", "BIGINT 9"),
        ("WEEK(DATE '1994-09-27')", "BIGINT 39"),
        ("DAYOFYEAR(DATE '1994-09-27')", "BIGINT 270"),
        ("DAYOFMONTH(DATE '1994-09-27')", "BIGINT 27"),
        ("DAYOFWEEK(DATE '1994-09-27')", "BIGINT 3"),
        ("HOUR(TIMESTAMP '1994-09-27 13:14:15')", "BIGINT 13"),
        ("MINUTE(TIMESTAMP '1994-09-27 13:14:15')", "BIGINT 14"),
        ("SECOND(TIMESTAMP '1994-09-27 13:14:15')", "BIGINT 15"),
        ("EXTRACT(DAY FROM DATE '2006-06-05')", "BIGINT 5"),
        ("EXTRACT(DECADE FROM DATE '2006-06-05')", "BIGINT 200"),
        ("EXTRACT(CENTURY FROM DATE '2000-06-05')", "BIGINT 20"),
        ("EXTRACT(CENTURY FROM DATE '2001-06-05')", "BIGINT 21"),
        ("EXTRACT(MILLENNIUM FROM DATE '2001-06-05')", "BIGINT 3"),
        ("EXTRACT(ISOYEAR FROM DATE '2021-01-01')", "BIGINT 2020"),
        ("EXTRACT(EPOCH FROM TIMESTAMP '1970-01-01 00:01:00')", "BIGINT 60"),
    ]);
}

#[test]
fn times_are_rounded_to_units_and_weeks_begin_on_sunday() {
    both(&[
        ("FLOOR(DATE '2018-03-20' TO WEEK)", "DATE 2018-03-18"),
        ("CEIL(DATE '2018-03-20' TO WEEK)", "DATE 2018-03-25"),
        ("FLOOR(DATE '2018-03-20' TO MONTH)", "DATE 2018-03-01"),
        ("CEIL(DATE '2018-03-20' TO QUARTER)", "DATE 2018-04-01"),
        ("FLOOR(DATE '2018-03-20' TO HOUR)", "DATE 2018-03-20"),
        ("FLOOR(TIMESTAMP '2018-03-20 06:44:31' TO YEAR)", "TIMESTAMP(3) 2018-01-01T00:00:00"),
        ("CEIL(TIMESTAMP '2018-03-20 06:44:31' TO MONTH)", "TIMESTAMP(3) 2018-04-01T00:00:00"),
        ("CEIL(TIMESTAMP '2018-03-01 00:00:00' TO MONTH)", "TIMESTAMP(3) 2018-03-01T00:00:00"),
        ("FLOOR(TIMESTAMP '1969-12-31 23:59:59.5' TO SECOND)", "TIMESTAMP(3) 1969-12-31T23:59:59"),
        (
            "FLOOR(TIMESTAMP '2018-03-20 06:44:31.123456' TO MINUTE)",
            "TIMESTAMP(6) 2018-03-20T06:44:00",
        ),
    ]);
    check(&[
        ("FLOOR(ts TO WEEK)", "TIMESTAMP(3) 2020-02-23T00:00:00 | NULL"),
        ("CEIL(l TO YEAR)", "TIMESTAMP_LTZ(3) 2021-01-01T00:00:00Z | NULL"),
    ]);
}

#[test]
fn units_of_the_calendar_are_added_and_counted() {
    both(&[
        ("TIMESTAMPADD(WEEK, 1, DATE '2003-01-02')", "DATE 2003-01-09"),
        ("TIMESTAMPADD(MONTH, 1, DATE '2020-01-31')", "DATE 2020-02-29"),
        ("TIMESTAMPADD(YEAR, -1, DATE '2020-02-29')", "DATE 2019-02-28"),
        ("TIMESTAMPADD(HOUR, 1, DATE '2020-02-29')", "TIMESTAMP(3) 2020-02-29T01:00:00"),
        (
            "TIMESTAMPADD(QUARTER, 1, TIMESTAMP '2020-11-30 01:02:03')",
            "TIMESTAMP(3) 2021-02-28T01:02:03",
        ),
        (
            "TIMESTAMPDIFF(DAY, TIMESTAMP '2003-01-02 10:00:00', TIMESTAMP '2003-01-03 10:00:00')",
            "INT 1",
        ),
        ("TIMESTAMPDIFF(MONTH, DATE '2019-01-31', DATE '2020-02-29')", "INT 13"),
        ("TIMESTAMPDIFF(YEAR, DATE '2020-02-29', DATE '2019-03-01')", "INT 0"),
        ("TIMESTAMPDIFF(QUARTER, DATE '2020-01-01', DATE '2020-12-31')", "INT 3"),
        ("TIMESTAMPDIFF(WEEK, DATE '2020-01-01', DATE '2020-01-15')", "INT 2"),
        ("TIMESTAMPDIFF(SECOND, DATE '2020-01-02', DATE '2020-01-01')", "INT -86400"),
    ]);
    check(&[(
        "TIMESTAMPDIFF(CENTURY, ts, ts)",
        "error: line 1, column 1: TIMESTAMPDIFF: unknown unit CENTURY; units: SECOND, MINUTE, \
         HOUR, DAY, WEEK, MONTH, QUARTER, YEAR",
    )]);
}

#[test]
fn texts_that_are_no_times_are_null() {
    both(&[
        ("TO_TIMESTAMP('2020-01-02')", "TIMESTAMP(3) 2020-01-02T00:00:00"),
        ("TO_TIMESTAMP('2020-1-2 3:4:5.25')", "TIMESTAMP(3) 2020-01-02T03:04:05.250"),
        ("TO_TIMESTAMP('2020-01-02T03:04:05')", "TIMESTAMP(3) NULL"),
        ("TO_TIMESTAMP('2020-01-02 03:04:05Z')", "TIMESTAMP(3) NULL"),
        ("TO_TIMESTAMP('2020-02-32 03:04:05')", "TIMESTAMP(3) NULL"),
        (
            "TO_TIMESTAMP('2020-01-02T03:04', 'yyyy-MM-dd''T''HH:mm')",
            "TIMESTAMP(3) 2020-01-02T03:04:00",
        ),
        ("TO_TIMESTAMP(CAST(NULL AS STRING))", "TIMESTAMP(3) NULL"),
        ("TO_TIMESTAMP_LTZ('2020-01-02 03:04:05')", "TIMESTAMP_LTZ(3) 2020-01-02T03:04:05Z"),
        ("TO_TIMESTAMP_LTZ('02/01/2020', 'dd/MM/yyyy')", "TIMESTAMP_LTZ(3) 2020-01-02T00:00:00Z"),
        ("TO_TIMESTAMP_LTZ('x')", "TIMESTAMP_LTZ(3) NULL"),
        ("TO_DATE('2020-02-29')", "DATE 2020-02-29"),
        ("TO_DATE('29.02.2020', 'dd.MM.yyyy')", "DATE 2020-02-29"),
        ("TO_DATE('x')", "DATE NULL"),
        ("UNIX_TIMESTAMP('1970-01-01 00:01:00')", "BIGINT 60"),
        ("UNIX_TIMESTAMP('1970-01-01 08:00:01.001', 'yyyy-MM-dd HH:mm:ss.SSS')", "BIGINT 28801"),
        ("UNIX_TIMESTAMP('x')", "BIGINT -9223372036854775808"),
        ("UNIX_TIMESTAMP(CAST(NULL AS STRING))", "BIGINT NULL"),
        ("FROM_UNIXTIME(44)", "STRING 1970-01-01 00:00:44"),
        ("FROM_UNIXTIME(44, 'ss')", "STRING 44"),
        ("DATE_FORMAT(TIMESTAMP '2020-02-29 03:04:05', 'yyMMdd HH''h''')", "STRING 200229 03h"),
        (
            "DATE_FORMAT('2020-02-29 03:04:05', 'EEE, d MMM yyyy, h:mm a')",
            "STRING Sat, 29 Feb 2020, 3:04 AM",
        ),
        ("DATE_FORMAT(DATE '2020-02-09', 'dd.M.')", "STRING 09.2."),
    ]);
}
