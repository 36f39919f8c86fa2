"""Everything that speaks to Azure Resource Manager: the only importers of httpx and azure-identity."""
