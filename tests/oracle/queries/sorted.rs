//! Queries that order their rows, or give only some of them.

use super::{Input, Query, Sink};

pub(crate) const SORTED_AND_LIMITED: Query = Query {
    input: Input::Events,
    job: "
INSERT INTO largest SELECT kind, amount AS a FROM events ORDER BY a DESC, events.id LIMIT 7;
INSERT INTO most SELECT kind FROM events GROUP BY kind ORDER BY COUNT(*) DESC, 1 FETCH FIRST 2 ROWS ONLY;
INSERT INTO skipped SELECT id, small FROM events ORDER BY small NULLS LAST, 1 DESC LIMIT 5 OFFSET 3;
INSERT INTO some SELECT UPPER(kind) FROM events WHERE kind = 'buy' LIMIT 4;
INSERT INTO numbered SELECT COUNT(*) FROM (SELECT id FROM events LIMIT 9 OFFSET 2);
INSERT INTO in_time SELECT id, kind FROM events WHERE amount > 3 ORDER BY ts, amount DESC, id;
INSERT INTO latest SELECT id FROM events WHERE kind = (SELECT kind FROM events ORDER BY id DESC LIMIT 1)
  AND id IN (SELECT id FROM events ORDER BY amount, id LIMIT 100);
INSERT INTO ends (SELECT id FROM events ORDER BY id LIMIT 2)
  UNION ALL (SELECT DISTINCT id FROM events ORDER BY id DESC LIMIT 2);
INSERT INTO last_of_all SELECT id FROM events UNION ALL SELECT -id FROM events ORDER BY id LIMIT 3;",
    sinks: &[
        Sink {
            name: "largest",
            columns: "kind STRING, a BIGINT",
            changes: true,
            answer: "SELECT kind, amount FROM events ORDER BY amount DESC NULLS LAST, id LIMIT 7",
        },
        Sink {
            name: "most",
            columns: "kind STRING",
            changes: true,
            answer: "SELECT kind FROM events GROUP BY kind
ORDER BY count(*) DESC, kind NULLS FIRST LIMIT 2",
        },
        Sink {
            name: "skipped",
            columns: "id BIGINT, small INT",
            changes: true,
            answer: "SELECT id, small FROM events ORDER BY small NULLS LAST, id DESC LIMIT 5 OFFSET 3",
        },
        Sink {
            name: "some",
            columns: "kind STRING",
            changes: false,
            answer: "SELECT 'BUY' FROM (VALUES (1), (2), (3), (4))",
        },
        Sink {
            name: "numbered",
            columns: "n BIGINT",
            changes: true,
            answer: "SELECT CAST(9 AS BIGINT)",
        },
        Sink {
            name: "in_time",
            columns: "id BIGINT, kind STRING",
            changes: false,
            answer: "SELECT id, kind FROM events WHERE amount > 3",
        },
        Sink {
            name: "latest",
            columns: "id BIGINT",
            changes: true,
            answer: "SELECT id FROM events WHERE kind = (SELECT kind FROM events ORDER BY id DESC LIMIT 1)
AND id IN (SELECT id FROM events ORDER BY amount NULLS FIRST, id LIMIT 100)",
        },
        Sink {
            name: "ends",
            columns: "id BIGINT",
            changes: true,
            answer: "(SELECT id FROM events ORDER BY id LIMIT 2)
UNION ALL (SELECT id FROM events ORDER BY id DESC LIMIT 2)",
        },
        Sink {
            name: "last_of_all",
            columns: "id BIGINT",
            changes: true,
            answer: "SELECT -id FROM events ORDER BY id DESC LIMIT 3",
        },
    ],
};
