terraform {
  required_providers {
    azurerm = { source = "hashicorp/azurerm" }
  }
}

provider "azurerm" {
  features {}
}

data "azurerm_client_config" "me" {}

resource "azurerm_resource_group" "it" {
  name     = "net-by-terraform"
  location = "local"
  tags     = { env = "test" }
}

resource "azurerm_virtual_network" "it" {
  name                = "net"
  resource_group_name = azurerm_resource_group.it.name
  location            = azurerm_resource_group.it.location
  address_space       = ["10.0.0.0/16"]
}

resource "azurerm_subnet" "it" {
  name                 = "sub"
  resource_group_name  = azurerm_resource_group.it.name
  virtual_network_name = azurerm_virtual_network.it.name
  address_prefixes     = ["10.0.1.0/24"]

  service_endpoint {
    service = "Microsoft.KeyVault"
  }
}

resource "azurerm_key_vault" "it" {
  name                          = "sr-in-a-network"
  resource_group_name           = azurerm_resource_group.it.name
  location                      = azurerm_resource_group.it.location
  tenant_id                     = data.azurerm_client_config.me.tenant_id
  sku_name                      = "premium"
  rbac_authorization_enabled    = true
  public_network_access_enabled = false

  network_acls {
    default_action             = "Deny"
    bypass                     = "None"
    ip_rules                   = ["203.0.113.0/24"]
    virtual_network_subnet_ids = [azurerm_subnet.it.id]
  }
}

resource "azurerm_private_endpoint" "it" {
  name                = "endpoint"
  resource_group_name = azurerm_resource_group.it.name
  location            = azurerm_resource_group.it.location
  subnet_id           = azurerm_subnet.it.id

  private_service_connection {
    name                           = "connection"
    private_connection_resource_id = azurerm_key_vault.it.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }
}

resource "azurerm_user_assigned_identity" "it" {
  name                = "in-a-network"
  resource_group_name = azurerm_resource_group.it.name
  location            = azurerm_resource_group.it.location
}

resource "azurerm_federated_identity_credential" "it" {
  name                      = "workload"
  user_assigned_identity_id = azurerm_user_assigned_identity.it.id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = "https://issuer.example"
  subject                   = "system:serviceaccount:a:b"
}

resource "azurerm_role_assignment" "it" {
  scope                = azurerm_resource_group.it.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.it.principal_id
  condition_version    = "2.0"
  condition            = "((!(ActionMatches{'Microsoft.KeyVault/vaults/secrets/getSecret/action'})) OR (@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'a'))"
}

resource "azurerm_resource_group_template_deployment" "it" {
  name                = "deployment"
  resource_group_name = azurerm_resource_group.it.name
  deployment_mode     = "Incremental"
  template_content = jsonencode({
    "$schema"      = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    contentVersion = "1.0.0.0"
    parameters     = {}
    variables      = {}
    resources = [{
      type       = "Microsoft.ManagedIdentity/userAssignedIdentities"
      apiVersion = "2023-01-31"
      name       = "by-template"
      location   = "local"
    }]
  })
}

data "azurerm_resources" "vaults" {
  type       = "Microsoft.KeyVault/vaults"
  depends_on = [azurerm_key_vault.it]
}

data "azurerm_role_assignments" "it" {
  scope      = azurerm_resource_group.it.id
  depends_on = [azurerm_role_assignment.it]
}

output "vaults" {
  value = data.azurerm_resources.vaults.resources[*].name
}

output "connection" {
  value = azurerm_private_endpoint.it.private_service_connection[0].name
}
