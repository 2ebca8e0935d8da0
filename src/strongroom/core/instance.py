"""The running instance, as it tells its operator about itself."""

from __future__ import annotations

from dataclasses import dataclass

IDENTITY_PATH = "/msi/token"
"""The path of the managed identity endpoint, in App Service's form."""


@dataclass(slots=True)
class Instance:
    """
    What runs where. `strongroom.app` fills it in once the listeners are bound, and then says that it is ready.

    It holds addresses and facts for people and programs on this machine, and no secret.
    """

    pid: int = 0
    version: str = ""
    ready: bool = False
    managed_identity: str = ""
    """`http://127.0.0.1:PORT`: the managed identity listener, as its clients must name it in Host."""
    main: str = ""
    """`127.0.0.1:8443`: the address and port of the main listener."""
    control_socket: str = ""
    """The path of the owner-only socket."""
    certificate_expires: int = 0
    """When the server's certificate must have been renewed, in Unix seconds."""

    @property
    def identity_endpoint(self) -> str:
        """What `IDENTITY_ENDPOINT` is to say."""
        return self.managed_identity + IDENTITY_PATH
