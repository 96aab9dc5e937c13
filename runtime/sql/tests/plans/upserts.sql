-- A topic of what keys have now becomes changes, and changes become such a topic.
CREATE TABLE accounts (
  site STRING NOT NULL, id BIGINT NOT NULL, amount BIGINT, twice AS amount * 2,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'upsert-kafka');
CREATE TABLE per_site (n BIGINT NOT NULL, site STRING, PRIMARY KEY (site) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka');
INSERT INTO per_site SELECT COUNT(*), site FROM accounts WHERE twice > 10 GROUP BY site;
