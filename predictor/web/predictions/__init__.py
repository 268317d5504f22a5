"""Pages that predict: by form, by file, what-if, counterfactuals, forecasts."""
