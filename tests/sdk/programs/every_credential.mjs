// Set, get and delete a secret by one class of @azure/identity; arguments: the class, the secret's name.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";

const require = createRequire(process.env.NODE_PROJECT + "/package.json");
const identity = require("@azure/identity");
const { SecretClient } = require("@azure/keyvault-secrets");

const { TENANT, CLIENT, SECRET, USER_NAME, USER_PASSWORD, ASSERTION, VAULT_URL, VALUE, PYTHON, PERSON, PORT } = process.env;
const [kind, name] = process.argv.slice(2);
const run = promisify(execFile);
const back = "http://localhost/back";
const publicClient = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

// A person at the pages is a program of its own.
const person = async (call) => (await run(PYTHON, ["-c", `import sys; sys.path.insert(0, ${JSON.stringify(PERSON)})\n${call}`])).stdout.trim();

const makers = {
  AuthorizationCodeCredential: async (Kind) => {
    const scope = "https://vault.azure.net/user_impersonation";
    const code = await person(`import person; print(person.code_for("${CLIENT}", "${back}", "${scope}"))`);
    return new Kind(TENANT, CLIENT, SECRET, code, back);
  },
  ChainedTokenCredential: async (Kind) =>
    new Kind(new identity.EnvironmentCredential(), new identity.ClientSecretCredential(TENANT, CLIENT, SECRET)),
  ClientSecretCredential: async (Kind) => new Kind(TENANT, CLIENT, SECRET),
  DeviceCodeCredential: async (Kind) =>
    new Kind({
      tenantId: TENANT,
      clientId: publicClient,
      userPromptCallback: ({ verificationUri, userCode }) => void person(`import person; person.let_in("${verificationUri}", "${userCode}")`),
    }),
  InteractiveBrowserCredential: async (Kind) => new Kind({ tenantId: TENANT, clientId: publicClient, redirectUri: `http://localhost:${PORT}` }),
  OnBehalfOfCredential: async (Kind) => new Kind({ tenantId: TENANT, clientId: CLIENT, clientSecret: SECRET, userAssertionToken: ASSERTION }),
  UsernamePasswordCredential: async (Kind) => new Kind(TENANT, CLIENT, USER_NAME, USER_PASSWORD),
  ManagedIdentityCredential: async (Kind) => new Kind(),
};

const credential = await makers[kind](identity[kind]);
const client = new SecretClient(VAULT_URL, credential);
await client.setSecret(name, VALUE);
if ((await client.getSecret(name)).value !== VALUE) throw new Error("another value");
await (await client.beginDeleteSecret(name)).pollUntilDone();
console.log("done");
