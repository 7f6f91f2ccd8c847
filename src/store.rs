//! Everything that is kept: every SQL statement of the program and the database it runs on.

pub mod embedded;
