//! Identifiers. Each is a newtype over a string, so that a run's id cannot be passed where a checkpoint's is wanted.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

id! {
    /// A question of the built-in world, e.g. `capitals/france/0`; stable for a given world seed.
    ItemId
}
id! {
    /// A training run: 16 lower-case hex digits.
    RunId
}
id! {
    /// A checkpoint: the sha256 of its master weights file, 64 lower-case hex digits.
    CheckpointId
}
id! {
    /// A vote: chosen by the client before it is sent, so that sending it twice stores it once.
    FeedbackId
}
