"""
The flow: what happens to every request, in one order, each step refusing or leaving evidence.

    connection -> operation -> challenge -> firewall -> authentication -> authorization -> throttle -> handler
               -> audit -> response

`serve` is that order. Owns the steps, the `Op` row, and the `Call` a handler gets; owns no operation: those are rows of
the surfaces' tables. Only `authentication` makes a `Caller`, only `authorization` makes a `Permit`.

`explain` asks the steps about a caller who is only supposed, and `guardrails` is for handlers: what the operator wants
of any change to a vault or in it.

`device_codes` and `lockout` are here as `throttle` and `quota` are: what one request leaves in memory for the next, by
way of the `World`, whichever step or handler asks. None of it is durable, so strangers cannot fill the store.
"""
