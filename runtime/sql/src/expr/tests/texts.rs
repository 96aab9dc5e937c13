//! Functions of texts, codes and JSON, with the values of Flink's documentation where it has some.

use super::{both, check};

#[test]
fn texts_are_cut_padded_and_searched_as_in_flink() {
    both(&[
        ("LPAD('hi', 4, '??')", "STRING ??hi"),
        ("LPAD('hi', 1, '??')", "STRING h"),
        ("RPAD('hi', 5, '?!')", "STRING hi?!?"),
        ("LPAD('hi', -1, '?')", "STRING NULL"),
        ("RPAD('hi', 4, '')", "STRING NULL"),
        ("LPAD('hi', 0, '?')", "STRING "),
        ("LEFT('abc', 2)", "STRING ab"),
        ("LEFT('abc', -1)", "STRING "),
        ("RIGHT('abc', 2)", "STRING bc"),
        ("RIGHT('abc', -1)", "STRING "),
        ("RIGHT(CAST(NULL AS STRING), -1)", "STRING NULL"),
        ("SUBSTRING('abc', 0, 2)", "STRING ab"),
        ("SUBSTRING('abc', -5, 2)", "STRING "),
        ("SUBSTRING('abc', 2, -1)", "STRING NULL"),
        ("SUBSTR('abc', 5)", "STRING "),
        ("OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6)", "STRING xxxxxxxxx"),
        ("OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6 FOR 2)", "STRING xxxxxxxxxst"),
        ("OVERLAY('abc' PLACING 'x' FROM 4)", "STRING abc"),
        ("OVERLAY('abc' PLACING CAST(NULL AS STRING) FROM 1)", "STRING NULL"),
        ("LOCATE('a', 'banana')", "INT 2"),
        ("LOCATE('a', 'banana', 3)", "INT 4"),
        ("LOCATE('ä', 'ßäßä', 3)", "INT 4"),
        ("LOCATE('x', 'banana', 3)", "INT 0"),
        ("LOCATE('a', 'banana', 30)", "INT 0"),
        ("POSITION('x' IN 'banana')", "INT 0"),
        ("INSTR('banana', 'nan')", "INT 3"),
        ("REPEAT('ab', 2)", "STRING abab"),
        ("REPEAT('ab', -1)", "STRING "),
        ("REPLACE('ababab', 'abab', 'z')", "STRING zab"),
        ("TRANSLATE('abc', 'ab', 'x')", "STRING xc"),
        ("TRIM(BOTH 'x' FROM 'xaxx')", "STRING a"),
        ("BTRIM('xyaxy', 'yx')", "STRING a"),
        ("INITCAP('hello wORLD')", "STRING Hello World"),
        ("CONCAT('AA', 'BB', 'CC')", "STRING AABBCC"),
        ("CONCAT('AA', CAST(NULL AS STRING))", "STRING NULL"),
        ("CONCAT_WS('~', 'AA', CAST(NULL AS STRING), 'BB', '', 'CC')", "STRING AA~BB~~CC"),
        ("CONCAT_WS(CAST(NULL AS STRING), 'AA')", "STRING NULL"),
        ("ASCII('abc')", "INT 97"),
        ("IS_ALPHA('abc')", "BOOLEAN true"),
        ("IS_DIGIT('12a')", "BOOLEAN false"),
        ("IS_DECIMAL('1.5')", "BOOLEAN true"),
        ("IS_DIGIT(CAST(NULL AS STRING))", "BOOLEAN false"),
    ]);
}

#[test]
fn parts_and_matches_that_are_not_there_are_null() {
    both(&[
        ("SPLIT_INDEX('a,b,c', ',', 0)", "STRING a"),
        ("SPLIT_INDEX('a,b,c', ',', -1)", "STRING NULL"),
        ("SPLIT_INDEX('', ',', 0)", "STRING NULL"),
        ("SPLIT_INDEX(CAST(NULL AS STRING), ',', 0)", "STRING NULL"),
        ("SPLIT_INDEX('a--b', '--', 1)", "STRING b"),
        ("REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)", "STRING bar"),
        ("REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)')", "STRING foothebar"),
        ("REGEXP_EXTRACT('foothebar', 'foo(x)?', 1)", "STRING NULL"),
        ("REGEXP_EXTRACT('foothebar', 'foo', 7)", "STRING NULL"),
        ("REGEXP_EXTRACT('bar', 'foo', 0)", "STRING NULL"),
        (
            "REGEXP_EXTRACT('https://x/i?query=1&channel_id=77', '(&|^)channel_id=([^&]*)', 2)",
            "STRING 77",
        ),
        ("REGEXP_REPLACE('foobar', 'oo|ar', '')", "STRING fb"),
        ("REGEXP_REPLACE('foobar', '(o+)', '$1-')", "STRING f$1-bar"),
        ("REGEXP('foobar', 'o+')", "BOOLEAN true"),
        ("REGEXP('foobar', '')", "BOOLEAN false"),
        ("REGEXP('foobar', '^o')", "BOOLEAN false"),
        ("'abc' SIMILAR TO 'a(b|x)_'", "BOOLEAN true"),
        ("'abc' SIMILAR TO '%(b|d)'", "BOOLEAN false"),
        ("'a.c' NOT SIMILAR TO 'a.c'", "BOOLEAN false"),
        ("'abc' SIMILAR TO 'a.c'", "BOOLEAN true"),
    ]);
    check(&[("s SIMILAR TO 'H%'", "BOOLEAN true | NULL")]);
}

#[test]
fn codes_and_digests_are_those_of_flink() {
    both(&[
        ("MD5('abc')", "STRING 900150983cd24fb0d6963f7d28e17f72"),
        ("SHA1('abc')", "STRING a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "SHA256('abc')",
            "STRING ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        ("SHA2('abc', 224)", "STRING 23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ("MD5(CAST(NULL AS STRING))", "STRING NULL"),
        ("TO_BASE64('hello world')", "STRING aGVsbG8gd29ybGQ="),
        ("FROM_BASE64('aGVsbG8gd29ybGQ=')", "STRING hello world"),
        ("HEX(20)", "STRING 14"),
        ("HEX(-1)", "STRING FFFFFFFFFFFFFFFF"),
        ("HEX('hello,world')", "STRING 68656C6C6F2C776F726C64"),
        ("UNHEX('4D7953514C')", "BYTES 4d7953514c"),
        ("UNHEX('7')", "BYTES 07"),
        ("UNHEX('GG')", "BYTES NULL"),
        ("BIN(12)", "STRING 1100"),
        ("CHR(97)", "STRING a"),
        ("CHR(353)", "STRING a"),
        ("CHR(-1)", "STRING "),
    ]);
    check(&[
        (
            "SHA2('abc', 7)",
            "error: line 1, column 1: SHA2: the length must be 224, 256, 384 or 512",
        ),
        ("COUNT_CHAR(s, 'l')", "BIGINT 2 | 0"),
        ("count_char('cc-c', 'c')", "BIGINT 3 | 3"),
    ]);
}

#[test]
fn json_is_searched_by_simple_paths() {
    both(&[
        (r#"JSON_VALUE('{"a": true}', '$.a')"#, "STRING true"),
        (r#"JSON_VALUE('{"a": {"b": [1, 2.50, "x"]}}', 'lax $.a.b[2]')"#, "STRING x"),
        (r#"JSON_VALUE('{"a": [0.998, 0.996]}', '$.a[0]')"#, "STRING 0.998"),
        (
            r#"JSON_VALUE('{"contains blank": "right"}', 'strict $.[''contains blank'']')"#,
            "STRING right",
        ),
        (r#"JSON_VALUE('{"a": [1]}', '$.a')"#, "STRING NULL"),
        (r#"JSON_VALUE('{"a": null}', '$.a')"#, "STRING NULL"),
        (r#"JSON_VALUE('{"a": 1}', '$.b')"#, "STRING NULL"),
        ("JSON_VALUE('no json', '$.b')", "STRING NULL"),
        (r#"JSON_QUERY('{"a": [1, {"b": 2}]}', '$.a')"#, r#"STRING [1,{"b":2}]"#),
        (r#"JSON_QUERY('{"a": 1}', '$.a')"#, "STRING NULL"),
        (r#"JSON_EXISTS('{"a": [{ "b": 1 }]}', '$.a[0].b')"#, "BOOLEAN true"),
        (r#"JSON_EXISTS('{"a": true}', '$.b')"#, "BOOLEAN false"),
        ("JSON_EXISTS('no json', '$.b')", "BOOLEAN false"),
    ]);
    check(&[(
        "JSON_VALUE(s, '$.a.max()')",
        "error: line 1, column 1: the path '$.a.max()' is not supported; a path is written as \
         '$.name[0]', '$[''a name'']' or '$.list[*].name'",
    )]);
}
