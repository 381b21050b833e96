-- Prosody for the bench. @WORDS@ are filled in.
run_as_root = true
daemonize = false
pidfile = "@HOME@/prosody.pid"
data_path = "@HOME@"
certificates = "."
log = { warn = "@HOME@/log" }
-- Answers leave at once, and not behind what all other clients have sent.
network_settings = { tcp_backlog = 4096, opportunistic_writes = true }

interfaces = { "127.0.0.1" }
c2s_ports = { @TCP@ }
c2s_direct_tls_ports = {}
http_ports = { @WEB@ }
https_ports = {}
http_default_host = "localhost"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true

-- No module "limits": nothing bounds how fast.
modules_enabled = { "disco", "roster", "saslauth", "ping", "smacks", "mam", "websocket", "posix", "register_ibr" }
modules_disabled = { "s2s", "tls" }
authentication = "internal_plain"
allow_registration = true

storage = { archive = "@ARCHIVE@", muc_log = "@ARCHIVE@" }
sql = { driver = "SQLite3", database = "@HOME@/archive.sqlite" }
default_archive_policy = true
archive_expires_after = "never"
muc_log_expires_after = "never"

VirtualHost "localhost"
Component "rooms.localhost" "muc"
	modules_enabled = { "muc_mam" }
	muc_log_all_rooms = true
	muc_room_locking = false
	muc_room_default_persistent = true
	-- Entering a group of n members would otherwise send n presences to each.
	muc_room_default_presence_broadcast = { visitor = false, participant = false, moderator = false }
