-- Topics that are looked up: all rows of one, the last row of each key of others.
CREATE TABLE orders (id BIGINT, k STRING, p AS PROCTIME()) WITH ('connector' = 'kafka');
CREATE TABLE notes (k STRING, note STRING, at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp')
WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE accounts (site STRING, id BIGINT, k STRING NOT NULL, level INT, name STRING NOT NULL,
  title AS UPPER(name), PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'lookup.full-cache.periodic-reload.interval' = '1 min');
CREATE TABLE owners (k STRING, owner STRING, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'kafka', 'format' = 'debezium-json');
CREATE TABLE results (id BIGINT, title STRING, note STRING, owner STRING) WITH ('connector' = 'print');
CREATE VIEW high AS SELECT k, title FROM accounts WHERE level > 1;
INSERT INTO results SELECT o.id, a.title, n.note, w.owner FROM orders AS o
JOIN high FOR SYSTEM_TIME AS OF o.p AS a ON a.k = o.k
LEFT JOIN notes FOR SYSTEM_TIME AS OF o.p AS n ON n.k = o.k AND n.at > TO_TIMESTAMP_LTZ(o.id, 3)
LEFT JOIN owners FOR SYSTEM_TIME AS OF o.p AS w ON w.k = o.k;
