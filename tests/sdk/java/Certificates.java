// A certificate's life, with its key and its secret.

import com.azure.core.credential.TokenCredential;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.certificates.CertificateClient;
import com.azure.security.keyvault.certificates.CertificateClientBuilder;
import com.azure.security.keyvault.certificates.models.CertificateContact;
import com.azure.security.keyvault.certificates.models.CertificateContentType;
import com.azure.security.keyvault.certificates.models.CertificateKeyCurveName;
import com.azure.security.keyvault.certificates.models.CertificateKeyType;
import com.azure.security.keyvault.certificates.models.CertificatePolicy;
import com.azure.security.keyvault.certificates.models.ImportCertificateOptions;
import com.azure.security.keyvault.certificates.models.KeyVaultCertificateWithPolicy;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;

public class Certificates {
    static final String NAME = "certificates-by-java";
    static final String VAULT = "https://" + System.getenv("KEY_VAULT_NAME") + ".vault.azure.net";

    public static void main(String[] arguments) throws Exception {
        TokenCredential credential = new DefaultAzureCredentialBuilder().build();
        CertificateClient client = new CertificateClientBuilder().vaultUrl(VAULT).credential(credential).buildClient();
        SecretClient secrets = new SecretClientBuilder().vaultUrl(VAULT).credential(credential).buildClient();
        CertificatePolicy policy = new CertificatePolicy("Self", "CN=java.example.com")
            .setKeyType(CertificateKeyType.EC)
            .setKeyCurveName(CertificateKeyCurveName.P_256)
            .setContentType(CertificateContentType.PEM);

        KeyVaultCertificateWithPolicy made = client.beginCreateCertificate(NAME, policy)
            .setPollInterval(Duration.ofMillis(200))
            .getFinalResult();
        X509Certificate leaf = (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(made.getCer()));
        leaf.verify(leaf.getPublicKey());
        check(leaf.getSubjectX500Principal().getName().equals("CN=java.example.com"), "another subject");
        check(client.getCertificate(NAME).getId().equals(made.getId()), "another version");
        String pem = secrets.getSecret(NAME).getValue();
        check(pem.contains("PRIVATE KEY") && pem.contains("BEGIN CERTIFICATE"), "not whole");
        check(client.listPropertiesOfCertificateVersions(NAME).stream().count() == 1, "versions");
        check(client.listPropertiesOfCertificates().stream().anyMatch(one -> one.getName().equals(NAME)), "not in the list");
        client.updateCertificatePolicy(NAME, policy.setValidityInMonths(3));
        check(client.getCertificatePolicy(NAME).getValidityInMonths() == 3, "another policy");

        CertificatePolicy ofImported = new CertificatePolicy("Self", "CN=java.example.com")
            .setContentType(CertificateContentType.PEM);
        KeyVaultCertificateWithPolicy brought = client.importCertificate(
            new ImportCertificateOptions(NAME + "-brought", pem.getBytes()).setPolicy(ofImported));
        check(java.util.Arrays.equals(brought.getCer(), made.getCer()), "another certificate");

        client.setContacts(List.of(new CertificateContact().setEmail("ops@example.com"))).stream().count();
        check(client.listContacts().stream().findFirst().get().getEmail().equals("ops@example.com"), "contacts");
        client.deleteContacts().stream().count();

        byte[] backup = client.backupCertificate(NAME);
        remove(client);
        check(client.restoreCertificateBackup(backup).getName().equals(NAME), "not restored");
        remove(client);
        System.out.println("done");
        // The HTTP client's threads would hold the program up for a minute.
        System.exit(0);
    }

    static void remove(CertificateClient client) {
        client.beginDeleteCertificate(NAME).waitForCompletion();
        client.purgeDeletedCertificate(NAME);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
