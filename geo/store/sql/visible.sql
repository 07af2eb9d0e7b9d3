-- The one predicate that decides who sees a row; policies and definer functions both call it.
-- No identity means no rows.
CREATE FUNCTION minerisk.visible(district text, owner_org uuid, survey_org uuid)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT COALESCE(
        CASE current_setting('minerisk.role', true)
            WHEN 'administrator' THEN true
            WHEN 'regulator' THEN
                starts_with(district, NULLIF(current_setting('minerisk.district', true), ''))
            WHEN 'enterprise' THEN
                owner_org = NULLIF(current_setting('minerisk.org', true), '')::uuid
            WHEN 'geologist' THEN
                survey_org = NULLIF(current_setting('minerisk.org', true), '')::uuid
        END,
        false)
$$;

-- Mines whose boundary a survey unit may read because it works for them.
CREATE FUNCTION minerisk.contracted(mine_code text)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = minerisk, pg_temp
AS $$
    SELECT current_setting('minerisk.role', true) = 'geologist' AND EXISTS (
        SELECT FROM minerisk.contract c
        WHERE c.mine_code = contracted.mine_code
          AND c.org_id = NULLIF(current_setting('minerisk.org', true), '')::uuid)
$$;
