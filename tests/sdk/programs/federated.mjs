// Set, get and delete a secret by a federated token; arguments: the secret's name, the kind of credential.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const { ClientAssertionCredential, WorkloadIdentityCredential } = require("@azure/identity");
const { SecretClient } = require("@azure/keyvault-secrets");

const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE, VAULT_URL, VALUE } = process.env;
const [name, kind] = process.argv.slice(2);
const credential =
  kind === "assertion"
    ? new ClientAssertionCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, () => readFile(AZURE_FEDERATED_TOKEN_FILE, "utf8"))
    : new WorkloadIdentityCredential();
const client = new SecretClient(VAULT_URL, credential);
await client.setSecret(name, VALUE);
if ((await client.getSecret(name)).value !== VALUE) throw new Error("another value");
await (await client.beginDeleteSecret(name)).pollUntilDone();
await client.purgeDeletedSecret(name);
console.log("done");
