/* Views and subqueries add no operators; one source serves all INSERTs; a ';' in a string. */
CREATE TABLE bids (
  auction BIGINT NOT NULL COMMENT 'the auction''s id', price BIGINT, `date time` BIGINT, url STRING,
  ts AS TO_TIMESTAMP_LTZ(`date time`, 3),
  cents AS price * 100,
  WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE
) WITH ('connector' = 'kafka', 'topic' = 'a;b');
CREATE TABLE per_minute (key STRING, starts TIMESTAMP(3), total BIGINT) WITH ('connector' = 'print');
CREATE TABLE everything (auction BIGINT, price DOUBLE, url STRING) WITH ('connector' = 'print');
CREATE TEMPORARY VIEW dear (auction, cents, url, at) AS
  SELECT auction, cents, UPPER(url), ts FROM bids WHERE price > 10;
SET 'table.exec.source.idle-timeout' = '10 s';
EXECUTE STATEMENT SET BEGIN
INSERT INTO per_minute
SELECT host, window_start, SUM(cents) AS total FROM (
  SELECT SPLIT_INDEX(d.url, '/', 2) AS host, cents, window_start, window_end
  FROM TABLE(TUMBLE(TABLE dear, DESCRIPTOR(at), INTERVAL '1' MINUTE)) AS d WHERE auction <> 3
) GROUP BY window_start, window_end, host;
INSERT INTO everything (url, auction) SELECT url, auction FROM bids WHERE price IS NOT NULL OR url LIKE 'a;%';
INSERT INTO everything (auction, price) SELECT auction, price FROM bids;
END;
