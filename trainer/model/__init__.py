"""The model of DeepSeek-V2's shape."""
