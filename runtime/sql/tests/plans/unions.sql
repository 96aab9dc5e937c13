CREATE TABLE a (k BIGINT, n INT, extra STRING) WITH ('connector' = 'nexmark');
CREATE TABLE b (k BIGINT, n BIGINT NOT NULL) WITH ('connector' = 'nexmark');
CREATE TABLE r (k BIGINT, n BIGINT) WITH ('connector' = 'print');
INSERT INTO r
SELECT k, n FROM a WHERE extra <> 'x'
UNION ALL SELECT k, n FROM b
UNION ALL SELECT k, COUNT(*) FROM b GROUP BY k;
