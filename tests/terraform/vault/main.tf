terraform {
  required_providers {
    azurerm = { source = "hashicorp/azurerm" }
  }
}

provider "azurerm" {
  features {
    key_vault {
      purge_soft_delete_on_destroy = true
    }
  }
}

variable "value" {
  type      = string
  sensitive = true
}

variable "operations" {
  type = list(string)
}

data "azurerm_client_config" "me" {}

resource "azurerm_resource_group" "it" {
  name     = "by-terraform"
  location = "local"
}

resource "azurerm_user_assigned_identity" "it" {
  name                = "by-terraform"
  resource_group_name = azurerm_resource_group.it.name
  location            = azurerm_resource_group.it.location
}

resource "azurerm_key_vault" "it" {
  name                       = "sr-by-terraform"
  resource_group_name        = azurerm_resource_group.it.name
  location                   = azurerm_resource_group.it.location
  tenant_id                  = data.azurerm_client_config.me.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = false
  soft_delete_retention_days = 7
}

resource "azurerm_key_vault_access_policy" "me" {
  key_vault_id       = azurerm_key_vault.it.id
  tenant_id          = data.azurerm_client_config.me.tenant_id
  object_id          = data.azurerm_client_config.me.object_id
  secret_permissions = ["Set", "Get", "List", "Delete", "Purge", "Recover"]
  key_permissions = [
    "Update", "Create", "Get", "List", "Delete", "Purge", "Recover", "GetRotationPolicy", "SetRotationPolicy",
  ]
}

resource "azurerm_key_vault_access_policy" "it" {
  key_vault_id       = azurerm_key_vault.it.id
  tenant_id          = data.azurerm_client_config.me.tenant_id
  object_id          = azurerm_user_assigned_identity.it.principal_id
  secret_permissions = ["Get"]
}

resource "azurerm_key_vault_secret" "it" {
  name            = "it"
  value           = var.value
  content_type    = "text/plain"
  expiration_date = "2036-01-01T00:00:00Z"
  tags            = { env = "test" }
  key_vault_id    = azurerm_key_vault.it.id
  depends_on      = [azurerm_key_vault_access_policy.me]
}

resource "azurerm_key_vault_key" "rsa" {
  name         = "rsa"
  key_type     = "RSA"
  key_size     = 2048
  key_opts     = ["encrypt", "decrypt"]
  key_vault_id = azurerm_key_vault.it.id
  depends_on   = [azurerm_key_vault_access_policy.me]

  rotation_policy {
    expire_after         = "P90D"
    notify_before_expiry = "P29D"
    automatic {
      time_before_expiry = "P30D"
    }
  }
}

resource "azurerm_key_vault_key" "ec" {
  name         = "ec"
  key_type     = "EC"
  curve        = "P-256"
  key_opts     = var.operations
  key_vault_id = azurerm_key_vault.it.id
  depends_on   = [azurerm_key_vault_access_policy.me]
}

resource "azurerm_role_assignment" "it" {
  scope                = azurerm_key_vault.it.id
  role_definition_name = "Key Vault Reader"
  principal_id         = azurerm_user_assigned_identity.it.principal_id
}

data "azurerm_key_vault_secret" "it" {
  name         = azurerm_key_vault_secret.it.name
  key_vault_id = azurerm_key_vault.it.id
}

data "azurerm_key_vault_key" "ec" {
  name         = azurerm_key_vault_key.ec.name
  key_vault_id = azurerm_key_vault.it.id
}

output "same" {
  value = nonsensitive(data.azurerm_key_vault_secret.it.value == var.value)
}

output "place" {
  value = azurerm_key_vault_secret.it.versionless_id
}

output "operations" {
  value = data.azurerm_key_vault_key.ec.key_opts
}

output "assigned" {
  value = azurerm_role_assignment.it.principal_type
}
