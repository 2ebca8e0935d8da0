"""Every limit of event subscriptions and of the delivery of events, named in one place (see `core.limits`)."""

from __future__ import annotations

EVENT_SUBSCRIPTIONS = 100
"""Event subscriptions of one vault: ours. Each has a line of its own out of the house."""
EVENT_SUBSCRIPTION_NAME_CHARS = 64
"""The name of an event subscription, of 3 characters at least: Azure's own limit."""
EVENT_LABELS = 25
"""Labels of an event subscription: ours."""
EVENT_LABEL_CHARS = 128
"""One of them: ours."""
EVENT_SUBJECT_CHARS = 512
"""What a subject has to begin or to end with: ours; an object's name has 127."""
EVENT_ADVANCED_FILTERS = 25
"""Advanced filters of an event subscription: Azure's own limit."""
EVENT_FILTER_VALUES = 25
"""Values of all its advanced filters together: Azure's own limit."""
EVENT_FILTER_CHARS = 512
"""A text among them, and the name of what is compared with it: Azure's own limit."""
EVENT_HEADERS = 10
"""Headers that a subscription adds to a delivery: Azure's own limit."""
EVENT_HEADER_BYTES = 4096
"""The value of one: Azure's own limit."""
EVENTS_KEPT = 100_000
"""Deliveries of one subscription that are kept, waiting and dead; what comes then is not recorded for it: ours."""
EVENT_DELIVERIES_AT_ONCE = 128
"""Deliveries under way at the same time; others wait for a place: ours."""
EVENT_DELIVERIES_AT_ONCE_OF_TENANT = 64
"""Those of one tenant, so that its slow webhooks hold up no other's: ours."""
EVENT_LINE_WIDTH = 4
"""Those of one subscription, each about another object; one alone while its webhook fails: ours."""
EVENT_LINE_PAUSE_S = 300
"""The longest that a webhook which failed is left alone by all events: ours."""
EVENT_ANSWER_S = 30
"""How long a webhook may take to answer: Azure's own limit."""
DEAD_LETTERS = 1_000
"""Of them, those that could not be delivered; the oldest goes first: ours."""
DELIVERIES_REMOVED_AT_ONCE = 1_000
"""Deliveries of a subscription that is gone, removed in one change, which takes ten milliseconds or so: ours."""
DEAD_LETTER_S = 10
"""How long the copy of a dead letter may take to be written to the operator's folder: ours."""
EVENTS_PER_BATCH = 5_000
"""What `maxEventsPerBatch` may say: Azure's own limit."""
EVENT_BATCH_KILOBYTES = 1_024
"""What `preferredBatchSizeInKilobytes` may say: Azure's own limit."""
EVENT_ATTEMPTS = 30
"""Attempts to deliver an event, at most: Azure's own limit."""
EVENT_LIVE_MINUTES = 1440
"""How long an event is tried to be delivered, at most: Azure's own limit."""
