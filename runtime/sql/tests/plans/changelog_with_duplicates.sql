-- Changes that may come again are kept by their keys, which nothing else reads.
SET 'table.exec.source.cdc-events-duplicate' = 'true';
CREATE TABLE accounts (
  site STRING, id BIGINT NOT NULL, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json');
CREATE TABLE per_site (site STRING, n BIGINT) WITH ('connector' = 'print');
INSERT INTO per_site SELECT site, COUNT(*) FROM accounts GROUP BY site;
