//! Which vector instructions the processor has, asked while the program runs, and functions that are compiled once for
//! each answer.

use std::sync::OnceLock;

/// What a processor can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// AVX-512 (F, BW, DQ, VL) with FMA.
    Avx512,
    /// AVX2 with FMA.
    Avx2,
    /// Whatever the build was made for.
    Portable,
}

impl Level {
    /// The best that this processor has.
    #[inline]
    pub(crate) fn of_this_processor() -> Self {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(Self::find)
    }

    fn find() -> Self {
        [Self::Avx512, Self::Avx2].into_iter().find(|level| level.is_here()).unwrap_or(Self::Portable)
    }

    /// Whether this processor has it.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = || is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = || {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            };
            match self {
                Self::Avx512 => avx2() && avx512(),
                Self::Avx2 => avx2(),
                Self::Portable => true,
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Self::Portable
        }
    }
}

/// Compile a function once for each [`Level`] and call the one for this processor. The compiler turns the same lanes
/// into wider vectors and never fuses or reorders arithmetic, so all of them give the same bits.
macro_rules! by_level {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $kind:ty),* $(,)?) $(-> $out:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "the wrappers repeat what the function takes")]
        $vis fn $name($($arg: $kind),*) $(-> $out)? {
            #[inline(always)]
            fn body($($arg: $kind),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512($($arg: $kind),*) $(-> $out)? {
                    body($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $kind),*) $(-> $out)? {
                    body($($arg),*)
                }
                match $crate::kernel::Level::of_this_processor() {
                    $crate::kernel::Level::Avx512 => {
                        // SAFETY: the processor was just asked for exactly these features.
                        #[expect(unsafe_code, reason = "the compiler cannot know what the processor has")]
                        unsafe {
                            avx512($($arg),*)
                        }
                    }
                    $crate::kernel::Level::Avx2 => {
                        // SAFETY: as above.
                        #[expect(unsafe_code, reason = "the compiler cannot know what the processor has")]
                        unsafe {
                            avx2($($arg),*)
                        }
                    }
                    $crate::kernel::Level::Portable => body($($arg),*),
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            body($($arg),*)
        }
    };
}
pub(crate) use by_level;
