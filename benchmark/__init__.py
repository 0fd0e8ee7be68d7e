"""The engine: types, suite, plan, stages, executors, store, conformance and command line."""
