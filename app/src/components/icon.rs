//! The few icons, drawn on a 16-unit grid with a 1.5-unit line. Decorative: the words stand beside them or in a label.

use crate::erased::Erase;
use leptos::prelude::*;

/// Which icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Up,
    Down,
    Edit,
    Flag,
    Play,
    Stop,
    Again,
    Dice,
    Sun,
    Moon,
    Auto,
    Pause,
    Warn,
}

/// One icon.
#[component]
pub(crate) fn Icon(sign: Sign) -> impl IntoView {
    let path = match sign {
        Sign::Up => {
            "M5 14V7l3.2-5c1.2 0 1.8.9 1.6 2L9.3 6.5h3.6c.9 0 1.5.8 1.3 1.7l-1 4.4c-.2.8-.8 1.4-1.6 1.4zM5 14H2.5V7H5"
        }
        Sign::Down => {
            "M5 2v7l3.2 5c1.2 0 1.8-.9 1.6-2l-.5-2.5h3.6c.9 0 1.5-.8 1.3-1.7l-1-4.4C13 2.600 12.400 2 11.600 2zM5 2H2.500v7H5"
        }
        Sign::Edit => "M10.500 3 13 5.500 5.500 13 2.500 13.500 3 10.500zM9 4.500 11.500 7",
        Sign::Flag => "M3.500 14V2.500M3.500 3h8.500l-2 3 2 3H3.500",
        Sign::Play => "M4.500 2.800v10.400L13 8z",
        Sign::Stop => "M4 4h8v8H4z",
        Sign::Again => "M13 8a5 5 0 1 1-1.500-3.600M13 2v3h-3",
        Sign::Dice => "M3 3h10v10H3zM5.700 5.700h.01M10.300 5.700h.01M8 8h.01M5.700 10.300h.01M10.300 10.300h.01",
        Sign::Sun => {
            "M8 5.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600M8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M3.400 12.600l.7-.7M11.900 4.100l.7-.7"
        }
        Sign::Moon => "M13 9.500A5.500 5.500 0 0 1 6.500 3a5.500 5.500 0 1 0 6.500 6.500z",
        Sign::Auto => "M8 2.500a5.500 5.500 0 1 0 0 11zM8 2.500a5.500 5.500 0 1 1 0 11",
        Sign::Pause => "M5.500 3.500v9M10.500 3.500v9",
        Sign::Warn => "M8 2.500 14 13H2zM8 6.500v3M8 11.300h.01",
    };
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d=path />
        </svg>
    }
    .erased()
}
