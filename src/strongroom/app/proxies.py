"""The PROXY protocol's listener in the service: the one that proxies connect to, and the web server's behind it."""

from __future__ import annotations

from strongroom.app.data_directory import InstanceFault
from strongroom.app.dispatch import Dispatcher
from strongroom.config import Settings
from strongroom.core import limits
from strongroom.core.network import Link
from strongroom.core.proxies import TrustedProxies
from strongroom.http.asgi import Listener
from strongroom.http.connections import DescriptorLimit
from strongroom.http.message import End
from strongroom.http.proxy_listener import LOOPBACK, ProxyListener

_DESCRIPTORS = 6
"""A relayed connection has three descriptors here, and all of them together may use half of what there is; as many that
were ended for others have two at most."""


class ProxyProtocol:
    """
    Both listeners, opened and closed as one.

        made --open()--> proxies are served --close(grace_s)--> closed
    """

    def __init__(
        self, settings: Settings, dispatcher: Dispatcher, trusted: TrustedProxies, descriptors: DescriptorLimit
    ) -> None:
        self._outer = ProxyListener(
            settings.proxy_protocol_address,
            settings.proxy_protocol_port,
            trusted,
            min(limits.PROXIED_CONNECTIONS, descriptors.working // _DESCRIPTORS),
        )
        self.inner = Listener(
            dispatcher.handle,
            dispatcher.refuse,
            Link.PUBLIC,
            LOOPBACK,
            certificate=settings.certificate_files,
            peer_of=self._outer.peer_of,
        )
        """The web server's, whose certificate is renewed as the main listener's is."""
        self._outer.was_answered = self._was_answered

    def _was_answered(self, end: End) -> bool:
        known = self.inner.requests.last(end)
        return known is not None and known[1]

    @property
    def address(self) -> str:
        """Say where proxies connect to."""
        address = self._outer.address
        return f"[{address}]:{self._outer.port}" if ":" in address else f"{address}:{self._outer.port}"

    async def open(self) -> None:
        """
        Listen.

        Raises:
            InstanceFault: the address cannot be had.
        """
        try:
            await self.inner.open()
            self._outer.open(self.inner.port)
        except OSError as error:
            raise InstanceFault(
                f"The service cannot listen: {error.strerror or error}. It is proxy_protocol_address with"
                " proxy_protocol_port: this machine must have that address, and nobody else the port."
            ) from error

    async def close(self, grace_s: float) -> None:
        """Stop accepting at once, let requests under way finish for *grace_s* seconds, then end what is left."""
        await self._outer.stop_accepting()
        await self.inner.close(grace_s)
        await self._outer.close(limits.ANSWER_LEAVES_S)
