-- First rows by time alone are given once where rows may only come: to a sink without changes, and
-- to windows. Where they may change they are given as they come.
CREATE TABLE bids (auction BIGINT, bidder BIGINT, price BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'nexmark');
CREATE TABLE first_bids (bidder BIGINT, price BIGINT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE changing (bidder BIGINT, price BIGINT) WITH ('connector' = 'print');
CREATE TABLE new_bidders (window_start TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
CREATE VIEW firsts AS SELECT bidder, price, ts FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY ts) AS n FROM bids) WHERE n = 1;
INSERT INTO first_bids SELECT bidder, price FROM firsts;
INSERT INTO changing SELECT bidder, price FROM firsts;
INSERT INTO new_bidders SELECT window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE firsts, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
