//! The program's door. The private PostgreSQL is started here, on the main thread, before the runtime
//! exists: the signal that ends it with us follows the thread that started it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == signalbox::store::embedded::EXEC_COMMAND) {
        let Err(error) = signalbox::store::embedded::exec_postgres(args);
        eprintln!("signalbox: postgres cannot be started: {error}");
        return ExitCode::from(127);
    }
    signalbox::cli::main()
}
