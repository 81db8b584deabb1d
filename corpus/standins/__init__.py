"""Loopback services that speak the protocols of the real ones, for tests and the demonstration."""
