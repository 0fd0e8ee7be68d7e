"""The store: its database, its tables as Parquet, and the files beside it."""
