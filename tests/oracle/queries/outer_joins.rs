//! Joins that tell what has no partner: outer joins, `IN` and `EXISTS`.

use super::{Input, Query, Sink};

/// Amounts are null too, and partners that fail a condition are none.
pub(crate) const OUTER_JOINS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO lefts
SELECT a.id, b.id, b.note FROM events AS a
LEFT JOIN events AS b ON a.id = b.id - 3 AND a.site = b.site AND a.ok AND b.amount > 0
WHERE a.kind <> 'view' AND (b.id IS NULL OR b.amount > 100);
INSERT INTO rights
SELECT a.id, b.id, b.amount, b.kind FROM (SELECT * FROM events WHERE id < 300) AS a
RIGHT OUTER JOIN instants AS b ON a.amount = b.amount AND a.id < b.id AND b.kind <> 'view'
WHERE b.id < 700;
INSERT INTO both_
SELECT amount, a.id, b.id FROM (SELECT * FROM events WHERE id < 250) AS a
FULL JOIN (SELECT * FROM instants WHERE id > 200 AND id < 500) AS b USING (amount);",
    sinks: &[
        Sink {
            name: "lefts",
            columns: "a BIGINT, b BIGINT, note STRING",
            changes: true,
            answer: "
SELECT a.id, b.id, b.note FROM events AS a
LEFT JOIN events AS b ON a.id + 3 = b.id AND a.site = b.site AND a.ok AND b.amount > 0
WHERE a.kind <> 'view' AND (b.id IS NULL OR b.amount > 100)",
        },
        Sink {
            name: "rights",
            columns: "a BIGINT, b BIGINT, amount BIGINT, kind STRING",
            changes: true,
            answer: "
SELECT a.id, b.id, b.amount, b.kind FROM (SELECT * FROM events WHERE id < 300) AS a
RIGHT JOIN events AS b ON a.amount = b.amount AND a.id < b.id AND b.kind <> 'view'
WHERE b.id < 700",
        },
        Sink {
            name: "both_",
            columns: "amount BIGINT, a BIGINT, b BIGINT",
            changes: true,
            answer: "
SELECT coalesce(a.amount, b.amount), a.id, b.id FROM (SELECT * FROM events WHERE id < 250) AS a
FULL JOIN (SELECT * FROM events WHERE id > 200 AND id < 500) AS b ON a.amount = b.amount",
        },
    ],
};

/// Both inputs change in what they are joined by, so that partners come and go.
pub(crate) const OUTER_JOINS_OF_GROUPS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO equals
SELECT k.kind, k.site, k.n, s.note, s.n
FROM (SELECT kind, site, COUNT(*) AS n FROM events WHERE id < 500 GROUP BY kind, site) AS k
FULL JOIN (SELECT note, COUNT(*) AS n FROM events WHERE id < 500 GROUP BY note) AS s
ON k.n = s.n AND k.kind <> s.note;
INSERT INTO summed
SELECT a.site, COUNT(*), COUNT(b.n), SUM(b.n) FROM events AS a
LEFT JOIN (SELECT kind, COUNT(*) AS n FROM events WHERE id < 200 GROUP BY kind) AS b
ON a.kind = b.kind AND a.small > b.n
WHERE a.id < 200 GROUP BY a.site;
INSERT INTO chained
SELECT a.id, b.id, c.amount, t.high FROM events AS a
LEFT JOIN (SELECT * FROM instants WHERE amount > 0) AS b ON a.id = b.id - 5
LEFT JOIN events AS c ON b.amount = c.amount AND c.id > 1000
LEFT JOIN (SELECT MAX(amount) AS high FROM events WHERE id < 30) AS t ON TRUE
WHERE a.id < 90;",
    sinks: &[
        Sink {
            name: "equals",
            columns: "kind STRING, site STRING, n BIGINT, note STRING, m BIGINT",
            changes: true,
            answer: "
SELECT k.kind, k.site, k.n, s.note, s.n
FROM (SELECT kind, site, count(*) AS n FROM events WHERE id < 500 GROUP BY kind, site) AS k
FULL JOIN (SELECT note, count(*) AS n FROM events WHERE id < 500 GROUP BY note) AS s
ON k.n = s.n AND k.kind <> s.note",
        },
        Sink {
            name: "summed",
            columns: "site STRING, n BIGINT, partners BIGINT, total BIGINT",
            changes: true,
            answer: "
SELECT a.site, count(*), count(b.n), sum(b.n) FROM (SELECT * FROM events WHERE id < 200) AS a
LEFT JOIN (SELECT kind, count(*) AS n FROM events WHERE id < 200 GROUP BY kind) AS b
ON a.kind = b.kind AND a.small > b.n
GROUP BY a.site",
        },
        Sink {
            name: "chained",
            columns: "a BIGINT, b BIGINT, amount BIGINT, high BIGINT",
            changes: true,
            answer: "
SELECT a.id, b.id, c.amount, t.high FROM events AS a
LEFT JOIN (SELECT * FROM events WHERE amount > 0) AS b ON a.id + 5 = b.id
LEFT JOIN events AS c ON b.amount = c.amount AND c.id > 1000
CROSS JOIN (SELECT max(amount) AS high FROM events WHERE id < 30) AS t
WHERE a.id < 90",
        },
    ],
};

pub(crate) const SEMI_JOINS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO listed
SELECT id, kind FROM events
WHERE id > 20 AND amount IN (SELECT amount FROM instants WHERE kind = 'view' AND id < 200);
INSERT INTO followed
SELECT a.id, a.site FROM events AS a WHERE EXISTS (
  SELECT 1 FROM events AS b WHERE b.site = a.site AND b.id > a.id AND b.id < a.id + 9
    AND b.amount > a.amount AND a.id < 400 AND b.id < 400);
INSERT INTO rare
SELECT id, site FROM events
WHERE (kind, site) IN (SELECT kind, site FROM events WHERE id < 300
  GROUP BY kind, site HAVING COUNT(*) < 12);",
    sinks: &[
        Sink {
            name: "listed",
            columns: "id BIGINT, kind STRING",
            changes: false,
            answer: "
SELECT id, kind FROM events
WHERE id > 20 AND amount IN (SELECT amount FROM events WHERE kind = 'view' AND id < 200)",
        },
        Sink {
            name: "followed",
            columns: "id BIGINT, site STRING",
            changes: false,
            answer: "
SELECT DISTINCT a.id, a.site FROM events AS a JOIN events AS b
ON b.site = a.site AND b.id > a.id AND b.id < a.id + 9 AND b.amount > a.amount
WHERE a.id < 400 AND b.id < 400",
        },
        Sink {
            name: "rare",
            columns: "id BIGINT, site STRING",
            changes: true,
            answer: "
SELECT a.id, a.site FROM events AS a JOIN (SELECT kind, site FROM events WHERE id < 300
  GROUP BY kind, site HAVING count(*) < 12) AS b ON a.kind = b.kind AND a.site = b.site",
        },
    ],
};

/// `NOT IN` over values that may be null is true of less than `NOT EXISTS`.
pub(crate) const ANTI_JOINS: Query = Query {
    input: Input::Events,
    job: "INSERT INTO alone
SELECT a.id, a.amount FROM events AS a WHERE a.id < 500 AND NOT EXISTS (
  SELECT * FROM instants AS b WHERE b.amount = a.amount AND b.id <> a.id AND a.kind <> 'view');
INSERT INTO others
SELECT id, kind FROM events WHERE id NOT IN (SELECT id FROM instants WHERE kind = 'view');
INSERT INTO unknown
SELECT a.id, a.site, a.amount FROM events AS a WHERE a.id < 300 AND a.amount NOT IN (
  SELECT b.amount FROM events AS b WHERE b.site = a.site AND b.id > a.id AND b.id < a.id + 20);",
    sinks: &[
        Sink {
            name: "alone",
            columns: "id BIGINT, amount BIGINT",
            changes: true,
            answer: "
SELECT a.id, a.amount FROM events AS a LEFT JOIN events AS b
ON b.amount = a.amount AND b.id <> a.id AND a.kind <> 'view'
WHERE a.id < 500 AND b.id IS NULL",
        },
        Sink {
            name: "others",
            columns: "id BIGINT, kind STRING",
            changes: true,
            answer: "SELECT id, kind FROM events WHERE kind <> 'view' OR kind IS NULL",
        },
        Sink {
            name: "unknown",
            columns: "id BIGINT, site STRING, amount BIGINT",
            changes: true,
            answer: "
SELECT id, site, amount FROM (
  SELECT a.id, a.site, a.amount, count(b.id) AS n, count(b.amount) AS known,
    count(CASE WHEN a.amount = b.amount THEN 1 END) AS equal
  FROM (SELECT * FROM events WHERE id < 300) AS a LEFT JOIN events AS b
  ON b.site = a.site AND b.id > a.id AND b.id < a.id + 20
  GROUP BY a.id, a.site, a.amount)
WHERE n = 0 OR (equal = 0 AND known = n AND amount IS NOT NULL)",
        },
    ],
};
