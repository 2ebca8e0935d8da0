"""The limits of what is made of the audit journal: its copies, diagnostic settings, and the activity log."""

AUDIT_SINKS = 32
"""What the operator maps to folders and URLs for diagnostic settings: ours. Each reads the journal for itself."""
AUDIT_SINK_READ_BYTES = 1024 * 1024
"""What is read of the journal for a sink at a time: ours."""
AUDIT_SINK_BATCH_BYTES = 512 * 1024
"""Records that a sink is given at a time, after which no more are added: ours."""
AUDIT_SINK_PAUSE_S = 300
"""The longest that a sink which failed is left alone before it is tried again: ours."""
AUDIT_SINK_CREDENTIAL_BYTES = 4096
"""The operator's file with a sink's token or key: ours."""
AUDIT_SINK_PATH_CHARS = 1024
"""The path of a sink's folder, or of that file: ours."""
DIAGNOSTIC_SETTINGS = 5
"""Diagnostic settings of one resource: Azure's own limit."""
DIAGNOSTIC_NAME_CHARS = 260
"""The name of one: Azure's own limit."""
DIAGNOSTIC_FLOWS = 16
"""Categories that one setting lists, of logs and of metrics each: ours; there are fewer."""
DIAGNOSTIC_RETENTION_DAYS = 2_147_483_647
"""`retentionPolicy.days`, which is kept and told, and decides nothing: what 32 bits hold."""
ACTIVITY_DAYS = 90
"""How far back the activity log goes: Azure's own limit."""
ACTIVITY_PAGE = 200
"""Events on a page of the activity log: ours."""
ACTIVITY_READ_BYTES = 8 * 1024 * 1024
"""What is read of the journal for one page, which may be short then and have a next one: ours."""
ACTIVITY_READS_AT_ONCE = 2
"""Pages of the activity log that are read at the same time: ours."""
ACTIVITY_READS_WAITING = 8
"""Requests for pages that may wait for that; more are answered 429: ours."""
