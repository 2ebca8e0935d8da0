"""
The view: every record of the instance in memory, which is where the flow looks things up.

Owns the indexes over records and what is compiled from them (transitive groups, role assignments, firewalls, access
policies), and the bounded cache of sealed rows. Owns no rule and no storage: it is made from the store's records and
follows its changes. It is synchronous and belongs to one thread, the event loop's; what it answers is as new as the
last commit that was answered. Before it is loaded, and after a change that it could not follow, every question raises
`ViewNotLoaded`: nothing is allowed by what is not known.

    not loaded --load(records)--> loaded --apply(changes)--> loaded, generation + 1
         ^    changes wait                       |
         +---------------------------------------+  a change that does not apply
"""

from strongroom.view.sealed import SealedCache
from strongroom.view.view import View, ViewNotLoaded

__all__ = ["SealedCache", "View", "ViewNotLoaded"]
