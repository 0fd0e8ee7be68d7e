"""How the small SyncNet is trained and measured."""
