//! What Flink refuses for streams, as it is refused here: no gap.

use super::examples::{Example, example};

/// In the order of the document.
pub(super) const REFUSED: &[Example] = &[
    example(
        "LEAD(...) OVER (...)",
        "`NTILE`, `PERCENT_RANK` and `CUME_DIST` neither: a stream has no next row yet",
        "INSERT INTO out SELECT k, LEAD(b) OVER (PARTITION BY k ORDER BY ts) FROM t",
    ),
    example(
        "OVER (... ROWS BETWEEN ... AND n FOLLOWING)",
        "frames end with the current row",
        "INSERT INTO out SELECT k, SUM(b) OVER (PARTITION BY k ORDER BY ts
           ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) FROM t",
    ),
    example(
        "OVER (PARTITION BY k)",
        "without an order",
        "INSERT INTO out SELECT k, SUM(b) OVER (PARTITION BY k) FROM t",
    ),
    example(
        "OFFSET n",
        "without `LIMIT`",
        "INSERT INTO out SELECT k, b FROM t ORDER BY b OFFSET 2",
    ),
    example(
        "ORDER BY b",
        "of the whole query, without `LIMIT` and not by time, ascending: a stream has no end at which it could be sorted",
        "INSERT INTO out SELECT k, b FROM t ORDER BY b",
    ),
    example(
        "FETCH FIRST n ROWS WITH TIES",
        "",
        "INSERT INTO out SELECT k, b FROM t ORDER BY b FETCH FIRST 3 ROWS WITH TIES",
    ),
    example(
        "MATCH_RECOGNIZE (... ALL ROWS PER MATCH ...)",
        "patterns with alternatives, `PERMUTE`, `{- -}`, groups with quantifiers, a greedy end, or that no rows match; `PREV`, `NEXT`, `CLASSIFIER`",
        "INSERT INTO out SELECT k, n FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts
           MEASURES A.b AS n ALL ROWS PER MATCH PATTERN (A) DEFINE A AS A.b > 1)",
    ),
    example(
        "INSERT OVERWRITE",
        "a stream has no end at which what it writes could take the place of what was there",
        "INSERT OVERWRITE out SELECT k, b FROM t",
    ),
    example("TABLESAMPLE", "", "INSERT INTO out SELECT k, b FROM t TABLESAMPLE BERNOULLI (10)"),
    example("ROW < ROW", "", "INSERT INTO out SELECT k, b FROM t WHERE (i, k) < (1, 'a')"),
    example(
        "JSON_OBJECT('key', value)",
        "with commas",
        "INSERT INTO out SELECT JSON_OBJECT('a', i), b FROM t",
    ),
    example(
        "AT TIME ZONE",
        "",
        "INSERT INTO out SELECT k, b FROM t WHERE l AT TIME ZONE 'UTC' = l",
    ),
];
