-- Indexes for narrow questions: each has the few rows that its question is about, however many others there are. The provider
-- asks with the same condition.

CREATE INDEX version_coming ON novacron.version (key)
  WHERE jsonb_typeof(document -> 'coming') <> 'null';
CREATE INDEX placement_unsettled ON novacron.placement (key)
  WHERE document ->> 'state' <> 'placed';
-- Not by the column pool: a tenant's comparison with that would use the index before the policies, and EXPLAIN ANALYZE
-- would show of which pool another tenant's instance is. This operator is not leakproof, so only an administrator's
-- question uses the index.
CREATE INDEX placement_pool ON novacron.placement ((document ->> 'pool'), key);
