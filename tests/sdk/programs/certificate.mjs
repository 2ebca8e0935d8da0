// Set, get and delete a secret with a client certificate; argument: the secret's name.
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const { ClientCertificateCredential } = require("@azure/identity");
const { SecretClient } = require("@azure/keyvault-secrets");

const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_CERTIFICATE_PATH, VAULT_URL, VALUE } = process.env;
const credential = new ClientCertificateCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_CERTIFICATE_PATH);
const client = new SecretClient(VAULT_URL, credential);
const name = process.argv[2];
await client.setSecret(name, VALUE);
if ((await client.getSecret(name)).value !== VALUE) throw new Error("another value");
await (await client.beginDeleteSecret(name)).pollUntilDone();
await client.purgeDeletedSecret(name);
console.log("done");
