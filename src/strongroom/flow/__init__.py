"""
The flow: what happens to every request, in one order, each step refusing or leaving evidence.

    connection -> operation -> challenge -> firewall -> authentication -> authorization -> throttle -> handler
               -> audit -> response

`serve` is that order. Owns the steps, the `Op` row, and the `Call` a handler gets; owns no operation: those are rows of
the surfaces' tables. Only `authentication` makes a `Caller`, only `authorization` makes a `Permit`.
"""
