//! Match statistics of ET:Legacy as they come in: files are stored as they are (`import`), what they mean together is
//! computed anew around each of them (`compute`) and told where it changed (`publish`).

pub mod admin;
mod awards;
pub mod board;
pub mod bulk;
pub mod career;
pub mod chart;
pub mod compute;
pub mod day;
pub mod directory;
pub mod due;
pub mod evening;
pub mod import;
mod notice;
pub mod people;
mod publish;
mod read;
pub mod ready;
pub mod recall;
pub mod reparse;
mod rows;
pub mod sftp;
mod surroundings;
pub mod trigger;
mod trouble;
