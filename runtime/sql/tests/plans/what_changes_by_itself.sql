-- Times, the watermark and random values: of rows that come, in conditions, and where rows that change are written by key.
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3), id AS UUID(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'nexmark');
CREATE TABLE stamped (auction BIGINT, made TIMESTAMP_LTZ(3), made_local TIMESTAMP(3), made_on DATE, made_at TIME,
  seconds BIGINT) WITH ('connector' = 'print');
CREATE TABLE drawn (id STRING, again STRING, share DOUBLE, dice INT) WITH ('connector' = 'print');
CREATE TABLE late (auction BIGINT, watermark TIMESTAMP(3)) WITH ('connector' = 'print');
CREATE TABLE daily (made_on DATE, n BIGINT) WITH ('connector' = 'blackhole');
CREATE TABLE latest (auction BIGINT, n BIGINT, highest BIGINT, changed TIMESTAMP_LTZ(3), change STRING,
  PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
INSERT INTO stamped SELECT auction, CURRENT_TIMESTAMP, LOCALTIMESTAMP, CURRENT_DATE, LOCALTIME, UNIX_TIMESTAMP() FROM bids
WHERE ts > LOCALTIMESTAMP - INTERVAL '1' HOUR AND CURRENT_ROW_TIMESTAMP() <= NOW();
INSERT INTO drawn SELECT id, u, r, RAND_INTEGER(6) + 1 FROM (SELECT id, UUID() AS u, RAND() AS r FROM bids) WHERE r < 0.5;
INSERT INTO late SELECT auction, CURRENT_WATERMARK(ts) FROM bids WHERE ts <= CURRENT_WATERMARK(ts);
INSERT INTO daily SELECT CURRENT_DATE, COUNT(*) FROM bids GROUP BY CURRENT_DATE;
INSERT INTO latest SELECT auction, COUNT(*), MAX(price), NOW(), UUID() FROM bids GROUP BY auction;
INSERT INTO latest SELECT auction, n, 0, CURRENT_TIMESTAMP, 'dear' FROM (
  SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction) WHERE n > 10;
