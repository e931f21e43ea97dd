CREATE TABLE aion_meta (
	name TEXT COLLATE "C" NOT NULL, 
	value TEXT COLLATE "C" NOT NULL, 
	PRIMARY KEY (name)
);

CREATE TABLE aion_attribute (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	run_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	name TEXT COLLATE "C" NOT NULL, 
	number BIGINT NOT NULL, 
	text_start TEXT COLLATE "C", 
	as_text TEXT COLLATE "C", 
	as_int BIGINT, 
	as_float DOUBLE PRECISION, 
	PRIMARY KEY (workflow_id, run_id, name, number)
);

CREATE INDEX aion_attribute_as_float ON aion_attribute (name, as_float, run_id, workflow_id) WHERE as_float IS NOT NULL;

CREATE INDEX aion_attribute_as_int ON aion_attribute (name, as_int, run_id, workflow_id) WHERE as_int IS NOT NULL;

CREATE INDEX aion_attribute_text_start ON aion_attribute (name, text_start, run_id, workflow_id) WHERE text_start IS NOT NULL;

CREATE TABLE aion_blob (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	op_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	number BIGINT NOT NULL, 
	body BYTEA NOT NULL, 
	PRIMARY KEY (workflow_id, op_id, number)
);

CREATE TABLE aion_engine (
	engine_id TEXT COLLATE "C" NOT NULL, 
	info TEXT COLLATE "C" NOT NULL, 
	lease_until BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (engine_id)
);

CREATE TABLE aion_history (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	last_seq BIGINT NOT NULL, 
	first_seq BIGINT DEFAULT 0 NOT NULL, 
	shard BIGINT DEFAULT 0 NOT NULL, 
	n BIGINT DEFAULT 0 NOT NULL, 
	run_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	op_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	codec TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	crc BIGINT DEFAULT 0 NOT NULL, 
	blobs BIGINT DEFAULT 0 NOT NULL, 
	body TEXT COLLATE "C", 
	bytes BYTEA, 
	PRIMARY KEY (workflow_id, last_seq)
);

CREATE UNIQUE INDEX aion_history_feed ON aion_history (shard, n);

CREATE TABLE aion_inbox (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	message_id TEXT COLLATE "C" NOT NULL, 
	shard BIGINT DEFAULT 0 NOT NULL, 
	place BIGINT DEFAULT 0 NOT NULL, 
	poster TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	n BIGINT DEFAULT 0 NOT NULL, 
	kind TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	run_id TEXT COLLATE "C", 
	body BYTEA NOT NULL, 
	posted_at BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (workflow_id, message_id)
);

CREATE INDEX aion_inbox_place ON aion_inbox (place, poster, n, message_id);

CREATE INDEX aion_inbox_poster ON aion_inbox (workflow_id, poster, n);

CREATE TABLE aion_outcome (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	message_id TEXT COLLATE "C" NOT NULL, 
	shard BIGINT DEFAULT 0 NOT NULL, 
	kind TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	body BYTEA NOT NULL, 
	expires_at BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (workflow_id, message_id)
);

CREATE INDEX aion_outcome_expiry ON aion_outcome (expires_at);

CREATE TABLE aion_package (
	version TEXT COLLATE "C" NOT NULL, 
	deployed_at BIGINT DEFAULT 0 NOT NULL, 
	types TEXT COLLATE "C" NOT NULL, 
	manifest BYTEA NOT NULL, 
	archive BYTEA NOT NULL, 
	archive_digest TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	PRIMARY KEY (version)
);

CREATE TABLE aion_route (
	workflow_type TEXT COLLATE "C" NOT NULL, 
	version TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	PRIMARY KEY (workflow_type)
);

CREATE TABLE aion_run (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	run_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	first_seq BIGINT DEFAULT 0 NOT NULL, 
	last_seq BIGINT, 
	previous_run TEXT COLLATE "C", 
	summary TEXT COLLATE "C" NOT NULL, 
	PRIMARY KEY (workflow_id, run_id)
);

CREATE INDEX aion_run_order ON aion_run (workflow_id, first_seq);

CREATE TABLE aion_shard (
	shard BIGINT NOT NULL, 
	epoch BIGINT DEFAULT 0 NOT NULL, 
	owner TEXT COLLATE "C", 
	lease_until BIGINT DEFAULT 0 NOT NULL, 
	feed_floor BIGINT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (shard)
);

CREATE TABLE aion_visible (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	run_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	type TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	status TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	started BIGINT DEFAULT 0 NOT NULL, 
	closed BIGINT, 
	version TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	parent TEXT COLLATE "C", 
	schedule TEXT COLLATE "C", 
	blocked_reason TEXT COLLATE "C", 
	summary TEXT COLLATE "C" NOT NULL, 
	PRIMARY KEY (workflow_id, run_id)
);

CREATE INDEX aion_visible_closed ON aion_visible (closed, run_id);

CREATE INDEX aion_visible_parent ON aion_visible (parent, started, run_id) WHERE parent IS NOT NULL;

CREATE INDEX aion_visible_schedule ON aion_visible (schedule, started, run_id) WHERE schedule IS NOT NULL;

CREATE INDEX aion_visible_started ON aion_visible (started, run_id);

CREATE INDEX aion_visible_status ON aion_visible (status, started, run_id);

CREATE INDEX aion_visible_type ON aion_visible (type, started, run_id);

CREATE TABLE aion_workflow (
	workflow_id TEXT COLLATE "C" NOT NULL, 
	shard BIGINT DEFAULT 0 NOT NULL, 
	head BIGINT DEFAULT 0 NOT NULL, 
	floor BIGINT DEFAULT 0 NOT NULL, 
	run_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	status TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	type TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	run_start BIGINT DEFAULT 0 NOT NULL, 
	drained_seq BIGINT DEFAULT 0 NOT NULL, 
	start_hash TEXT COLLATE "C", 
	next_wake BIGINT, 
	open BYTEA, 
	op_id TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	summary TEXT COLLATE "C", 
	PRIMARY KEY (workflow_id)
);

CREATE INDEX aion_workflow_status ON aion_workflow (status, workflow_id);

CREATE INDEX aion_workflow_wake ON aion_workflow (next_wake, workflow_id);

