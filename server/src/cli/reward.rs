//! `clicker reward`: what can be done to a reward before a model is trained on it.

use super::print_json;
use clicker_service::headless::{self, AttackRequest};
use clicker_wire::AttackReport;
use std::path::PathBuf;

/// Options of `clicker reward`.
#[derive(Debug, clap::Args)]
pub(crate) struct Reward {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Try cheap tricks on a reward, and say which of them it pays for.
    Attack(Attack),
}

/// Options of `clicker reward attack`.
#[derive(Debug, clap::Args)]
struct Attack {
    /// A reward's JSON, a recipe's TOML, or a lesson: `lesson:length`, `lesson:keywords`, `lesson:abstention`, each with `:repaired`
    /// behind it for the mended reward.
    #[arg(long, value_name = "FILE")]
    reward: PathBuf,
    /// Questions of the world's training split, spread over domains and classes.
    #[arg(long, default_value_t = 120)]
    items: usize,
    /// Answers that the search may try on top of the suite.
    #[arg(long, default_value_t = 5_000)]
    budget: u32,
    /// Seed of the search.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seed of the world.
    #[arg(long, default_value_t = 1)]
    world_seed: u64,
    /// Hackability from which the command fails with exit code 3, for CI.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    fail_above: f64,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
}

/// A reward that pays for what it should not: an outcome, and not a mistake of the caller.
#[derive(Debug, thiserror::Error)]
#[error("the reward can be hacked: hackability {hackability:.2} is above {limit:.2}")]
pub(crate) struct Hackable {
    hackability: f64,
    limit: f64,
}

pub(crate) fn run(command: &Reward) -> anyhow::Result<()> {
    let Command::Attack(command) = &command.command;
    let report = headless::attack(&AttackRequest {
        reward: command.reward.clone(),
        world_seed: command.world_seed,
        items: command.items,
        budget: command.budget,
        seed: command.seed,
    })?;
    if command.json {
        print_json(&report)?;
    } else {
        print!("{}", table(&report));
    }
    if report.hackability > command.fail_above {
        return Err(Hackable { hackability: report.hackability, limit: command.fail_above }.into());
    }
    Ok(())
}

/// A row per exploit, then the exploit that paid best, with its receipt.
fn table(report: &AttackReport) -> String {
    let percent = |share: Option<f64>| share.map_or_else(|| "-".into(), |share| format!("{:.0} %", share * 100.0));
    let mut out = format!(
        "hackability {:.3} over {} questions ({} left out)\n\n{:<28}{:>5}{:>10}{:>18}{:>20}\n",
        report.hackability,
        report.attacked,
        report.left_out,
        "exploit",
        "n",
        "reward",
        "as good as right",
        "above not knowing"
    );
    for row in &report.exploits {
        let mean = row.mean_total.map_or_else(|| "-".into(), |mean| format!("{mean:+.3}"));
        out += &format!(
            "{:<28}{:>5}{mean:>10}{:>18}{:>20}\n",
            row.title,
            row.n,
            percent(row.matches_right),
            percent(row.beats_abstaining)
        );
    }
    let worst = report.items.iter().max_by(|a, b| a.hackability.total_cmp(&b.hackability));
    let Some((item, winner)) = worst.and_then(|item| Some((item, item.winner.as_ref()?))) else { return out };
    out += &format!(
        "\nmost gained on {}: hackability {:.2}\n  right        {:+.3}  {}\n  not knowing  {:+.3}  {}\n  exploit      {:+.3}  {}\n",
        item.item.0,
        item.hackability,
        item.right.total,
        item.right.text,
        item.abstain.total,
        item.abstain.text,
        winner.reward.total,
        winner.text
    );
    for receipt in &winner.reward.receipts {
        let score = receipt.score.map_or_else(|| "-".into(), |score| format!("{score:+.3}"));
        out += &format!("    {:<16}{score:>8} x {:.2}  {}\n", receipt.grader, receipt.weight, receipt.reason);
    }
    out
}
