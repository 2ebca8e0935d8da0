// Set, get and delete a secret with the environment's service principal; argument: the secret's name.
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const { EnvironmentCredential } = require("@azure/identity");
const { SecretClient } = require("@azure/keyvault-secrets");

const client = new SecretClient(process.env.VAULT_URL, new EnvironmentCredential());
const name = process.argv[2];
await client.setSecret(name, process.env.VALUE);
if ((await client.getSecret(name)).value !== process.env.VALUE) throw new Error("another value");
await (await client.beginDeleteSecret(name)).pollUntilDone();
await client.purgeDeletedSecret(name);
console.log("done");
