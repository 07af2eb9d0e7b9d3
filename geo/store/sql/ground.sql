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
