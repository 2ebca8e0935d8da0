"""
Wiring: settings become adapters, adapters a World, the World one application for each listener.

Owns which implementation stands behind each protocol, which host is which surface, the listeners, and the life of the
process. Owns no step of a request and no rule.

    first_start --> data directory, root key, store, CA, first principals
    serve       --> open everything, listen, run.json says ready, jobs ... signal --> stop accepting, finish, close
"""

from strongroom.app.data_directory import NotInitialised
from strongroom.app.instance import open_instance
from strongroom.app.service import serve

__all__ = ["NotInitialised", "open_instance", "serve"]
