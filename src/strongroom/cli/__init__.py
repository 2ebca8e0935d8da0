"""
The command line: what a person or a script types, and how it ends.

Owns the commands, their options and exit codes, and everything `run` does on the caller's machine: the relay in which
TLS for Azure's names ends, the child's environment and its trust. Owns no data and no rule: `serve`, `init`, `verify`
hand over to `strongroom.app`; commands of administration ask the running service over its owner-only control socket;
`remote`, `seed` and `transfer` ask its public API as whoever signed in; `doctor` looks, and changes nothing.

`main` imports nothing but the command that was asked for: `serve` starts fast because it loads no parser and no tables.
"""
