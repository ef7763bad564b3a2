"""Server-side apply as decisions: which calls to make, and what their answers mean.

Nothing here talks to a server. ``prepare`` makes built manifests ready to send, ``plan`` orders
them into stages, ``optout`` and ``force`` and ``drift`` decide on one object, ``takeover`` moves
fields from other managers to us, ``changeset`` and ``inventory`` record what happened, ``prune``
chooses what must go. Start at :mod:`steersman.apply.plan`.
"""
