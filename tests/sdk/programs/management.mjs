// What a program written for Azure does with its vaults, from making to purging; argument: the vault's name.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const { DefaultAzureCredential } = require("@azure/identity");
const { KeyVaultManagementClient } = require("@azure/arm-keyvault");

const [name] = process.argv.slice(2);
const { GROUP: group, AZURE_TENANT_ID: tenantId, AZURE_SUBSCRIPTION_ID: subscription, OBJECT: objectId } = process.env;
const client = new KeyVaultManagementClient(new DefaultAzureCredential(), subscription);

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}
const names = async (pages) => (await all(pages)).map((one) => one.name);
const refused = (promise, statusCode, code) =>
  assert.rejects(promise, (error) => error.statusCode === statusCode && error.code === code);

const { vaults } = client;
await refused(vaults.get(group, name), 404, "ResourceNotFound");
assert.equal((await vaults.checkNameAvailability({ name, type: "Microsoft.KeyVault/vaults" })).nameAvailable, true);
const properties = { tenantId, sku: { family: "A", name: "standard" }, accessPolicies: [], enableRbacAuthorization: false };
const made = await vaults.createOrUpdate(group, name, { location: "local", properties });
assert.equal(made.properties.provisioningState, "Succeeded");
assert.equal(made.properties.vaultUri, `https://${name}.vault.azure.net/`);
assert.equal((await vaults.checkNameAvailability({ name, type: "Microsoft.KeyVault/vaults" })).reason, "AlreadyExists");
assert.equal((await vaults.get(group, name)).id, made.id);

const patched = await vaults.update(group, name, { tags: { env: "test" }, properties: { enabledForDeployment: true } });
assert.deepEqual([patched.tags, patched.properties.enabledForDeployment], [{ env: "test" }, true]);
const policy = { properties: { accessPolicies: [{ tenantId, objectId, permissions: { secrets: ["get", "list"] } }] } };
const added = await vaults.updateAccessPolicy(group, name, "add", policy);
assert.deepEqual(added.properties.accessPolicies[0].permissions.secrets, ["get", "list"]);
const removed = await vaults.updateAccessPolicy(group, name, "remove", policy);
assert.deepEqual(removed.properties.accessPolicies, []);
await refused(vaults.update(group, name, { properties: { softDeleteRetentionInDays: 6 } }), 400, "BadRequest");

assert.ok((await names(vaults.listBySubscription({ top: 1 }))).includes(name));
assert.ok((await names(vaults.listByResourceGroup(group, { top: 1 }))).includes(name));
assert.ok((await names(vaults.list({ top: 1 }))).includes(name));
assert.deepEqual(await all(client.privateEndpointConnections.listByResource(group, name)), []);
const links = await client.privateLinkResources.listByVault(group, name);
assert.deepEqual(links.value.map((one) => one.groupId), ["vault"]);

await vaults.delete(group, name);
await vaults.delete(group, name);
assert.equal((await vaults.getDeleted(name, "local")).properties.vaultId, made.id);
assert.ok((await names(vaults.listDeleted())).includes(name));
await refused(Promise.resolve(vaults.createOrUpdate(group, name, { location: "local", properties })), 409, "ConflictError");
await vaults.purgeDeleted(name, "local");
await refused(vaults.getDeleted(name, "local"), 404, "DeletedVaultNotFound");
console.log("done");
