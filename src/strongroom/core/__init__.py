"""
Values and rules: what the words of the specification mean, and what follows from them.

Owns every frozen value that layers above exchange, and every rule that can be decided from values alone. Owns no clock,
no chance, no socket, no file and nothing asynchronous: time and chance are arguments. Standard library only.
"""
