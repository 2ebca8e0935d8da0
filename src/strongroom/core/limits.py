"""
Every limit, named once. Each is tested at the limit and one past it.

Sizes are in bytes, times in seconds. The source is reference azure-key-vault.md section 6 unless a line says otherwise.
"""

SECRET_VALUE_BYTES = 25_600
"""A secret's value, encoded as UTF-8."""
CONTENT_TYPE_CHARS = 255
"""A secret's content type."""
TAGS = 15
"""Tags of one version of an object."""
TAG_CHARS = 512
"""Name and value each. The references say 256 (keys) and 512 (secrets, and what the portal accepts): ADR 0014."""
OBJECT_NAME_CHARS = 127
"""The name of a secret, key or certificate."""
INT_DATE_MAX = 253_402_300_799
"""The last second of the year 9999: ours; what clients turn into dates goes no further."""
VERSIONS_IN_BACKUP = 500
"""Versions of one object that a backup can hold."""
PAGE_DEFAULT = 25
"""Items on a page of a list in a vault, where `maxresults` says nothing."""
PAGE_MAX = 25
"""The largest `maxresults`."""
ACCESS_POLICIES = 1024
"""Access policies of one vault."""
DOMAIN_NAME_CHARS = 253
"""A domain name: RFC 1035."""
RETENTION_MIN_DAYS = 7
"""The shortest retention of what is deleted in a vault."""
RETENTION_MAX_DAYS = 90
"""The longest retention, and the one of a vault that names none."""
GUARDRAILS = 100
"""Guardrails in force: ours."""
GUARDRAIL_VAULTS = 100
"""Patterns of vaults' names of one guardrail: ours."""
GUARDRAIL_FILE_CHARS = 65_536
"""A file that declares guardrails: ours."""
GUARDRAIL_FINDINGS = 10_000
"""What one `policy check` lists of what goes against guardrails; beyond that it counts: ours."""
ROLE_ASSIGNMENTS_PER_SUBSCRIPTION = 4000
"""Role assignments in one subscription, its groups and resources included."""
ROLE_ASSIGNMENTS_PER_MANAGEMENT_GROUP = 500
"""Role assignments at one management group; those below it do not count."""
CUSTOM_ROLES_PER_TENANT = 5000
"""Custom roles of one tenant."""
ROLE_NAME_CHARS = 512
"""The name of a custom role: Azure's own limit."""
ROLE_DESCRIPTION_CHARS = 2048
"""Its description: Azure's own limit."""
ROLE_ASSIGNABLE_SCOPES = 2000
"""Its assignable scopes: Azure's own limit."""
ROLE_ACTIONS = 2000
"""Action patterns of a custom role or a deny assignment, of all four kinds together: ours."""
ROLE_ACTION_CHARS = 256
"""One of them: ours."""
DENY_ASSIGNMENTS_PER_TENANT = 2000
"""Deny assignments of one tenant: ours."""
DENY_ASSIGNMENT_PRINCIPALS = 100
"""Principals that one names, and as many that it does not concern: ours."""
MANAGEMENT_GROUPS_PER_TENANT = 10_000
"""Management groups of one tenant, the root group aside."""
MANAGEMENT_GROUP_DEPTH = 6
"""Levels of management groups, the root group aside."""
MANAGEMENT_GROUP_NAME_CHARS = 90
"""A management group's name, and its display name: Azure's own limit."""

BODY_BYTES = 256 * 1024
"""One request body on any surface: ours, well above the largest legal secret or vault."""
RESTORE_BODY_BYTES = 64 * 1024 * 1024
"""A restore carries a whole object: up to 500 versions of 25 KB, sealed and base64url-encoded."""
HEADER_BYTES = 32 * 1024
"""All request headers together: ours; groups-laden tokens stay below 16 KB."""
PATH_BYTES = 8 * 1024
"""A request's path, and its query: ours."""
BODY_TIME_S = 20.0
"""From the end of the headers to the end of the body: ours."""
UNREAD_BODY_BYTES = 4 * 1024 * 1024
"""What is taken of a body that nobody reads, after the answer, so that a client still sending sees it: ours."""
UNREAD_BODY_TIME_S = 5.0
"""How long such a body is taken: ours."""
HEADER_TIME_S = 15.0
"""From the start of a request to the end of its headers, over HTTP/1.1 (ADR 0002): ours."""
FIRST_REQUEST_S = 30.0
"""From the opening of a connection to its first request; then it is closed: ours."""
CONNECTION_IDLE_S = 120.0
"""From the last request of a connection to its end, if there is no other: ours."""
OPEN_FILES = 65_536
"""Descriptors that the process asks the system for, which may allow it less: ours."""
JSON_DEPTH = 32
"""How deep a JSON body may nest: ours."""
JSON_TOKENS = 150_000
"""Commas and opening brackets in one JSON body together: a vault with 1024 full access policies has half as many."""
TOKEN_CHARS = 16 * 1024
"""A bearer token: ours."""

ACCESS_TOKEN_MIN_S = 3600
"""The shortest life of an application's token: see `ACCESS_TOKEN_MAX_S`."""
ACCESS_TOKEN_MAX_S = 5400
"""Application tokens live 60 to 90 minutes, at random (reference clients.md section 7)."""
MANAGED_IDENTITY_TOKEN_S = 86_400
"""The life of a managed identity's token."""
CLIENT_SECRET_DEFAULT_S = 30 * 86_400
"""The life of the first application's secret (security.md "Bootstrap")."""
TOKEN_CACHE_ENTRIES = 10_000
"""Tokens remembered as signed by us, unless the setting says otherwise: ours."""
SEALED_CACHE_ENTRIES = 20_000
"""Sealed rows kept in memory: ours."""
SEALED_CACHE_BYTES = 64 * 1024 * 1024
"""What those rows may take: ours. Values of 25 KB fill it long before there are that many entries."""
ENVELOPE_CACHE_ENTRIES = 4096
"""Unwrapped vault keys kept in memory: ours, below three kilobytes each."""
DATA_KEYS_KEPT = 2048
"""Unwrapped data keys kept in memory, of all vaults together: ours, below three kilobytes each."""
PRIVATE_KEYS_KEPT = 1024
"""Private keys in software that are kept ready for use: ours, a few kilobytes each."""
PUBLIC_KEYS_KEPT = 4096
"""Public keys that are kept ready, of RSA and of EC each: ours, about a kilobyte each."""
KEY_OPERATIONS_WAITING = 1024
"""Uses of keys that may wait for a thread; the next is answered 429: ours."""
VERSIONS_REMOVED_AT_ONCE = 1000
"""Versions of what was purged that are removed in one change, which takes some milliseconds: ours."""
KEYS_MADE_WAITING = 64
"""Keys that may wait to be made; the next is answered 429: ours. One of RSA-4096 takes a second or two."""
KEY_MEMBER_BYTES = 520
"""One member of a private key in a request: 4096 bits, and some zeros. Nothing is computed of a longer one."""
KEY_CHECK_CPU_S = 10
"""What the check of an RSA key may cost, which takes half a second where it is large: ours."""
RSA_EXPONENT_BITS = 64
"""The public exponent of an RSA key that is brought in: ours, and OpenSSL's under a large modulus."""
KEY_VALUE_BYTES = 64 * 1024
"""What a symmetric key encrypts, decrypts, wraps or unwraps at once, and the `aad` that goes with it: ours."""
RANDOM_BYTES_MAX = 128
"""Random bytes of one answer: Azure's own limit."""
PASSWORD_HASHES_AT_ONCE = 2
"""Argon2id takes 64 MiB for each: ours (security.md "Bootstrap")."""
PASSWORD_HASHES_WAITING = 16
"""Sign-ins that may wait for a hash; the next is answered 429: ours."""
HANDLE_CHARS = 4096
"""A sealed handle, such as a skip token: ours."""

ARM_BODY_BYTES = 4 * 1024 * 1024
"""A vault with 1024 access policies fits; Azure Resource Manager's own limit."""
ARM_TAGS = 50
"""Tags of an ARM resource; `TAGS` is for the objects in a vault."""
ARM_TAG_NAME_CHARS = 512
"""The name of an ARM resource's tag."""
ARM_TAG_VALUE_CHARS = 256
"""The value of an ARM resource's tag."""
RESOURCE_GROUP_NAME_CHARS = 90
"""The name of a resource group."""
DISPLAY_NAME_CHARS = 256
"""The display name of a directory object."""
ROLE_ASSIGNMENT_DESCRIPTION_CHARS = 1024
"""The description of a role assignment."""
RESOURCE_ID_CHARS = 1024
"""The ARM id of something that a request names besides its path, where rights over it are asked: ours."""
LOCKS_PER_SCOPE = 20
"""Management locks at one scope: Azure's own limit."""
LOCKS_PER_SUBSCRIPTION = 4000
"""Management locks in one subscription, its groups and resources included; every change asks them all: ours."""
LOCK_NAME_CHARS = 260
"""The name of a management lock: Azure's own limit."""
LOCK_NOTES_CHARS = 512
"""The notes of a management lock: Azure's own limit."""
LOCK_OWNERS = 20
"""The owners of a management lock: ours."""
TAG_NAMES = 1000
"""Names that a subscription suggests for tags: ours."""
TAG_NAME_VALUES = 1000
"""Values that it suggests for one of them: ours."""
MOVED_RESOURCES = 800
"""Resources in one move: Azure's own limit."""
ARM_PAGE_DEFAULT = 1000
"""Resources on one page of an ARM list, where `$top` says nothing: ours."""
ARM_PAGE_MAX = 1000
"""The most that `$top` gives: ours."""
ARM_PAGE_BYTES = 4 * 1024 * 1024
"""Where a page of an ARM list ends sooner; what is longer than that has one of its own: ours."""
FILTER_CHARS = 2048
"""An ARM `$filter`: ours."""
FILTER_TERMS = 20
"""Comparisons in the `$filter` of a generic list, each of which is made for every tag of what is listed: ours."""
ASYNC_OPERATION_S = 86_400
"""How long the outcome of an ARM operation can be asked for: ours."""

CLIENT_SECRETS_PER_APPLICATION = 50
"""Each costs a comparison at every sign-in: ours."""
CLIENT_SECRET_S = 2 * 365 * 86_400
"""What addPassword gives a secret that names no end: Graph's own default."""
SOCKET_PATH_CHARS = 103
"""The path of an identity's socket: the kernels' own limits are 107 (Linux) and 103 (macOS)."""
IDENTITY_SOCKETS = 64
"""Sockets of identities: ours. Each takes a thread of the web server's."""
RUN_S = 12 * 3600
"""How long one `run` may use what it was lent, unless it asks for less or more: ours."""
RUN_MAX_S = 86_400
"""A run's credential is short-lived (security.md "Bootstrap"): a day at most."""
CLIENT_CERTIFICATES_PER_APPLICATION = 50
"""Each costs two digests when an assertion is looked up by a thumbprint: ours."""
CLIENT_CERTIFICATE_BYTES = 16 * 1024
"""A certificate that an application registers, as it is sent: ours."""
ASSERTION_RSA_MIN_BITS = 2048
"""The smallest RSA key that assertions are checked with."""
ASSERTION_RSA_MAX_BITS = 8192
"""The largest one: ours. The work of a check grows with its square."""
ASSERTION_LEEWAY_S = 300
"""By how much the clock of whoever made an assertion may differ from ours: Entra's own five minutes."""
ASSERTION_LIFE_S = 86_400
"""How far ahead a client's own assertion may end: ours. The official clients' live ten minutes, or thirty."""
PROOF_LIFE_S = 600
"""How long the proof for addKey and removeKey is good for after it begins: Graph's own ten minutes."""
FEDERATED_CREDENTIALS_PER_APPLICATION = 20
"""Graph's own limit, and that of a managed identity in ARM."""
TRUSTED_ISSUERS = 100
"""Outside issuers that one instance trusts: ours."""
ISSUER_KEYS = 50
"""Keys in an outside issuer's key set: ours."""
ATTESTATION_LEEWAY_S = 60
"""By how much an attestation authority's clock may differ from ours: ours."""
ATTESTATION_RUNTIME_KEYS = 16
"""Keys in `x-ms-runtime` that are looked at: ours."""
TRANSFER_BLOB_BYTES = 16 * 1024
"""A transfer blob (BYOK), decoded: ours. An RSA-4096 key under an RSA-4096 one takes 4,000."""
EGRESS_BYTES = 256 * 1024
"""The answer to a request that this service sends: ours."""
EGRESS_TIME_S = 10.0
"""From the resolving of its name to the end of its answer: ours."""
EGRESS_AT_ONCE = 8
"""Requests that this service sends at the same time; others wait, within their time: ours."""
DOCUMENTS_KEPT = 256
"""Fetched documents that are kept, such as issuers' key sets: ours."""
DOCUMENT_FRESH_S = 3600
"""How long a fetched document is taken as it is: ours."""
DOCUMENT_STALE_S = 86_400
"""How long it counts if it cannot be had anew: ours."""
FETCH_PAUSE_S = 60
"""The least time between two requests for one URL, however many unknown keys are asked for: ours."""
IDENTITY_PROVIDERS = 10
"""Identity providers of one tenant: ours."""
IDENTITY_PROVIDER_SCOPES = 10
"""Scopes that are asked of one: ours."""
SUBJECT_CHARS = 255
"""The subject of an identity provider's id token: OpenID Connect's own limit."""
ID_TOKEN_LEEWAY_S = 60
"""By how much an identity provider's clock may differ from ours: ours."""
SIGN_IN_ELSEWHERE_S = 600
"""How long a person may be away at an identity provider: ours."""
SIGN_IN_ELSEWHERE_CHARS = 6 * 1024
"""What is carried there and back of a sign-in, in `state`: ours, so that the way back fits in a URL."""
POST_PAUSE_S = 5
"""How long whoever gave no answer to what was sent is left alone: ours."""
ASSERTION_S = 3600
"""How long an assertion in a run's token file lasts; it is renewed at half its life, as Kubernetes does it: ours."""
FORM_BYTES = 64 * 1024
"""A token request, an assertion included: ours."""
FORM_FIELDS = 64
"""Members of a token request: ours."""
FORM_VALUE_CHARS = 32 * 1024
"""One member of a token request: ours."""
CLAIMS_CHARS = 8 * 1024
"""The `claims` parameter of a token request: ours."""
SIGNING_KEY_SIGNS_S = 30 * 86_400
"""How long one key signs a tenant's tokens before the next one does; it is published as long before: ours."""
SIGNING_KEY_LINGERS_S = 2 * 86_400
"""How long a key is trusted after its last signature: more than any token lives."""
GRAPH_PAGE_DEFAULT = 100
"""Objects on one page of a Graph list, where `$top` says nothing."""
GRAPH_PAGE_MAX = 999
"""The largest `$top`."""
GRAPH_IDS_PER_REQUEST = 1000
"""directoryObjects/getByIds: Graph's own limit."""
USER_NAME_CHARS = 113
"""A user principal name: Entra's own limit."""
USER_DOMAIN_CHARS = 48
"""The domain in it: Entra's own limit. The instance's domain is in its first user's name."""
GRAPH_TEXT_CHARS = 1024
"""A descriptive text of a directory object; names are at most `DISPLAY_NAME_CHARS`."""
GRAPH_MEMBERS_PER_PATCH = 20
"""members@odata.bind in one request: Graph's own limit."""
GROUPS_IN_TOKEN = 200
"""Groups that a token names; of a user in more it says where to ask: Entra's own limit."""
REFRESH_TOKEN_S = 90 * 86_400
"""How long a refresh token is good if it is not used: Entra's own."""
PAGE_REFRESH_TOKEN_S = 86_400
"""How long the refresh tokens of a page are good, however often they are used: Entra's own."""
ON_BEHALF_OF_CHAIN = 8
"""Applications that act for a user one on behalf of the other: ours."""
REFRESH_GRACE_S = 60
"""How long the refresh token before the newest is good once more, for programs that share one: ours."""
AUTHORIZATION_CODE_S = 600
"""How long an authorization code is good, once: Entra's own limit."""
SIGN_IN_PAGE_S = 900
"""How long a sign-in page may be answered: ours."""
BROWSER_SESSION_S = 86_400
"""How long a person stays signed in at a browser: Entra's own default, where nobody asked to stay."""
BROWSER_SESSIONS = 8
"""People signed in at one browser at once; the one signed in longest ago is forgotten first: ours."""
DEVICE_CODE_S = 900
"""How long a device code waits for its user: Entra's own."""
DEVICE_CODE_INTERVAL_S = 5
"""How long a program that polls waits between two questions: Entra's own."""
DEVICE_CODES_WAITING = 10_000
"""Device codes that wait at once: ours."""
DEVICE_CODES_PER_SOURCE = 100
"""Of these, from one source: ours."""
SIGN_IN_FAILURES = 10
"""Wrong passwords for one user from one source until both are locked to each other: Entra's own default."""
SIGN_IN_LOCK_S = 60
"""For how long: Entra's own default."""
SIGN_IN_FAILURES_KEPT = 10_000
"""Users and sources whose failures are counted at once: ours."""
SECOND_FACTOR_FAILURES = 100
"""Wrong second factors of one user from anywhere until no more are taken for a while: NIST SP 800-63B section 5.2.2."""
SECOND_FACTOR_LOCK_S = 3600
"""For how long: ours."""
SECOND_FACTOR_PAGE_S = 900
"""How long a page on which a second factor is set up may be answered: ours."""
SECOND_FACTOR_FRESH_S = 600
"""How long ago a user who removes a second factor through Graph may have shown one: ours."""
SECOND_FACTOR_NAME_CHARS = 64
"""What a user calls a second factor: ours."""
AUTHENTICATOR_APPS_PER_USER = 5
"""Entra's own limit."""
SECURITY_KEYS_PER_USER = 10
"""Entra's own limit."""
CODE_DIGITS = 6
"""Digits of a code of an authenticator app: all that such apps show whatever they are told."""
CODE_STEP_S = 30
"""How long such an app shows a code: RFC 6238 section 5.2."""
CODE_STEPS_BESIDE = 1
"""Steps before and after the present one whose codes are taken: RFC 6238 section 5.2."""
CREDENTIAL_ID_BYTES = 1023
"""What an authenticator calls a credential: WebAuthn section 5.8.3."""
TEMPLATE_AGENT_BYTES = 256
"""The longest User-Agent of an answer whose audit record is kept for those like it: ours."""
REPEATED_CHARS = 256
"""The longest input that a refusal repeats, whatever its form: ours."""
ANSWER_LEAVES_S = 1.0
"""How long a connection that was given up stays, so that its last answer leaves: ours."""
REDIRECT_URIS = 256
"""Redirect URIs of an application on one platform: Entra's own limit."""
REDIRECT_URI_CHARS = 256
"""One redirect URI: Entra's own limit."""
MANIFEST_ENTRIES = 1200
"""Roles, scopes, permissions asked for and redirect URIs of an application together: Entra's own limit."""
OWNERS_PER_OBJECT = 100
"""Owners of one application, service principal or group: Entra's own limit for groups."""
APP_ROLES_PER_PRINCIPAL = 1500
"""App role assignments of one principal: Entra's own limit."""
GRANT_SCOPE_CHARS = 3850
"""The `scope` of a permission grant: Graph's own limit."""
DELETED_OBJECT_S = 30 * 86_400
"""How long a deleted object of the directory can be restored: Entra's own."""
GRAPH_FILTER_CLAUSES = 15
"""Comparisons in one Graph `$filter` or `$search`: Graph's own limit."""
ACCESS_POLICIES_PER_TENANT = 195
"""Conditional access policies of one tenant, whatever their state: Entra's own limit."""
NAMED_NETWORKS = 195
"""Named locations of one tenant: Entra's own limit."""
NETWORK_RANGES = 2000
"""Ranges of one named location: Entra's own limit."""
ACCESS_POLICY_NAMES = 1000
"""Principals, applications or networks in one list of a conditional access policy: ours."""
SIGN_IN_FREQUENCY_HOURS = 23
"""The longest age of a sign-in that a policy gives in hours: Entra's own."""
SIGN_IN_FREQUENCY_DAYS = 365
"""The longest one in days: Entra's own."""
SIGN_IN_SKEW_S = 300
"""How old a sign-in may be where a policy wants one every time: Entra's own five minutes."""
CONTINUOUS_TOKEN_MIN_S = 20 * 3600
"""The shortest life of a token whose client understands that it can end at any moment: see the longest."""
CONTINUOUS_TOKEN_MAX_S = 28 * 3600
"""Such tokens live 20 to 28 hours, at random (reference clients.md section 7)."""
SIGNERS_KEPT = 64
"""Signing keys loaded for use: one or two for each tenant that issues tokens."""
SIGNATURES_WAITING = 256
"""Token requests that may wait for a signature; the next is answered 429: ours."""
CALLERS_KEPT = 1024
"""Callers whose object id and groups are kept as one set: ours."""
GRANT_MEMO_ENTRIES = 4096
"""Questions to a tenant's role assignments whose answer is kept: (principals, action)."""
CONDITION_CHARS = 8192
"""A condition of a role assignment or deny assignment: Azure's own limit of 8 KB."""
CONDITION_DEPTH = 32
"""Parentheses and negations within each other in a condition: ours."""
CONDITION_EXPRESSIONS = 128
"""Comparisons and functions in one condition: ours."""
CONDITION_VALUES = 256
"""Values of one set in a condition: ours; as many GUIDs as a condition has room for."""
CONDITION_PAIRS = 2048
"""Pairs of values that the comparisons of one condition look at together: ours."""
CONDITION_CHARS_ASKED = 32 * CONDITION_CHARS
"""Conditions of assignments, and again of denials, that one question is asked of, together: what goes beyond grants
nothing, and denies. Ours."""
CONDITION_TEXT_CHARS = 1024
"""One text in a condition: ours, above the longest ARM id."""
CONDITION_NUMBER_CHARS = 18
"""One number in a condition, sign and point included: ours."""
CONDITION_MEMO_ENTRIES = 4096
"""Stored conditions that are kept ready to be asked: ours."""
NETWORKS_COMPILED = 1024
"""Named networks whose ranges are kept ready to be asked, of all tenants together: ours."""
SUBNETS_COMPILED = 2048
"""Subnets of virtual networks whose ranges that count are kept, of all tenants together: ours."""
ADDRESS_MEMO_ENTRIES = 4096
"""Addresses whose judgement by one vault's rules is kept."""
TRUSTED_OPERATIONS = 128
"""Operations that one trusted service is trusted for: ours."""
HOST_MEMO_ENTRIES = 1024
"""Host headers whose meaning is kept."""
DOMAINS_PER_TENANT = 100
"""Verified domains of one tenant: ours."""
PASSWORD_CHARS = 256
"""A user's password: Entra's own limit."""
PASSWORD_MIN_CHARS = 8
"""The shortest password that a user may have: Entra's own limit."""
PASSWORD_DAYS_MAX = 730
"""The longest that a tenant's passwords may last, unless they last for ever: Entra's own limit."""
AUDIT_BRIEF_INPUT_CHARS = 256
"""Request URI and user agent, each, in the audit entry of a request that proved nobody; cut with `…`: ours."""
AUDIT_BRIEF_SENTENCE_CHARS = 512
"""Description and reason, each, in such an entry; cut with `…`: ours."""
TRUSTED_PROXIES = 1000
"""Ranges of trusted proxies that the operator names: ours."""
FORWARDED_FOR_ENTRIES = 32
"""Addresses in one `X-Forwarded-For`: ours."""
FORWARDED_FOR_CHARS = 2048
"""The whole of that header: ours."""
PROXY_LINE_BYTES = 107
"""The header of the PROXY protocol's version 1: its own worst case."""
PROXY_BLOCK_BYTES = 4096
"""What follows the first 16 bytes of its version 2: ours."""
PROXIED_CONNECTIONS = 4096
"""Connections at once through the PROXY protocol's listener, fewer where the process may have few descriptors: ours."""
PROXIED_IDLE_S = 150.0
"""How long nothing may pass through such a connection: ours, more than `CONNECTION_IDLE_S`, which ends it in order."""
SOURCE_PREFIX_BITS = 64
"""IPv6 addresses alike in so many bits are one source: who has one of a network's addresses has them all."""
NETWORK_MAPS = 256
"""Virtual networks that are mapped to real ranges: ours."""
NETWORK_MAP_RANGES = 64
"""Ranges that one virtual network is mapped to: ours."""
ENDPOINT_LISTENERS = 64
"""Listeners of private endpoints: ours. Each takes a thread of the web server's."""
WHO_CAN_PAGE = 100
"""Principals in one page of the answer to who can do something, and the default: ours."""
WHO_CAN_EXAMINED = 5000
"""Principals that are looked at for one such page, which may be short then and have a next one: ours."""
SEED_FILE_BYTES = 4 * 1024 * 1024
"""A file that `strongroom apply` takes: ours."""
SEED_DEPTH = 32
"""How deep such a file may be nested: ours. Each level is a call, in a parser that has no limit of its own."""
TOKEN_REQUESTS_WAITING = 256
"""Requests that wait for a token (HSM) while its workers are busy; more are 429."""

# ---- rotation of keys (reference section 5.1) ------------------------------------------------------------------------

ROTATION_MARGIN_DAYS = 7
"""How far an automatic rotation is from a version's creation and from its expiry, at least."""
KEY_EXPIRY_TIME_DAYS = 28
"""How long a policy lets the versions live that rotation makes, at least."""
ROTATION_DURATION_DAYS = 36_500
"""The longest duration in a policy."""
ROTATION_RETRY_S = 60
"""How soon a rotation that failed is tried again; after every further failure it takes twice as long, up to a day."""

# ---- jobs -----------------------------------------------------------------------------------------------------------

JOB_PAUSE_S = 300.0
"""How long a job waits at most after turns that failed, unless its interval is longer."""
JOB_ASKED_S = 10.0
"""How long whoever has a job run at once waits for it to end."""
JOB_WAITING = 10_000
"""How far what waits for a job is counted: beyond it, more is only more."""
