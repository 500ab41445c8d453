//! `cargo xtask`: the project's scripts, on any platform.

mod bench;
mod browser;
mod bundle;
mod demo;
mod index;
mod measure_check;
mod measure_page;
mod models;
mod mutate;
mod presets;
mod process;
mod reproduce;
mod serve;
mod shelf;
mod site;
mod system;
mod test;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Builds the page, runs the demo and runs every test.
///
/// Paths are relative to the root of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Cli {
    Web(web::Args),
    Demo(demo::Args),
    Serve(serve::Args),
    Test(test::Args),
    Bench(Box<bench::Args>),
    MeasureCheck(measure_check::Args),
    MeasurePage(measure_page::Args),
    Models(models::Args),
    Mutate(mutate::Args),
    Reproduce(reproduce::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = workspace::enter().and_then(|()| match cli {
        Cli::Web(args) => web::run(&args),
        Cli::Demo(args) => demo::run(&args),
        Cli::Serve(args) => serve::run(&args),
        Cli::Test(args) => test::run(&args),
        Cli::Bench(args) => bench::run(&args),
        Cli::MeasureCheck(args) => measure_check::run(&args),
        Cli::MeasurePage(args) => measure_page::run(&args),
        Cli::Models(args) => models::run(&args),
        Cli::Mutate(args) => mutate::run(&args),
        Cli::Reproduce(args) => reproduce::run(&args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
