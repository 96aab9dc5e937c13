//! Queries of rows that they list themselves.

use super::{Input, Query, Sink};

pub(crate) const LISTED_ROWS: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO listed VALUES (1, 'a', 1.5, DATE '2020-01-01'), (-2, NULL, 22.25, NULL),
  (3000000000, 'a' || 'bc', 3, DATE '1999-12-31'), (1, 'a', 1.5, DATE '2020-01-01');
INSERT INTO nothing (id, name) VALUES (NULL, NULL), (NULL, 'x');
INSERT INTO titled SELECT e.id, v.title FROM events AS e
  JOIN (VALUES ('view', 'first'), ('buy', 'second'), ('nobody', 'third')) AS v (kind, title) ON e.kind = v.kind;
INSERT INTO some SELECT id, kind FROM events
  WHERE kind IN (SELECT k FROM (VALUES ('view', 1), ('click', 2)) AS v (k, n) WHERE n > 1);
INSERT INTO more SELECT kind, amount FROM events WHERE small > 2
  UNION ALL VALUES ('x', 1), ('y', CAST(NULL AS INT));
INSERT INTO counted SELECT name, COUNT(*), SUM(n) FROM
  (VALUES ('a', 1), ('b', 2), ('a', 3), (NULL, 4)) AS v (name, n) GROUP BY name;
INSERT INTO one SELECT 1 + 1, UPPER('a') UNION ALL SELECT 3, 'b';",
    sinks: &[
        Sink {
            name: "listed",
            columns: "id BIGINT, name STRING, price DECIMAL(12, 2), born DATE",
            changes: false,
            answer: "SELECT id, name, CAST(price AS DECIMAL(12, 2)), CAST(born AS DATE) FROM (VALUES
  (1, 'a', 1.5, '2020-01-01'), (-2, NULL, 22.25, NULL), (3000000000, 'abc', 3, '1999-12-31'),
  (1, 'a', 1.5, '2020-01-01')) AS v (id, name, price, born)",
        },
        Sink {
            name: "nothing",
            columns: "name STRING, id BIGINT",
            changes: false,
            answer: "SELECT name, CAST(NULL AS BIGINT) FROM (VALUES (NULL), ('x')) AS v (name)",
        },
        Sink {
            name: "titled",
            columns: "id BIGINT, title STRING",
            changes: false,
            answer: "SELECT id, CASE kind WHEN 'view' THEN 'first' ELSE 'second' END FROM events
WHERE kind IN ('view', 'buy')",
        },
        Sink {
            name: "some",
            columns: "id BIGINT, kind STRING",
            changes: false,
            answer: "SELECT id, kind FROM events WHERE kind = 'click'",
        },
        Sink {
            name: "more",
            columns: "kind STRING, amount BIGINT",
            changes: false,
            answer: "SELECT kind, amount FROM events WHERE small > 2
UNION ALL SELECT 'x', 1 UNION ALL SELECT 'y', NULL",
        },
        Sink {
            name: "counted",
            columns: "name STRING, n BIGINT, total BIGINT",
            changes: true,
            answer: "SELECT * FROM (VALUES ('a', 2, 4), ('b', 1, 2), (NULL, 1, 4)) AS v (name, n, total)",
        },
        Sink {
            name: "one",
            columns: "n INT, t STRING",
            changes: false,
            answer: "SELECT CAST(2 AS INT), 'A' UNION ALL SELECT CAST(3 AS INT), 'b'",
        },
    ],
};

/// Rows that a table cannot take are left out, also where they change and go.
pub(crate) const NULLS_THAT_ARE_DROPPED: Query = Query {
    input: Input::Events,
    job: "SET 'table.exec.sink.not-null-enforcer' = 'DROP';
INSERT INTO rows_ SELECT id, site, amount FROM events;
INSERT INTO counts SELECT site, COUNT(*), MAX(amount) FROM events WHERE id < 2000 GROUP BY site;",
    sinks: &[
        Sink {
            name: "rows_",
            columns: "id BIGINT NOT NULL, site STRING NOT NULL, amount BIGINT NOT NULL",
            changes: false,
            answer: "SELECT id, site, amount FROM events WHERE site IS NOT NULL AND amount IS NOT NULL",
        },
        Sink {
            name: "counts",
            columns: "site STRING NOT NULL, n BIGINT NOT NULL, high BIGINT",
            changes: true,
            answer: "SELECT site, count(*), max(amount) FROM events
WHERE id < 2000 AND site IS NOT NULL GROUP BY site",
        },
    ],
};
