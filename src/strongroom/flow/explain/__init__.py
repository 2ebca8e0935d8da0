"""
Explanations: what the flow would decide of a request that nobody made, and why (ADR 0016).

    question --the flow's own steps, on a supposed caller--> explanation --what changes a step's answer--> remedies
    operation, object --asked for each principal of the tenant-----------> who can, and through what

Owns no rule: every answer is what `routes`, `firewall`, `authentication` and `authorization` say, or the refusal that
they raise. An explanation is about rights, so it never looks at an object, and makes nothing that a handler could use.
"""
