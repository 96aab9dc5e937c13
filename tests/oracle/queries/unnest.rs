//! The elements of ARRAYs and MAPs as rows: DataFusion's own `unnest` answers. Of maps, which it does
//! not unnest, those of the arrays that have the same entries.

use super::{Input, Query, Sink};

pub(crate) const ELEMENTS: Query = Query {
    input: Input::Events,
    job: "
CREATE VIEW tagged AS SELECT id, kind, ts, tag FROM events, UNNEST(tags) AS t (tag);
INSERT INTO tags SELECT id, kind, tag FROM events CROSS JOIN UNNEST(tags) AS t (tag)
WHERE tag > 2 AND kind <> 'view';
INSERT INTO items SELECT id, name, x.n, `day`
FROM events LEFT JOIN UNNEST(items) AS x ON TRUE;
INSERT INTO some_items SELECT id, kind, name, n
FROM events LEFT JOIN UNNEST(items) AS x ON x.n > small AND kind <> 'view' WHERE id <> 9;
INSERT INTO labels SELECT id, label, n FROM events, UNNEST(labels) AS l (label, n);
INSERT INTO numbers SELECT id, SUM(number), COUNT(tag), MAX(number)
FROM events CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, number) GROUP BY id;
INSERT INTO pairs SELECT id, tag, name
FROM events CROSS JOIN UNNEST(tags) AS t (tag) JOIN UNNEST(items) AS x ON x.n = tag;
INSERT INTO per_tag SELECT tag, window_start, COUNT(*), COUNT(DISTINCT id)
FROM TABLE(TUMBLE(TABLE tagged, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, tag;
INSERT INTO values_of SELECT id, labels['a'], CARDINALITY(tags), ARRAY_CONTAINS(tags, 3)
FROM events WHERE ARRAY_CONTAINS(tags, 4);",
    sinks: &[
        Sink {
            name: "tags",
            columns: "id BIGINT, kind STRING, tag BIGINT",
            changes: false,
            answer: "
SELECT id, kind, tag FROM (SELECT id, kind, unnest(tags) AS tag FROM events)
WHERE tag > 2 AND kind <> 'view'",
        },
        Sink {
            name: "items",
            columns: "id BIGINT, name STRING, n BIGINT, `day` DATE",
            changes: false,
            answer: "
SELECT id, get_field(x, 'name'), get_field(x, 'n'), get_field(x, 'day')
FROM (SELECT id, unnest(items) AS x FROM events) WHERE x IS NOT NULL
UNION ALL SELECT id, NULL, NULL, NULL FROM events
WHERE id NOT IN (SELECT id FROM (SELECT id, unnest(items) AS x FROM events) WHERE x IS NOT NULL)",
        },
        Sink {
            name: "some_items",
            columns: "id BIGINT, kind STRING, name STRING, n BIGINT",
            changes: false,
            answer: "
WITH met AS (SELECT id, kind, get_field(x, 'name') AS name, get_field(x, 'n') AS n
  FROM (SELECT id, kind, small, unnest(items) AS x FROM events WHERE id <> 9)
  WHERE x IS NOT NULL AND get_field(x, 'n') > small AND kind <> 'view')
SELECT id, kind, name, n FROM met
UNION ALL SELECT id, kind, NULL, NULL FROM events
WHERE id <> 9 AND id NOT IN (SELECT id FROM met)",
        },
        Sink {
            name: "labels",
            columns: "id BIGINT, label STRING, n BIGINT",
            changes: false,
            answer: "
SELECT id, get_field(x, 'name'), get_field(x, 'n')
FROM (SELECT id, unnest(items) AS x FROM events) WHERE x IS NOT NULL",
        },
        Sink {
            name: "numbers",
            columns: "id BIGINT, total BIGINT, tags BIGINT, most BIGINT",
            changes: true,
            answer: "
SELECT id, count(*) * (count(*) + 1) / 2, count(tag), count(*)
FROM (SELECT id, unnest(tags) AS tag FROM events) GROUP BY id",
        },
        Sink {
            name: "pairs",
            columns: "id BIGINT, tag BIGINT, name STRING",
            changes: false,
            answer: "
SELECT t.id, tag, get_field(x, 'name')
FROM (SELECT id, unnest(tags) AS tag FROM events) t
JOIN (SELECT id, unnest(items) AS x FROM events) u ON t.id = u.id
WHERE get_field(x, 'n') = tag",
        },
        Sink {
            name: "per_tag",
            columns: "tag BIGINT, starts TIMESTAMP(3), n BIGINT, ids BIGINT",
            changes: false,
            answer: "
SELECT tag, s, count(*), count(DISTINCT id)
FROM (SELECT id, date_bin(INTERVAL '10 seconds', ts) AS s, unnest(tags) AS tag FROM events)
GROUP BY tag, s",
        },
        Sink {
            name: "values_of",
            columns: "id BIGINT, a BIGINT, tags INT, has_three BOOLEAN",
            changes: false,
            answer: "
SELECT e.id, a, tags, threes > 0
FROM (SELECT id, CAST(count(*) AS INT) AS tags, sum(CASE WHEN tag = 4 THEN 1 ELSE 0 END) AS fours,
    sum(CASE WHEN tag = 3 THEN 1 ELSE 0 END) AS threes
  FROM (SELECT id, unnest(tags) AS tag FROM events) GROUP BY id) e
LEFT JOIN (SELECT id, get_field(x, 'n') AS a FROM (SELECT id, unnest(items) AS x FROM events)
  WHERE get_field(x, 'name') = 'a') i ON e.id = i.id
WHERE fours > 0",
        },
    ],
};

/// Lists are kept in the state, and their elements come and go with them.
pub(crate) const ELEMENTS_OF_CHANGES: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO last_tags SELECT site, tag
FROM (SELECT site, tags FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY site ORDER BY ts DESC, id DESC) AS r FROM events)
  WHERE r <= 3) CROSS JOIN UNNEST(tags) AS t (tag);
INSERT INTO padded SELECT site, COUNT(*), COUNT(tag)
FROM (SELECT site, tags, id FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY site ORDER BY ts DESC, id DESC) AS r FROM events)
  WHERE r <= 3) LEFT JOIN UNNEST(tags) AS t (tag) ON MOD(id, 4) < tag GROUP BY site;
INSERT INTO joined SELECT site, label, SUM(n), COUNT(*)
FROM (SELECT s.site, e.labels FROM (SELECT site, MAX(id) AS id FROM events GROUP BY site) s
  JOIN events e ON e.id = s.id) CROSS JOIN UNNEST(labels) AS l (label, n) GROUP BY site, label;",
    sinks: &[
        Sink {
            name: "last_tags",
            columns: "site STRING, tag BIGINT",
            changes: true,
            answer: "
SELECT site, unnest(tags) AS tag FROM (
  SELECT *, row_number() OVER (PARTITION BY site ORDER BY ts DESC, id DESC) AS r FROM events)
WHERE r <= 3",
        },
        Sink {
            name: "padded",
            columns: "site STRING, n BIGINT, tags BIGINT",
            changes: true,
            answer: "
WITH last AS (SELECT site, tags, id FROM (
    SELECT *, row_number() OVER (PARTITION BY site ORDER BY ts DESC, id DESC) AS r FROM events)
    WHERE r <= 3),
  met AS (SELECT site, id, tag FROM (SELECT site, id, unnest(tags) AS tag FROM last)
    WHERE id % 4 < tag)
SELECT site, count(*), count(tag) FROM (
  SELECT site, tag FROM met UNION ALL
  SELECT site, NULL FROM last WHERE id NOT IN (SELECT id FROM met)) GROUP BY site",
        },
        Sink {
            name: "joined",
            columns: "site STRING, label STRING, total BIGINT, n BIGINT",
            changes: true,
            answer: "
SELECT site, get_field(x, 'name') AS label, sum(get_field(x, 'n')), count(*)
FROM (SELECT s.site, unnest(e.items) AS x
  FROM (SELECT site, max(id) AS id FROM events GROUP BY site) s JOIN events e ON e.id = s.id)
WHERE x IS NOT NULL GROUP BY site, get_field(x, 'name')",
        },
    ],
};
