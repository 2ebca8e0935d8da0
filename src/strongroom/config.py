"""
Settings: each package's own, composed, from defaults, a TOML file, the environment and options, the later winning.

Owns where settings come from and that all faults are reported together. Owns no meaning: that is in the Settings of the
package concerned.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import AddressValueError, IPv4Address, ip_address
from pathlib import Path
from typing import Any

from strongroom.core.instance import ARC_KEY_FOLDER
from strongroom.core.limits import USER_DOMAIN_CHARS
from strongroom.core.mail import is_mail_address
from strongroom.core.names import azure_domain_beside, tenant_domain
from strongroom.core.outgoing import parse_networks
from strongroom.core.proxies import parse_trusted_proxies
from strongroom.flow.settings import FlowSettings

DEFAULT_DOMAIN = "localhost"
DEFAULT_PORT = 8443
DEFAULT_REGION = "local"
CONFIG_FILE = "config.toml"
ENVIRONMENT_PREFIX = "STRONGROOM_"

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# RFC 1035 section 2.3.4; with a last label of digits it would be read as an address (RFC 1123 section 2.1).
_DOMAIN = re.compile(rf"({_LABEL}\.)*(?![0-9]+$){_LABEL}")
_PORT_MAX = 65_535
_TLS = ("starttls", "implicit")
_HTTP_PORT = 80
_IPV6 = 6
_PKI_URL = re.compile(r"http://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?/?", re.ASCII)
_WORKERS_MAX = 64
_KEY_FOLDER = re.compile(r"(?:/[A-Za-z0-9._-]+)+", re.ASCII)
"""It stands in a header that clients cut at a sign of equality."""


class ConfigFault(Exception):
    """Settings that cannot be: every fault found, one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Settings:
    """An instance's settings."""

    data: Path
    """The directory that everything of the instance is in."""
    domain: str = DEFAULT_DOMAIN
    """The DNS domain that all names are under. The certificate authority is constrained to it, so it cannot change."""
    address: str = "127.0.0.1"
    """The address of the main listener, IPv4 or IPv6; `0.0.0.0` or `::` is every one."""
    port: int = DEFAULT_PORT
    """The port of the main listener, and what clients write in URLs. 0 takes a free one."""
    public_port: int = 0
    """The port that clients write in URLs where a proxy in front listens on another. 0: the main listener's own."""
    trusted_proxies: str = ""
    """Addresses and ranges of proxies in front, separated by commas: their `X-Forwarded-For` says who the client is,
    and they alone may use the PROXY protocol's listener."""
    proxy_protocol_address: str = ""
    """The address of a listener of its own for the PROXY protocol, IPv4 or IPv6. Empty: there is none."""
    proxy_protocol_port: int = 8444
    """The port of that listener. 0 takes a free one."""
    managed_identity_port: int = 0
    """The loopback port of the managed identity endpoint. 0 takes a free one."""
    metadata_address: str = ""
    """An IPv4 address of this machine, such as 169.254.169.254, for managed identity requests of users and networks
    that are mapped to identities. Empty: there is only the loopback port."""
    metadata_port: int = 80
    """The port of that address. Clients of a virtual machine's metadata service know no other than 80."""
    arc_key_folder: str = ARC_KEY_FOLDER
    """Where key files for clients of Azure Arc's form lie. The official clients look in the default alone."""
    region: str = DEFAULT_REGION
    """The location of vaults and resource groups, and what `x-ms-keyvault-region` says."""
    egress_networks: str = ""
    """Inside address ranges that the service may send requests to, separated by commas, such as an issuer's."""
    egress_ca_file: str = ""
    """A PEM file of authorities to trust for such requests, beside the public ones."""
    pkcs11_module: str = ""
    """The library (PKCS#11) of a token or HSM that keys of types ending in -HSM live in. Empty: there is none."""
    pkcs11_pin_file: str = ""
    """A file with the token's PIN, which its owner alone can read."""
    pkcs11_token: str = ""
    """The token's label or serial number, where the library has more than one."""
    pkcs11_workers: int = 2
    """How many processes use the token, each with a login of its own."""
    pkcs11_timeout_s: float = 10.0
    """How many seconds the token may take for one request; the process that waits for it is then replaced."""
    pkcs11_platform: str = "0"
    """What `hsmPlatform` says of keys in the token. It is yours to say what the token is certified as."""
    pkcs11_root_key: bool = False
    """Whether a first start has the token wrap the root key, which then opens with the token alone."""
    pki_listen: str = ""
    """The address and port, such as `0.0.0.0:80`, of a plain listener for what anybody may have of the private CAs
    (lists of revoked certificates, OCSP, CA certificates), and for ACME's http-01. Empty: there is none."""
    pki_url: str = ""
    """How that listener is reached, such as `http://pki.example.org`: the URL that goes into certificates. Empty:
    `http://pki.` and the domain, with the port unless it is 80."""
    smtp_server: str = ""
    """The host of the mail server that letters to the contacts of certificates are given to. Empty: nobody is written
    to."""
    smtp_port: int = 0
    """Its port. 0: 587, or 465 where TLS is there from the first byte."""
    smtp_tls: str = "starttls"
    """How the connection to it is protected: `starttls`, or `implicit` for TLS from the first byte."""
    smtp_from: str = ""
    """The address that letters come from."""
    smtp_user: str = ""
    """The user to sign in to the mail server as. Empty: nobody signs in."""
    smtp_password_file: str = ""
    """A file with that user's password, which its owner alone can read."""
    stop_grace_s: float = 10.0
    """How many seconds requests that are under way have to finish when the service is told to stop."""
    flow: FlowSettings = field(default_factory=FlowSettings)
    """What an operator may set about the flow."""

    @property
    def url_port(self) -> int:
        """The port that clients write in their URLs."""
        return self.public_port or self.port

    @property
    def pki_end(self) -> tuple[str, int] | None:
        """The address and port of the plain listener of the private CAs, if there is one."""
        return parse_listen(self.pki_listen) if self.pki_listen else None

    @property
    def pki_base(self) -> str:
        """The URL that the private CAs write into certificates, with no slash at its end; empty if nothing listens."""
        if not self.pki_listen:
            return ""
        port = parse_listen(self.pki_listen)[1]
        return self.pki_url.rstrip("/") or f"http://pki.{self.domain}" + ("" if port == _HTTP_PORT else f":{port}")

    @property
    def database(self) -> Path:
        """The embedded store's file."""
        return self.data / "strongroom.db"

    @property
    def root_key(self) -> Path:
        """The root key's file: development protection."""
        return self.data / "root.key"

    @property
    def ca_file(self) -> Path:
        """The instance's CA certificate, for clients that use its own names."""
        return self.data / "ca.pem"

    @property
    def certificate_files(self) -> tuple[Path, Path]:
        """The server's certificate and its private key."""
        return self.data / "server.pem", self.data / "server.key"

    @property
    def anchor(self) -> Path:
        """How far the store had come: `strongroom.app.anchor`."""
        return self.data / "anchor"

    @property
    def first_secrets(self) -> Path:
        """Where a first start without a terminal puts the secrets that it shows once."""
        return self.data / "first-secrets.json"

    @property
    def control_socket(self) -> Path:
        """The owner-only Unix socket."""
        return self.data / "control.sock"

    @property
    def run_file(self) -> Path:
        """What runs, while it runs."""
        return self.data / "run.json"

    @property
    def journal(self) -> Path:
        """The audit journal's directory."""
        return self.data / "audit"


_TYPES: Mapping[str, type] = {
    "domain": str,
    "address": str,
    "port": int,
    "public_port": int,
    "trusted_proxies": str,
    "proxy_protocol_address": str,
    "proxy_protocol_port": int,
    "managed_identity_port": int,
    "metadata_address": str,
    "metadata_port": int,
    "arc_key_folder": str,
    "region": str,
    "egress_networks": str,
    "egress_ca_file": str,
    "pkcs11_module": str,
    "pkcs11_pin_file": str,
    "pkcs11_token": str,
    "pkcs11_workers": int,
    "pkcs11_timeout_s": float,
    "pkcs11_platform": str,
    "pkcs11_root_key": bool,
    "pki_listen": str,
    "pki_url": str,
    "smtp_server": str,
    "smtp_port": int,
    "smtp_tls": str,
    "smtp_from": str,
    "smtp_user": str,
    "smtp_password_file": str,
    "stop_grace_s": float,
}
DERIVED = frozenset({"region"})
"""Settings of the flow that are the instance's own, and cannot be set to something else."""
_FLOW_TYPES: Mapping[str, type] = {
    f.name: {"int": int, "float": float, "str": str, "bool": bool}[str(f.type)]
    for f in fields(FlowSettings)
    if f.name not in DERIVED
}


def default_data_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Find the per-user data directory of the platform."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "strongroom"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "strongroom"
    base = environment.get("XDG_DATA_HOME")
    # The base directory specification: a relative path is to be ignored.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / "strongroom"


def load(
    data: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """
    Compose the settings of an instance. An override of None counts as not given.

    Raises:
        ConfigFault: with every fault found.
    """
    faults: list[str] = []
    directory = (data or _environment_path(environment) or default_data_directory(environment)).expanduser().absolute()
    values: dict[str, Any] = {}
    flow: dict[str, Any] = {}
    _take(_read_file(directory / CONFIG_FILE, faults), values, flow, CONFIG_FILE, faults)
    _take(_read_environment(environment, faults), values, flow, "the environment", faults)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    _take(given, values, flow, "the options", faults)
    _judge(values, faults)
    faults.extend(
        f"{name} under [flow] must be more than 0."
        for name, value in flow.items()
        if type(value) in {int, float} and value <= 0
    )
    if faults:
        raise ConfigFault(faults)
    flow["region"] = values.get("region", DEFAULT_REGION)
    return Settings(data=directory, flow=FlowSettings(**flow), **values)


def _environment_path(environment: Mapping[str, str]) -> Path | None:
    text = environment.get(ENVIRONMENT_PREFIX + "DATA")
    return Path(text) if text else None


def _read_file(path: Path, faults: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        faults.append(f"{path} cannot be read: {error}")
        return {}


def _read_environment(environment: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    """Read `STRONGROOM_PORT=8443`, and `STRONGROOM_FLOW_BODY_TIME_S=…` for the flow's."""
    values: dict[str, Any] = {}
    flow: dict[str, Any] = {}
    for name, types, into in (("", _TYPES, values), ("FLOW_", _FLOW_TYPES, flow)):
        for setting, kind in types.items():
            variable = f"{ENVIRONMENT_PREFIX}{name}{setting.upper()}"
            text = environment.get(variable)
            if text is None:
                continue
            try:
                into[setting] = _parse(text, kind)
            except ValueError:
                faults.append(f"{variable} must be {_A[kind]}, not {text!r}.")
    if flow:
        values["flow"] = flow
    return values


_A: Mapping[type, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _parse(text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise ValueError(text)
        return text.lower() in {"true", "1"}
    return kind(text)


def _take(
    given: Mapping[str, Any], values: dict[str, Any], flow: dict[str, Any], where: str, faults: list[str]
) -> None:
    for name, value in given.items():
        if name == "flow" and isinstance(value, Mapping):
            _take_typed(value, _FLOW_TYPES, flow, f"{where} [flow]", faults)
        else:
            _take_typed({name: value}, _TYPES, values, where, faults)


def _take_typed(
    given: Mapping[str, Any], types: Mapping[str, type], into: dict[str, Any], where: str, faults: list[str]
) -> None:
    for name, value in given.items():
        kind = types.get(name)
        if kind is None:
            faults.append(f"{where}: there is no setting {name!r}. There are: {', '.join(sorted(types))}.")
        elif kind is float and isinstance(value, int) and not isinstance(value, bool):
            into[name] = float(value)
        elif type(value) is not kind:
            faults.append(f"{where}: {name} must be {_A[kind]}.")
        else:
            into[name] = value


def _judge(values: dict[str, Any], faults: list[str]) -> None:
    if "domain" in values:
        values["domain"] = values["domain"].lower().rstrip(".")
        _judge_domain(values["domain"], faults)
    _judge_address("address", values.get("address", "127.0.0.1"), faults)
    _judge_metadata_address(values.get("metadata_address", ""), faults)
    _judge_token(values, faults)
    _judge_mail(values, faults)
    _judge_pki(values.get("pki_listen", ""), values.get("pki_url", ""), faults)
    _judge_proxies(values.get("trusted_proxies", ""), values.get("proxy_protocol_address", ""), faults)
    for name in ("port", "public_port", "proxy_protocol_port", "managed_identity_port", "metadata_port", "smtp_port"):
        port = values.get(name, 0)
        if not 0 <= port <= _PORT_MAX:
            faults.append(f"{name} must be between 0 and {_PORT_MAX}, not {port}.")
    try:
        parse_networks(values.get("egress_networks", ""))
    except ValueError as error:
        faults.append(f"egress_networks: {error}.")
    ca_file = values.get("egress_ca_file", "")
    if ca_file and not Path(ca_file).is_file():
        faults.append(f"egress_ca_file: there is no file {ca_file!r}.")
    folder = values.get("arc_key_folder", ARC_KEY_FOLDER)
    if _KEY_FOLDER.fullmatch(folder) is None:
        faults.append("arc_key_folder must be an absolute path of letters, digits and the signs / . _ - alone.")
    if values.get("stop_grace_s", 1.0) <= 0:
        faults.append("stop_grace_s must be more than 0.")


def _judge_domain(domain: str, faults: list[str]) -> None:
    if _DOMAIN.fullmatch(domain) is None:
        faults.append(f"domain must be a DNS name, not {domain!r}.")
    elif (azure := azure_domain_beside(domain)) is not None:
        faults.append(f"domain cannot be {domain!r}: Azure's own names are below it or above it ({azure}).")
    elif (size := len(tenant_domain(domain))) > USER_DOMAIN_CHARS:
        faults.append(f"domain is too long: users' names have {size} characters after the @, of {USER_DOMAIN_CHARS}.")


def _judge_address(name: str, address: str, faults: list[str]) -> None:
    try:
        ip_address(address)
    except ValueError:
        faults.append(f"{name} must be an IP address, not {address!r}.")


def _judge_token(values: Mapping[str, Any], faults: list[str]) -> None:
    module, pin_file = values.get("pkcs11_module", ""), values.get("pkcs11_pin_file", "")
    if module and not Path(module).is_file():
        faults.append(f"pkcs11_module: there is no file {module!r}.")
    if module and not pin_file:
        faults.append("pkcs11_module wants pkcs11_pin_file: the token is not opened without its PIN.")
    if not module and (pin_file or values.get("pkcs11_root_key", False)):
        faults.append("pkcs11_pin_file and pkcs11_root_key want pkcs11_module: there is no token without it.")
    if not 1 <= values.get("pkcs11_workers", 1) <= _WORKERS_MAX:
        faults.append(f"pkcs11_workers must be between 1 and {_WORKERS_MAX}.")
    if values.get("pkcs11_timeout_s", 1.0) <= 0:
        faults.append("pkcs11_timeout_s must be more than 0.")


def parse_listen(text: str) -> tuple[str, int]:
    """
    Read an address with a port, `10.1.2.3:80` or `[::]:80`.

    Raises:
        ValueError: it is none.
    """
    address, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_MAX):
        raise ValueError(text)
    is_bracketed = address.startswith("[") and address.endswith("]")
    found = ip_address(address[1:-1] if is_bracketed else address)
    if is_bracketed != (found.version == _IPV6):
        raise ValueError(text)
    return str(found), int(port)


def _judge_pki(listen: str, url: str, faults: list[str]) -> None:
    if listen:
        try:
            parse_listen(listen)
        except ValueError:
            faults.append(f"pki_listen must be an IP address and a port, such as 0.0.0.0:80, not {listen!r}.")
    elif url:
        faults.append("pki_url wants pki_listen: nothing else answers at it.")
    if url and _PKI_URL.fullmatch(url) is None:
        # Whoever checks a certificate would need another certificate to check that one by.
        faults.append(f"pki_url must be http://, a host and a port, without a path, not {url!r}.")


def _judge_mail(values: Mapping[str, Any], faults: list[str]) -> None:
    server, sender = values.get("smtp_server", ""), values.get("smtp_from", "")
    if server and _DOMAIN.fullmatch(server.lower()) is None and not _is_address(server):
        faults.append("smtp_server must be a host's name or address.")
    if server and not is_mail_address(sender):
        faults.append("smtp_server wants smtp_from: the address that letters come from.")
    if not server and any(values.get(name) for name in ("smtp_from", "smtp_user", "smtp_password_file")):
        faults.append("smtp_from, smtp_user and smtp_password_file want smtp_server: there is no mail without it.")
    if values.get("smtp_tls", "starttls") not in _TLS:
        faults.append(f"smtp_tls must be one of {', '.join(_TLS)}.")
    if bool(values.get("smtp_user", "")) != bool(values.get("smtp_password_file", "")):
        faults.append("smtp_user and smtp_password_file want each other: who signs in does so with a password.")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _judge_metadata_address(text: str, faults: list[str]) -> None:
    """Plain HTTP that gives out tokens is offered on an address that somebody chose, never on every one there is."""
    if not text:
        return
    try:
        address = IPv4Address(text)
    except AddressValueError:
        faults.append(f"metadata_address must be an IPv4 address, not {text!r}.")
    else:
        if address.is_unspecified or address.is_multicast:
            faults.append("metadata_address must be one address of this machine, not every one.")


def _judge_proxies(trusted: str, address: str, faults: list[str]) -> None:
    try:
        parse_trusted_proxies(trusted)
    except ValueError as error:
        faults.append(f"trusted_proxies: {error}.")
    if not address:
        return
    _judge_address("proxy_protocol_address", address, faults)
    if not trusted.replace(",", " ").split():
        faults.append("proxy_protocol_address wants trusted_proxies: nobody else may use that listener.")
