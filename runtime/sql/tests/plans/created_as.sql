-- Tables that have their columns, and their rows, of a query.
CREATE TABLE bids (auction BIGINT, price INT NOT NULL, name STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'kafka', 'topic' = 'bids');
CREATE TABLE copies WITH ('connector' = 'print') AS SELECT auction, price + 1 AS more, name, name FROM bids;
CREATE TABLE swapped (n, auction) WITH ('connector' = 'print') AS
  SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction;
CREATE TABLE wider (note STRING, price BIGINT, twice AS price * 2) PARTITIONED BY (auction) WITH ('connector' = 'print') AS
  SELECT auction, price FROM bids;
CREATE TABLE windows WITH ('connector' = 'print') AS
  SELECT window_end, ARRAY_AGG(name) AS names FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)
  GROUP BY window_start, window_end;
