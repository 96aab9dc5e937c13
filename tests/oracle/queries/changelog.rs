//! Queries over a table whose rows change and go as they are read.

use super::{Input, Query, Sink};

pub(crate) const CHANGES_THAT_ARE_READ: Query = Query {
    input: Input::Events,
    job: "CREATE TABLE accounts (
  id BIGINT NOT NULL, site STRING, amount BIGINT, twice AS amount * 2,
  file STRING METADATA FROM 'file.name' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/accounts');
INSERT INTO rich SELECT id, site, twice, file FROM accounts WHERE amount > 100;
INSERT INTO per_site SELECT site, COUNT(*), SUM(amount), MAX(amount) FROM accounts GROUP BY site;
INSERT INTO first SELECT site, id, amount FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY site ORDER BY amount DESC, id) AS r FROM accounts
) WHERE r <= 2;
INSERT INTO seen SELECT a.id, e.id, a.amount FROM accounts AS a JOIN events AS e
  ON a.site = e.site AND e.id < 600;",
    sinks: &[
        Sink {
            name: "rich",
            columns: "id BIGINT, site STRING, twice BIGINT, file STRING",
            changes: true,
            answer: "SELECT id, site, amount * 2, file FROM accounts WHERE amount > 100",
        },
        Sink {
            name: "per_site",
            columns: "site STRING, n BIGINT, total BIGINT, high BIGINT",
            changes: true,
            answer: "SELECT site, count(*), sum(amount), max(amount) FROM accounts GROUP BY site",
        },
        Sink {
            name: "first",
            columns: "site STRING, id BIGINT, amount BIGINT",
            changes: true,
            answer: "SELECT site, id, amount FROM (SELECT *, row_number() OVER
  (PARTITION BY site ORDER BY amount DESC, id) AS r FROM accounts) WHERE r <= 2",
        },
        Sink {
            name: "seen",
            columns: "account BIGINT, event BIGINT, amount BIGINT",
            changes: true,
            answer: "SELECT a.id, e.id, a.amount FROM accounts a JOIN events e
  ON a.site = e.site AND e.id < 600",
        },
    ],
};

/// The same changes, of which only what they say is now is taken.
pub(crate) const CHANGES_THAT_MAY_COME_AGAIN: Query = Query {
    input: Input::Events,
    job: "SET 'table.exec.source.cdc-events-duplicate' = 'true';
CREATE TABLE accounts (
  site STRING, id BIGINT NOT NULL, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = 's3://in/accounts');
INSERT INTO per_site SELECT site, COUNT(*), SUM(amount), MAX(amount) FROM accounts GROUP BY site;
INSERT INTO seen SELECT a.id, e.id, a.amount FROM accounts AS a JOIN events AS e
  ON a.site = e.site AND e.id < 600;",
    sinks: &[
        Sink {
            name: "per_site",
            columns: "site STRING, n BIGINT, total BIGINT, high BIGINT",
            changes: true,
            answer: "SELECT site, count(*), sum(amount), max(amount) FROM accounts GROUP BY site",
        },
        Sink {
            name: "seen",
            columns: "account BIGINT, event BIGINT, amount BIGINT",
            changes: true,
            answer: "SELECT a.id, e.id, a.amount FROM accounts a JOIN events e
  ON a.site = e.site AND e.id < 600",
        },
    ],
};
