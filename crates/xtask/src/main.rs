//! The project's own commands, run as `cargo xtask <command>`.
//!
//! `test` is the one command to run before a commit, and the one that CI runs. `bench` measures
//! ours beside the rivals, `compile-time` what the attribute costs to compile.
//!
//! They need the Rust toolchain, and a step of `test` what it says it needs on top of it: see `tool.rs`.
//! Without that the step is skipped, and fails in CI, where `.ci/run` has installed it.

mod compile_time;
mod crate_of_actors;
mod examples;
mod instructions;
mod manifest;
mod step;
mod test;
mod tool;
mod workspace;

use std::{env, process::ExitCode};

use workspace::Workspace;

/// The exit code for a command line that makes no sense, as in most Unix tools.
const MISUSE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let Some((command, args)) = args.split_first() else {
        return misuse("no command given");
    };
    match command.as_str() {
        "test" => test(args),
        "bench" => bench(args),
        "compile-time" => compile_time(args),
        "help" | "--help" | "-h" => {
            println!("{}", usage());
            ExitCode::SUCCESS
        }
        unknown => misuse(&format!("unknown command `{unknown}`")),
    }
}

fn test(names: &[String]) -> ExitCode {
    match test::select(names) {
        Ok(steps) => step::run_all(&Workspace::find(), &steps),
        Err(unknown) => misuse(&format!("unknown step `{unknown}`")),
    }
}

fn bench(args: &[String]) -> ExitCode {
    let workspace = Workspace::find();
    let mut cargo = workspace.cargo("run --release --manifest-path benches/peers/Cargo.toml --");
    exit_code(workspace::run(cargo.args(args)))
}

fn compile_time(args: &[String]) -> ExitCode {
    let rounds = match args {
        [] => Some(compile_time::ROUNDS),
        [rounds] => rounds.parse().ok().filter(|rounds| *rounds > 0),
        _ => None,
    };
    match rounds {
        Some(rounds) => exit_code(compile_time::measure(&Workspace::find(), rounds)),
        None => misuse("`compile-time` takes the number of rounds, and nothing else"),
    }
}

fn exit_code(result: Result<(), workspace::Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn misuse(reason: &str) -> ExitCode {
    eprintln!("error: {reason}\n\n{}", usage());
    ExitCode::from(MISUSE)
}

fn usage() -> String {
    let steps: Vec<&str> = test::STEPS.iter().map(|step| step.name).collect();
    format!(
        "usage: cargo xtask <command>

    test [step…]    run every check, or only the named steps:
                    {}
    bench [arg…]    measure ours beside the rivals; the arguments go to the benchmark
    compile-time [rounds]
                    measure how long a crate of our actors compiles beside one of kameo's",
        steps.join(" ")
    )
}
