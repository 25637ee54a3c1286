//! The trainer against references: PyTorch's numbers, its own interruptions, and a small run that must learn.

mod adapter;
mod broken_numbers;
mod calibration;
mod cold_start;
mod data_file;
mod dialogue;
mod explain;
mod family;
mod golden;
mod golden_losses;
mod held_out;
mod judged;
mod memory;
mod objectives;
mod portable;
mod rewarding;
mod support;
mod tiny;
mod trajectory;
