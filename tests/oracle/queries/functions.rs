//! Scalar functions, each answered by other functions or by arithmetic where that is possible.

use super::{Input, Query, Sink};

pub(crate) const SCALAR_FUNCTIONS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO texts
SELECT id, CAST(amount AS STRING), CAST(ok AS STRING), TRY_CAST(note AS INT), TRIM(note),
  LPAD(kind, 7, '*'), REPLACE(note, ',', ';'), REVERSE(note), SPLIT_INDEX(note, ',', 2),
  SUBSTRING(note FROM 2), CONCAT(kind, '/', site), CHAR_LENGTH(note), INITCAP(kind),
  POSITION('i' IN kind), LEFT(kind, 2), REGEXP_REPLACE(note, '[a-z]', '#')
FROM events;
INSERT INTO numbers
SELECT id, ABS(amount), SIGN(amount), ROUND(ratio, 1), FLOOR(fee), CEIL(ratio),
  POWER(ratio, 2), SQRT(ABS(ratio)), amount / 7, MOD(amount, 7), -amount, amount * ratio,
  fee * 2, LEAST(amount, 10, twice)
FROM events;
INSERT INTO times
SELECT id, TIMESTAMPDIFF(SECOND, TIMESTAMP '2023-11-14 22:14:20', ts),
  TIMESTAMPADD(MINUTE, 3, ts), FLOOR(ts TO MINUTE), CEIL(ts TO MINUTE), ts + INTERVAL '1' DAY,
  YEAR(born), DAYOFMONTH(born), CAST(ts AS DATE), CAST(born AS STRING), HOUR(ts),
  EXTRACT(DOW FROM born), DATE_FORMAT(born, 'yyyyMMdd')
FROM events;",
    sinks: &[
        Sink {
            name: "texts",
            columns: "id BIGINT, a STRING, b STRING, c INT, d STRING, e STRING, f STRING, \
                      g STRING, h STRING, i STRING, j STRING, k INT, l STRING, m INT, n STRING, \
                      o STRING",
            changes: false,
            answer: "
SELECT id, CAST(amount AS VARCHAR), CASE WHEN ok THEN 'TRUE' WHEN NOT ok THEN 'FALSE' END,
  CAST(CASE WHEN note = '17' THEN 17 WHEN note = '1.5' THEN 1 END AS INT), trim(note),
  CASE WHEN kind = 'Return' THEN '*Return' WHEN kind = 'click' THEN '**click'
    WHEN kind = 'buy' THEN '****buy' ELSE '***' || kind END,
  CASE WHEN note = 'x,y,,z' THEN 'x;y;;z' ELSE note END,
  CASE WHEN note = ' a b ' THEN ' b a ' WHEN note = 'ä€x' THEN 'x€ä' WHEN note = '' THEN ''
    WHEN note = '17' THEN '71' WHEN note = '1.5' THEN '5.1' WHEN note = 'x,y,,z' THEN 'z,,y,x' END,
  CASE WHEN note = 'x,y,,z' THEN '' END, substr(note, 2), kind || '/' || site,
  CAST(character_length(note) AS INT),
  upper(substr(kind, 1, 1)) || lower(substr(kind, 2)), CAST(strpos(kind, 'i') AS INT),
  substr(kind, 1, 2),
  CASE WHEN note = ' a b ' THEN ' # # ' WHEN note = 'ä€x' THEN 'ä€#'
    WHEN note = 'x,y,,z' THEN '#,#,,#' ELSE note END
FROM events",
        },
        Sink {
            name: "numbers",
            columns: "id BIGINT, a BIGINT, b BIGINT, c DOUBLE, d DECIMAL(10, 0), e DOUBLE, \
                      f DOUBLE, g DOUBLE, h BIGINT, i BIGINT, j BIGINT, k DOUBLE, \
                      l DECIMAL(30, 2), m BIGINT",
            changes: false,
            answer: "
SELECT id, CASE WHEN amount < 0 THEN -amount ELSE amount END,
  CASE WHEN amount < 0 THEN -1 WHEN amount > 0 THEN 1 WHEN amount = 0 THEN 0 END,
  round(ratio, 1), CAST(floor(CAST(fee AS DOUBLE)) AS DECIMAL(10, 0)), ceil(ratio),
  ratio * ratio, sqrt(abs(ratio)), amount / 7, amount % 7, 0 - amount,
  CAST(amount AS DOUBLE) * ratio, CAST(fee + fee AS DECIMAL(30, 2)),
  CASE WHEN amount IS NULL THEN NULL WHEN amount * 2 < amount AND amount * 2 < 10 THEN amount * 2
    WHEN amount < 10 THEN amount ELSE 10 END
FROM events",
        },
        Sink {
            name: "times",
            columns: "id BIGINT, a INT, b TIMESTAMP(3), c TIMESTAMP(3), d TIMESTAMP(3), \
                      e TIMESTAMP(3), f BIGINT, g BIGINT, h DATE, i STRING, j BIGINT, k BIGINT, \
                      l STRING",
            changes: false,
            answer: "
SELECT id, CAST((ms - 1700000060000) / 1000 AS INT), ts + INTERVAL '3 minutes',
  date_trunc('minute', ts),
  CASE WHEN date_trunc('minute', ts) = ts THEN ts
    ELSE date_trunc('minute', ts) + INTERVAL '1 minute' END,
  ts + INTERVAL '1 day', CAST(CASE WHEN born IS NOT NULL THEN 2024 END AS BIGINT),
  CAST(date_part('day', born) AS BIGINT), CAST(ts AS DATE), CAST(born AS VARCHAR),
  CAST(date_part('hour', ts) AS BIGINT), CAST(date_part('dow', born) AS BIGINT) + 1,
  to_char(born, '%Y%m%d')
FROM (SELECT *, CAST(arrow_cast(ts, 'Timestamp(Millisecond, None)') AS BIGINT) AS ms FROM events)",
        },
    ],
};
