-- Metadata columns: only what is read is asked for, and a sink is told of those that are not VIRTUAL.
CREATE TABLE bids (
  auction BIGINT,
  at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  price BIGINT,
  `offset` BIGINT NOT NULL METADATA VIRTUAL COMMENT 'where it is',
  part INT METADATA FROM 'partition' VIRTUAL,
  place AS CONCAT(CAST(part AS STRING), '@', CAST(`offset` AS STRING)),
  WATERMARK FOR at AS at - INTERVAL '5' SECOND
) WITH ('connector' = 'kafka');
CREATE TABLE counts (auction BIGINT, bids BIGINT, last BIGINT, at TIMESTAMP_LTZ(3)) WITH ('connector' = 'print');
CREATE TABLE copies (
  at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  place STRING,
  `offset` BIGINT METADATA VIRTUAL
) WITH ('connector' = 'kafka');
INSERT INTO counts SELECT auction, COUNT(*), MAX(`offset`), window_end
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(at), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
INSERT INTO copies SELECT at, place FROM bids;
