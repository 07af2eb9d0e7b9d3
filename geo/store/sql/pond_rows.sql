-- As in ponds.sql, without the rows whose place another has taken: a goaf drawn anew must not lie
-- under a pond in its old shape.
CREATE OR REPLACE FUNCTION minerisk.pond_features(wanted text[], known_seq bigint)
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
      AND f.id NOT IN (SELECT r.feature_id FROM minerisk.replaced(known_seq) r)
      AND minerisk.visible(f.district, f.owner_org, f.survey_org)
    ORDER BY f.layer, f.code, s.state, lower(f.valid) DESC NULLS LAST, f.key DESC
$$;
