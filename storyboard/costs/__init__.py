"""Money: prices, budgets, what was spent. Values in, values out."""
