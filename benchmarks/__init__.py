"""What the reconciler costs, measured on real runs and held against its budgets."""
