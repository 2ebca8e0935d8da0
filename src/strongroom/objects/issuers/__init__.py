"""Who issues certificates for vaults: the implementations of `flow.world.Issuer`, by provider."""
