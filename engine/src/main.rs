//! `nebplay`: arguments, command, exit code, nothing else.

fn main() -> std::process::ExitCode {
    nebplay::commands::main()
}
