"""The running instance, as it tells its operator about itself."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.network import Link

IDENTITY_PATH = "/msi/token"
"""The path of the managed identity endpoint, in App Service's form."""
IMDS_PATH = "/metadata/identity/oauth2/token"
"""The path of a virtual machine's metadata service, which clients know by heart."""
CLOUD_SHELL_PATH = "/oauth2/token"
"""The path of the endpoint in Cloud Shell's form: Azure's own."""
RUN_PREFIX = "/mi"
"""What stands before a run's secret in a path, for the kinds whose clients send no other secret."""
IDENTITY_PREFIX = "/identity/{client}"
"""What stands before a path to say which identity is meant, for clients that can say it in no other way."""
SOCKET_HOSTS = frozenset({"localhost", "169.254.169.254"})
"""What clients may call a socket of an identity: it has no name of its own, and no web page's name is one of these."""
ARC_PATH = "/arc/{run}/metadata/identity/oauth2/token"
"""The path of the endpoint in Arc's form. The run's id is no secret; its key file has that."""
ARC_KEY_FOLDER = "/var/opt/azcmagent/tokens"
"""Where clients on Linux look for key files, and nowhere else."""


def arc_key_file(folder: str, run: str) -> str:
    """Give the path of a run's key file. Clients demand the ending, and cut the path at a sign of equality."""
    return f"{folder}/strongroom-{run}.key"


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
    metadata: str = ""
    """`http://169.254.169.254`: the one on an address that the operator named, likewise; empty if there is none."""
    arc_key_folder: str = ARC_KEY_FOLDER
    """Where key files of Arc's form lie."""
    pki_url: str = ""
    """`http://pki.example.org`: what the private CAs write into certificates; empty if nothing answers there."""
    main: str = ""
    """`127.0.0.1:8443`: the address and port of the main listener."""
    proxy_protocol: str = ""
    """`10.0.0.5:8444`: the listener for proxies that speak the PROXY protocol; empty if there is none."""
    control_socket: str = ""
    """The path of the owner-only socket."""
    token: str = ""
    """Which token (HSM) is reached, or why none is; empty if none is configured."""
    certificate_expires: int = 0
    """When the server's certificate must have been renewed, in Unix seconds."""

    @property
    def identity_endpoint(self) -> str:
        """What `IDENTITY_ENDPOINT` is to say."""
        return self.managed_identity + IDENTITY_PATH

    def hosts_of(self, link: Link) -> frozenset[str]:
        """Give the Host by which the managed identity listener of a link must be named; none if it is no such one."""
        if link is Link.IDENTITY_SOCKET:
            return SOCKET_HOSTS
        origin = {Link.MANAGED_IDENTITY: self.managed_identity, Link.METADATA: self.metadata}.get(link, "")
        return frozenset({origin.removeprefix("http://")}) - {""}
