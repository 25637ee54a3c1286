//! The words that cross a process or a thread: ids and serde types, nothing that computes.
//!
//! Reading order follows the circle: an [`Item`] is asked, a [`Rollout`] answers it, a [`RewardConfig`] turns the answer
//! into [`Receipt`]s, a [`Recipe`] trains on them, [`Event`]s report what happens, a [`Manifest`] names the checkpoint that
//! comes out, and [`Feedback`] closes the circle.
//!
//! This crate never knows tensors, SQL, HTTP or a user interface.
#![warn(missing_docs)]

mod adaptive;
mod attack;
mod calibration;
mod chat;
mod checkpoint;
mod comparison;
mod composition;
mod constitution;
mod dry_run;
mod engine;
mod error;
mod eval;
mod event;
mod explain;
mod feedback;
mod grader;
pub mod grader_run;
mod ids;
mod item;
pub mod openai_grader;
mod preview;
mod program;
mod recipe;
mod review;
mod reward;
mod reward_diff;
mod rollout;
mod run;
mod schema;
mod sketch;
mod suites;

pub use adaptive::{
    Adaptive, AdaptiveState, SignalTest, WeightAction, WeightChange, WeightCurve, WeightRule, WeightSchedule,
};
pub use attack::{
    AttackAnswer, AttackReport, Exploit, ExploitResult, HackLesson, HonestAnswer, ItemAttack, LessonRuns, SearchFind,
};
pub use calibration::{
    Calibration, ConfidenceSource, Conformal, Estimate, Measured, NamePairs, ReliabilityBin, RiskPoint,
};
pub use chat::{Choice, Message, Role};
pub use checkpoint::{CheckpointFile, FileKind, Manifest, ModelShape};
pub use comparison::{
    AnsweredItem, ArmFigure, ArmResult, ArmSpec, Budget, BudgetKind, ClassCount, Comparison, ComparisonPart,
    ComparisonRun, Cost, CurvePoint, DataCard, Difference, Experiment, FigureResult, RateChoice, RateTry, RewardCard,
    RunCard, Saw, SeedRun, StoredComparison, TuningSpec,
};
pub use composition::{Clamp, Combine, Constraint, DomainWeight, Gate, MultiplierStep};
pub use constitution::{Constitution, Principle, PrincipleLimit, PrincipleStanding};
pub use dry_run::{Advice, Decision, DryRun, GraderScores, Histogram, KeptRows, RewardGap, RowsAdvice};
pub use engine::{BenchReport, BenchSpec, EngineReply, EngineReport, EngineRequest, GroupJudgement, WeightsSource};
pub use error::ApiError;
pub use eval::{DomainScore, EvalReport, Rate, Verdict};
pub use event::{Event, RunEvent, SampleGroup, SampledCompletion, SampledReply, SampledToken};
pub use explain::{
    AnswerReading, GraderPush, Influence, InfluenceOver, Influencer, Inspection, Timeline, TimelinePoint, TokenReading,
    TokenShift, TokenTerm, TokenView,
};
pub use feedback::{
    Feedback, FeedbackBody, FeedbackFilter, FeedbackKind, FeedbackRow, FlagReason, PairChoice, SampleRef,
};
pub use grader::{Ensemble, ForbiddenPhrase, Grader, LengthUnit, PiiKind, Script};
pub use ids::{CheckpointId, FeedbackId, ItemId, RunId};
pub use item::{ABSTAIN, Domain, Expected, Item, Knowledge, REFUSE, Split};
pub use preview::{LabSample, NewRewardVersion, Preview, PreviewReply, RewardPreset, RewardVersion};
pub use program::{AdapterScale, OutputRule, ProgramReply, ProgramRequest};
pub use recipe::{
    AdvantageEstimator, AdvantageScale, Algorithm, CheckpointSpec, ColdStartSpec, CurriculumSpec, DataSpec, DpoLoss,
    DpoSpec, DryRunSpec, Dtype, EnvironmentSpec, EvalSpec, GrpoSpec, ImportanceSamplingLevel, KlEstimator, KtoSpec,
    LORA_TARGETS, LoraSpec, LossAggregation, MemorySpec, OptimSpec, OrpoSpec, PolicyLoss, Push, RaftSpec, Recipe,
    Retelling, RewardModelSpec, RolloutSpec, Schedule, SftSpec, StatedConfidence, ZeroVariance,
};
pub use review::{
    ReviewAnswer, ReviewDecision, ReviewEntry, ReviewReason, ReviewScan, ReviewScanned, ReviewSource, ReviewVerdict,
    Reviewed, Standing,
};
pub use reward::{Receipt, Reward, RewardConfig, Span, WeightedGrader};
pub use reward_diff::{ComparedSample, Flip, RewardChange, RewardComparison, RewardPart};
pub use rollout::{Rollout, Sampling, StopReason, TokenAlternative, TokenInfo};
pub use run::{Run, RunCommand, RunStatus};
pub use schema::{JsonSchema, JsonType};
pub use sketch::Sketch;
pub use suites::{
    AskPerson, Better, Evaluation, EvaluationOrder, EvaluationStatus, SuiteExample, SuiteFigure, SuiteReport,
    SuiteSection, SuiteUnit,
};
