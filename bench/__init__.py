"""
The benchmark: `make bench`.

It measures Strongroom against limits that are taken in the same run on the same machine (the bare server, a raw disk
flush, the signature itself): a ratio means the same everywhere, and a number of requests per second means nothing.
"""
