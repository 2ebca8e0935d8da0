# Certificates of a vault that there is: one that signs itself, who issues and who is told.

terraform {
  required_providers {
    azurerm = {
      source = "hashicorp/azurerm"
    }
  }
}

provider "azurerm" {
  features {}
  resource_provider_registrations = "none"
}

variable "vault" {
  type = string
}

variable "group" {
  type = string
}

variable "months" {
  type = number
}

data "azurerm_key_vault" "it" {
  name                = var.vault
  resource_group_name = var.group
}

resource "azurerm_key_vault_certificate" "www" {
  name         = "www-by-terraform"
  key_vault_id = data.azurerm_key_vault.it.id
  tags         = { by = "terraform" }

  certificate_policy {
    issuer_parameters {
      name = "Self"
    }
    key_properties {
      exportable = true
      key_type   = "EC"
      curve      = "P-256"
      key_size   = 256
      reuse_key  = false
    }
    lifetime_action {
      action {
        action_type = "AutoRenew"
      }
      trigger {
        days_before_expiry = 30
      }
    }
    secret_properties {
      content_type = "application/x-pem-file"
    }
    x509_certificate_properties {
      extended_key_usage = ["1.3.6.1.5.5.7.3.1"]
      key_usage          = ["digitalSignature"]
      subject            = "CN=www.example.com"
      validity_in_months = var.months
      subject_alternative_names {
        dns_names = ["www.example.com", "example.com"]
      }
    }
  }
}

resource "azurerm_key_vault_certificate_issuer" "it" {
  name          = "issuer-by-terraform"
  org_id        = "an organisation"
  key_vault_id  = data.azurerm_key_vault.it.id
  provider_name = "DigiCert"
  account_id    = "an account"
}

resource "azurerm_key_vault_certificate_contacts" "it" {
  key_vault_id = data.azurerm_key_vault.it.id

  contact {
    email = "ops@example.com"
    name  = "Ops"
  }
}

data "azurerm_key_vault_certificate" "www" {
  name         = azurerm_key_vault_certificate.www.name
  key_vault_id = data.azurerm_key_vault.it.id
}

output "same" {
  value = data.azurerm_key_vault_certificate.www.thumbprint == azurerm_key_vault_certificate.www.thumbprint
}

output "expires" {
  value = data.azurerm_key_vault_certificate.www.expires
}
