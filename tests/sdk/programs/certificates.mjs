// A certificate's life, with its key and its secret; argument: the certificate's name.
import { X509Certificate, createPrivateKey } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const { DefaultAzureCredential } = require("@azure/identity");
const { CertificateClient } = require("@azure/keyvault-certificates");
const { SecretClient } = require("@azure/keyvault-secrets");

function check(holds, what) {
  if (!holds) throw new Error(what);
}

const credential = new DefaultAzureCredential();
const client = new CertificateClient(process.env.VAULT_URL, credential);
const secrets = new SecretClient(process.env.VAULT_URL, credential);
const name = process.argv[2];
const policy = {
  issuerName: "Self",
  subject: "CN=node.example.com",
  subjectAlternativeNames: { dnsNames: ["node.example.com"] },
  keyType: "EC",
  keyCurveName: "P-256",
  contentType: "application/x-pem-file",
};

const poller = await client.beginCreateCertificate(name, policy, { intervalInMs: 200 });
const made = await poller.pollUntilDone();
const leaf = new X509Certificate(Buffer.from(made.cer));
check(leaf.subject === "CN=node.example.com" && leaf.verify(leaf.publicKey), "not its own certificate");
const { value, properties } = await secrets.getSecret(name);
check(properties.contentType === "application/x-pem-file", "another content type");
check(leaf.checkPrivateKey(createPrivateKey(value)), "another key");
check((await client.getCertificateOperation(name)).getOperationState().certificateOperation.status === "completed", "status");

await client.updateCertificateProperties(name, made.properties.version, { tags: { a: "b" } });
check((await client.getCertificate(name)).properties.tags.a === "b", "tags");
// What this client gives back of an update is empty, whoever answers; it is read instead.
await client.updateCertificatePolicy(name, { ...policy, validityInMonths: 3 });
check((await client.getCertificatePolicy(name)).validityInMonths === 3, "another policy");
const versions = [];
for await (const one of client.listPropertiesOfCertificateVersions(name)) versions.push(one.version);
check(versions.length === 1, "versions");
const names = [];
for await (const one of client.listPropertiesOfCertificates({ includePending: true })) names.push(one.name);
check(names.includes(name), "not in the list");

await client.beginCreateCertificate(`${name}-unknown`, { ...policy, issuerName: "Unknown" });
const cancelled = await client.getCertificateOperation(`${name}-unknown`);
await cancelled.cancelOperation();
await client.deleteCertificateOperation(`${name}-unknown`);

await client.setContacts([{ email: "ops@example.com" }]);
check((await client.getContacts())[0].email === "ops@example.com", "contacts");
await client.deleteContacts();
await client.createIssuer(`${name}-issuer`, "GlobalSign", { accountId: "an account" });
check((await client.getIssuer(`${name}-issuer`)).provider === "GlobalSign", "provider");
await client.deleteIssuer(`${name}-issuer`);

const backup = await client.backupCertificate(name);
await (await client.beginDeleteCertificate(name, { intervalInMs: 200 })).pollUntilDone();
await (await client.beginRecoverDeletedCertificate(name, { intervalInMs: 200 })).pollUntilDone();
await (await client.beginDeleteCertificate(name, { intervalInMs: 200 })).pollUntilDone();
await client.purgeDeletedCertificate(name);
check((await client.restoreCertificateBackup(backup)).name === name, "not restored");
const imported = await client.importCertificate(`${name}-imported`, Buffer.from(value), { policy });
check(Buffer.from(imported.cer).equals(leaf.raw), "another certificate");
for (const one of [name, `${name}-unknown`, `${name}-imported`]) {
  await (await client.beginDeleteCertificate(one, { intervalInMs: 200 })).pollUntilDone();
  await client.purgeDeletedCertificate(one);
}
console.log("done");
