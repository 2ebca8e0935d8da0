"""
Keys in a token (PKCS#11): an HSM, or a program that behaves like one.

    token_keys   TokenKeys: the KeyProtection in the service
    workers      Workers: the processes that it asks, and the line in front of them
    process      one of those processes, as the service has it
    wire         what the service and a worker say to each other
    worker       a process of its own, which alone loads the vendor's library
    session      one login to the token, and its calls
    operations   what the service asks for, made of those calls
    mechanisms   which of them the token has, and which must be made of others
    root_key     the instance's root key, wrapped by a key in the token
    refusals     what a token's refusals mean

The vendor's library runs in the worker alone: what crashes there, or hangs, takes nothing else with it, and the
service's own memory is not the library's to read.
"""
