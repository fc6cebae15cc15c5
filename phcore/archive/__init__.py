"""The archive of results, and what this process may do with it."""
