//! Order and parallelism, decided before anything runs; printable.
