"""The limits of templates and of their deployments."""

TEMPLATE_RESOURCES = 800
"""Resources of one template, copies counted: Azure's own limit."""
TEMPLATE_PARAMETERS = 256
"""Parameters of one template: Azure's own limit."""
TEMPLATE_VARIABLES = 512
"""Variables of one template: Azure's own limit."""
TEMPLATE_OUTPUTS = 64
"""Outputs of one template: Azure's own limit."""
TEMPLATE_EXPRESSION_CHARS = 24_576
"""One template expression: Azure's own limit."""
TEMPLATE_EXPRESSION_DEPTH = 64
"""Calls within calls in one template expression, and members of members: ours."""
TEMPLATE_COPIES = 800
"""Iterations of one copy loop: Azure's own limit."""
TEMPLATE_PAD_CHARS = 1024
"""How long `padLeft` and a format make a text: ours."""
TEMPLATE_WORK = 500_000
"""Steps that the evaluation of one template may take, each a node of an expression or a value, a character that is
read as an expression, or 32 others: ours, about a second."""
TEMPLATE_VALUE_DEPTH = 64
"""How deep a value that a template makes may be nested: ours."""
TEMPLATE_SECURE_TEXTS = 256
"""Texts in the secure parameters of one deployment, or in its secure outputs: ours. Each is looked for in all that is
kept."""
TEMPLATE_NESTING = 5
"""Deployments within each other: Azure's own limit of nested templates."""
TEMPLATES_AT_ONCE = 2
"""Templates that are evaluated at the same time: ours. Others wait for their turn."""
TEMPLATES_WAITING = 32
"""Requests with a template that are worked on or wait for their turn; more are answered 429: ours. Each may hold
megabytes."""
TEMPLATES_WAITING_OF_ONE = 8
"""Those of one caller: ours."""
DEPLOYMENT_NAME_CHARS = 64
"""The name of a deployment: Azure's own limit."""
DEPLOYMENTS_KEPT = 800
"""Deployments that one scope remembers; the oldest that is over goes first: Azure's own limit."""
DEPLOYMENTS_RUNNING = 16
"""Deployments of one tenant that run at once, those within others not counted; the next is answered 429: ours."""
DEPLOYMENTS_RUNNING_OF_ONE = 8
"""Those of one caller, so that nobody keeps all others from deploying: ours."""
DEPLOYMENT_RESOURCES = 4_000
"""Resources of one deployment and of all that are within it: ours."""
DEPLOYMENT_RESOURCES_AT_ONCE = 4
"""Resources that one deployment puts at once: ours."""
DEPLOYMENT_KEPT_BYTES = 64 * 1024
"""The template of a deployment, its parameters, what waits for what in it, and its outputs together, each as they are
kept with it; what is longer is not: ours."""
DEPLOYMENT_STOP_S = 2.0
"""How long a service that stops waits for what its deployments have begun: ours."""
