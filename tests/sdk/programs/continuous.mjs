// A client that understands continuous access: signed in once, its session is revoked, and its address is blocked.
import { createRequire } from "node:module";
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const { UsernamePasswordCredential } = require("@azure/identity");
const { SecretClient } = require("@azure/keyvault-secrets");

async function step(number) {
  writeFileSync(`${process.env.STEPS}/${number}`, "");
  while (!existsSync(`${process.env.STEPS}/${number}.done`)) await setTimeout(20);
}

const { TENANT, USER_NAME, USER_PASSWORD, VALUE, KEY_VAULT_NAME } = process.env;
const credential = new UsernamePasswordCredential(
  TENANT, "04b07795-8ddb-461a-bbee-02f9e1bf7b46", USER_NAME, USER_PASSWORD);
const client = new SecretClient(`https://${KEY_VAULT_NAME}.vault.azure.net`, credential);
await client.setSecret("continuous", VALUE);

await step(0); // the session is revoked, and the client finds its way by itself
if ((await client.getSecret("continuous")).value !== VALUE) throw new Error("another value");

await step(1); // a policy blocks this address, and the client says which number it was told
const told = await client.getSecret("continuous").then(() => "let in", String);
if (!told.includes("AADSTS53003")) throw new Error(told);

await step(2); // the policy is gone
if ((await client.getSecret("continuous")).value !== VALUE) throw new Error("another value");
console.log("done");
