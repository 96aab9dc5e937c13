-- A source of changes: its rows have a kind, which follows them to the sink.
CREATE TABLE accounts (
  id BIGINT NOT NULL, site STRING, amount BIGINT, twice AS amount * 2, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'kafka', 'value.format' = 'debezium-json');
CREATE TABLE copies (id BIGINT, twice BIGINT) WITH ('connector' = 'print');
CREATE TABLE per_site (site STRING, n BIGINT) WITH ('connector' = 'print');
INSERT INTO copies SELECT id, twice FROM accounts;
INSERT INTO per_site SELECT site, COUNT(*) FROM accounts GROUP BY site;
