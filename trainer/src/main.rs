//! `imago`: trains declared generative models, samples them and exports them for the page.

/// Prints a line. A reader that went away, as in `imago summary … | head`, is no reason to stop, least of all a training.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod changes;
mod checkpoint;
mod cli;
mod compare;
mod data;
mod device;
mod facts;
mod files;
mod measure;
mod pipeline_file;
mod report;
mod run;
mod sweep;
mod train;

use std::process::ExitCode;

/// Freed buffers are kept for the next step instead of going back to the system, which takes page faults out of every
/// step of training on the CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    facts::since_start();
    settle_allocator();
    settle_environment();
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// How many milliseconds mimalloc waits before it gives freed memory back to the system: its option number 15, which its
/// bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Lets the allocator keep freed memory: the next step of a training needs it again.
#[allow(unsafe_code)]
fn settle_allocator() {
    // SAFETY: the option is a number in a table of the allocator's, which any thread may write at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}

/// Settles two things through the environment, where libraries below us leave no other way.
///
/// Burn puts the state of an optimiser that it reads onto its default device before the right one takes it over; that default
/// would be a GPU, which a machine may lack. And without a desktop session Mesa's layer that sorts the GPUs by the screen
/// prints a complaint for every one.
#[allow(unsafe_code)]
fn settle_environment() {
    let set = |name: &str| std::env::var_os(name).is_some();
    let headless = !set("XDG_RUNTIME_DIR");
    for (name, value, wanted) in [("BURN_DEVICE", "flex", true), ("NODEVICE_SELECT", "1", headless)] {
        if wanted && !set(name) {
            // SAFETY: nothing else runs yet, so no other thread reads or writes the environment.
            unsafe { std::env::set_var(name, value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code)]
    fn option_15_of_the_allocator_is_the_delay_before_it_gives_memory_back() {
        // SAFETY: reads a number of the allocator's; nothing in the tests writes it.
        let preset = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert!([10, 1000].contains(&preset), "{preset} is the default of another option");
    }
}
