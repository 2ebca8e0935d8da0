"""
One login to a token, and the calls that are made of it. The only module that speaks the binding's language.

A refusal leaves some libraries with an operation that is still active, and every later one refused; so after a refusal
the session is replaced. The new one is opened before the old one is closed, because the login is the token's for as
long as one session is open. Session objects, which are temporary, die with the old one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import PyKCS11
from PyKCS11 import LowLevel

from strongroom.crypto.keys.pkcs11 import refusals
from strongroom.crypto.keys.pkcs11.refusals import TokenRefusal

Template = list[tuple[int, Any]]
Handle = Any
"""An object's handle, as the binding has it."""

_HANDLES = 4096


class Session:
    """A login. Not for threads: a worker has one, and asks it one thing at a time."""

    def __init__(self, module: str, token: str, pin: bytes) -> None:
        self._library = PyKCS11.PyKCS11Lib()
        try:
            self._library.load(module)
        except PyKCS11.PyKCS11Error:
            text = f"The PKCS#11 library {module} cannot be loaded, or finds nothing that it is set up for."
            raise TokenRefusal(refusals.UNAVAILABLE, text, "module") from None
        self._handles: OrderedDict[tuple[int, bytes], Handle] = OrderedDict()
        with self._translated():
            self._slot, self.info = self._find(token)
            self.in_hardware = bool(self._library.getSlotInfo(self._slot).flags & LowLevel.CKF_HW_SLOT)
            """Whether the token is a device. One that is not is a program in this very process."""
            self._session = self._open()
            self._session.login(pin.decode())
            self.mechanisms = frozenset(self._library.getMechanismList(self._slot))

    # ---- calls ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PyKCS11.PyKCS11Error as error:
            name = str(PyKCS11.CKR.get(error.value, error.value))
            kind, text = refusals.meaning(name)
            raise TokenRefusal(kind, text, name) from None

    @contextmanager
    def calling(self) -> Iterator[Any]:
        """
        Give the binding's session for one call or several.

        Raises:
            TokenRefusal: the token refused. The session is a new one by then, unless the token is gone.
        """
        try:
            with self._translated():
                yield self._session
        except TokenRefusal as refusal:
            if refusal.kind != refusals.GONE:
                self._renew()
            raise

    def _renew(self) -> None:
        """
        Go on with a new session, if the token is still there.

        Raises:
            TokenRefusal: it is gone.
        """
        self._handles.clear()
        try:
            self._library.getTokenInfo(self._slot)
            old, self._session = self._session, self._open()
            old.closeSession()
        except PyKCS11.PyKCS11Error as error:
            name = str(PyKCS11.CKR.get(error.value, error.value))
            raise TokenRefusal(refusals.GONE, refusals.UNREACHABLE_TEXT, name) from None

    def _open(self) -> Any:
        return self._library.openSession(self._slot, LowLevel.CKF_SERIAL_SESSION | LowLevel.CKF_RW_SESSION)

    def _find(self, wanted: str) -> tuple[int, Any]:
        """
        Find the token by its label or serial number, or the only one.

        Raises:
            TokenRefusal: there is none, or more than one.
        """
        found = []
        for slot in self._library.getSlotList(tokenPresent=True):
            info = self._library.getTokenInfo(slot)
            if info.flags & LowLevel.CKF_TOKEN_INITIALIZED and wanted in {
                "",
                info.label.strip(),
                info.serialNumber.strip(),
            }:
                found.append((slot, info))
        if len(found) == 1:
            return found[0]
        which = f" {wanted!r}" if wanted else ""
        text = f"There is no token{which}." if not found else f"There is more than one token{which}: set pkcs11_token."
        raise TokenRefusal(refusals.GONE if not found else refusals.UNAVAILABLE, text, "token")

    # ---- objects ----------------------------------------------------------------------------------------------------

    def find(self, object_class: int, *, key_id: bytes) -> Handle:
        """
        Give the object of a class with this CKA_ID.

        Raises:
            TokenRefusal: there is none.
        """
        known = self._handles.get((object_class, key_id))
        if known is not None:
            return known
        with self.calling() as session:
            found = session.findObjects([(LowLevel.CKA_CLASS, object_class), (LowLevel.CKA_ID, key_id)])
        if not found:
            # Nor is there anything to be found in a token that was pulled out.
            self._renew()
            raise TokenRefusal(refusals.UNAVAILABLE, refusals.KEY_GONE_TEXT, refusals.NO_OBJECT)
        self._handles[object_class, key_id] = found[0]
        if len(self._handles) > _HANDLES:
            self._handles.popitem(last=False)
        return found[0]

    def find_all(self, template: Template) -> list[Handle]:
        """Give every object that fits."""
        with self.calling() as session:
            return list(session.findObjects(template))

    def attribute(self, handle: Handle, attribute: int) -> bytes:
        """Read an attribute that is bytes; empty where the token has none."""
        with self.calling() as session:
            value = session.getAttributeValue(handle, [attribute])[0]
        return bytes(value) if value else b""

    def attribute_number(self, handle: Handle, attribute: int) -> int:
        """Read an attribute that is a number."""
        with self.calling() as session:
            return int(session.getAttributeValue(handle, [attribute])[0])

    def create(self, template: Template) -> Handle:
        """Make an object of what it consists of."""
        with self._making(template) as session:
            return session.createObject(template)

    def generate(self, template: Template, mechanism: Any) -> Handle:
        """Make a secret key."""
        with self._making(template) as session:
            return session.generateKey(template, mechanism)

    def generate_pair(self, public: Template, private: Template, mechanism: Any) -> tuple[Handle, Handle]:
        """Make a key pair."""
        with self._making(private) as session:
            made: Sequence[Handle] = session.generateKeyPair(public, private, mechanism)
        return made[0], made[1]

    def wrap(self, under: Handle, key: Handle, mechanism: Any) -> bytes:
        """Wrap a key."""
        with self.calling() as session:
            return bytes(session.wrapKey(under, key, mechanism))

    def unwrap(self, under: Handle, wrapped: bytes, template: Template, mechanism: Any) -> Handle:
        """Unwrap a key into the token."""
        with self._making(template) as session:
            return session.unwrapKey(under, wrapped, template, mechanism)

    def derive(self, base: Handle, template: Template, mechanism: Any) -> Handle:
        """Derive a key."""
        with self.calling() as session:
            return session.deriveKey(base, template, mechanism)

    def destroy(self, handle: Handle) -> None:
        """Delete an object."""
        with self.calling() as session:
            session.destroyObject(handle)

    @contextmanager
    def _making(self, template: Template) -> Iterator[Any]:
        """
        Give the binding's session to make an object.

        SoftHSM counts the changes of a token. A process that makes an object before it has seen what another one made
        takes that change for its own, and never sees the object; so it is to look first.
        """
        with self.calling() as session:
            if (LowLevel.CKA_TOKEN, True) in template:
                session.findObjects([(LowLevel.CKA_ID, b"\0")])
            yield session

    def destroy_all(self, key_id: bytes) -> bool:
        """Delete every object with this CKA_ID; tell whether a private part was among them."""
        if not key_id:
            # That would be every object without one, and keys that wrap others are.
            msg = "no CKA_ID"
            raise ValueError(msg)
        for known in [known for known in self._handles if known[1] == key_id]:
            del self._handles[known]
        had_private = False
        for handle in self.find_all([(LowLevel.CKA_ID, key_id)]):
            had_private |= self.attribute_number(handle, LowLevel.CKA_CLASS) != LowLevel.CKO_PUBLIC_KEY
            self.destroy(handle)
        return had_private

    @contextmanager
    def passing(self, handle: Handle) -> Iterator[Handle]:
        """Delete a temporary object at the end. A refusal within deletes it with its session."""
        try:
            yield handle
        except TokenRefusal:
            raise
        except BaseException:
            self.destroy(handle)
            raise
        self.destroy(handle)

    # ---- use --------------------------------------------------------------------------------------------------------
    # With a buffer that is large enough, one call does what the binding's own methods do in two; and a second call with
    # an empty buffer would be taken for the question how long the answer is, with no tag looked at.

    def sign(self, key: Handle, data: bytes, mechanism: Any, size: int) -> bytes:
        """Sign."""
        with self.calling() as session:
            given, answer = PyKCS11.ckbytelist(data), PyKCS11.ckbytelist(bytes(size))
            _check(session.lib.C_SignInit(session.session, mechanism.to_native(), key))
            _check(session.lib.C_Sign(session.session, given, answer))
            return bytes(answer)

    def encrypt(self, key: Handle, plaintext: bytes, mechanism: Any) -> bytes:
        """Encrypt."""
        with self.calling() as session:
            if not plaintext:
                # The binding gives an empty plaintext as no plaintext, which is refused; in parts there need be none.
                session.encryptInit(mechanism, key)
                return bytes(session.encryptFinal())
            given, answer = PyKCS11.ckbytelist(plaintext), PyKCS11.ckbytelist(bytes(len(plaintext) + 32))
            _check(session.lib.C_EncryptInit(session.session, mechanism.to_native(), key))
            _check(session.lib.C_Encrypt(session.session, given, answer))
            return bytes(answer)

    def decrypt(self, key: Handle, ciphertext: bytes, mechanism: Any) -> bytes:
        """
        Decrypt.

        Raises:
            TokenRefusal: its kind is `UNDECRYPTABLE` where the token took the mechanism and refused the ciphertext.
        """
        with self.calling() as session:
            given, answer = PyKCS11.ckbytelist(ciphertext), PyKCS11.ckbytelist(bytes(len(ciphertext) + 32))
            _check(session.lib.C_DecryptInit(session.session, mechanism.to_native(), key))
            code = session.lib.C_Decrypt(session.session, given, answer)
            name = str(PyKCS11.CKR.get(code, code))
            if code != LowLevel.CKR_OK and refusals.meaning(name)[0] not in {refusals.GONE, refusals.PIN}:
                # Which of the codes it is differs from vendor to vendor, and is a caller's to guess from nothing.
                raise TokenRefusal(refusals.UNDECRYPTABLE, "", name)
            _check(code)
            return bytes(answer)


def _check(code: int) -> None:
    if code != LowLevel.CKR_OK:
        raise PyKCS11.PyKCS11Error(code)
