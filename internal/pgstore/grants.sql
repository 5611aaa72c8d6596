-- What a tenant's role may do, as far as policies let it. Rights that are there already stay. Filled in by Go: the role, quoted.
-- key and tenant follow from the document. No TRUNCATE, REFERENCES or TRIGGER, which no policy binds, also where the database's
-- default privileges give them.
REVOKE CREATE ON SCHEMA novacron FROM PUBLIC, %[1]s;
REVOKE ALL ON ALL TABLES IN SCHEMA novacron FROM PUBLIC;
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA novacron FROM %[1]s;
REVOKE INSERT, UPDATE, DELETE ON novacron.catalogue, novacron.tenant, novacron.quota, novacron.host, novacron.group_turn
  FROM %[1]s;
REVOKE ALL ON novacron.resource_pool FROM %[1]s;
GRANT USAGE ON SCHEMA novacron TO %[1]s;
GRANT EXECUTE ON FUNCTION novacron.current_tenant(), novacron.plain(jsonb), novacron.claim(jsonb, text),
  novacron.claim_range(text, text, text), novacron.claim_set(novacron.claim_range) TO %[1]s;
GRANT SELECT ON novacron.catalogue, novacron.tenant, novacron.quota, novacron.host, novacron.group_turn TO %[1]s;
GRANT UPDATE (turn) ON novacron.quota, novacron.group_turn TO %[1]s;
GRANT INSERT (tenant) ON novacron.group_turn TO %[1]s;
GRANT SELECT, DELETE, INSERT (document, revision), UPDATE (document, revision)
  ON novacron.template, novacron.version, novacron.request, novacron.placement TO %[1]s;
