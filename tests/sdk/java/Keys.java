// A key's life, and its use there and here.

import com.azure.core.credential.TokenCredential;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.keys.KeyClient;
import com.azure.security.keyvault.keys.KeyClientBuilder;
import com.azure.security.keyvault.keys.cryptography.CryptographyClient;
import com.azure.security.keyvault.keys.cryptography.CryptographyClientBuilder;
import com.azure.security.keyvault.keys.cryptography.models.EncryptionAlgorithm;
import com.azure.security.keyvault.keys.cryptography.models.KeyWrapAlgorithm;
import com.azure.security.keyvault.keys.cryptography.models.SignatureAlgorithm;
import com.azure.security.keyvault.keys.models.CreateEcKeyOptions;
import com.azure.security.keyvault.keys.models.CreateRsaKeyOptions;
import com.azure.security.keyvault.keys.models.JsonWebKey;
import com.azure.security.keyvault.keys.models.KeyCurveName;
import com.azure.security.keyvault.keys.models.KeyRotationPolicy;
import com.azure.security.keyvault.keys.models.KeyVaultKey;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.Signature;
import java.util.Arrays;

public class Keys {
    static final String NAME = "keys-by-java";
    static final String VAULT = "https://" + System.getenv("KEY_VAULT_NAME") + ".vault.azure.net";
    static final TokenCredential CREDENTIAL = new DefaultAzureCredentialBuilder().build();

    public static void main(String[] arguments) throws Exception {
        KeyClient client = new KeyClientBuilder().vaultUrl(VAULT).credential(CREDENTIAL).buildClient();
        sign(client);
        wrap(client);
        live(client);
        System.out.println("done");
        // The HTTP client's threads would hold the program up for a minute.
        System.exit(0);
    }

    // Whoever has the public part works with it here; whoever has the id alone asks there.
    static void sign(KeyClient client) throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest("what is signed".getBytes());
        KeyVaultKey ec = client.createEcKey(new CreateEcKeyOptions(NAME + "-ec").setCurveName(KeyCurveName.P_256));
        KeyVaultKey rsa = client.createRsaKey(new CreateRsaKeyOptions(NAME + "-rsa").setKeySize(2048));
        Object[][] kinds = {
            {ec, SignatureAlgorithm.ES256}, {rsa, SignatureAlgorithm.RS256}, {rsa, SignatureAlgorithm.PS256},
        };
        for (Object[] kind : kinds) {
            KeyVaultKey key = (KeyVaultKey) kind[0];
            SignatureAlgorithm algorithm = (SignatureAlgorithm) kind[1];
            byte[] signature = there(key).sign(algorithm, digest).getSignature();
            check(there(key).verify(algorithm, digest, signature).isValid(), algorithm + " there");
            // With RSA the library verifies nothing itself.
            if (key == ec) {
                check(here(key).verify(algorithm, digest, signature).isValid(), algorithm + " here");
            }
            if (algorithm == SignatureAlgorithm.RS256) {
                Signature judge = Signature.getInstance("SHA256withRSA");
                judge.initVerify(key.getKey().toRsa().getPublic());
                judge.update("what is signed".getBytes());
                check(judge.verify(signature), "the runtime finds another signature");
            }
            signature[signature.length - 1] ^= 1;
            check(!there(key).verify(algorithm, digest, signature).isValid(), algorithm + " forged");
        }
    }

    static void wrap(KeyClient client) {
        KeyVaultKey rsa = client.getKey(NAME + "-rsa");
        byte[] text = new byte[32];
        new SecureRandom().nextBytes(text);
        for (KeyWrapAlgorithm algorithm : new KeyWrapAlgorithm[] {KeyWrapAlgorithm.RSA_OAEP, KeyWrapAlgorithm.RSA_OAEP_256}) {
            byte[] wrapped = there(rsa).wrapKey(algorithm, text).getEncryptedKey();
            check(Arrays.equals(text, there(rsa).unwrapKey(algorithm, wrapped).getKey()), algorithm + " there");
        }
        byte[] wrapped = here(rsa).wrapKey(KeyWrapAlgorithm.RSA_OAEP, text).getEncryptedKey();
        check(Arrays.equals(text, there(rsa).unwrapKey(KeyWrapAlgorithm.RSA_OAEP, wrapped).getKey()), "wrapped here");
        byte[] sealed = here(rsa).encrypt(EncryptionAlgorithm.RSA_OAEP, text).getCipherText();
        check(Arrays.equals(text, there(rsa).decrypt(EncryptionAlgorithm.RSA_OAEP, sealed).getPlainText()), "sealed here");
    }

    static void live(KeyClient client) {
        KeyVaultKey first = client.createEcKey(new CreateEcKeyOptions(NAME));
        KeyVaultKey second = client.rotateKey(NAME);
        check(!first.getProperties().getVersion().equals(second.getProperties().getVersion()), "the same version");
        check(client.getKey(NAME).getId().equals(second.getId()), "not the newest");
        check(client.listPropertiesOfKeyVersions(NAME).stream().count() == 2, "versions");
        check(client.listPropertiesOfKeys().stream().anyMatch(one -> one.getName().equals(NAME)), "not in the list");
        client.updateKeyRotationPolicy(NAME, new KeyRotationPolicy().setExpiresIn("P90D"));
        check(client.getKeyRotationPolicy(NAME).getExpiresIn().equals("P90D"), "another policy");
        check(client.getRandomBytes(16).length == 16, "random bytes");
        JsonWebKey brought = JsonWebKey.fromAes(new javax.crypto.spec.SecretKeySpec(new byte[32], "AES"));
        check(client.importKey(NAME + "-oct", brought).getKeyType().toString().equals("oct"), "another type");

        byte[] backup = client.backupKey(NAME);
        remove(client);
        check(client.restoreKeyBackup(backup).getName().equals(NAME), "not restored");
        client.beginDeleteKey(NAME).waitForCompletion();
        client.beginRecoverDeletedKey(NAME).waitForCompletion();
        remove(client);
    }

    static void remove(KeyClient client) {
        client.beginDeleteKey(NAME).waitForCompletion();
        client.purgeDeletedKey(NAME);
    }

    static CryptographyClient there(KeyVaultKey key) {
        return new CryptographyClientBuilder().keyIdentifier(key.getId()).credential(CREDENTIAL).buildClient();
    }

    static CryptographyClient here(KeyVaultKey key) {
        return new CryptographyClientBuilder().jsonWebKey(key.getKey()).buildClient();
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
