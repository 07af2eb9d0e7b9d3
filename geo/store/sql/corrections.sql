-- A row drawn anew stands in place of one on record: from the moment its survey is accepted, and for
-- as long as that one is not revoked. What it names stays replaced when it is superseded itself.
CREATE FUNCTION minerisk.replaced(known_seq bigint)
RETURNS TABLE (feature_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    SELECT c.replaces
    FROM minerisk.correction c
    JOIN minerisk.survey_states(known_seq) s USING (survey_id)
    WHERE s.state IN ('accepted', 'superseded')
$$;

CREATE OR REPLACE FUNCTION minerisk.features_in(
    wanted text[], box geometry, known_seq bigint, on_day date, plan_day date)
RETURNS TABLE (
    id uuid, key text, layer text, mine_code text, code text, attrs jsonb, state text,
    geom_3857 geometry)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    SELECT f.id, f.key, f.layer, f.mine_code, f.code, f.attrs, s.state, f.geom_3857
    FROM minerisk.feature f
    JOIN minerisk.survey_states(known_seq) s USING (survey_id)
    WHERE f.geom_3857 && box
      AND f.layer = ANY (wanted)
      AND s.state IN ('submitted', 'accepted', 'revoked')
      AND f.id NOT IN (SELECT r.feature_id FROM minerisk.replaced(known_seq) r)
      AND minerisk.shows(f.layer, f.valid, on_day, plan_day)
      AND (minerisk.visible(f.district, f.owner_org, f.survey_org)
           OR (f.layer = 'mine_boundary' AND minerisk.contracted(f.mine_code)))
$$;

-- As before, with every replaced row taken out of the cell it was counted in.
CREATE OR REPLACE FUNCTION minerisk.tile_gathered(
    wanted text[], name text, z int, x int, y int, known_seq bigint, on_day date, plan_day date)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (
        SELECT ST_TileEnvelope(z, x, y) AS box, CASE WHEN z <= 6 THEN 12 ELSE 14 END AS deep),
    counted AS (
        SELECT p.layer, p.survey_id, p.since, p.district, p.owner_org, p.survey_org, p.col, p.line,
            p.count, p.sum_x, p.sum_y, p.one
        FROM env, minerisk.place_count p
        WHERE p.level = deep
        UNION ALL
        SELECT f.layer, f.survey_id, lower(f.valid), f.district, f.owner_org, f.survey_org,
            minerisk.cell_at(m.x, deep), minerisk.cell_at(-m.y, deep), -1, -m.x, -m.y, NULL
        FROM env, minerisk.replaced(known_seq) r
        JOIN minerisk.feature f ON f.id = r.feature_id
        CROSS JOIN LATERAL (SELECT (ST_XMin(f.geom_3857) + ST_XMax(f.geom_3857)) / 2 AS x,
            (ST_YMin(f.geom_3857) + ST_YMax(f.geom_3857)) / 2 AS y) m),
    cells AS (
        SELECT p.layer, p.col >> (deep - z - 6) AS c, p.line >> (deep - z - 6) AS l,
            p.count, p.sum_x, p.sum_y, p.one
        FROM env, counted p
        JOIN minerisk.survey_states(known_seq) s USING (survey_id)
        WHERE p.layer = ANY (wanted)
          AND p.col >= x << (deep - z) AND p.col < (x + 1) << (deep - z)
          AND p.line >= y << (deep - z) AND p.line < (y + 1) << (deep - z)
          AND s.state IN ('submitted', 'accepted', 'revoked')
          AND minerisk.shows(p.layer, daterange(p.since, NULL), on_day, plan_day)
          AND minerisk.visible(p.district, p.owner_org, p.survey_org)),
    gathered AS (
        SELECT layer, sum(count)::int AS count,
            ST_SetSRID(ST_MakePoint(sum(sum_x) / sum(count), sum(sum_y) / sum(count)), 3857)
                AS point,
            CASE WHEN sum(count) = 1 THEN min(one::text) FILTER (WHERE one NOT IN
                (SELECT r.feature_id FROM minerisk.replaced(known_seq) r)) END AS id
        FROM cells GROUP BY layer, c, l HAVING sum(count) > 0),
    drawn AS (
        SELECT ST_AsMVTGeom(point, env.box, 4096, 64, false) AS geom, layer, count, id
        FROM env, gathered)
    SELECT ST_AsMVT(drawn, name, 4096, 'geom') FROM drawn
$$;
