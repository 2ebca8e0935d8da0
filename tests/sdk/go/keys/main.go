// A key's life and use with azkeys.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

func main() {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	must(err)
	client, err := azkeys.NewClient(fmt.Sprintf("https://%s.vault.azure.net", os.Getenv("KEY_VAULT_NAME")), credential, nil)
	must(err)
	ctx, name := context.Background(), "keys-by-go"

	parameters := azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeEC), Curve: to.Ptr(azkeys.CurveNameP256)}
	first, err := client.CreateKey(ctx, name, parameters, nil)
	must(err)
	digest := sha256.Sum256([]byte("what is signed"))
	signing := azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmES256), Value: digest[:]}
	signed, err := client.Sign(ctx, name, "", signing, nil)
	must(err)
	rotated, err := client.RotateKey(ctx, name, nil)
	must(err)
	demand(rotated.Key.KID.Version() != first.Key.KID.Version(), "the same version")
	for version, valid := range map[string]bool{first.Key.KID.Version(): true, "": false} {
		verified, err := client.Verify(ctx, name, version, azkeys.VerifyParameters{
			Algorithm: signing.Algorithm, Digest: digest[:], Signature: signed.Result,
		}, nil)
		must(err)
		demand(*verified.Value == valid, "verified by another version")
	}

	wrapping, err := client.CreateKey(ctx, name+"-rsa", azkeys.CreateKeyParameters{
		Kty: to.Ptr(azkeys.KeyTypeRSA), KeySize: to.Ptr(int32(2048)),
	}, nil)
	must(err)
	demand(len(wrapping.Key.N) == 256, "another size")
	operation := azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmRSAOAEP256), Value: digest[:]}
	wrapped, err := client.WrapKey(ctx, name+"-rsa", "", operation, nil)
	must(err)
	operation.Value = wrapped.Result
	unwrapped, err := client.UnwrapKey(ctx, name+"-rsa", wrapped.KID.Version(), operation, nil)
	must(err)
	demand(bytes.Equal(unwrapped.Result, digest[:]), "unwrapped to something else")

	versions := 0
	for pager := client.NewListKeyPropertiesVersionsPager(name, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(err)
		versions += len(page.Value)
	}
	demand(versions == 2, "versions are missing")
	backup, err := client.BackupKey(ctx, name, nil)
	must(err)
	remove(ctx, client, name)
	_, err = client.RestoreKey(ctx, azkeys.RestoreKeyParameters{KeyBackup: backup.Value}, nil)
	must(err)
	remove(ctx, client, name)
	remove(ctx, client, name+"-rsa")
	fmt.Println("done")
}

func remove(ctx context.Context, client *azkeys.Client, name string) {
	_, err := client.DeleteKey(ctx, name, nil)
	must(err)
	_, err = client.PurgeDeletedKey(ctx, name, nil)
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
