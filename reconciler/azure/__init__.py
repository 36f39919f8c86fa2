"""Azure Resource Manager, blob storage and the sign-in of Microsoft Entra: the only importers of azure-identity."""
