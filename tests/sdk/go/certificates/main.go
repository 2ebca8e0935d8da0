// A certificate's life with azcertificates, from its request to a TLS handshake with what it hands out.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

func main() {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	must(err)
	url := fmt.Sprintf("https://%s.vault.azure.net", os.Getenv("KEY_VAULT_NAME"))
	client, err := azcertificates.NewClient(url, credential, nil)
	must(err)
	ctx, name := context.Background(), "certificates-by-go"

	policy := &azcertificates.CertificatePolicy{
		IssuerParameters: &azcertificates.IssuerParameters{Name: to.Ptr("Self")},
		KeyProperties: &azcertificates.KeyProperties{
			KeyType: to.Ptr(azcertificates.KeyTypeEC), Curve: to.Ptr(azcertificates.CurveNameP256),
		},
		SecretProperties: &azcertificates.SecretProperties{ContentType: to.Ptr("application/x-pem-file")},
		X509CertificateProperties: &azcertificates.X509CertificateProperties{
			Subject:                 to.Ptr("CN=go.example.com"),
			SubjectAlternativeNames: &azcertificates.SubjectAlternativeNames{DNSNames: to.SliceOfPtrs("go.example.com")},
		},
	}
	_, err = client.CreateCertificate(ctx, name, azcertificates.CreateCertificateParameters{CertificatePolicy: policy}, nil)
	must(err)
	for {
		operation, err := client.GetCertificateOperation(ctx, name, nil)
		must(err)
		if *operation.Status == "completed" {
			break
		}
		demand(*operation.Status == "inProgress", *operation.Status)
		time.Sleep(50 * time.Millisecond)
	}
	made, err := client.GetCertificate(ctx, name, "", nil)
	must(err)
	handshake(ctx, credential, url, name, made.CER)

	_, err = client.UpdateCertificate(ctx, name, made.ID.Version(), azcertificates.UpdateCertificateParameters{
		Tags: map[string]*string{"a": to.Ptr("b")},
	}, nil)
	must(err)
	found := 0
	for pager := client.NewListCertificatePropertiesVersionsPager(name, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(err)
		found += len(page.Value)
	}
	demand(found == 1, "versions are missing")
	backup, err := client.BackupCertificate(ctx, name, nil)
	must(err)
	remove(ctx, client, name)
	restored, err := client.RestoreCertificate(ctx, azcertificates.RestoreCertificateParameters{
		CertificateBackup: backup.Value,
	}, nil)
	must(err)
	demand(string(restored.CER) == string(made.CER), "another certificate")
	remove(ctx, client, name)
	fmt.Println("done")
}

// handshake has a server that got its certificate from the vault, and a client that trusts that certificate alone.
func handshake(ctx context.Context, credential *azidentity.DefaultAzureCredential, url, name string, cer []byte) {
	secrets, err := azsecrets.NewClient(url, credential, nil)
	must(err)
	secret, err := secrets.GetSecret(ctx, name, "", nil)
	must(err)
	pair, err := tls.X509KeyPair([]byte(*secret.Value), []byte(*secret.Value))
	must(err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	must(err)
	defer listener.Close()
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			_, _ = io.WriteString(connection, "hello")
			_ = connection.Close()
		}
	}()
	leaf, err := x509.ParseCertificate(cer)
	must(err)
	trusted := x509.NewCertPool()
	trusted.AddCert(leaf)
	raw, err := net.Dial("tcp", listener.Addr().String())
	must(err)
	connection := tls.Client(raw, &tls.Config{RootCAs: trusted, ServerName: "go.example.com"})
	said, err := io.ReadAll(connection)
	must(err)
	demand(string(said) == "hello", "no handshake")
}

func remove(ctx context.Context, client *azcertificates.Client, name string) {
	_, err := client.DeleteCertificate(ctx, name, nil)
	must(err)
	_, err = client.PurgeDeletedCertificate(ctx, name, nil)
	must(err)
}

func demand(holds bool, what string) {
	if !holds {
		log.Fatal(what)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
