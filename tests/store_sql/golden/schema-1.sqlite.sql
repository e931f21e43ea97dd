CREATE TABLE aion_meta (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
)
 STRICT;

CREATE TABLE aion_attribute (
	workflow_id TEXT NOT NULL, 
	run_id TEXT DEFAULT '' NOT NULL, 
	name TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	text_start TEXT, 
	as_text TEXT, 
	as_int INTEGER, 
	as_float REAL, 
	PRIMARY KEY (workflow_id, run_id, name, number)
)
 STRICT;

CREATE INDEX aion_attribute_as_float ON aion_attribute (name, as_float, run_id, workflow_id) WHERE as_float IS NOT NULL;

CREATE INDEX aion_attribute_as_int ON aion_attribute (name, as_int, run_id, workflow_id) WHERE as_int IS NOT NULL;

CREATE INDEX aion_attribute_text_start ON aion_attribute (name, text_start, run_id, workflow_id) WHERE text_start IS NOT NULL;

CREATE TABLE aion_blob (
	workflow_id TEXT NOT NULL, 
	op_id TEXT DEFAULT '' NOT NULL, 
	number INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (workflow_id, op_id, number)
)
 STRICT;

CREATE TABLE aion_engine (
	engine_id TEXT NOT NULL, 
	info TEXT NOT NULL, 
	lease_until INTEGER DEFAULT 0 NOT NULL, 
	PRIMARY KEY (engine_id)
)
 STRICT;

CREATE TABLE aion_history (
	workflow_id TEXT NOT NULL, 
	last_seq INTEGER NOT NULL, 
	first_seq INTEGER DEFAULT 0 NOT NULL, 
	shard INTEGER DEFAULT 0 NOT NULL, 
	n INTEGER DEFAULT 0 NOT NULL, 
	run_id TEXT DEFAULT '' NOT NULL, 
	op_id TEXT DEFAULT '' NOT NULL, 
	codec TEXT DEFAULT '' NOT NULL, 
	crc INTEGER DEFAULT 0 NOT NULL, 
	blobs INTEGER DEFAULT 0 NOT NULL, 
	body TEXT, 
	bytes BLOB, 
	PRIMARY KEY (workflow_id, last_seq)
)
 STRICT;

CREATE UNIQUE INDEX aion_history_feed ON aion_history (shard, n);

CREATE TABLE aion_inbox (
	workflow_id TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	shard INTEGER DEFAULT 0 NOT NULL, 
	place INTEGER DEFAULT 0 NOT NULL, 
	poster TEXT DEFAULT '' NOT NULL, 
	n INTEGER DEFAULT 0 NOT NULL, 
	kind TEXT DEFAULT '' NOT NULL, 
	run_id TEXT, 
	body BLOB NOT NULL, 
	posted_at INTEGER DEFAULT 0 NOT NULL, 
	PRIMARY KEY (workflow_id, message_id)
)
 STRICT;

CREATE INDEX aion_inbox_place ON aion_inbox (place, poster, n, message_id);

CREATE INDEX aion_inbox_poster ON aion_inbox (workflow_id, poster, n);

CREATE TABLE aion_outcome (
	workflow_id TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	shard INTEGER DEFAULT 0 NOT NULL, 
	kind TEXT DEFAULT '' NOT NULL, 
	body BLOB NOT NULL, 
	expires_at INTEGER DEFAULT 0 NOT NULL, 
	PRIMARY KEY (workflow_id, message_id)
)
 STRICT;

CREATE INDEX aion_outcome_expiry ON aion_outcome (expires_at);

CREATE TABLE aion_package (
	version TEXT NOT NULL, 
	deployed_at INTEGER DEFAULT 0 NOT NULL, 
	types TEXT NOT NULL, 
	manifest BLOB NOT NULL, 
	archive BLOB NOT NULL, 
	archive_digest TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (version)
)
 STRICT;

CREATE TABLE aion_route (
	workflow_type TEXT NOT NULL, 
	version TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (workflow_type)
)
 STRICT;

CREATE TABLE aion_run (
	workflow_id TEXT NOT NULL, 
	run_id TEXT DEFAULT '' NOT NULL, 
	first_seq INTEGER DEFAULT 0 NOT NULL, 
	last_seq INTEGER, 
	previous_run TEXT, 
	summary TEXT NOT NULL, 
	PRIMARY KEY (workflow_id, run_id)
)
 STRICT;

CREATE INDEX aion_run_order ON aion_run (workflow_id, first_seq);

CREATE TABLE aion_shard (
	shard INTEGER NOT NULL, 
	epoch INTEGER DEFAULT 0 NOT NULL, 
	owner TEXT, 
	lease_until INTEGER DEFAULT 0 NOT NULL, 
	feed_floor INTEGER DEFAULT 0 NOT NULL, 
	PRIMARY KEY (shard)
)
 STRICT;

CREATE TABLE aion_visible (
	workflow_id TEXT NOT NULL, 
	run_id TEXT DEFAULT '' NOT NULL, 
	type TEXT DEFAULT '' NOT NULL, 
	status TEXT DEFAULT '' NOT NULL, 
	started INTEGER DEFAULT 0 NOT NULL, 
	closed INTEGER, 
	version TEXT DEFAULT '' NOT NULL, 
	parent TEXT, 
	schedule TEXT, 
	blocked_reason TEXT, 
	summary TEXT NOT NULL, 
	PRIMARY KEY (workflow_id, run_id)
)
 STRICT;

CREATE INDEX aion_visible_closed ON aion_visible (closed, run_id);

CREATE INDEX aion_visible_parent ON aion_visible (parent, started, run_id) WHERE parent IS NOT NULL;

CREATE INDEX aion_visible_schedule ON aion_visible (schedule, started, run_id) WHERE schedule IS NOT NULL;

CREATE INDEX aion_visible_started ON aion_visible (started, run_id);

CREATE INDEX aion_visible_status ON aion_visible (status, started, run_id);

CREATE INDEX aion_visible_type ON aion_visible (type, started, run_id);

CREATE TABLE aion_workflow (
	workflow_id TEXT NOT NULL, 
	shard INTEGER DEFAULT 0 NOT NULL, 
	head INTEGER DEFAULT 0 NOT NULL, 
	floor INTEGER DEFAULT 0 NOT NULL, 
	run_id TEXT DEFAULT '' NOT NULL, 
	status TEXT DEFAULT '' NOT NULL, 
	type TEXT DEFAULT '' NOT NULL, 
	run_start INTEGER DEFAULT 0 NOT NULL, 
	drained_seq INTEGER DEFAULT 0 NOT NULL, 
	start_hash TEXT, 
	next_wake INTEGER, 
	open BLOB, 
	op_id TEXT DEFAULT '' NOT NULL, 
	summary TEXT, 
	PRIMARY KEY (workflow_id)
)
 STRICT;

CREATE INDEX aion_workflow_status ON aion_workflow (status, workflow_id);

CREATE INDEX aion_workflow_wake ON aion_workflow (next_wake, workflow_id);

