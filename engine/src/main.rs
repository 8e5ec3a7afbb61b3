//! `nebplay`: arguments, command, exit code, nothing else.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    nebplay::commands::main()
}
