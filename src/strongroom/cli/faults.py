"""What the layers below cannot do, told as the end of a command: for those that open an instance themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.cli.outcome import Exit, Halt


@contextmanager
def halting() -> Iterator[None]:
    """
    Turn the faults of an instance, its settings and its files into `Halt`.

    Each says what is wrong and what to do. Anything else is a defect of ours and keeps its traceback.
    """
    from strongroom.app.data_directory import InstanceFault, NotInitialised  # noqa: PLC0415  the caller has loaded it
    from strongroom.config import ConfigFault  # noqa: PLC0415  as above
    from strongroom.core.errors import Tampered  # noqa: PLC0415  as above
    from strongroom.crypto.protocol import RootKeyUnusable  # noqa: PLC0415  as above
    from strongroom.journal import JournalUnavailable  # noqa: PLC0415  as above
    from strongroom.store.protocol import StoreFailed, StoreTooNew  # noqa: PLC0415  as above

    try:
        yield
    except ConfigFault as fault:
        raise Halt("these settings cannot be:\n  " + "\n  ".join(fault.faults), Exit.USAGE) from None
    except NotInitialised as fault:
        raise Halt(str(fault), Exit.NOT_RUNNING) from None
    except (InstanceFault, RootKeyUnusable, StoreFailed, StoreTooNew) as fault:
        raise Halt(str(fault)) from None
    except Tampered as fault:
        raise Halt(f"the store is not as it was written under this root key: {fault}") from None
    except JournalUnavailable as fault:
        raise Halt(str(fault)) from None
    except PermissionError as fault:
        raise Halt(f"{fault.filename} is not yours to use: run this as the user who owns the data directory") from None
    except OSError as fault:
        if fault.filename is None:
            raise
        raise Halt(f"{fault.filename} cannot be used: {fault.strerror}") from None
