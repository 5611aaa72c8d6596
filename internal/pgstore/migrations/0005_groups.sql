-- Groups of instances that are kept apart. A placement of a strict group claims one value, and a second one while its
-- instance moves. No two placements of the table claim the same: a constraint says so, whatever isolation its writers
-- have, and the rights of their roles do not matter. A claim names the tenant, so no tenant can take one of another's.

-- A unique index has one value of a row, and a claim may be two. So they are a set of points among all texts. A set of
-- ranges is a type that PostgreSQL can exclude overlaps of without an extension.
CREATE TYPE novacron.claim_range AS RANGE (
  SUBTYPE = text, COLLATION = "C", MULTIRANGE_TYPE_NAME = novacron.claim_set
);

-- The claim that a field of a placement's document makes. No two claims have the same text: the parts before the label's
-- key have no slash, and the key's length is in front of it.
CREATE FUNCTION novacron.claim(document jsonb, field text) RETURNS novacron.claim_set
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN document -> 'strict' = 'true' AND document ->> 'group' <> '' AND document ->> field <> '' THEN
    (SELECT novacron.claim_set(novacron.claim_range(c.text, c.text, '[]')) FROM (SELECT
      (document ->> 'tenant') || '/' || (document ->> 'group') || '/' || length(document ->> 'apart') || '/' ||
      (document ->> 'apart') || '/' || (document ->> field) AS text) AS c)
    ELSE '{}'::novacron.claim_set END;

ALTER TABLE novacron.placement
  ADD CONSTRAINT group_of_placement CHECK (
    coalesce(document ->> 'group', '') ~ '^([a-z0-9][a-z0-9_-]{0,62})?$'
    AND (coalesce(document ->> 'group', '') = '') = (coalesce(document ->> 'apart', '') = '')
    AND octet_length(coalesce(document ->> 'apart', '')) <= 255
    AND octet_length(coalesce(document ->> 'value', '')) <= 255
    AND octet_length(coalesce(document ->> 'to_value', '')) <= 255),
  ADD COLUMN claims novacron.claim_set NOT NULL
    GENERATED ALWAYS AS (novacron.claim(document, 'value') + novacron.claim(document, 'to_value')) STORED,
  ADD CONSTRAINT groups_apart EXCLUDE USING gist (claims WITH &&) WHERE (NOT isempty(claims));

-- Writes that claim something take turns, by tenant. The constraint needs no turns, but without them two writes that claim
-- the same at once would wait for each other until PostgreSQL ends one of them, which takes it a second. A tenant can hold
-- its own turn, and no other tenant's.
CREATE TABLE novacron.group_turn (
  tenant text PRIMARY KEY,
  turn   boolean NOT NULL DEFAULT false
);

CREATE FUNCTION novacron.take_turn() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  claims novacron.claim_set := novacron.claim(NEW.document, 'value') + novacron.claim(NEW.document, 'to_value');
BEGIN
  IF TG_OP = 'UPDATE' AND claims <@ OLD.claims OR isempty(claims) THEN
    RETURN NEW;
  END IF;
  INSERT INTO novacron.group_turn AS g (tenant) VALUES (NEW.document ->> 'tenant')
    ON CONFLICT (tenant) DO UPDATE SET turn = NOT g.turn;
  RETURN NEW;
END $$;

CREATE TRIGGER take_turn BEFORE INSERT OR UPDATE ON novacron.placement FOR EACH ROW EXECUTE FUNCTION novacron.take_turn();

REVOKE ALL ON FUNCTION novacron.take_turn() FROM PUBLIC;

ALTER TABLE novacron.group_turn ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY administrator ON novacron.group_turn TO CURRENT_ROLE USING (true);

CREATE POLICY own ON novacron.group_turn USING (tenant = (SELECT novacron.current_tenant()));
