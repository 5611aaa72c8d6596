-- The catalog of novacron. Documents are what the provider reads and writes; every column that a policy goes by is
-- generated from the document, so that it cannot disagree with it. All rights are those of current_user, who is a tenant
-- by novacron.tenant; there is no SECURITY DEFINER function, so that nobody acts as somebody else. Names are written with
-- their schema throughout, and operators are bound here, where search_path has nobody's objects.

CREATE SCHEMA novacron;
REVOKE ALL ON SCHEMA novacron FROM PUBLIC;

-- One row. That it has id and schema_version holds for every schema that will ever be, so that any provider can read them.
CREATE TABLE novacron.catalogue (
  one            boolean PRIMARY KEY DEFAULT true CHECK (one),
  id             text NOT NULL DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12),
  schema_version integer NOT NULL
);
INSERT INTO novacron.catalogue (schema_version) VALUES (0);

CREATE TABLE novacron.tenant (
  name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  role name NOT NULL UNIQUE
);

-- The tenant of whoever asks; null for everybody else.
CREATE FUNCTION novacron.current_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (SELECT t.name FROM novacron.tenant t WHERE t.role = current_user);

-- A name that Go's JSON decoder would take for another one, because it ignores case, has no place where rights are read
-- from: the provider and the policies would see two different documents.
CREATE FUNCTION novacron.plain(object jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE jsonb_typeof(object)
    WHEN 'object' THEN NOT jsonb_path_exists(object, '$.keyvalue().key ? (!(@ like_regex "^[a-z0-9_]+$"))')
    ELSE object IS NULL OR jsonb_typeof(object) = 'null'
  END;

CREATE TABLE novacron.template (
  key         text COLLATE "C" PRIMARY KEY
              GENERATED ALWAYS AS ((document #>> '{id,tenant}') || '/' || (document #>> '{id,name}')) STORED
              CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9._-]{0,62}$'),
  revision    text NOT NULL DEFAULT gen_random_uuid()::text,
  document    jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object' AND novacron.plain(document)
              AND novacron.plain(document -> 'id') AND novacron.plain(document -> 'access_control')),
  tenant      text NOT NULL GENERATED ALWAYS AS (document #>> '{id,tenant}') STORED,
  published   boolean NOT NULL GENERATED ALWAYS AS (coalesce(document ->> 'state', '') <> 'draft') STORED,
  public      boolean NOT NULL GENERATED ALWAYS AS (coalesce(document -> 'is_public' = 'true', false)) STORED,
  shared_with jsonb NOT NULL GENERATED ALWAYS AS (
              coalesce(document #> '{access_control,read_tenants}', '[]') ||
              coalesce(document #> '{access_control,use_tenants}', '[]')) STORED
);

CREATE TABLE novacron.version (
  key         text COLLATE "C" PRIMARY KEY
              GENERATED ALWAYS AS ((document #>> '{id,template,tenant}') || '/' || (document #>> '{id,template,name}')
                || '@' || (document #>> '{id,version}')) STORED
              CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9._-]{0,62}@[0-9A-Za-z.+-]{1,64}$'),
  revision    text NOT NULL DEFAULT gen_random_uuid()::text,
  document    jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object' AND novacron.plain(document)
              AND novacron.plain(document -> 'id') AND novacron.plain(document #> '{id,template}')),
  tenant      text NOT NULL GENERATED ALWAYS AS (document #>> '{id,template,tenant}') STORED,
  template    text COLLATE "C" NOT NULL
              GENERATED ALWAYS AS ((document #>> '{id,template,tenant}') || '/' || (document #>> '{id,template,name}')) STORED,
  published   boolean NOT NULL GENERATED ALWAYS AS (coalesce(document ->> 'state', '') <> 'draft'
              AND coalesce(jsonb_typeof(document -> 'coming'), 'null') = 'null') STORED
);

CREATE TABLE novacron.request (
  key         text COLLATE "C" PRIMARY KEY
              GENERATED ALWAYS AS ((document #>> '{id,tenant}') || '/' || (document #>> '{id,id}')) STORED
              CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,62}/[0-9A-Za-z._-]{1,64}$'),
  revision    text NOT NULL DEFAULT gen_random_uuid()::text,
  document    jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object' AND novacron.plain(document)
              AND novacron.plain(document -> 'id')),
  tenant      text NOT NULL GENERATED ALWAYS AS (document #>> '{id,tenant}') STORED
);

-- Whoever changes a document without giving it a revision, as by hand, gives it one all the same: else the provider would
-- write over what it has not seen.
CREATE FUNCTION novacron.revise() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.revision = OLD.revision THEN
    NEW.revision := gen_random_uuid()::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER revise BEFORE UPDATE ON novacron.template FOR EACH ROW EXECUTE FUNCTION novacron.revise();
CREATE TRIGGER revise BEFORE UPDATE ON novacron.version FOR EACH ROW EXECUTE FUNCTION novacron.revise();
CREATE TRIGGER revise BEFORE UPDATE ON novacron.request FOR EACH ROW EXECUTE FUNCTION novacron.revise();

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA novacron FROM PUBLIC;

-- Policies bind the owner of the tables, too, who has one of their own.
ALTER TABLE novacron.tenant   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE novacron.template ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE novacron.version  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE novacron.request  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY administrator ON novacron.tenant   TO CURRENT_ROLE USING (true);
CREATE POLICY administrator ON novacron.template TO CURRENT_ROLE USING (true);
CREATE POLICY administrator ON novacron.version  TO CURRENT_ROLE USING (true);
CREATE POLICY administrator ON novacron.request  TO CURRENT_ROLE USING (true);

-- Who the other tenants are is nobody's business.
CREATE POLICY own ON novacron.tenant FOR SELECT USING (role = current_user);

-- What is a tenant's own is its to read and to change, as long as it stays its own. The subquery is evaluated once a
-- statement. A row of another tenant's is refused here before any constraint or index is looked at, so that no error tells
-- whether it is there.
CREATE POLICY own ON novacron.template USING (tenant = (SELECT novacron.current_tenant()));
CREATE POLICY own ON novacron.version  USING (tenant = (SELECT novacron.current_tenant()));
CREATE POLICY own ON novacron.request  USING (tenant = (SELECT novacron.current_tenant()));

-- What others share is there to read. Versions follow their template: the subquery sees what whoever asks may see of them.
CREATE POLICY shared ON novacron.template FOR SELECT USING (
  published AND (SELECT novacron.current_tenant()) IS NOT NULL
  AND (public OR shared_with ? (SELECT novacron.current_tenant())));
CREATE POLICY shared ON novacron.version FOR SELECT USING (
  published AND template IN (SELECT t.key FROM novacron.template t));
