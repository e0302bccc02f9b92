"""Synthetic data: people whose motion is generated from formulas."""
