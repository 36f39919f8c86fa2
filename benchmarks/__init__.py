"""The cost of the reconciler, measured on real runs and compared with its budgets."""
