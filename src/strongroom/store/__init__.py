"""
Storage: one asynchronous protocol, one conformance suite, a backend per database.

Owns rows, transactions, tags and sealed counts, the change feed, leases, migrations. Owns no rule: what a row means is
the domain's, what sealing means is crypto's. A row is refused (`Tampered`) if its tag, or its partition's sealed count
and digest, is not the one it was written with.

    reads                     Store.record / records / object / objects / version / versions
    writes     Store.commit(change, ...)  --> change(tx) --> rows + audit entry + change feed + seals, all or nothing
                                          --> subscribers see the changes before the committer gets its answer
"""

from strongroom.store.protocol import (
    Committed,
    ObjectState,
    Page,
    Reader,
    Store,
    StoreClosed,
    StoreTimeout,
    Tagger,
    Transaction,
)

__all__ = [
    "Committed",
    "ObjectState",
    "Page",
    "Reader",
    "Store",
    "StoreClosed",
    "StoreTimeout",
    "Tagger",
    "Transaction",
]
