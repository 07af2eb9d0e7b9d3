-- Vector tiles of ponds: what a run computed. Like tile.sql they own the spatial read and repeat
-- minerisk.visible().

-- The newest run at or before a batch.
CREATE FUNCTION minerisk.newest_run(known_seq bigint)
RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    SELECT r.id FROM minerisk.terrain_run r
    LEFT JOIN minerisk.batch b ON b.id = r.batch_id
    WHERE COALESCE(b.seq, known_seq) <= known_seq
    ORDER BY b.seq DESC NULLS FIRST
    LIMIT 1
$$;

CREATE FUNCTION minerisk.tile_zones(z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(o.geom_3857, env.box, 4096, 64, true) AS geom, o.kind, o.pond_code
        FROM env, minerisk.zone o
        WHERE o.geom_3857 && env.box AND o.run_id = minerisk.newest_run(known_seq)
          AND minerisk.visible(o.district, o.owner_org, o.survey_org))
    SELECT ST_AsMVT(drawn, 'zones', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

CREATE FUNCTION minerisk.tile_paths(z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(h.geom_3857, env.box, 4096, 64, true) AS geom, h.pond_code, h.outcome
        FROM env, minerisk.head_top h
        WHERE h.geom_3857 && env.box AND h.run_id = minerisk.newest_run(known_seq)
          AND minerisk.visible(h.district, h.owner_org, h.survey_org))
    SELECT ST_AsMVT(drawn, 'paths', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;

-- Rows of the ponds' layers that the caller may see, as accepted or as left by a revoked survey. An
-- enterprise sees its own pond but not the life of the survey it came in, so the state is read here.
CREATE FUNCTION minerisk.pond_features(wanted text[], known_seq bigint)
RETURNS TABLE (
    object_id uuid, survey_id uuid, key text, layer text, code text, attrs jsonb, error_m float,
    since date, state text, filename text, district text, owner_org uuid, geom geometry)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    SELECT f.object_id, f.survey_id, f.key, f.layer, f.code, f.attrs, f.error_m, lower(f.valid),
        s.state, v.filename, f.district, f.owner_org, f.geom
    FROM minerisk.feature f
    JOIN minerisk.survey_states(known_seq) s USING (survey_id)
    JOIN minerisk.survey v ON v.id = f.survey_id
    WHERE f.layer = ANY (wanted) AND s.state IN ('accepted', 'revoked')
      AND minerisk.visible(f.district, f.owner_org, f.survey_org)
    ORDER BY f.layer, f.code, s.state, lower(f.valid) DESC NULLS LAST, f.key DESC
$$;

-- As tile_features, with what a map says of ponds and of what lies below them: both code and name.
CREATE FUNCTION minerisk.tile_ponds(
    wanted text[], name text, z int, x int, y int, known_seq bigint)
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
        FROM env, minerisk.features_in(wanted, env.box, known_seq) f)
    SELECT ST_AsMVT(drawn, tile_ponds.name, 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;
