"""Fetches sources over the network, politely and resumably."""
