-- Rows that find no partner once the windows that they are near have ended: left, right, and one that
-- is kept for ever, since a window can end any time after it.
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = 'bids', 'format' = 'json');
CREATE TABLE high (auction BIGINT, price BIGINT, ts TIMESTAMP(3), ended TIMESTAMP(3))
WITH ('connector' = 'print');

CREATE VIEW highest AS
SELECT MAX(price) AS price, window_end AS ended
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end;

INSERT INTO high
SELECT b.auction, b.price, b.ts, h.ended
FROM bids b JOIN highest h ON b.price = h.price
WHERE b.ts BETWEEN h.ended - INTERVAL '10' SECOND AND h.ended;

INSERT INTO high
SELECT b.auction, b.price, b.ts, h.ended
FROM highest h JOIN bids b ON b.price = h.price AND h.ended <= b.ts + INTERVAL '1' MINUTE;

INSERT INTO high
SELECT b.auction, b.price, b.ts, h.ended
FROM highest h JOIN bids b ON b.price = h.price AND h.ended > b.ts;
