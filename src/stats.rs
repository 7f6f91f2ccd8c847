//! Match statistics of ET:Legacy as they come in: files are stored as they are (`import`), what they mean together is
//! computed anew around each of them (`compute`) and told where it changed (`publish`).

mod awards;
pub mod bulk;
pub mod compute;
pub mod directory;
pub mod due;
pub mod import;
mod publish;
mod read;
pub mod recall;
pub mod reparse;
mod rows;
mod surroundings;
pub mod trigger;
