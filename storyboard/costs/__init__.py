"""Costs: prices, budgets, reports of what was spent. Values in, values out."""
