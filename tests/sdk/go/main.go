// A program as anyone writes it for Azure Key Vault: set, get, delete and purge a secret.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

func main() {
	vault := fmt.Sprintf("https://%s.vault.azure.net", os.Getenv("KEY_VAULT_NAME"))
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	must(err)
	client, err := azsecrets.NewClient(vault, credential, nil)
	must(err)
	ctx, name := context.Background(), "quickstart-go"

	_, err = client.SetSecret(ctx, name, azsecrets.SetSecretParameters{Value: to.Ptr("hello from a vault")}, nil)
	must(err)
	got, err := client.GetSecret(ctx, name, "", nil)
	must(err)
	fmt.Println("got", *got.Value)

	_, err = client.DeleteSecret(ctx, name, nil)
	must(err)
	for {
		if _, err = client.GetDeletedSecret(ctx, name, nil); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, err = client.PurgeDeletedSecret(ctx, name, nil)
	must(err)
	fmt.Println("purged")
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
