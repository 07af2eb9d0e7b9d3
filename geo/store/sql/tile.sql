-- Vector tiles. The functions own the spatial read, because under a policy PostgreSQL will not use
-- the GiST index first (&& is not leakproof); they repeat minerisk.visible().

-- The state of each survey as known at a batch: the newest event at or before it.
CREATE FUNCTION minerisk.survey_states(known_seq bigint)
RETURNS TABLE (survey_id uuid, state text)
LANGUAGE sql STABLE
SET search_path = minerisk, public, pg_temp
AS $$
    SELECT DISTINCT ON (e.survey_id) e.survey_id, e.state
    FROM minerisk.survey_event e
    -- The batch being published has no link yet; only its own transaction sees its rows.
    LEFT JOIN minerisk.batch b ON b.id = e.batch_id
    WHERE COALESCE(b.seq, known_seq) <= known_seq
    ORDER BY e.survey_id, b.seq DESC NULLS FIRST, e.id DESC
$$;

-- Features of some layers that meet a box (EPSG:3857) and that the caller may see.
CREATE FUNCTION minerisk.features_in(wanted text[], box geometry, known_seq bigint)
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
      AND (minerisk.visible(f.district, f.owner_org, f.survey_org)
           OR (f.layer = 'mine_boundary' AND minerisk.contracted(f.mine_code)))
$$;

-- What of the newest state a map shows of each mine.
CREATE FUNCTION minerisk.mine_summaries(known_seq bigint)
RETURNS TABLE (mine_code text, summary jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    SELECT DISTINCT ON (m.mine_code) m.mine_code, m.summary
    FROM minerisk.mine_state m
    JOIN minerisk.batch b ON b.id = m.batch_id
    WHERE b.seq <= known_seq AND minerisk.visible(m.district, m.owner_org, m.survey_org)
    ORDER BY m.mine_code, b.seq DESC
$$;

CREATE FUNCTION minerisk.tile_mines(z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    newest AS (
        SELECT DISTINCT ON (f.mine_code) f.mine_code, f.attrs, f.geom_3857
        FROM env, minerisk.feature f
        JOIN minerisk.survey_states(known_seq) s USING (survey_id)
        JOIN minerisk.batch b ON b.id = f.batch_id
        WHERE f.geom_3857 && env.box AND f.layer = 'mine_boundary' AND s.state = 'accepted'
          AND (minerisk.visible(f.district, f.owner_org, f.survey_org)
               OR minerisk.contracted(f.mine_code))
        ORDER BY f.mine_code, b.seq DESC),
    drawn AS (
        SELECT ST_AsMVTGeom(n.geom_3857, env.box, 4096, 64, true) AS geom,
            n.mine_code, n.attrs ->> 'mine_name' AS name, n.attrs ->> 'mine_kind' AS kind,
            COALESCE(t.summary ->> 'colour', 'none') AS colour,
            COALESCE((t.summary ->> 'unclear')::boolean, true) AS unclear,
            COALESCE(t.summary ->> 'label_zh', '未定') AS label_zh,
            COALESCE(t.summary ->> 'label_en', 'undetermined') AS label_en,
            COALESCE(t.summary -> 'colours' ->> 'determined', 'none') AS colour_determined,
            COALESCE(t.summary -> 'colours' ->> 'proposed', 'none') AS colour_proposed,
            COALESCE(t.summary -> 'colours' ->> 'decided', 'none') AS colour_decided
        FROM env, newest n LEFT JOIN minerisk.mine_summaries(known_seq) t USING (mine_code))
    SELECT ST_AsMVT(drawn, 'mines', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

CREATE FUNCTION minerisk.tile_features(
    wanted text[], name text, z int, x int, y int, known_seq bigint)
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
        FROM env, minerisk.features_in(wanted, env.box, known_seq) f)
    -- The parameter, said in full: a bare `name` would be the column, and so name the tile's layer.
    SELECT ST_AsMVT(drawn, tile_features.name, 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

-- Below zoom 9: one point per grid cell with its count; the sum of counts is the rows one may see.
CREATE FUNCTION minerisk.tile_gathered(
    wanted text[], name text, z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (
        SELECT ST_TileEnvelope(z, x, y) AS box,
            (ST_XMax(ST_TileEnvelope(z, x, y)) - ST_XMin(ST_TileEnvelope(z, x, y))) / 64 AS cell),
    placed AS (
        SELECT ST_PointOnSurface(f.geom_3857) AS point, f.id, f.layer
        FROM env, minerisk.features_in(wanted, env.box, known_seq) f),
    inside AS (
        SELECT p.*, floor((ST_X(point) - ST_XMin(box)) / cell) AS col,
            floor((ST_Y(point) - ST_YMin(box)) / cell) AS line
        FROM env, placed p
        WHERE ST_X(point) >= ST_XMin(box) AND ST_X(point) < ST_XMax(box)
          AND ST_Y(point) >= ST_YMin(box) AND ST_Y(point) < ST_YMax(box)),
    gathered AS (
        SELECT layer, count(*)::int AS count, ST_Centroid(ST_Collect(point)) AS point,
            CASE WHEN count(*) = 1 THEN min(id::text) END AS id
        FROM inside GROUP BY layer, col, line),
    drawn AS (
        SELECT ST_AsMVTGeom(point, env.box, 4096, 64, false) AS geom, layer, count, id
        FROM env, gathered)
    SELECT ST_AsMVT(drawn, name, 4096, 'geom') FROM drawn
$$;

CREATE FUNCTION minerisk.tile_unclear(z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    newest AS (
        SELECT DISTINCT ON (m.mine_code) m.mine_code, m.batch_id
        FROM minerisk.mine_state m JOIN minerisk.batch b ON b.id = m.batch_id
        WHERE b.seq <= known_seq
        ORDER BY m.mine_code, b.seq DESC),
    drawn AS (
        SELECT ST_AsMVTGeom(u.geom_3857, env.box, 4096, 64, true) AS geom, u.mine_code,
            u.kinds::text AS kinds
        FROM env, minerisk.unclear_ground u JOIN newest n USING (mine_code, batch_id)
        WHERE u.geom_3857 && env.box AND minerisk.visible(u.district, u.owner_org, u.survey_org))
    SELECT ST_AsMVT(drawn, 'unclear', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

CREATE FUNCTION minerisk.tile_encounters(z int, x int, y int, known_seq bigint)
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
          AND minerisk.visible(e.district, e.owner_org, e.survey_org))
    SELECT ST_AsMVT(drawn, 'encounters', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;
