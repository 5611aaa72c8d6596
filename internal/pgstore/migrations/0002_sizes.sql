-- A document that many may read costs all of them its size whenever they list. Documents that are there already stay as they
-- are, until they are changed. The name of a constraint is what the provider knows the limit by.
ALTER TABLE novacron.template ADD CONSTRAINT size_of_template CHECK (octet_length(document::text) <= 4194304) NOT VALID;
ALTER TABLE novacron.version  ADD CONSTRAINT size_of_version  CHECK (octet_length(document::text) <= 4194304) NOT VALID;
ALTER TABLE novacron.request  ADD CONSTRAINT size_of_request  CHECK (octet_length(document::text) <= 1048576) NOT VALID;
