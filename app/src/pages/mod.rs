//! One file per page.

mod bench;
mod feedback;
mod lab;
mod not_found;
mod playground;
mod run;
mod runs;
mod truth;

pub(crate) use bench::BenchPage;
pub(crate) use feedback::FeedbackPage;
pub(crate) use lab::LabPage;
pub(crate) use not_found::NotFound;
pub(crate) use playground::PlaygroundPage;
pub(crate) use run::RunPage;
pub(crate) use runs::RunsPage;
pub(crate) use truth::TruthPage;
