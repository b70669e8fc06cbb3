CREATE TABLE access_keys (
	key_id TEXT NOT NULL, 
	user_name TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	revoked INTEGER NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT access_keys_key PRIMARY KEY (key_id)
)
 STRICT

;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0020');
CREATE TABLE audit_entries (
	audit_id TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	farm_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	credential TEXT NOT NULL, 
	address TEXT NOT NULL, 
	request_id TEXT NOT NULL, 
	CONSTRAINT audit_entries_key PRIMARY KEY (audit_id)
)
 STRICT

;
CREATE TABLE books_months (
	farm_id TEXT NOT NULL, 
	month TEXT NOT NULL, 
	start_at INTEGER NOT NULL, 
	end_at INTEGER NOT NULL, 
	zone TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	posting_id TEXT NOT NULL, 
	line_count INTEGER NOT NULL, 
	amount_billionths INTEGER NOT NULL, 
	example INTEGER NOT NULL, 
	frozen_at INTEGER NOT NULL, 
	frozen_by TEXT NOT NULL, 
	CONSTRAINT books_months_key PRIMARY KEY (farm_id, month)
)
 STRICT

;
CREATE TABLE budgets (
	farm_id TEXT NOT NULL, 
	budget_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	amount_billionths INTEGER NOT NULL, 
	sell INTEGER NOT NULL, 
	start_at INTEGER NOT NULL, 
	end_at INTEGER, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, stops INTEGER, exhausted INTEGER, 
	CONSTRAINT budgets_key PRIMARY KEY (budget_id)
)
 STRICT

;
CREATE TABLE client_tokens (
	caller TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	token TEXT NOT NULL, 
	request_hash TEXT NOT NULL, 
	response TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	CONSTRAINT client_tokens_key PRIMARY KEY (caller, operation, token)
)
 WITHOUT ROWID,
 STRICT

;
CREATE TABLE exchange_rates (
	farm_id TEXT NOT NULL, 
	rate_id TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	billionths INTEGER NOT NULL, 
	valid_from INTEGER NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT exchange_rates_key PRIMARY KEY (rate_id)
)
 STRICT

;
CREATE TABLE farms (
	farm_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT farms_key PRIMARY KEY (farm_id)
)
 STRICT

;
CREATE TABLE fleets (
	farm_id TEXT NOT NULL, 
	fleet_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	min_worker_count INTEGER NOT NULL, 
	max_worker_count INTEGER NOT NULL, 
	settings TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT fleets_key PRIMARY KEY (fleet_id)
)
 STRICT

;
CREATE TABLE hook_deliveries (
	farm_id TEXT NOT NULL, 
	hook_id TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	event TEXT NOT NULL, 
	body TEXT NOT NULL, 
	status TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_at INTEGER NOT NULL, 
	error TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	ended_at INTEGER, 
	CONSTRAINT hook_deliveries_key PRIMARY KEY (hook_id, event_id)
)
 STRICT

;
CREATE TABLE hooks (
	farm_id TEXT NOT NULL, 
	hook_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	events TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	target TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT hooks_key PRIMARY KEY (hook_id)
)
 STRICT

;
CREATE TABLE job_faults (
	farm_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	blames TEXT NOT NULL, 
	stopped INTEGER NOT NULL, 
	excluded TEXT NOT NULL, 
	disabled_at INTEGER, 
	error_class TEXT NOT NULL, 
	error_rule TEXT NOT NULL, 
	error_text TEXT NOT NULL, 
	CONSTRAINT job_faults_key PRIMARY KEY (job_id)
)
 STRICT

;
CREATE TABLE jobs (
	farm_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	priority INTEGER NOT NULL, 
	lifecycle_status TEXT NOT NULL, 
	lifecycle_message TEXT NOT NULL, 
	target_status TEXT, 
	template TEXT NOT NULL, 
	template_type TEXT NOT NULL, 
	schema_version TEXT NOT NULL, 
	extensions TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	environments TEXT NOT NULL, 
	attributes TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	run_as_user TEXT, 
	max_failed_tasks_count INTEGER NOT NULL, 
	max_retries_per_task INTEGER NOT NULL, 
	max_worker_count INTEGER NOT NULL, 
	layer_ids TEXT NOT NULL, 
	status TEXT NOT NULL, 
	counts TEXT NOT NULL, 
	retry_count INTEGER NOT NULL, 
	open_sessions INTEGER NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	started_at INTEGER, 
	ended_at INTEGER, 
	updated_at INTEGER, 
	updated_by TEXT, served_at INTEGER, excluded_workers TEXT, "after" TEXT, waits_for TEXT, told TEXT, cuts TEXT, 
	CONSTRAINT jobs_key PRIMARY KEY (job_id)
)
 STRICT

;
CREATE TABLE layer_holds (
	farm_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	layer_id TEXT NOT NULL, 
	until_at INTEGER, 
	refusals INTEGER NOT NULL, 
	error_class TEXT NOT NULL, 
	error_rule TEXT NOT NULL, 
	error_text TEXT NOT NULL, 
	CONSTRAINT layer_holds_key PRIMARY KEY (layer_id)
)
 STRICT

;
CREATE TABLE layers (
	farm_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	layer_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	"index" INTEGER NOT NULL, 
	description TEXT NOT NULL, 
	template TEXT NOT NULL, 
	environments TEXT NOT NULL, 
	requirement TEXT NOT NULL, 
	depends_on TEXT NOT NULL, 
	consumers TEXT NOT NULL, 
	unresolved INTEGER NOT NULL, 
	attributes TEXT NOT NULL, 
	frame_parameter TEXT, 
	frame_count INTEGER, 
	task_count INTEGER NOT NULL, 
	next_index INTEGER NOT NULL, 
	touched_ahead INTEGER NOT NULL, 
	rest_status TEXT NOT NULL, 
	target_status TEXT, 
	status TEXT NOT NULL, 
	counts TEXT NOT NULL, 
	retry_count INTEGER NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	started_at INTEGER, 
	ended_at INTEGER, 
	updated_at INTEGER, 
	updated_by TEXT, reserve_mib INTEGER, reserve_cores INTEGER, job_waits INTEGER, 
	CONSTRAINT layers_key PRIMARY KEY (layer_id), 
	CONSTRAINT layers_jobs FOREIGN KEY(job_id) REFERENCES jobs (job_id) DEFERRABLE INITIALLY DEFERRED
)
 STRICT

;
CREATE TABLE licence_counts (
	farm_id TEXT NOT NULL, 
	app TEXT NOT NULL, 
	plugin TEXT NOT NULL, 
	version TEXT NOT NULL, 
	region TEXT NOT NULL, 
	seats INTEGER NOT NULL, 
	others INTEGER, 
	answered_at INTEGER, 
	failing_since_at INTEGER, 
	problem TEXT NOT NULL, 
	CONSTRAINT licence_counts_key PRIMARY KEY (farm_id, app, plugin, version, region)
)
 STRICT

;
CREATE TABLE licence_pools (
	farm_id TEXT NOT NULL, 
	app TEXT NOT NULL, 
	plugin TEXT NOT NULL, 
	version TEXT NOT NULL, 
	regions TEXT NOT NULL, 
	updated_at INTEGER NOT NULL, 
	updated_by TEXT NOT NULL, 
	CONSTRAINT licence_pools_key PRIMARY KEY (farm_id, app, plugin, version)
)
 STRICT

;
CREATE TABLE manifest (
	farm_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	form TEXT NOT NULL, 
	table_name TEXT NOT NULL, 
	start_at INTEGER NOT NULL, 
	end_at INTEGER NOT NULL, 
	producer TEXT NOT NULL, 
	catalog_version INTEGER NOT NULL, 
	row_count INTEGER NOT NULL, 
	byte_count INTEGER NOT NULL, 
	sha256 TEXT NOT NULL, 
	provenance TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	retired_at INTEGER, 
	CONSTRAINT manifest_key PRIMARY KEY (path)
)
 STRICT

;
CREATE TABLE memberships (
	user_name TEXT NOT NULL, 
	place TEXT NOT NULL, 
	target_id TEXT NOT NULL, 
	farm_id TEXT NOT NULL, 
	level TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT memberships_key PRIMARY KEY (user_name, place, target_id)
)
 STRICT

;
CREATE TABLE message_plans (
	farm_id TEXT NOT NULL, 
	user_name TEXT NOT NULL, 
	targets TEXT NOT NULL, 
	shown TEXT NOT NULL, 
	events TEXT NOT NULL, 
	digest_seconds INTEGER NOT NULL, 
	quiet TEXT, 
	told_at INTEGER, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT message_plans_key PRIMARY KEY (farm_id, user_name)
)
 STRICT

;
CREATE TABLE outbox (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL
)
 STRICT

;
CREATE TABLE passwords (
	user_name TEXT NOT NULL, 
	phc TEXT NOT NULL, 
	set_at INTEGER NOT NULL, 
	set_by TEXT NOT NULL, 
	CONSTRAINT passwords_key PRIMARY KEY (user_name)
)
 STRICT

;
CREATE TABLE posting_parts (
	farm_id TEXT NOT NULL, 
	posting_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	month TEXT NOT NULL, 
	columns TEXT NOT NULL, 
	CONSTRAINT posting_parts_key PRIMARY KEY (posting_id, number)
)
 STRICT

;
CREATE TABLE postings (
	farm_id TEXT NOT NULL, 
	posting_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	month TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	corrects TEXT, 
	reason TEXT NOT NULL, 
	line_count INTEGER NOT NULL, 
	part_count INTEGER NOT NULL, 
	amount_billionths INTEGER NOT NULL, 
	sha256 TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT postings_key PRIMARY KEY (posting_id)
)
 STRICT

;
CREATE TABLE power_policies (
	farm_id TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	wake INTEGER NOT NULL, 
	wake_most INTEGER NOT NULL, 
	wake_tries INTEGER NOT NULL, 
	boot_seconds INTEGER NOT NULL, 
	shutdown_idle_seconds INTEGER, 
	restart_up_seconds INTEGER, 
	keep_on INTEGER NOT NULL, 
	hours TEXT NOT NULL, 
	address TEXT NOT NULL, 
	port INTEGER NOT NULL, 
	updated_at INTEGER NOT NULL, 
	updated_by TEXT NOT NULL, even_logged_in INTEGER, 
	CONSTRAINT power_policies_key PRIMARY KEY (farm_id, scope)
)
 STRICT

;
CREATE TABLE preferences (
	user_name TEXT NOT NULL, 
	home TEXT NOT NULL, 
	CONSTRAINT preferences_key PRIMARY KEY (user_name)
)
 STRICT

;
CREATE TABLE publications (
	farm_id TEXT NOT NULL, 
	publication_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	streams TEXT NOT NULL, 
	token_hash TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	revoked_at INTEGER, 
	revoked_by TEXT, 
	CONSTRAINT publications_key PRIMARY KEY (publication_id)
)
 STRICT

;
CREATE TABLE queue_environments (
	farm_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	queue_environment_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	priority INTEGER NOT NULL, 
	template_type TEXT NOT NULL, 
	template TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT queue_environments_key PRIMARY KEY (queue_environment_id)
)
 STRICT

;
CREATE TABLE queue_fleet_associations (
	farm_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	fleet_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT queue_fleet_associations_key PRIMARY KEY (queue_id, fleet_id)
)
 WITHOUT ROWID,
 STRICT

;
CREATE TABLE queues (
	farm_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT queues_key PRIMARY KEY (queue_id)
)
 STRICT

;
CREATE TABLE rate_cards (
	farm_id TEXT NOT NULL, 
	card_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	valid_from INTEGER NOT NULL, 
	example INTEGER NOT NULL, 
	lines TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, terms TEXT, 
	CONSTRAINT rate_cards_key PRIMARY KEY (card_id)
)
 STRICT

;
CREATE TABLE report_schedules (
	farm_id TEXT NOT NULL, 
	schedule_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	report TEXT NOT NULL, 
	arguments TEXT NOT NULL, 
	format TEXT NOT NULL, 
	every TEXT NOT NULL, 
	minute INTEGER NOT NULL, 
	weekday INTEGER NOT NULL, 
	"to" TEXT NOT NULL, 
	since INTEGER NOT NULL, 
	last_due_at INTEGER, 
	last_run_at INTEGER, 
	last_result TEXT NOT NULL, 
	last_ok INTEGER, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT report_schedules_key PRIMARY KEY (schedule_id)
)
 STRICT

;
CREATE TABLE retention_policies (
	farm_id TEXT NOT NULL, 
	kept_days TEXT NOT NULL, 
	updated_at INTEGER NOT NULL, 
	updated_by TEXT NOT NULL, 
	CONSTRAINT retention_policies_key PRIMARY KEY (farm_id)
)
 STRICT

;
CREATE TABLE saved_views (
	farm_id TEXT NOT NULL, 
	user_name TEXT NOT NULL, 
	page TEXT NOT NULL, 
	name TEXT NOT NULL, 
	"query" TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	updated_at INTEGER NOT NULL, 
	CONSTRAINT saved_views_key PRIMARY KEY (farm_id, user_name, page, name)
)
 STRICT

;
CREATE TABLE series (
	farm_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	step_seconds INTEGER NOT NULL, 
	heartbeat_seconds INTEGER NOT NULL, 
	sources TEXT NOT NULL, 
	archives TEXT NOT NULL, 
	profile TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT series_key PRIMARY KEY (farm_id, name)
)
 STRICT

;
CREATE TABLE session_actions (
	farm_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	session_id TEXT NOT NULL, 
	"index" INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	status TEXT NOT NULL, 
	environment_id TEXT, 
	layer_id TEXT, 
	task_index INTEGER, 
	attempt INTEGER, 
	parameters TEXT NOT NULL, 
	assigned_at INTEGER NOT NULL, 
	started_at INTEGER, 
	ended_at INTEGER, 
	updated_at INTEGER, 
	worker_started_at INTEGER, 
	worker_ended_at INTEGER, 
	exit_code INTEGER, 
	progress_percent REAL, 
	progress_message TEXT NOT NULL, 
	usage TEXT NOT NULL, 
	cause TEXT NOT NULL, 
	CONSTRAINT session_actions_key PRIMARY KEY (session_id, "index"), 
	CONSTRAINT session_actions_sessions FOREIGN KEY(session_id) REFERENCES sessions (session_id) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID,
 STRICT

;
CREATE TABLE sessions (
	farm_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	fleet_id TEXT NOT NULL, 
	worker_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	session_id TEXT NOT NULL, 
	thread INTEGER NOT NULL, 
	threads INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	ending INTEGER NOT NULL, 
	layer_id TEXT, 
	entered TEXT NOT NULL, 
	next_action_index INTEGER NOT NULL, 
	open_actions TEXT NOT NULL, 
	user_name TEXT NOT NULL, 
	last_ended_at INTEGER, 
	environment_failed INTEGER NOT NULL, 
	ps_milli INTEGER NOT NULL, 
	card_id TEXT, 
	rate_line_id TEXT, 
	billionths_per_hour INTEGER, 
	started_at INTEGER NOT NULL, 
	ended_at INTEGER, 
	updated_at INTEGER, 
	updated_by TEXT, 
	host_properties TEXT NOT NULL, licences TEXT, memory_mib INTEGER, gpus INTEGER, cores INTEGER, 
	CONSTRAINT sessions_key PRIMARY KEY (session_id)
)
 STRICT

;
CREATE TABLE shares (
	farm_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	weight_milli INTEGER NOT NULL, 
	max_threads INTEGER, 
	used_log2 REAL, 
	updated_at INTEGER, 
	updated_by TEXT, counted_at INTEGER, 
	CONSTRAINT shares_key PRIMARY KEY (farm_id, kind, name)
)
 STRICT

;
CREATE TABLE sign_ins (
	sign_in_id TEXT NOT NULL, 
	token_hash TEXT NOT NULL, 
	user_name TEXT NOT NULL, 
	how TEXT NOT NULL, 
	address TEXT NOT NULL, 
	browser TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	expires_at INTEGER NOT NULL, 
	CONSTRAINT sign_ins_key PRIMARY KEY (sign_in_id)
)
 STRICT

;
CREATE TABLE storage_profiles (
	farm_id TEXT NOT NULL, 
	storage_profile_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	os_family TEXT NOT NULL, 
	locations TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT storage_profiles_key PRIMARY KEY (storage_profile_id)
)
 STRICT

;
CREATE TABLE tasks (
	farm_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	layer_id TEXT NOT NULL, 
	"index" INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	target_status TEXT, 
	failures INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	action_id TEXT, 
	latest_action_id TEXT, 
	started_at INTEGER, 
	ended_at INTEGER, 
	updated_at INTEGER, 
	updated_by TEXT, preempted INTEGER, 
	CONSTRAINT tasks_key PRIMARY KEY (layer_id, "index"), 
	CONSTRAINT tasks_layers FOREIGN KEY(layer_id) REFERENCES layers (layer_id) DEFERRABLE INITIALLY DEFERRED
)
 WITHOUT ROWID,
 STRICT

;
CREATE TABLE users (
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	disabled INTEGER NOT NULL, 
	CONSTRAINT users_key PRIMARY KEY (name)
)
 STRICT

;
CREATE TABLE worker_faults (
	farm_id TEXT NOT NULL, 
	worker_id TEXT NOT NULL, 
	strokes TEXT NOT NULL, 
	quarantined_at INTEGER, 
	cause TEXT NOT NULL, 
	CONSTRAINT worker_faults_key PRIMARY KEY (worker_id)
)
 STRICT

;
CREATE TABLE worker_groups (
	farm_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	workers TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, 
	CONSTRAINT worker_groups_key PRIMARY KEY (farm_id, name)
)
 STRICT

;
CREATE TABLE worker_power (
	farm_id TEXT NOT NULL, 
	worker_id TEXT NOT NULL, 
	ordered TEXT, 
	ordered_at INTEGER, 
	ordered_by TEXT, 
	booting_since_at INTEGER, 
	wake_at INTEGER, 
	wake_tries INTEGER NOT NULL, 
	booted_ms INTEGER, 
	started_at INTEGER, 
	CONSTRAINT worker_power_key PRIMARY KEY (worker_id)
)
 STRICT

;
CREATE TABLE workers (
	farm_id TEXT NOT NULL, 
	fleet_id TEXT NOT NULL, 
	worker_id TEXT NOT NULL, 
	global_index INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	host_name TEXT NOT NULL, 
	host_properties TEXT NOT NULL, 
	amounts TEXT NOT NULL, 
	attributes TEXT NOT NULL, 
	threads INTEGER NOT NULL, 
	ps_milli INTEGER NOT NULL, 
	disabled INTEGER NOT NULL, 
	native INTEGER NOT NULL, 
	sessions TEXT NOT NULL, 
	last_seen_at INTEGER, 
	deleted_at INTEGER, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	updated_at INTEGER, 
	updated_by TEXT, classes TEXT, draining INTEGER, note TEXT, hail TEXT, hail_addresses TEXT, 
	CONSTRAINT workers_key PRIMARY KEY (worker_id)
)
 STRICT

;
CREATE TABLE wrangle_deeds (
	farm_id TEXT NOT NULL, 
	deed_id TEXT NOT NULL, 
	cluster_id TEXT NOT NULL, 
	title TEXT NOT NULL, 
	fix TEXT NOT NULL, 
	text TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	until_at INTEGER, 
	assignee TEXT, 
	workers TEXT NOT NULL, 
	jobs TEXT NOT NULL, 
	excluded TEXT NOT NULL, 
	tasks TEXT NOT NULL, 
	undone_at INTEGER, 
	undone_by TEXT, 
	CONSTRAINT wrangle_deeds_key PRIMARY KEY (deed_id)
)
 STRICT

;
CREATE TABLE wrangle_marks (
	farm_id TEXT NOT NULL, 
	clear_since_at INTEGER, 
	CONSTRAINT wrangle_marks_key PRIMARY KEY (farm_id)
)
 STRICT

;
CREATE INDEX access_keys_by_user_name ON access_keys (user_name);
CREATE INDEX fleets_by_farm_id ON fleets (farm_id);
CREATE INDEX jobs_by_ended_at ON jobs (ended_at);
CREATE INDEX jobs_by_farm_id_created_at ON jobs (farm_id, created_at);
CREATE INDEX jobs_by_queue_id_created_at ON jobs (queue_id, created_at);
CREATE INDEX manifest_by_farm_id_table_name_start_at ON manifest (farm_id, table_name, start_at);
CREATE INDEX queue_environments_by_queue_id ON queue_environments (queue_id);
CREATE INDEX queue_fleet_associations_by_fleet_id ON queue_fleet_associations (fleet_id);
CREATE INDEX queues_by_farm_id ON queues (farm_id);
CREATE INDEX rate_cards_by_farm_id_valid_from ON rate_cards (farm_id, valid_from);
CREATE INDEX sessions_by_job_id_started_at ON sessions (job_id, started_at);
CREATE INDEX sessions_by_status ON sessions (status);
CREATE INDEX sessions_by_worker_id_started_at ON sessions (worker_id, started_at);
CREATE INDEX workers_by_farm_id ON workers (farm_id);
CREATE INDEX workers_by_fleet_id ON workers (fleet_id);
CREATE INDEX layers_by_job_id_index ON layers (job_id, "index");
CREATE INDEX session_actions_by_job_id ON session_actions (job_id);
CREATE INDEX session_actions_by_layer_id_task_index ON session_actions (layer_id, task_index);
CREATE INDEX tasks_by_job_id ON tasks (job_id);
CREATE INDEX budgets_by_farm_id ON budgets (farm_id);
CREATE INDEX posting_parts_by_farm_id_month ON posting_parts (farm_id, month);
CREATE INDEX postings_by_farm_id_number ON postings (farm_id, number);
CREATE INDEX exchange_rates_by_farm_id_valid_from ON exchange_rates (farm_id, valid_from);
CREATE INDEX report_schedules_by_farm_id ON report_schedules (farm_id);
CREATE INDEX publications_by_farm_id ON publications (farm_id);
CREATE INDEX publications_by_token_hash ON publications (token_hash);
CREATE INDEX hook_deliveries_by_farm_id_created_at ON hook_deliveries (farm_id, created_at);
CREATE INDEX hook_deliveries_by_status_created_at ON hook_deliveries (status, created_at);
CREATE INDEX hooks_by_farm_id ON hooks (farm_id);
CREATE INDEX storage_profiles_by_farm_id ON storage_profiles (farm_id);
CREATE INDEX wrangle_deeds_by_farm_id ON wrangle_deeds (farm_id);
CREATE INDEX audit_entries_by_actor_at ON audit_entries (actor, at);
CREATE INDEX audit_entries_by_at ON audit_entries (at);
CREATE INDEX audit_entries_by_farm_id_at ON audit_entries (farm_id, at);
CREATE INDEX memberships_by_farm_id ON memberships (farm_id);
CREATE INDEX sign_ins_by_user_name ON sign_ins (user_name);
DELETE FROM "sqlite_sequence";
