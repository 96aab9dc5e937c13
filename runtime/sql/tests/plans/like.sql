-- Tables that take what others have: columns, watermark, key, partitions, options.
CREATE TABLE bids (id BIGINT, price BIGINT, twice AS price * 2, p BIGINT METADATA FROM 'partition' VIRTUAL, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kafka', 'topic' = 'bids', 'format' = 'json');
CREATE TABLE same LIKE bids;
CREATE TABLE other (name STRING, twice AS price * 3, WATERMARK FOR ts AS ts) WITH ('topic' = 'others')
  LIKE bids (OVERWRITING GENERATED OVERWRITING WATERMARKS EXCLUDING METADATA);
CREATE TABLE bare (n BIGINT) WITH ('connector' = 'print') LIKE bids (EXCLUDING ALL);
INSERT INTO bare SELECT id, price, ts, twice FROM same;
INSERT INTO bare (id, price, n) SELECT id, twice, CHAR_LENGTH(name) FROM other;
