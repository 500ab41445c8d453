//! `imago`: trains declared generative models, samples them and exports them for the page.

/// Prints a line. A closed pipe, as in `imago summary … | head`, must not stop a training.
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

/// Keeps freed buffers for the next step, which avoids page faults in training on the CPU.
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

/// Milliseconds before mimalloc returns freed memory to the system: option 15, unnamed in its
/// bindings.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Lets the allocator keep freed memory for the next step.
#[allow(unsafe_code)]
fn settle_allocator() {
    // SAFETY: the option is a number in a table that any thread may write at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}

/// Sets environment variables where libraries offer no other way. Burn loads optimiser states onto
/// its default device before moving them, which would be a GPU that may not exist. And without a
/// desktop session, Mesa's device-select layer prints complaints.
#[allow(unsafe_code)]
fn settle_environment() {
    let set = |name: &str| std::env::var_os(name).is_some();
    let headless = !set("XDG_RUNTIME_DIR");
    for (name, value, wanted) in [("BURN_DEVICE", "flex", true), ("NODEVICE_SELECT", "1", headless)] {
        if wanted && !set(name) {
            // SAFETY: no other thread is running yet.
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
        // SAFETY: reads a number that no test writes.
        let preset = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert!([10, 1000].contains(&preset), "{preset} is the default of another option");
    }
}
