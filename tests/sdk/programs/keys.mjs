// A key's life, and its use there and here; argument: the key's name.
import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const { DefaultAzureCredential } = require("@azure/identity");
const { CryptographyClient, KeyClient } = require("@azure/keyvault-keys");

function check(holds, what) {
  if (!holds) throw new Error(what);
}

const credential = new DefaultAzureCredential();
const client = new KeyClient(process.env.VAULT_URL, credential);
const name = process.argv[2];
const text = randomBytes(32);
const digest = (algorithm) =>
  createHash(`sha${{ ES256K: "256" }[algorithm] ?? algorithm.slice(-3)}`).update("what is signed").digest();

// Whoever has the key itself works with the public part here; whoever has its id alone asks there for the rest.
const rsa = await client.createRsaKey(`${name}-rsa`, { keySize: 2048 });
const there = new CryptographyClient(rsa.id, credential);
const here = new CryptographyClient(rsa.key);
for (const algorithm of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]) {
  const { result } = await there.sign(algorithm, digest(algorithm));
  check((await there.verify(algorithm, digest(algorithm), result)).result, algorithm);
  if (algorithm.startsWith("RS")) {
    check((await here.verifyData(algorithm, Buffer.from("what is signed"), result)).result, `${algorithm} here`);
  }
}
for (const algorithm of ["RSA1_5", "RSA-OAEP"]) {
  const sealed = await here.encrypt({ algorithm, plaintext: text });
  const opened = await there.decrypt({ algorithm, ciphertext: sealed.result });
  check(text.equals(opened.result), algorithm);
}
for (const algorithm of ["RSA1_5", "RSA-OAEP", "RSA-OAEP-256"]) {
  const { result } = await there.wrapKey(algorithm, text);
  check(text.equals((await there.unwrapKey(algorithm, result)).result), `${algorithm} wraps`);
}
for (const [curve, algorithm] of [["P-256", "ES256"], ["P-384", "ES384"], ["P-521", "ES512"], ["P-256K", "ES256K"]]) {
  const key = await client.createEcKey(`${name}-${curve.toLowerCase()}`, { curve });
  const crypto = new CryptographyClient(key, credential);
  const { result } = await crypto.sign(algorithm, digest(algorithm));
  check((await crypto.verify(algorithm, digest(algorithm), result)).result, algorithm);
  result[result.length - 1] ^= 1;
  check(!(await crypto.verify(algorithm, digest(algorithm), result)).result, `${algorithm} forged`);
}
const k = randomBytes(32);
const octets = await client.importKey(`${name}-oct`, { kty: "oct", k, keyOps: ["encrypt", "decrypt", "wrapKey", "unwrapKey"] });
const symmetric = new CryptographyClient(octets.id, credential);
const sealed = await symmetric.encrypt({ algorithm: "A256GCM", plaintext: text });
const opened = await symmetric.decrypt({
  algorithm: "A256GCM", ciphertext: sealed.result, iv: sealed.iv, authenticationTag: sealed.authenticationTag,
});
check(text.equals(opened.result), "A256GCM");
const own = new CryptographyClient({ kty: "oct", k, keyOps: ["encrypt", "decrypt"] });
const padded = await own.encrypt({ algorithm: "A256CBCPAD", plaintext: text, iv: randomBytes(16) });
const unpadded = await symmetric.decrypt({ algorithm: "A256CBCPAD", ciphertext: padded.result, iv: padded.iv });
check(text.equals(unpadded.result), "A256CBCPAD");

const first = await client.createKey(name, "EC", { tags: { a: "b" } });
const second = await client.rotateKey(name);
check(first.properties.version !== second.properties.version, "the same version");
check((await client.getKey(name)).id === second.id, "not the newest");
await client.updateKeyProperties(name, first.properties.version, { tags: { c: "d" } });
const policy = await client.updateKeyRotationPolicy(name, { expiresIn: "P90D", lifetimeActions: [] });
check((await client.getKeyRotationPolicy(name)).expiresIn === policy.expiresIn, "another policy");
const versions = [];
for await (const page of client.listPropertiesOfKeyVersions(name).byPage({ maxPageSize: 1 })) versions.push(...page);
check(versions.length === 2, "versions");
const names = [];
for await (const one of client.listPropertiesOfKeys()) names.push(one.name);
check(names.includes(name), "not in the list");
check((await client.getRandomBytes(16)).length === 16, "random bytes");

const backup = await client.backupKey(name);
await (await client.beginDeleteKey(name)).pollUntilDone();
const recovered = await (await client.beginRecoverDeletedKey(name)).pollUntilDone();
check(recovered.name === name, "not recovered");
await (await client.beginDeleteKey(name)).pollUntilDone();
await client.purgeDeletedKey(name);
check((await client.restoreKeyBackup(backup)).name === name, "not restored");
await (await client.beginDeleteKey(name)).pollUntilDone();
await client.purgeDeletedKey(name);
console.log("done");
