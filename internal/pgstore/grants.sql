-- What a tenant's role may do, as far as policies let it. Rights that are there already stay. Filled in by Go: the role, quoted.
-- key and tenant follow from the document. No TRUNCATE, which no policy binds; no REFERENCES, no TRIGGER.
GRANT USAGE ON SCHEMA novacron TO %[1]s;
GRANT EXECUTE ON FUNCTION novacron.current_tenant(), novacron.plain(jsonb) TO %[1]s;
GRANT SELECT ON novacron.catalogue, novacron.tenant TO %[1]s;
GRANT SELECT, DELETE, INSERT (document, revision), UPDATE (document, revision)
  ON novacron.template, novacron.version, novacron.request TO %[1]s;
