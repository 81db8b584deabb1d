"""The bundled trainer: a mixture of experts of DeepSeek-V2's shape, fed by a build's shards."""
