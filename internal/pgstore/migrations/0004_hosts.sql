-- What the administrator says of the provider's hosts: whether they take instances, and which are lost. All tenants read all
-- of it. As in the first migration, the key is generated from the document.

CREATE TABLE novacron.host (
  key         text COLLATE "C" PRIMARY KEY GENERATED ALWAYS AS (document ->> 'name') STORED
              CHECK (key ~ '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$'),
  revision    text NOT NULL DEFAULT gen_random_uuid()::text,
  document    jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object' AND novacron.plain(document)
              AND coalesce(document ->> 'state', 'active') IN ('active', 'draining', 'maintenance', 'lost')),
  CONSTRAINT size_of_host CHECK (octet_length(document::text) <= 65536)
);

CREATE TRIGGER revise BEFORE UPDATE ON novacron.host FOR EACH ROW EXECUTE FUNCTION novacron.revise();

ALTER TABLE novacron.host ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY administrator ON novacron.host TO CURRENT_ROLE USING (true);
-- Nobody but the administrator has a policy to write.
CREATE POLICY tenants ON novacron.host FOR SELECT USING ((SELECT novacron.current_tenant()) IS NOT NULL);
