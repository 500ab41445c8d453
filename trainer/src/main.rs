//! `imago`: trains declared generative models, samples them and exports them for the page.

/// Prints a line. A reader that went away, as in `imago summary … | head`, is no reason to stop, least of all a training.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod cli;
mod data;
mod device;
mod files;
mod report;
mod run;
mod train;

use std::process::ExitCode;

/// Freed buffers are kept for the next step instead of going back to the system, which takes page faults out of every
/// step of training on the CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_the_default_device_off_the_gpu();
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Burn puts the state of an optimiser that it reads onto its default device before the right one takes it over. That
/// default would be a GPU, which a machine may lack.
#[allow(unsafe_code)]
fn keep_the_default_device_off_the_gpu() {
    if std::env::var_os("BURN_DEVICE").is_none() {
        // SAFETY: nothing else runs yet, so no other thread reads or writes the environment.
        unsafe { std::env::set_var("BURN_DEVICE", "flex") };
    }
}
