CREATE TABLE aion_meta (
	name VARCHAR(255) NOT NULL, 
	value LONGTEXT NOT NULL, 
	PRIMARY KEY (name)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE aion_attribute (
	workflow_id VARCHAR(255) NOT NULL, 
	run_id VARCHAR(128) NOT NULL DEFAULT '', 
	name VARCHAR(255) NOT NULL, 
	number BIGINT NOT NULL, 
	text_start VARCHAR(128), 
	as_text LONGTEXT, 
	as_int BIGINT, 
	as_float DOUBLE, 
	PRIMARY KEY (workflow_id, run_id, name, number)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE INDEX aion_attribute_as_float ON aion_attribute (name, as_float, run_id, workflow_id);

CREATE INDEX aion_attribute_as_int ON aion_attribute (name, as_int, run_id, workflow_id);

CREATE INDEX aion_attribute_text_start ON aion_attribute (name, text_start, run_id, workflow_id);

CREATE TABLE aion_blob (
	workflow_id VARCHAR(255) NOT NULL, 
	op_id VARCHAR(128) NOT NULL DEFAULT '', 
	number BIGINT NOT NULL, 
	body LONGBLOB NOT NULL, 
	PRIMARY KEY (workflow_id, op_id, number)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE aion_engine (
	engine_id VARCHAR(255) NOT NULL, 
	info LONGTEXT NOT NULL, 
	lease_until BIGINT NOT NULL DEFAULT 0, 
	PRIMARY KEY (engine_id)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE aion_history (
	workflow_id VARCHAR(255) NOT NULL, 
	last_seq BIGINT NOT NULL, 
	first_seq BIGINT NOT NULL DEFAULT 0, 
	shard BIGINT NOT NULL DEFAULT 0, 
	n BIGINT NOT NULL DEFAULT 0, 
	run_id VARCHAR(128) NOT NULL DEFAULT '', 
	op_id VARCHAR(128) NOT NULL DEFAULT '', 
	codec VARCHAR(128) NOT NULL DEFAULT '', 
	crc BIGINT NOT NULL DEFAULT 0, 
	blobs BIGINT NOT NULL DEFAULT 0, 
	body LONGTEXT, 
	bytes LONGBLOB, 
	PRIMARY KEY (workflow_id, last_seq)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE UNIQUE INDEX aion_history_feed ON aion_history (shard, n);

CREATE TABLE aion_inbox (
	workflow_id VARCHAR(255) NOT NULL, 
	message_id VARCHAR(255) NOT NULL, 
	shard BIGINT NOT NULL DEFAULT 0, 
	place BIGINT NOT NULL DEFAULT 0, 
	poster VARCHAR(255) NOT NULL DEFAULT '', 
	n BIGINT NOT NULL DEFAULT 0, 
	kind VARCHAR(128) NOT NULL DEFAULT '', 
	run_id VARCHAR(255), 
	body LONGBLOB NOT NULL, 
	posted_at BIGINT NOT NULL DEFAULT 0, 
	PRIMARY KEY (workflow_id, message_id)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE INDEX aion_inbox_place ON aion_inbox (place, poster, n, message_id);

CREATE INDEX aion_inbox_poster ON aion_inbox (workflow_id, poster, n);

CREATE TABLE aion_outcome (
	workflow_id VARCHAR(255) NOT NULL, 
	message_id VARCHAR(255) NOT NULL, 
	shard BIGINT NOT NULL DEFAULT 0, 
	kind VARCHAR(128) NOT NULL DEFAULT '', 
	body LONGBLOB NOT NULL, 
	expires_at BIGINT NOT NULL DEFAULT 0, 
	PRIMARY KEY (workflow_id, message_id)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE INDEX aion_outcome_expiry ON aion_outcome (expires_at);

CREATE TABLE aion_package (
	version VARCHAR(255) NOT NULL, 
	deployed_at BIGINT NOT NULL DEFAULT 0, 
	types LONGTEXT NOT NULL, 
	manifest LONGBLOB NOT NULL, 
	archive LONGBLOB NOT NULL, 
	archive_digest VARCHAR(255) NOT NULL DEFAULT '', 
	PRIMARY KEY (version)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE aion_route (
	workflow_type VARCHAR(255) NOT NULL, 
	version VARCHAR(255) NOT NULL DEFAULT '', 
	PRIMARY KEY (workflow_type)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE aion_run (
	workflow_id VARCHAR(255) NOT NULL, 
	run_id VARCHAR(128) NOT NULL DEFAULT '', 
	first_seq BIGINT NOT NULL DEFAULT 0, 
	last_seq BIGINT, 
	previous_run VARCHAR(255), 
	summary LONGTEXT NOT NULL, 
	PRIMARY KEY (workflow_id, run_id)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE INDEX aion_run_order ON aion_run (workflow_id, first_seq);

CREATE TABLE aion_shard (
	shard BIGINT NOT NULL, 
	epoch BIGINT NOT NULL DEFAULT 0, 
	owner VARCHAR(255), 
	lease_until BIGINT NOT NULL DEFAULT 0, 
	feed_floor BIGINT NOT NULL DEFAULT 0, 
	PRIMARY KEY (shard)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE aion_visible (
	workflow_id VARCHAR(255) NOT NULL, 
	run_id VARCHAR(128) NOT NULL DEFAULT '', 
	type VARCHAR(255) NOT NULL DEFAULT '', 
	status VARCHAR(128) NOT NULL DEFAULT '', 
	started BIGINT NOT NULL DEFAULT 0, 
	closed BIGINT, 
	version VARCHAR(255) NOT NULL DEFAULT '', 
	parent VARCHAR(255), 
	schedule VARCHAR(255), 
	blocked_reason LONGTEXT, 
	summary LONGTEXT NOT NULL, 
	PRIMARY KEY (workflow_id, run_id)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE INDEX aion_visible_closed ON aion_visible (closed, run_id);

CREATE INDEX aion_visible_parent ON aion_visible (parent, started, run_id);

CREATE INDEX aion_visible_schedule ON aion_visible (schedule, started, run_id);

CREATE INDEX aion_visible_started ON aion_visible (started, run_id);

CREATE INDEX aion_visible_status ON aion_visible (status, started, run_id);

CREATE INDEX aion_visible_type ON aion_visible (type, started, run_id);

CREATE TABLE aion_workflow (
	workflow_id VARCHAR(255) NOT NULL, 
	shard BIGINT NOT NULL DEFAULT 0, 
	head BIGINT NOT NULL DEFAULT 0, 
	floor BIGINT NOT NULL DEFAULT 0, 
	run_id VARCHAR(128) NOT NULL DEFAULT '', 
	status VARCHAR(128) NOT NULL DEFAULT '', 
	type VARCHAR(255) NOT NULL DEFAULT '', 
	run_start BIGINT NOT NULL DEFAULT 0, 
	drained_seq BIGINT NOT NULL DEFAULT 0, 
	start_hash VARCHAR(255), 
	next_wake BIGINT, 
	open LONGBLOB, 
	op_id VARCHAR(128) NOT NULL DEFAULT '', 
	summary LONGTEXT, 
	PRIMARY KEY (workflow_id)
)ENGINE=InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE INDEX aion_workflow_status ON aion_workflow (status, workflow_id);

CREATE INDEX aion_workflow_wake ON aion_workflow (next_wake, workflow_id);

