//! The minijinja environment: filters, tests, lookups, native values.
