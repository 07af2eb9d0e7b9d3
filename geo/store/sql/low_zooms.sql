-- What is drawn far out. A tile is 512 pixels wide; what the definer functions below draw as shapes is,
-- below zoom 9, simplified to a quarter of a pixel and left out where its longer side is under one, so
-- that a tile of a whole province stays small. A mine and a pond keep their marks, which no tile draws.

CREATE FUNCTION minerisk.pixel(z int)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT 2 * 20037508.342789244 / 512 / (1 << z)
$$;

CREATE FUNCTION minerisk.longer_side(shape geometry)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT GREATEST(ST_XMax(shape) - ST_XMin(shape), ST_YMax(shape) - ST_YMin(shape))
$$;

CREATE FUNCTION minerisk.drawn_at(shape geometry, z int)
RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN z >= 9 THEN shape
        WHEN minerisk.longer_side(shape) >= minerisk.pixel(z)
        THEN ST_Simplify(shape, minerisk.pixel(z) / 4) END
$$;

-- `small`: a polygon under six pixels, whose outline would be all that is seen of it. Said of none in
-- the deepest tile a map asks for, which is drawn however near one comes.
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
            f.state, 1 AS count,
            NULLIF(z < 14 AND ST_Dimension(f.geom_3857) = 2
                AND minerisk.longer_side(f.geom_3857) < 6 * minerisk.pixel(z), false) AS small
        FROM env, minerisk.features_in(wanted, env.box, known_seq, on_day, plan_day) f)
    -- The parameter, said in full: a bare `name` would be the column, and so name the tile's layer.
    SELECT ST_AsMVT(drawn, tile_features.name, 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

-- Names, which differ from mine to mine, are half of what a tile of many mines weighs.
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
        SELECT ST_AsMVTGeom(minerisk.drawn_at(n.shape, z), env.box, 4096, 64, true) AS geom,
            n.mine_code, CASE WHEN z >= 9 THEN n.attrs ->> 'mine_name' END AS name,
            n.attrs ->> 'mine_kind' AS kind,
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

CREATE OR REPLACE FUNCTION minerisk.tile_unclear(z int, x int, y int, known_seq bigint)
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
        SELECT ST_AsMVTGeom(minerisk.drawn_at(u.geom_3857, z), env.box, 4096, 64, true) AS geom, u.mine_code,
            u.kinds::text AS kinds
        FROM env, minerisk.unclear_ground u JOIN newest n USING (mine_code, batch_id)
        WHERE u.geom_3857 && env.box AND minerisk.visible(u.district, u.owner_org, u.survey_org))
    SELECT ST_AsMVT(drawn, 'unclear', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION minerisk.tile_zones(z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(minerisk.drawn_at(o.geom_3857, z), env.box, 4096, 64, true) AS geom, o.kind, o.pond_code
        FROM env, minerisk.zone o
        WHERE o.geom_3857 && env.box AND o.run_id = minerisk.newest_run(known_seq)
          AND (minerisk.visible(o.district, o.owner_org, o.survey_org)
               OR (o.pond_code IS NULL AND minerisk.ground_of(o.district))))
    SELECT ST_AsMVT(drawn, 'zones', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION minerisk.tile_paths(z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(minerisk.drawn_at(h.geom_3857, z), env.box, 4096, 64, true) AS geom, h.pond_code, h.outcome
        FROM env, minerisk.head_top h
        WHERE h.geom_3857 && env.box AND h.run_id = minerisk.newest_run(known_seq)
          AND minerisk.visible(h.district, h.owner_org, h.survey_org))
    SELECT ST_AsMVT(drawn, 'paths', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION minerisk.tile_encounters(
    z int, x int, y int, known_seq bigint, on_day date)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(minerisk.drawn_at(e.geom_3857, z), env.box, 4096, 64, true) AS geom, e.key, e.mine_code,
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
