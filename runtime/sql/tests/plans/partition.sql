SET 'table.exec.sink.not-null-enforcer' = 'DROP';
CREATE TABLE t (a BIGINT, b STRING, c BIGINT) WITH ('connector' = 'datagen');
CREATE TABLE parted (a BIGINT NOT NULL, b STRING, c BIGINT, d DOUBLE) PARTITIONED BY (b, c)
  WITH ('connector' = 'filesystem', 'path' = 's3://out/parted', 'format' = 'json');
INSERT INTO parted PARTITION (c = 7, b) SELECT a, b, 0.5 FROM t WHERE c > 3;
INSERT INTO parted PARTITION (b = 'x', c = -1) (d, a) SELECT c, a FROM t;
