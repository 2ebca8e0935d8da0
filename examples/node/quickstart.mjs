import { DefaultAzureCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";

const vaultName = process.env.KEY_VAULT_NAME;
if (!vaultName) throw new Error("KEY_VAULT_NAME is not set");

const client = new SecretClient(`https://${vaultName}.vault.azure.net`, new DefaultAzureCredential());
const name = "quickstart-node";

const secret = await client.setSecret(name, "hello from a vault", { contentType: "text/plain" });
console.log(`set ${secret.name}, version ${secret.properties.version}`);

const retrieved = await client.getSecret(name);
console.log(`got ${retrieved.name}: ${retrieved.value}`);

const poller = await client.beginDeleteSecret(name);
const deleted = await poller.pollUntilDone();
console.log(`deleted ${deleted.name}, could be recovered until ${deleted.properties.scheduledPurgeDate?.toISOString()}`);

await client.purgeDeletedSecret(name);
console.log("purged");
