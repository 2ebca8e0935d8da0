terraform {
  required_providers {
    azurerm = { source = "hashicorp/azurerm" }
  }
}

provider "azurerm" {
  features {}
  use_cli = false
}

data "azurerm_client_config" "me" {}

output "me" {
  value = data.azurerm_client_config.me.object_id
}
