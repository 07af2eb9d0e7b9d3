-- What is said of ground, not of anybody's pond: an elevation model, a run, a zone. Its district
-- holds all of it, so that the regulators of every county in there see it, besides those above.
CREATE FUNCTION minerisk.ground_of(district text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT COALESCE(
        current_setting('minerisk.role', true) = 'regulator'
        AND starts_with(NULLIF(current_setting('minerisk.district', true), ''), district),
        false)
$$;

CREATE OR REPLACE FUNCTION minerisk.tile_zones(z int, x int, y int, known_seq bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, public, pg_temp
AS $$
    WITH env AS (SELECT ST_TileEnvelope(z, x, y) AS box),
    drawn AS (
        SELECT ST_AsMVTGeom(o.geom_3857, env.box, 4096, 64, true) AS geom, o.kind, o.pond_code
        FROM env, minerisk.zone o
        WHERE o.geom_3857 && env.box AND o.run_id = minerisk.newest_run(known_seq)
          AND (minerisk.visible(o.district, o.owner_org, o.survey_org)
               OR (o.pond_code IS NULL AND minerisk.ground_of(o.district))))
    SELECT ST_AsMVT(drawn, 'zones', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
$$;
