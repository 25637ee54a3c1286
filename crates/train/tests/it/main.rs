//! The trainer against references: PyTorch's numbers, its own interruptions, and a small run that must learn.

mod calibration;
mod family;
mod golden;
mod golden_losses;
mod rewarding;
mod support;
mod tiny;
mod trajectory;
