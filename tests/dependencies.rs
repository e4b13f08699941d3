//! The crates that memstate brings along, as they stand in `dependencies.txt`.
