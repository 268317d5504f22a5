"""Pages of accounts: sign-in, workspaces, members, API tokens."""
