-- Tiles as of a day, and low zooms from counts kept per grid cell.
--
-- `on_day`: the day asked about; NULL: every day. A factor, an extent and a licence show from the
-- day they hold from; a plan item from the day it comes within the horizon, which the caller gives
-- as `plan_day`, because the number of years is a parameter of the rules.

CREATE OR REPLACE FUNCTION minerisk.shows(
    layer text, valid daterange, on_day date, plan_day date)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT on_day IS NULL OR lower(valid) IS NULL
        OR lower(valid) <= CASE WHEN layer = 'plan_item' THEN plan_day ELSE on_day END
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
      AND minerisk.shows(f.layer, f.valid, on_day, plan_day)
      AND (minerisk.visible(f.district, f.owner_org, f.survey_org)
           OR (f.layer = 'mine_boundary' AND minerisk.contracted(f.mine_code)))
$$;

CREATE OR REPLACE FUNCTION minerisk.tile_features(
    wanted text[], name text, z int, x int, y int, known_seq bigint, on_day date, plan_day date)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(f.geom_3857, env.box, 4096, 64, true) AS geom,
            f.id::text AS id, f.key, f.layer, f.mine_code,
            COALESCE(f.attrs ->> 'code', f.attrs ->> 'name') AS name,
            f.attrs ->> 'verification' AS verification, f.attrs ->> 'seam' AS seam,
            f.attrs ->> 'item' AS item, f.attrs ->> 'start' AS start, f.attrs ->> 'end' AS "end",
            f.state, 1 AS count
        FROM env, minerisk.features_in(wanted, env.box, known_seq, on_day, plan_day) f)
    -- The parameter, said in full: a bare `name` would be the column, and so name the tile's layer.
    SELECT ST_AsMVT(drawn, tile_features.name, 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

-- As tile_features, with what a map says of ponds and of what lies below them: both code and name.
CREATE OR REPLACE FUNCTION minerisk.tile_ponds(
    wanted text[], name text, z int, x int, y int, known_seq bigint, on_day date, plan_day date)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(f.geom_3857, env.box, 4096, 64, true) AS geom, f.layer, f.code,
            CASE f.layer WHEN 'pond' THEN f.code ELSE f.attrs ->> 'pond_code' END AS pond_code,
            COALESCE(f.attrs ->> 'name', f.code) AS name,
            f.attrs ->> 'object_class' AS object_class, f.state, 1 AS count
        FROM env, minerisk.features_in(wanted, env.box, known_seq, on_day, plan_day) f)
    SELECT ST_AsMVT(drawn, tile_ponds.name, 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

-- The licence that stands on a day: of an accepted survey the newest, its parts together; where
-- only a revoked survey drew one, that one, as grading takes it.
CREATE OR REPLACE FUNCTION minerisk.tile_mines(z int, x int, y int, known_seq bigint, on_day date)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    near AS (
        SELECT DISTINCT f.mine_code FROM env, minerisk.feature f
        WHERE f.geom_3857 && env.box AND f.layer = 'mine_boundary'
          AND (minerisk.visible(f.district, f.owner_org, f.survey_org)
               OR minerisk.contracted(f.mine_code))),
    versions AS (
        SELECT f.mine_code, f.survey_id, s.state, max(lower(f.valid)) AS since, max(f.key) AS key,
            (array_agg(f.attrs ORDER BY f.key DESC))[1] AS attrs, ST_Union(f.geom_3857) AS shape
        FROM near JOIN minerisk.feature f USING (mine_code)
        JOIN minerisk.survey_states(known_seq) s USING (survey_id)
        WHERE f.layer = 'mine_boundary' AND s.state IN ('accepted', 'revoked')
          AND minerisk.shows(f.layer, f.valid, on_day, NULL)
          AND (minerisk.visible(f.district, f.owner_org, f.survey_org)
               OR minerisk.contracted(f.mine_code))
        GROUP BY f.mine_code, f.survey_id, s.state),
    standing AS (
        SELECT DISTINCT ON (mine_code) mine_code, attrs, shape FROM versions
        ORDER BY mine_code, state, since DESC NULLS LAST, key DESC),
    drawn AS (
        SELECT ST_AsMVTGeom(n.shape, env.box, 4096, 64, true) AS geom,
            n.mine_code, n.attrs ->> 'mine_name' AS name, n.attrs ->> 'mine_kind' AS kind,
            COALESCE(t.summary ->> 'colour', 'none') AS colour,
            COALESCE((t.summary ->> 'unclear')::boolean, true) AS unclear,
            COALESCE(t.summary ->> 'label_zh', '未定') AS label_zh,
            COALESCE(t.summary ->> 'label_en', 'undetermined') AS label_en,
            COALESCE(t.summary -> 'colours' ->> 'determined', 'none') AS colour_determined,
            COALESCE(t.summary -> 'colours' ->> 'proposed', 'none') AS colour_proposed,
            COALESCE(t.summary -> 'colours' ->> 'decided', 'none') AS colour_decided
        FROM env, standing n LEFT JOIN minerisk.mine_summaries(known_seq) t USING (mine_code)
        WHERE n.shape && env.box)
    SELECT ST_AsMVT(drawn, 'mines', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION minerisk.tile_encounters(
    z int, x int, y int, known_seq bigint, on_day date)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(e.geom_3857, env.box, 4096, 64, true) AS geom, e.key, e.mine_code,
            e.layer, e.status, e.evidence ->> 'relation' AS relation
        FROM env, minerisk.encounter e
        JOIN minerisk.batch b ON b.id = e.batch_id
        LEFT JOIN minerisk.encounter_end n ON n.encounter_id = e.id
        LEFT JOIN minerisk.batch d ON d.id = n.batch_id
        WHERE e.geom_3857 && env.box AND b.seq <= known_seq
          AND (d.seq IS NULL OR d.seq > known_seq)
          AND minerisk.shows(e.layer, e.valid, on_day, NULL)
          AND minerisk.visible(e.district, e.owner_org, e.survey_org))
    SELECT ST_AsMVT(drawn, 'encounters', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

-- --- counts per grid cell ------------------------------------------------------------------------
-- A cell of level n is one of 2^n by 2^n squares of the Mercator square; a tile of zoom z gathers
-- to cells of level z + 6. Counts are kept for the two levels low zooms read: 12 for zoom 6 and
-- below, 14 for zooms 7 and 8; coarser cells are sums of finer ones. A row stands in a cell by the
-- middle of its box, which needs no geometry to be opened.

CREATE OR REPLACE FUNCTION minerisk.cell_at(metres double precision, level int)
RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT LEAST(GREATEST(
        floor((metres + 20037508.342789244) / (2 * 20037508.342789244) * (1 << level)), 0),
        (1 << level) - 1)::int
$$;

CREATE OR REPLACE FUNCTION minerisk.count_places()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
BEGIN
    INSERT INTO minerisk.place_count (level, col, line, layer, survey_id, since, district,
        owner_org, survey_org, count, sum_x, sum_y, one)
    SELECT l.level, minerisk.cell_at(p.mx, l.level), minerisk.cell_at(-p.my, l.level), p.layer,
        p.survey_id, p.since, p.district, p.owner_org, p.survey_org, count(*)::int, sum(p.mx),
        sum(p.my), CASE WHEN count(*) = 1 THEN min(p.id::text)::uuid END
    FROM (
        SELECT f.id, f.layer, f.survey_id, lower(f.valid) AS since, f.district, f.owner_org,
            f.survey_org, (ST_XMin(f.geom_3857) + ST_XMax(f.geom_3857)) / 2 AS mx,
            (ST_YMin(f.geom_3857) + ST_YMax(f.geom_3857)) / 2 AS my
        FROM fresh f) p, (VALUES (12), (14)) l (level)
    GROUP BY 1, 2, 3, p.layer, p.survey_id, p.since, p.district, p.owner_org, p.survey_org;
    RETURN NULL;
END
$$;

-- Below zoom 9: one point per grid cell with its count; the sum of counts is the rows one may see.
CREATE OR REPLACE FUNCTION minerisk.tile_gathered(
    wanted text[], name text, z int, x int, y int, known_seq bigint, on_day date, plan_day date)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (
        SELECT ST_TileEnvelope(z, x, y) AS box, CASE WHEN z <= 6 THEN 12 ELSE 14 END AS deep),
    cells AS (
        SELECT p.layer, p.col >> (deep - z - 6) AS c, p.line >> (deep - z - 6) AS l,
            p.count, p.sum_x, p.sum_y, p.one
        FROM env, minerisk.place_count p
        JOIN minerisk.survey_states(known_seq) s USING (survey_id)
        WHERE p.level = deep AND p.layer = ANY (wanted)
          AND p.col >= x << (deep - z) AND p.col < (x + 1) << (deep - z)
          AND p.line >= y << (deep - z) AND p.line < (y + 1) << (deep - z)
          AND s.state IN ('submitted', 'accepted', 'revoked')
          AND minerisk.shows(p.layer, daterange(p.since, NULL), on_day, plan_day)
          AND minerisk.visible(p.district, p.owner_org, p.survey_org)),
    gathered AS (
        SELECT layer, sum(count)::int AS count,
            ST_SetSRID(ST_MakePoint(sum(sum_x) / sum(count), sum(sum_y) / sum(count)), 3857)
                AS point,
            CASE WHEN sum(count) = 1 THEN min(one::text) END AS id
        FROM cells GROUP BY layer, c, l),
    drawn AS (
        SELECT ST_AsMVTGeom(point, env.box, 4096, 64, false) AS geom, layer, count, id
        FROM env, gathered)
    SELECT ST_AsMVT(drawn, name, 4096, 'geom') FROM drawn
$$;
