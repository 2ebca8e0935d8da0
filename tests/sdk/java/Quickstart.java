// A program as anyone writes it for Azure Key Vault: set, get, delete and purge a secret.

import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import com.azure.security.keyvault.secrets.models.KeyVaultSecret;

public class Quickstart {
    public static void main(String[] arguments) {
        String name = "quickstart-java";
        SecretClient client = new SecretClientBuilder()
            .vaultUrl("https://" + System.getenv("KEY_VAULT_NAME") + ".vault.azure.net")
            .credential(new DefaultAzureCredentialBuilder().build())
            .buildClient();
        client.setSecret(new KeyVaultSecret(name, "hello from a vault"));
        System.out.println("got " + client.getSecret(name).getValue());
        client.beginDeleteSecret(name).waitForCompletion();
        client.purgeDeletedSecret(name);
        System.out.println("purged");
        // The HTTP client's threads would hold the program up for a minute.
        System.exit(0);
    }
}
