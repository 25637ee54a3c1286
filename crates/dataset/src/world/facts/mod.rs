//! Real facts as plain tables. Nothing here is drawn at random, and nothing here knows splits or wordings.

mod capitals;
mod elements;
mod words;

pub(crate) use capitals::{CAPITALS, Country};
pub(crate) use elements::{ELEMENTS, Element, FAMOUS_ELEMENTS};
pub(crate) use words::{COLOURS, DAYS, JOBS, NAMES, OBJECTS, PLACES, REAL_NAMES, THINGS};
