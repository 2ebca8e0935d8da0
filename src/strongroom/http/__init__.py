"""
HTTP: requests, responses, routing, JSON, paging, and how each dialect says no.

Owns the form of messages and nothing of what they mean. `asgi` is the only file that knows the web server.
"""
