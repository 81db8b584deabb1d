"""Build, audit and regenerate the pre-training mixture of a code model."""

__version__ = "0.1.0"
