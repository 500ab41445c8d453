//! Which instructions are used.

use pulp::Arch;

/// The best vectors that this processor has.
///
/// Functions ask once, on the thread that calls them, and hand the answer on.
pub(crate) fn arch() -> Arch {
    #[cfg(test)]
    if let Some(arch) = FORCED.get() {
        return arch;
    }
    Arch::new()
}

#[cfg(test)]
thread_local! {
    static FORCED: std::cell::Cell<Option<Arch>> = const { std::cell::Cell::new(None) };
}

/// Runs `test` with the instructions of this processor, with those of older ones, and without any vectors.
#[cfg(test)]
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
