"""Keras AutoML benchmark harness."""
