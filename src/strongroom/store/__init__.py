"""
Storage: one asynchronous protocol, one conformance suite, a backend per database.

Owns rows, transactions, tags and sealed counts, the change feed, leases, migrations. Owns no rule: what a row means is
the domain's, what sealing means is crypto's. A row is refused (`Tampered`) if its tag, or its partition's sealed count
and digest, is not the one it was written with.

    reads                     Store.record / records / object / objects / version / versions
    writes     Store.commit(change, ...)  --> change(tx) --> rows + audit entry + change feed + seals, all or nothing
                                          --> subscribers see the changes before the committer gets its answer

    protocol                              what the layers above know
    sqlite, later postgres                a backend: a connection's two ways to run a statement, and who waits for whom
    reader, feed, transaction, group      the protocol over those two, the same for every backend
    statements, codec, seals, migrations, verification
"""

from strongroom.store.protocol import (
    Altered,
    ChangesPruned,
    Committed,
    DeliveryCount,
    LeaseLost,
    ObjectState,
    Page,
    Reader,
    Router,
    Store,
    StoreClosed,
    StoreFailed,
    StoreFault,
    StoreTimeout,
    StoreTooNew,
    Tagger,
    Transaction,
)

__all__ = [
    "Altered",
    "ChangesPruned",
    "Committed",
    "DeliveryCount",
    "LeaseLost",
    "ObjectState",
    "Page",
    "Reader",
    "Router",
    "Store",
    "StoreClosed",
    "StoreFailed",
    "StoreFault",
    "StoreTimeout",
    "StoreTooNew",
    "Tagger",
    "Transaction",
]
