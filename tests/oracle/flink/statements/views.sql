-- Views of views, and computed columns.

CREATE TABLE computed (
  cost AS bid.price * 2,
  ch AS UPPER(bid.channel),
  day_of AS DATE_FORMAT(bid.`dateTime`, 'yyyy-MM-dd'),
  p AS PROCTIME()
) LIKE nexmark;

CREATE TABLE marked (
  t AS CASE WHEN event_type = 0 THEN person.`dateTime` WHEN event_type = 1 THEN auction.`dateTime` ELSE bid.`dateTime` END + INTERVAL '1' HOUR,
  WATERMARK FOR t AS t - INTERVAL '0' SECOND
) LIKE nexmark (EXCLUDING WATERMARKS);

CREATE TABLE strictly (
  s AS CASE WHEN event_type = 0 THEN person.`dateTime` WHEN event_type = 1 THEN auction.`dateTime` ELSE bid.`dateTime` END,
  WATERMARK FOR s AS s
) LIKE nexmark (EXCLUDING WATERMARKS INCLUDING GENERATED);

CREATE TEMPORARY VIEW v1 AS SELECT auction, price, `dateTime` AS t FROM bid WHERE price > 1000;

CREATE TEMPORARY VIEW v2 (a, p, t) AS SELECT auction, price * 2, t FROM v1;

CREATE VIEW v3 AS SELECT a, SUM(p) AS s, COUNT(*) AS n FROM v2 GROUP BY a;

CREATE VIEW v4 AS SELECT a, p, t, ROW_NUMBER() OVER (PARTITION BY a ORDER BY t DESC) AS rn FROM v2;

CREATE VIEW v5 AS SELECT * FROM v4 WHERE rn = 1;

-- views_computed
SELECT cost, ch, day_of FROM computed WHERE event_type = 2 AND cost > 2000000;

-- views_computed_grouped
SELECT ch, SUM(cost), COUNT(*) FROM computed WHERE event_type = 2 AND CHAR_LENGTH(ch) < 9 GROUP BY ch;

-- views_marked
SELECT TUMBLE_START(t, INTERVAL '10' SECOND), COUNT(*) FROM (SELECT t FROM marked WHERE event_type = 2) GROUP BY TUMBLE(t, INTERVAL '10' SECOND);

-- views_views_of_views
SELECT * FROM v3 WHERE n > 10;

-- views_view_dedup
SELECT a, p FROM v5 WHERE p > 100000;

-- views_view_windowed
SELECT window_start, SUM(p) FROM TABLE(TUMBLE(TABLE v2, DESCRIPTOR(t), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

-- views_view_temporal
SELECT a.id, v5.p FROM auction a JOIN v5 FOR SYSTEM_TIME AS OF a.`dateTime` ON a.id = v5.a;

-- views_view_self_join
SELECT x.a, x.s, y.n FROM v3 x JOIN v3 y ON x.a = y.a WHERE x.n > 10;

-- views_strictly
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE((SELECT s FROM strictly WHERE event_type = 2), DESCRIPTOR(s), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

-- views_hint_broadcast
SELECT /*+ BROADCAST(a) */ a.id, b.price FROM auction a JOIN bid b ON a.id = b.auction WHERE b.price > 500000;
