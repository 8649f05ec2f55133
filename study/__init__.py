"""Many films on many servers: `python study …`."""
