-- Placements: the claims of instances to their names over all hosts of the catalog, and what they take of the quotas of
-- resource pools. As in the first migration, every column that a rule goes by is generated from the document.

CREATE TABLE novacron.placement (
  key         text COLLATE "C" PRIMARY KEY
              GENERATED ALWAYS AS ((document ->> 'tenant') || '/' || (document ->> 'name')) STORED
              CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  revision    text NOT NULL DEFAULT gen_random_uuid()::text,
  document    jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object' AND novacron.plain(document)),
  tenant      text NOT NULL GENERATED ALWAYS AS (document ->> 'tenant') STORED,
  -- The resource pool, and what the instance takes of it: less than nothing would add to the quota.
  pool        text COLLATE "C" NOT NULL GENERATED ALWAYS AS (coalesce(document ->> 'pool', '')) STORED,
  vcpus       bigint NOT NULL GENERATED ALWAYS AS (coalesce((document ->> 'vcpus')::bigint, 0)) STORED CHECK (vcpus >= 0),
  memory_mb   bigint NOT NULL GENERATED ALWAYS AS (coalesce((document ->> 'memory_mb')::bigint, 0)) STORED
              CHECK (memory_mb >= 0),
  disk_gb     bigint NOT NULL GENERATED ALWAYS AS (coalesce((document ->> 'disk_gb')::bigint, 0)) STORED
              CHECK (disk_gb >= 0),
  CONSTRAINT size_of_placement CHECK (octet_length(document::text) <= 65536)
);
CREATE INDEX placement_quota ON novacron.placement (tenant, pool);

-- Resource pools, with the quotas of all tenants. No tenant reads this table.
CREATE TABLE novacron.resource_pool (
  key         text COLLATE "C" PRIMARY KEY GENERATED ALWAYS AS (document ->> 'name') STORED
              CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  revision    text NOT NULL DEFAULT gen_random_uuid()::text,
  document    jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object' AND novacron.plain(document)
              AND jsonb_typeof(coalesce(document -> 'tenants', '{}')) = 'object'),
  CONSTRAINT size_of_resource_pool CHECK (octet_length(document::text) <= 4194304)
);

-- What a tenant may see of a resource pool: the same document, with the tenant's own quota alone. The rows follow
-- novacron.resource_pool. turn is what writes of a tenant's placements take turns by: see novacron.admit.
CREATE TABLE novacron.quota (
  key         text COLLATE "C" NOT NULL GENERATED ALWAYS AS (document ->> 'name') STORED,
  tenant      text NOT NULL CHECK (tenant ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  revision    text NOT NULL,
  document    jsonb NOT NULL CHECK (novacron.plain(document #> ARRAY['tenants', tenant])),
  vcpus       bigint GENERATED ALWAYS AS ((document #>> ARRAY['tenants', tenant, 'vcpus'])::bigint) STORED,
  memory_mb   bigint GENERATED ALWAYS AS ((document #>> ARRAY['tenants', tenant, 'memory_mb'])::bigint) STORED,
  disk_gb     bigint GENERATED ALWAYS AS ((document #>> ARRAY['tenants', tenant, 'disk_gb'])::bigint) STORED,
  instances   bigint GENERATED ALWAYS AS ((document #>> ARRAY['tenants', tenant, 'instances'])::bigint) STORED,
  turn        boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, key)
);

CREATE FUNCTION novacron.share_quotas() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM novacron.quota q WHERE q.key = OLD.key
      AND (TG_OP = 'DELETE' OR NEW.key <> OLD.key OR NOT coalesce(NEW.document -> 'tenants', '{}') ? q.tenant);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO novacron.quota (tenant, revision, document)
      SELECT t.key, NEW.revision, NEW.document || jsonb_build_object('tenants', jsonb_build_object(t.key, t.value))
      FROM jsonb_each(coalesce(NEW.document -> 'tenants', '{}')) t
      ON CONFLICT (tenant, key) DO UPDATE SET revision = excluded.revision, document = excluded.document;
  END IF;
  RETURN NULL;
END $$;

-- Keeps the quotas. It runs with the rights of the role that writes, after the rows are there, and compares what the tenant
-- takes of the pool by then, unless the row adds nothing to that. Writes that add take turns by writing to the row of their
-- quota. So the sum has every row that a transaction before this one has left, also if many write at once. A mere lock
-- would not do: a transaction that is repeatable read or serializable sees the placements as they were before it waited for
-- the lock. PostgreSQL ends such a transaction if a row that it writes to was written meanwhile. A tenant can hold its own
-- turn, and no other tenant's.
-- The provider knows both errors by their SQLSTATE, and reads the figures from their DETAIL.
CREATE FUNCTION novacron.admit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was    novacron.placement;
  mine   novacron.quota;
  excess record;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.tenant = NEW.tenant AND OLD.pool = NEW.pool THEN
    was := OLD;
    IF NEW.vcpus <= was.vcpus AND NEW.memory_mb <= was.memory_mb AND NEW.disk_gb <= was.disk_gb THEN
      RETURN NULL;
    END IF;
  END IF;
  IF NEW.pool = '' THEN
    RETURN NULL;
  END IF;
  UPDATE novacron.quota q SET turn = NOT q.turn WHERE q.tenant = NEW.tenant AND q.key = NEW.pool RETURNING q.* INTO mine;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'NC002',
      MESSAGE = format('tenant "%s" has no quota in a resource pool "%s"', NEW.tenant, NEW.pool),
      DETAIL = jsonb_build_object('pool', NEW.pool, 'tenant', NEW.tenant);
  END IF;
  SELECT f.figure, f.most, f.taken - f.asked AS used, f.asked INTO excess
    FROM (SELECT count(*) AS instances, sum(p.vcpus) AS vcpus, sum(p.memory_mb) AS memory_mb, sum(p.disk_gb) AS disk_gb
      FROM novacron.placement p WHERE p.tenant = NEW.tenant AND p.pool = NEW.pool) AS taken,
    LATERAL (VALUES
      (1, 'vcpus', mine.vcpus, taken.vcpus, NEW.vcpus - coalesce(was.vcpus, 0)),
      (2, 'memory_mb', mine.memory_mb, taken.memory_mb, NEW.memory_mb - coalesce(was.memory_mb, 0)),
      (3, 'disk_gb', mine.disk_gb, taken.disk_gb, NEW.disk_gb - coalesce(was.disk_gb, 0)),
      (4, 'instances', mine.instances, taken.instances, CASE WHEN was.key IS NULL THEN 1 ELSE 0 END)
    ) AS f (place, figure, most, taken, asked)
    WHERE f.asked > 0 AND f.taken > f.most ORDER BY f.place LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'NC001',
      MESSAGE = format('the quota of tenant "%s" in resource pool "%s" has too little left: %s', NEW.tenant, NEW.pool, excess.figure),
      DETAIL = jsonb_build_object('pool', NEW.pool, 'tenant', NEW.tenant, 'figure', excess.figure, 'limit', excess.most,
        'used', excess.used, 'asked', excess.asked);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER revise BEFORE UPDATE ON novacron.placement FOR EACH ROW EXECUTE FUNCTION novacron.revise();
CREATE TRIGGER revise BEFORE UPDATE ON novacron.resource_pool FOR EACH ROW EXECUTE FUNCTION novacron.revise();
CREATE TRIGGER admit AFTER INSERT OR UPDATE ON novacron.placement FOR EACH ROW EXECUTE FUNCTION novacron.admit();
CREATE TRIGGER share_quotas AFTER INSERT OR UPDATE OR DELETE ON novacron.resource_pool
  FOR EACH ROW EXECUTE FUNCTION novacron.share_quotas();

REVOKE ALL ON FUNCTION novacron.share_quotas(), novacron.admit() FROM PUBLIC;

ALTER TABLE novacron.placement     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE novacron.resource_pool ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE novacron.quota         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY administrator ON novacron.placement     TO CURRENT_ROLE USING (true);
CREATE POLICY administrator ON novacron.resource_pool TO CURRENT_ROLE USING (true);
CREATE POLICY administrator ON novacron.quota         TO CURRENT_ROLE USING (true);

CREATE POLICY own ON novacron.placement USING (tenant = (SELECT novacron.current_tenant()));
CREATE POLICY own ON novacron.quota FOR SELECT USING (tenant = (SELECT novacron.current_tenant()));
-- Of its quota, a tenant may write turn alone: see grants.sql.
CREATE POLICY turn ON novacron.quota FOR UPDATE USING (tenant = (SELECT novacron.current_tenant()));
