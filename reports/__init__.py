"""From rows of the store to BD-rates, tables, figures and pages."""
