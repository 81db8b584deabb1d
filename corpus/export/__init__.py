"""Formats of other readers: how rows of a corpus lie on their disks."""
