"""
Events as they leave the house: who is to be told of one, how it is written for a receiver, how a delivery is signed.

Owns the two schemas, the routing and the signature. Owns no queue, which is the store's, and sends nothing: what is
made here leaves through `strongroom.egress`. What a change announces is `strongroom.core.events`.
"""
