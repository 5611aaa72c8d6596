--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: novacron; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA novacron;


ALTER SCHEMA novacron OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: tenant; Type: TABLE; Schema: novacron; Owner: postgres
--

CREATE TABLE novacron.tenant (
    name text NOT NULL,
    role name NOT NULL,
    CONSTRAINT tenant_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE ONLY novacron.tenant FORCE ROW LEVEL SECURITY;


ALTER TABLE novacron.tenant OWNER TO postgres;

--
-- Name: current_tenant(); Type: FUNCTION; Schema: novacron; Owner: postgres
--

CREATE FUNCTION novacron.current_tenant() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT t.name FROM novacron.tenant t WHERE (t.role = CURRENT_USER));


ALTER FUNCTION novacron.current_tenant() OWNER TO postgres;

--
-- Name: plain(jsonb); Type: FUNCTION; Schema: novacron; Owner: postgres
--

CREATE FUNCTION novacron.plain(object jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE jsonb_typeof(object) WHEN 'object'::text THEN (NOT jsonb_path_exists(object, '$.keyvalue()."key"?(!(@ like_regex "^[a-z0-9_]+$"))'::jsonpath)) ELSE ((object IS NULL) OR (jsonb_typeof(object) = 'null'::text)) END;


ALTER FUNCTION novacron.plain(object jsonb) OWNER TO postgres;

--
-- Name: revise(); Type: FUNCTION; Schema: novacron; Owner: postgres
--

CREATE FUNCTION novacron.revise() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF NEW.revision = OLD.revision THEN
    NEW.revision := gen_random_uuid()::text;
  END IF;
  RETURN NEW;
END $$;


ALTER FUNCTION novacron.revise() OWNER TO postgres;

--
-- Name: catalogue; Type: TABLE; Schema: novacron; Owner: postgres
--

CREATE TABLE novacron.catalogue (
    one boolean DEFAULT true NOT NULL,
    id text DEFAULT "left"(replace((gen_random_uuid())::text, '-'::text, ''::text), 12) NOT NULL,
    schema_version integer NOT NULL,
    CONSTRAINT catalogue_one_check CHECK (one)
);


ALTER TABLE novacron.catalogue OWNER TO postgres;

--
-- Name: request; Type: TABLE; Schema: novacron; Owner: postgres
--

CREATE TABLE novacron.request (
    key text GENERATED ALWAYS AS ((((document #>> '{id,tenant}'::text[]) || '/'::text) || (document #>> '{id,id}'::text[]))) STORED NOT NULL COLLATE pg_catalog."C",
    revision text DEFAULT (gen_random_uuid())::text NOT NULL,
    document jsonb NOT NULL,
    tenant text GENERATED ALWAYS AS ((document #>> '{id,tenant}'::text[])) STORED NOT NULL,
    CONSTRAINT request_document_check CHECK (((jsonb_typeof(document) = 'object'::text) AND novacron.plain(document) AND novacron.plain((document -> 'id'::text)))),
    CONSTRAINT request_key_check CHECK ((key ~ '^[a-z0-9][a-z0-9_-]{0,62}/[0-9A-Za-z._-]{1,64}$'::text))
);

ALTER TABLE ONLY novacron.request FORCE ROW LEVEL SECURITY;


ALTER TABLE novacron.request OWNER TO postgres;

--
-- Name: template; Type: TABLE; Schema: novacron; Owner: postgres
--

CREATE TABLE novacron.template (
    key text GENERATED ALWAYS AS ((((document #>> '{id,tenant}'::text[]) || '/'::text) || (document #>> '{id,name}'::text[]))) STORED NOT NULL COLLATE pg_catalog."C",
    revision text DEFAULT (gen_random_uuid())::text NOT NULL,
    document jsonb NOT NULL,
    tenant text GENERATED ALWAYS AS ((document #>> '{id,tenant}'::text[])) STORED NOT NULL,
    published boolean GENERATED ALWAYS AS ((COALESCE((document ->> 'state'::text), ''::text) <> 'draft'::text)) STORED NOT NULL,
    public boolean GENERATED ALWAYS AS (COALESCE(((document -> 'is_public'::text) = 'true'::jsonb), false)) STORED NOT NULL,
    shared_with jsonb GENERATED ALWAYS AS ((COALESCE((document #> '{access_control,read_tenants}'::text[]), '[]'::jsonb) || COALESCE((document #> '{access_control,use_tenants}'::text[]), '[]'::jsonb))) STORED NOT NULL,
    CONSTRAINT template_document_check CHECK (((jsonb_typeof(document) = 'object'::text) AND novacron.plain(document) AND novacron.plain((document -> 'id'::text)) AND novacron.plain((document -> 'access_control'::text)))),
    CONSTRAINT template_key_check CHECK ((key ~ '^[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9._-]{0,62}$'::text))
);

ALTER TABLE ONLY novacron.template FORCE ROW LEVEL SECURITY;


ALTER TABLE novacron.template OWNER TO postgres;

--
-- Name: version; Type: TABLE; Schema: novacron; Owner: postgres
--

CREATE TABLE novacron.version (
    key text GENERATED ALWAYS AS ((((((document #>> '{id,template,tenant}'::text[]) || '/'::text) || (document #>> '{id,template,name}'::text[])) || '@'::text) || (document #>> '{id,version}'::text[]))) STORED NOT NULL COLLATE pg_catalog."C",
    revision text DEFAULT (gen_random_uuid())::text NOT NULL,
    document jsonb NOT NULL,
    tenant text GENERATED ALWAYS AS ((document #>> '{id,template,tenant}'::text[])) STORED NOT NULL,
    template text GENERATED ALWAYS AS ((((document #>> '{id,template,tenant}'::text[]) || '/'::text) || (document #>> '{id,template,name}'::text[]))) STORED NOT NULL COLLATE pg_catalog."C",
    published boolean GENERATED ALWAYS AS (((COALESCE((document ->> 'state'::text), ''::text) <> 'draft'::text) AND (COALESCE(jsonb_typeof((document -> 'coming'::text)), 'null'::text) = 'null'::text))) STORED NOT NULL,
    CONSTRAINT version_document_check CHECK (((jsonb_typeof(document) = 'object'::text) AND novacron.plain(document) AND novacron.plain((document -> 'id'::text)) AND novacron.plain((document #> '{id,template}'::text[])))),
    CONSTRAINT version_key_check CHECK ((key ~ '^[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9._-]{0,62}@[0-9A-Za-z.+-]{1,64}$'::text))
);

ALTER TABLE ONLY novacron.version FORCE ROW LEVEL SECURITY;


ALTER TABLE novacron.version OWNER TO postgres;

--
-- Data for Name: catalogue; Type: TABLE DATA; Schema: novacron; Owner: postgres
--

INSERT INTO novacron.catalogue VALUES (true, '642ae2cc5083', 2);


--
-- Data for Name: request; Type: TABLE DATA; Schema: novacron; Owner: postgres
--

INSERT INTO novacron.request VALUES (DEFAULT, '7qczyigp355wx26j7qfoy6yyc7', '{"id": {"id": "EZSBOOPUMZIB5HWQBKELSOPY75", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "9b438568-7c08-4550-9ae2-1bfdd98062db", "steps": [{"name": "define", "duration_ms": 382}, {"name": "disks", "duration_ms": 393}, {"name": "seed", "duration_ms": 139}], "action": "create", "runner": "vm/31731/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2900387", "status": "completed", "version": "1.0.0", "deadline": "2026-11-29T17:28:44.618135416Z", "instance": "pg-clone", "strategy": "clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:14:44.626178929Z", "started_at": "2026-11-29T17:14:44.626179169Z", "completed_at": "2026-11-29T17:14:45.868468569Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'qedyknga2tvmb6mp4lwxpbr6zu', '{"id": {"id": "2P4MDRNXFI6JQX3QZ3TKOD2BKN", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "8eb01dfc-5f9a-4c35-b33c-72aeaf27ad9c", "steps": [{"name": "define", "duration_ms": 272}, {"name": "disks", "duration_ms": 613}, {"name": "seed", "duration_ms": 546}], "action": "create", "runner": "vm/31731/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2900387", "status": "completed", "version": "1.0.0", "deadline": "2026-11-29T17:28:45.121513865Z", "instance": "pg-full", "strategy": "clone", "template": "default/pg-full", "created_at": "2026-11-29T17:14:45.138687295Z", "started_at": "2026-11-29T17:14:45.138687656Z", "completed_at": "2026-11-29T17:14:46.910547209Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'hl7fpiuszjfge3dddni6hpeifm', '{"id": {"id": "VBPZIWIW4T3P2D4V35VAE7LS5Y", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "e09ca0d2-949d-4993-b6ac-c839db9dde0e", "steps": [{"name": "define", "duration_ms": 540}, {"name": "disks", "duration_ms": 1645}, {"name": "seed", "duration_ms": 150}], "action": "create", "runner": "vm/31731/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2900387", "status": "completed", "version": "1.1.0", "deadline": "2026-11-29T17:28:45.74600589Z", "instance": "pg-deep", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:14:45.75164267Z", "started_at": "2026-11-29T17:14:45.75164278Z", "completed_at": "2026-11-29T17:14:48.125212222Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, '2m5av2t24szaehm3x7d24ig6k5', '{"id": {"id": "ZEGPNPQWRLFXBQNDYQRW5TLYDE", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "e09aa5cf-6426-43dc-9d90-59d2b3835551", "steps": [{"name": "define", "duration_ms": 880}, {"name": "disks", "duration_ms": 1418}, {"name": "seed", "duration_ms": 232}, {"name": "start", "duration_ms": 5111}], "action": "create", "runner": "vm/31731/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2900387", "status": "completed", "version": "1.0.0", "deadline": "2026-11-29T17:28:46.008150525Z", "instance": "pg-linked", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:14:46.01556916Z", "started_at": "2026-11-29T17:14:46.015569311Z", "completed_at": "2026-11-29T17:14:53.979116219Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'bofb26ezz2qkyja6j5butqq5ye', '{"id": {"id": "DZ7NT75TUY3X4GV2HV2TVX7ZL6", "tenant": "bank"}, "host": "qemu+unix:///system", "uuid": "9a15e457-9069-41fb-8fad-687472058a8c", "steps": [{"name": "define", "duration_ms": 220}, {"name": "disks", "duration_ms": 507}, {"name": "seed", "duration_ms": 130}], "action": "create", "runner": "vm/32258/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2902914", "status": "completed", "version": "1.0.0", "deadline": "2026-11-29T17:29:07.031189499Z", "instance": "pg-shared", "strategy": "linked_clone", "template": "default/pg-full", "created_at": "2026-11-29T17:15:07.037407112Z", "started_at": "2026-11-29T17:15:07.037407363Z", "completed_at": "2026-11-29T17:15:07.973009287Z", "requested_by": "tom"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'zixftvz4gyqwlzrp4zw36cjyrw', '{"id": {"id": "YIYOLGHQMBLBBWRWURRZ2R3GWD", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "0f7f69b9-338b-4fcc-bc5e-313ba38f7b70", "error": "Instance \"pg-failing\" was not ready: condition \"ip\" was not met after 3s; last seen: no DHCP lease, and no address from a guest agent.", "steps": [{"name": "define", "duration_ms": 125}, {"name": "disks", "duration_ms": 169}, {"name": "seed", "duration_ms": 84}, {"name": "start", "duration_ms": 2016}, {"name": "ready", "duration_ms": 2573}], "action": "create", "runner": "vm/32475/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2903491", "status": "failed", "version": "1.0.0", "deadline": "2026-11-29T17:19:17.785520899Z", "instance": "pg-failing", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:15:12.791559953Z", "started_at": "2026-11-29T17:15:12.791560193Z", "completed_at": "2026-11-29T17:15:17.808694569Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'wdqxzt2yd3i6gqrsr5khoakw3s', '{"id": {"id": "UBNLUFGLMRCJV6SILZ2MO6RQ4G", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "5313f22d-163b-41a1-9121-a62b2f04c7dd", "steps": [{"name": "define", "duration_ms": 62}, {"name": "disks", "duration_ms": 135}, {"name": "seed", "duration_ms": 26}], "action": "create", "runner": "vm/946/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2908601", "status": "completed", "version": "1.0.0", "deadline": "2026-11-29T17:30:03.610057698Z", "instance": "pg-half", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:16:03.61185826Z", "started_at": "2026-11-29T17:16:03.61185849Z", "completed_at": "2026-11-29T17:16:03.870895039Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'xxbsszm2joarotxdvrph7epzu2', '{"id": {"id": "PA6ZZCYQI7FHPH65A6DAHXPLKP", "tenant": "default"}, "host": "qemu+unix:///system", "error": "The process that worked on it ended, or ran out of time, before it could say what came of it.", "action": "create", "runner": "vm/1053/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2908915", "status": "failed", "version": "1.0.0", "deadline": "2026-11-29T17:30:06.815718383Z", "instance": "pg-half", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:16:06.817961044Z", "started_at": "2026-11-29T17:16:06.817961275Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, '5zmyy7jvjt2d34jhggvqj5jq4q', '{"id": {"id": "7JQNAOUECJ4H5DERGBT7GB4X6E", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "32d0513d-ac13-4152-8967-bd418880c592", "steps": [{"name": "define", "duration_ms": 62}, {"name": "disks", "duration_ms": 94}, {"name": "seed", "duration_ms": 19}], "action": "create", "runner": "vm/1115/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2909095", "status": "completed", "version": "1.0.0", "deadline": "2026-11-29T17:30:08.575809516Z", "instance": "pg-whole", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:16:08.583186904Z", "started_at": "2026-11-29T17:16:08.583187134Z", "completed_at": "2026-11-29T17:16:08.783919496Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'hp2uz3rnf3qm5k7lkup7rj23is', '{"id": {"id": "ZY5OEN5WOWDVOW5K25OV2HB6M6", "tenant": "default"}, "host": "qemu+unix:///system", "uuid": "e758ea94-1158-410e-93b0-b8786839b888", "steps": [{"name": "define", "duration_ms": 139}, {"name": "disks", "duration_ms": 113}, {"name": "seed", "duration_ms": 28}], "action": "create", "runner": "vm/1223/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2909395", "status": "completed", "version": "1.0.0", "deadline": "2026-11-29T17:30:11.538099447Z", "instance": "pg-whole", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:16:11.540118995Z", "started_at": "2026-11-29T17:16:11.540119095Z", "completed_at": "2026-11-29T17:16:11.848721019Z", "requested_by": "ann"}', DEFAULT);
INSERT INTO novacron.request VALUES (DEFAULT, 'vwlj4ievdwmmqwcg6twtkrwls4', '{"id": {"id": "XGADDOUMEC72MTYUCG5EX5LDZH", "tenant": "default"}, "host": "qemu+unix:///system", "action": "create", "runner": "vm/1332/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2909711", "status": "running", "version": "1.0.0", "deadline": "2026-11-29T17:30:14.730450094Z", "instance": "pg-whole", "strategy": "linked_clone", "template": "default/pg-plain", "created_at": "2026-11-29T17:16:14.735756827Z", "started_at": "2026-11-29T17:16:14.735756927Z", "requested_by": "ann"}', DEFAULT);


--
-- Data for Name: template; Type: TABLE DATA; Schema: novacron; Owner: postgres
--

INSERT INTO novacron.template VALUES (DEFAULT, 'rw6earuoofmzm3mhicwbawrfe3', '{"id": {"name": "pg-plain", "tenant": "default"}, "spec": {"parameters": null, "hardware_profile": {"memory_mb": 64}}, "type": "vm", "owner": "ann", "state": "active", "labels": null, "created_at": "2026-11-29T17:14:41Z", "updated_at": "2026-11-29T17:14:41Z", "published_at": "2026-11-29T17:14:41Z", "access_control": {}, "default_strategy": "linked_clone"}', DEFAULT, DEFAULT, DEFAULT, DEFAULT);
INSERT INTO novacron.template VALUES (DEFAULT, '25e5purdydgl3oip3rnj6k7kvq', '{"id": {"name": "pg-full", "tenant": "default"}, "spec": {"cloud_init": {"user_data": "#cloud-config\nwrite_files:\n  - path: /etc/app\n    content: {{ json . | quote }}\nruncmd:\n  - [echo, {{ quote .hostname }}]\n"}, "parameters": {"motd": {"type": "text", "max_length": 200}, "port": {"type": "integer", "default": "8080", "max_value": "65535", "min_value": "1"}, "tags": {"type": "list", "default": "[\"a\", \"b\"]", "allowed_values": ["a", "b", "c"]}, "ratio": {"type": "number", "default": "0.5"}, "token": {"type": "string", "sensitive": true}, "memory": {"type": "integer", "target": "hardware.memory_mb"}, "origins": {"type": "map", "default": "{\"one\": \"1\"}"}, "verbose": {"type": "bool", "default": "true"}, "hostname": {"type": "string", "regex": "^[a-z]+$", "required": true}}, "network_profile": {"interfaces": {"eth0": {"type": "e1000", "network": "default", "mac_address": "52:54:00:00:02:01", "ip_configuration": {"gateway": "192.168.122.1", "static_ip": "192.168.122.202/24", "dns_servers": ["192.168.122.1"]}}}, "default_network_policies": ["clean-traffic"]}, "storage_profile": {"disks": {"data": {"type": "hdd", "size_gb": 1}, "system": {"type": "ssd", "is_system_disk": true}}}, "hardware_profile": {"cpu_type": "Nehalem", "cpu_cores": 2, "cpu_count": 1, "memory_mb": 96}}, "type": "vm", "owner": "ann", "state": "active", "labels": {"os": "linux", "tier": "gold"}, "created_at": "2026-11-29T17:14:42Z", "updated_at": "2026-11-29T17:14:42Z", "description": "All that a template can say", "display_name": "Everything", "published_at": "2026-11-29T17:14:42Z", "access_control": {"use_tenants": ["bank"], "write_users": ["ann"]}, "default_strategy": "clone", "deletion_protection": true}', DEFAULT, DEFAULT, DEFAULT, DEFAULT);


--
-- Data for Name: tenant; Type: TABLE DATA; Schema: novacron; Owner: postgres
--

INSERT INTO novacron.tenant VALUES ('bank', 'library_bank');
INSERT INTO novacron.tenant VALUES ('default', 'library_default');


--
-- Data for Name: version; Type: TABLE DATA; Schema: novacron; Owner: postgres
--

INSERT INTO novacron.version VALUES (DEFAULT, 'loyctzkg34xp5amnwhcb6jdejo', '{"id": {"version": "1.0.0", "template": {"name": "pg-plain", "tenant": "default"}}, "spec": {"parameters": null, "hardware_profile": {"memory_mb": 64}}, "state": "active", "digest": "sha256:2b0a2c7725ef65a1aaaaabea6b5c2ff4495a2af48afe7891fa80f71fe0e49c81", "format": "qcow2", "overrides": {"parameters": null}, "created_at": "2026-11-29T17:14:44Z", "created_by": "ann", "registered": {"steps": [{"name": "open", "duration_ms": 598}, {"name": "join", "duration_ms": 868}, {"name": "verify", "duration_ms": 26}], "started_at": "2026-11-29T17:14:42Z", "completed_at": "2026-11-29T17:14:44Z"}, "description": "A whole image", "published_at": "2026-11-29T17:14:44Z", "stored_size_bytes": 524288, "transferred_bytes": 0, "virtual_size_bytes": 1048576}', DEFAULT, DEFAULT, DEFAULT);
INSERT INTO novacron.version VALUES (DEFAULT, 'ueqqbcmx3ajxglonih34udi4vh', '{"id": {"version": "2.0.0-rc.1", "template": {"name": "pg-plain", "tenant": "default"}}, "spec": {"parameters": null, "hardware_profile": {"memory_mb": 80}}, "state": "draft", "digest": "sha256:2b0a2c7725ef65a1aaaaabea6b5c2ff4495a2af48afe7891fa80f71fe0e49c81", "format": "qcow2", "overrides": {"parameters": null, "hardware_profile": {"memory_mb": 80}}, "created_at": "2026-11-29T17:14:43Z", "created_by": "ann", "registered": {"steps": [{"name": "open", "duration_ms": 369}, {"name": "join", "duration_ms": 902}], "started_at": "2026-11-29T17:14:42Z", "completed_at": "2026-11-29T17:14:43Z"}, "stored_size_bytes": 524288, "transferred_bytes": 0, "virtual_size_bytes": 1048576}', DEFAULT, DEFAULT, DEFAULT);
INSERT INTO novacron.version VALUES (DEFAULT, 'f3ukuqp7oufm73oneapiphngdp', '{"id": {"version": "1.1.0", "template": {"name": "pg-plain", "tenant": "default"}}, "spec": {"parameters": null, "hardware_profile": {"memory_mb": 64}}, "state": "active", "digest": "sha256:8d7bcf47bff55f3ffe168d634bf473a16d3f87cf94c1a2529ea356ce0e50045f", "format": "qcow2", "overrides": {"parameters": null}, "created_at": "2026-11-29T17:14:45Z", "created_by": "ann", "registered": {"steps": [{"name": "open", "duration_ms": 493}, {"name": "join", "duration_ms": 582}], "started_at": "2026-11-29T17:14:44Z", "completed_at": "2026-11-29T17:14:45Z"}, "published_at": "2026-11-29T17:14:45Z", "parent_version": "1.0.0", "stored_size_bytes": 393216, "transferred_bytes": 0, "virtual_size_bytes": 1048576}', DEFAULT, DEFAULT, DEFAULT);
INSERT INTO novacron.version VALUES (DEFAULT, 't2uusp6yia5i3ws3ywvyodlg2x', '{"id": {"version": "3.0.0", "template": {"name": "pg-plain", "tenant": "default"}}, "spec": {"parameters": null, "hardware_profile": {"memory_mb": 64}}, "state": "active", "digest": "sha256:2b0a2c7725ef65a1aaaaabea6b5c2ff4495a2af48afe7891fa80f71fe0e49c81", "format": "qcow2", "overrides": {"parameters": null}, "created_at": "2026-11-29T17:14:50Z", "created_by": "ann", "registered": {"steps": [{"name": "open", "duration_ms": 1095}, {"name": "copy", "duration_ms": 1690}, {"name": "verify", "duration_ms": 255}, {"name": "join", "duration_ms": 421}], "started_at": "2026-11-29T17:14:47Z", "completed_at": "2026-11-29T17:14:50Z"}, "published_at": "2026-11-29T17:14:50Z", "stored_size_bytes": 524288, "transferred_bytes": 0, "virtual_size_bytes": 1048576}', DEFAULT, DEFAULT, DEFAULT);
INSERT INTO novacron.version VALUES (DEFAULT, 'syzy2yies7rytcsm4635ugpo53', '{"id": {"version": "1.2.0", "template": {"name": "pg-plain", "tenant": "default"}}, "spec": {"parameters": null, "hardware_profile": {"memory_mb": 64}}, "state": "deprecated", "digest": "sha256:4d64cc5733cdb12056e37788903112f3766894c025f942fabb0c7ec7cf15ad70", "format": "raw", "overrides": {"parameters": null}, "created_at": "2026-11-29T17:14:43Z", "created_by": "ann", "registered": {"steps": [{"name": "open", "duration_ms": 225}, {"name": "join", "duration_ms": 1013}], "started_at": "2026-11-29T17:14:42Z", "completed_at": "2026-11-29T17:14:43Z"}, "published_at": "2026-11-29T17:14:43Z", "stored_size_bytes": 1048576, "transferred_bytes": 0, "virtual_size_bytes": 1048576, "deprecation_message": "Use 1.1.0."}', DEFAULT, DEFAULT, DEFAULT);
INSERT INTO novacron.version VALUES (DEFAULT, 'qcl2o2s6fukxp52y3pywd7olus', '{"id": {"version": "1.0.0", "template": {"name": "pg-full", "tenant": "default"}}, "spec": {"cloud_init": {"user_data": "#cloud-config\nwrite_files:\n  - path: /etc/app\n    content: {{ json . | quote }}\nruncmd:\n  - [echo, {{ quote .hostname }}]\n"}, "parameters": {"motd": {"type": "text", "max_length": 200}, "port": {"type": "integer", "default": "8080", "max_value": "65535", "min_value": "1"}, "tags": {"type": "list", "default": "[\"a\", \"b\"]", "allowed_values": ["a", "b", "c"]}, "ratio": {"type": "number", "default": "0.5"}, "token": {"type": "string", "sensitive": true}, "memory": {"type": "integer", "target": "hardware.memory_mb"}, "origins": {"type": "map", "default": "{\"one\": \"1\"}"}, "verbose": {"type": "bool", "default": "true"}, "hostname": {"type": "string", "regex": "^[a-z]+$", "required": true}}, "network_profile": {"interfaces": {"eth0": {"type": "e1000", "network": "default", "mac_address": "52:54:00:00:02:01", "ip_configuration": {"gateway": "192.168.122.1", "static_ip": "192.168.122.202/24", "dns_servers": ["192.168.122.1"]}}}, "default_network_policies": ["clean-traffic"]}, "storage_profile": {"disks": {"data": {"type": "hdd", "size_gb": 1}, "system": {"type": "ssd", "is_system_disk": true}}}, "hardware_profile": {"cpu_type": "Nehalem", "cpu_cores": 2, "cpu_count": 1, "memory_mb": 96}}, "state": "active", "digest": "sha256:4d64cc5733cdb12056e37788903112f3766894c025f942fabb0c7ec7cf15ad70", "format": "raw", "overrides": {"parameters": null}, "created_at": "2026-11-29T17:14:44Z", "created_by": "ann", "registered": {"steps": [{"name": "open", "duration_ms": 178}, {"name": "join", "duration_ms": 1025}], "started_at": "2026-11-29T17:14:42Z", "completed_at": "2026-11-29T17:14:44Z"}, "published_at": "2026-11-29T17:14:44Z", "stored_size_bytes": 1048576, "transferred_bytes": 0, "virtual_size_bytes": 1048576, "deletion_protection": true}', DEFAULT, DEFAULT, DEFAULT);
INSERT INTO novacron.version VALUES (DEFAULT, 'xt2b3umee24exhnxloifyyzu75', '{"id": {"version": "4.0.0", "template": {"name": "pg-plain", "tenant": "default"}}, "spec": {"parameters": null}, "coming": {"by": "ann", "since": "2026-11-29T17:16:01.67185Z", "runner": "vm/876/406d25b3110441ae/c219caa7-d40c-4c67-ae91-89fdfaeaed2f/4026531836-4026531834/2908399", "volume": "nova.base.jfcaesa6crrfnb5qk2dq56n5gr", "deadline": "2026-11-29T17:46:01.647222087Z"}, "digest": "", "format": "", "overrides": {"parameters": null}, "created_at": "2026-11-29T17:16:01Z", "created_by": "ann", "stored_size_bytes": 0, "transferred_bytes": 0, "virtual_size_bytes": 0}', DEFAULT, DEFAULT, DEFAULT);


--
-- Name: catalogue catalogue_pkey; Type: CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE ONLY novacron.catalogue
    ADD CONSTRAINT catalogue_pkey PRIMARY KEY (one);


--
-- Name: request request_pkey; Type: CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE ONLY novacron.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (key);


--
-- Name: request size_of_request; Type: CHECK CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE novacron.request
    ADD CONSTRAINT size_of_request CHECK ((octet_length((document)::text) <= 1048576)) NOT VALID;


--
-- Name: template size_of_template; Type: CHECK CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE novacron.template
    ADD CONSTRAINT size_of_template CHECK ((octet_length((document)::text) <= 4194304)) NOT VALID;


--
-- Name: version size_of_version; Type: CHECK CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE novacron.version
    ADD CONSTRAINT size_of_version CHECK ((octet_length((document)::text) <= 4194304)) NOT VALID;


--
-- Name: template template_pkey; Type: CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE ONLY novacron.template
    ADD CONSTRAINT template_pkey PRIMARY KEY (key);


--
-- Name: tenant tenant_pkey; Type: CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE ONLY novacron.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (name);


--
-- Name: tenant tenant_role_key; Type: CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE ONLY novacron.tenant
    ADD CONSTRAINT tenant_role_key UNIQUE (role);


--
-- Name: version version_pkey; Type: CONSTRAINT; Schema: novacron; Owner: postgres
--

ALTER TABLE ONLY novacron.version
    ADD CONSTRAINT version_pkey PRIMARY KEY (key);


--
-- Name: request revise; Type: TRIGGER; Schema: novacron; Owner: postgres
--

CREATE TRIGGER revise BEFORE UPDATE ON novacron.request FOR EACH ROW EXECUTE FUNCTION novacron.revise();


--
-- Name: template revise; Type: TRIGGER; Schema: novacron; Owner: postgres
--

CREATE TRIGGER revise BEFORE UPDATE ON novacron.template FOR EACH ROW EXECUTE FUNCTION novacron.revise();


--
-- Name: version revise; Type: TRIGGER; Schema: novacron; Owner: postgres
--

CREATE TRIGGER revise BEFORE UPDATE ON novacron.version FOR EACH ROW EXECUTE FUNCTION novacron.revise();


--
-- Name: request administrator; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY administrator ON novacron.request TO postgres USING (true);


--
-- Name: template administrator; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY administrator ON novacron.template TO postgres USING (true);


--
-- Name: tenant administrator; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY administrator ON novacron.tenant TO postgres USING (true);


--
-- Name: version administrator; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY administrator ON novacron.version TO postgres USING (true);


--
-- Name: request own; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY own ON novacron.request USING ((tenant = ( SELECT novacron.current_tenant() AS current_tenant)));


--
-- Name: template own; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY own ON novacron.template USING ((tenant = ( SELECT novacron.current_tenant() AS current_tenant)));


--
-- Name: tenant own; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY own ON novacron.tenant FOR SELECT USING ((role = CURRENT_USER));


--
-- Name: version own; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY own ON novacron.version USING ((tenant = ( SELECT novacron.current_tenant() AS current_tenant)));


--
-- Name: request; Type: ROW SECURITY; Schema: novacron; Owner: postgres
--

ALTER TABLE novacron.request ENABLE ROW LEVEL SECURITY;

--
-- Name: template shared; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY shared ON novacron.template FOR SELECT USING ((published AND (( SELECT novacron.current_tenant() AS current_tenant) IS NOT NULL) AND (public OR (shared_with ? ( SELECT novacron.current_tenant() AS current_tenant)))));


--
-- Name: version shared; Type: POLICY; Schema: novacron; Owner: postgres
--

CREATE POLICY shared ON novacron.version FOR SELECT USING ((published AND (template IN ( SELECT t.key
   FROM novacron.template t))));


--
-- Name: template; Type: ROW SECURITY; Schema: novacron; Owner: postgres
--

ALTER TABLE novacron.template ENABLE ROW LEVEL SECURITY;

--
-- Name: tenant; Type: ROW SECURITY; Schema: novacron; Owner: postgres
--

ALTER TABLE novacron.tenant ENABLE ROW LEVEL SECURITY;

--
-- Name: version; Type: ROW SECURITY; Schema: novacron; Owner: postgres
--

ALTER TABLE novacron.version ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA novacron; Type: ACL; Schema: -; Owner: postgres
--

GRANT USAGE ON SCHEMA novacron TO library_bank;
GRANT USAGE ON SCHEMA novacron TO library_default;


--
-- Name: TABLE tenant; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT SELECT ON TABLE novacron.tenant TO library_bank;
GRANT SELECT ON TABLE novacron.tenant TO library_default;


--
-- Name: FUNCTION current_tenant(); Type: ACL; Schema: novacron; Owner: postgres
--

REVOKE ALL ON FUNCTION novacron.current_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION novacron.current_tenant() TO library_bank;
GRANT ALL ON FUNCTION novacron.current_tenant() TO library_default;


--
-- Name: FUNCTION plain(object jsonb); Type: ACL; Schema: novacron; Owner: postgres
--

REVOKE ALL ON FUNCTION novacron.plain(object jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION novacron.plain(object jsonb) TO library_bank;
GRANT ALL ON FUNCTION novacron.plain(object jsonb) TO library_default;


--
-- Name: FUNCTION revise(); Type: ACL; Schema: novacron; Owner: postgres
--

REVOKE ALL ON FUNCTION novacron.revise() FROM PUBLIC;


--
-- Name: TABLE catalogue; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT SELECT ON TABLE novacron.catalogue TO library_bank;
GRANT SELECT ON TABLE novacron.catalogue TO library_default;


--
-- Name: TABLE request; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT SELECT,DELETE ON TABLE novacron.request TO library_bank;
GRANT SELECT,DELETE ON TABLE novacron.request TO library_default;


--
-- Name: COLUMN request.revision; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT INSERT(revision),UPDATE(revision) ON TABLE novacron.request TO library_bank;
GRANT INSERT(revision),UPDATE(revision) ON TABLE novacron.request TO library_default;


--
-- Name: COLUMN request.document; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT INSERT(document),UPDATE(document) ON TABLE novacron.request TO library_bank;
GRANT INSERT(document),UPDATE(document) ON TABLE novacron.request TO library_default;


--
-- Name: TABLE template; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT SELECT,DELETE ON TABLE novacron.template TO library_bank;
GRANT SELECT,DELETE ON TABLE novacron.template TO library_default;


--
-- Name: COLUMN template.revision; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT INSERT(revision),UPDATE(revision) ON TABLE novacron.template TO library_bank;
GRANT INSERT(revision),UPDATE(revision) ON TABLE novacron.template TO library_default;


--
-- Name: COLUMN template.document; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT INSERT(document),UPDATE(document) ON TABLE novacron.template TO library_bank;
GRANT INSERT(document),UPDATE(document) ON TABLE novacron.template TO library_default;


--
-- Name: TABLE version; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT SELECT,DELETE ON TABLE novacron.version TO library_bank;
GRANT SELECT,DELETE ON TABLE novacron.version TO library_default;


--
-- Name: COLUMN version.revision; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT INSERT(revision),UPDATE(revision) ON TABLE novacron.version TO library_bank;
GRANT INSERT(revision),UPDATE(revision) ON TABLE novacron.version TO library_default;


--
-- Name: COLUMN version.document; Type: ACL; Schema: novacron; Owner: postgres
--

GRANT INSERT(document),UPDATE(document) ON TABLE novacron.version TO library_bank;
GRANT INSERT(document),UPDATE(document) ON TABLE novacron.version TO library_default;


--
-- PostgreSQL database dump complete
--


