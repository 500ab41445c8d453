#[cfg(not(target_arch = "wasm32"))]
use pulp::Arch;

/// The best vector instructions of this CPU; callers ask once and pass the answer on.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn arch() -> Arch {
    #[cfg(all(test, feature = "kernel"))]
    if let Some(arch) = FORCED.get() {
        return arch;
    }
    Arch::new()
}

/// For browsers, the build decides, which keeps other code out of the module.
#[cfg(target_arch = "wasm32")]
pub(crate) fn arch() -> Browser {
    Browser
}

/// The vector instructions of a browser.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Browser;

#[cfg(target_arch = "wasm32")]
impl Browser {
    /// Runs `work` with them.
    #[inline(always)]
    pub fn dispatch<W: pulp::WithSimd>(self, work: W) -> W::Output {
        use pulp::Simd;

        match pulp::wasm::Simd128::try_new() {
            Some(simd) => Simd::vectorize(simd, work),
            None if cfg!(target_feature = "simd128") => unreachable!("no browser without them loads this module"),
            None => Simd::vectorize(pulp::Scalar::new(), work),
        }
    }
}

#[cfg(all(test, feature = "kernel"))]
thread_local! {
    static FORCED: std::cell::Cell<Option<Arch>> = const { std::cell::Cell::new(None) };
}

/// Runs `test` with the instructions of this CPU, with those of older ones, and without vectors.
#[cfg(all(test, feature = "kernel"))]
pub(crate) fn with_each(test: impl Fn()) {
    let mut all = vec![Arch::new(), Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    all.extend(pulp::x86::V3::try_new().map(Arch::V3));
    for arch in all {
        FORCED.set(Some(arch));
        test();
    }
    FORCED.set(None);
}
