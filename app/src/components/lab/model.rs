//! What the lab knows: pure data, changed by `acts` and drawn by the other files.

use crate::state::lab::document::Document;
use crate::state::lab::{samples, text};
use clicker_wire::{Grader, Item, LabSample, Preview, RewardConfig, RewardPreset, RewardVersion};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Questions that examples are made from.
const EXAMPLES: usize = 16;
/// Receipts are open from the start where there are at most so many answers.
const FEW: usize = 12;

/// A model that the lab can load: what of its manifest that takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Model {
    /// Its id, which is also its slot in the engine.
    pub(crate) slot: String,
    /// The hash of its file for browsers.
    pub(crate) sha256: String,
}

#[cfg(feature = "ssr")]
impl Model {
    /// None where the model has no file for browsers.
    pub(crate) fn of(manifest: &clicker_wire::Manifest) -> Option<Self> {
        let file = manifest.file(clicker_wire::FileKind::Browser)?;
        Some(Self { slot: manifest.id.0.clone(), sha256: file.sha256.clone() })
    }
}

/// What the server knows that the first render needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// Rewards to start from, the default first.
    pub(crate) presets: Vec<RewardPreset>,
    /// Kept rewards, newest first.
    pub(crate) versions: Vec<RewardVersion>,
    /// Questions of the world.
    pub(crate) questions: Vec<Item>,
    /// The model that can answer them.
    pub(crate) model: Option<Model>,
    /// The recipe that a reward is trained with, as JSON: only its reward is touched.
    pub(crate) recipe: Option<Value>,
    /// Whether the visitor may train.
    pub(crate) owner: bool,
    /// A reward that the address brings, as text.
    pub(crate) linked: Option<String>,
    /// Why it does not, though it should.
    pub(crate) trouble: Option<String>,
}

/// The lab.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    pub(crate) document: Document,
    /// What the engine says against the reward, if anything.
    pub(crate) refused: Option<String>,
    /// What the server says against scripts, by their text; nothing against those that compile.
    pub(crate) scripts: BTreeMap<String, Option<String>>,
    pub(crate) samples: Vec<LabSample>,
    /// Where the samples come from, in words.
    pub(crate) origin: String,
    /// The order in which they are shown.
    pub(crate) order: Vec<u32>,
    /// Those whose receipts are open.
    pub(crate) open: BTreeSet<u32>,
    pub(crate) preview: Option<Preview>,
    /// The graders' names that the preview speaks of.
    pub(crate) graders: Vec<String>,
    /// Whether charts show their tables.
    pub(crate) tables: bool,
    /// The last thing worth saying, and whether it is bad news.
    pub(crate) notice: Option<(bool, String)>,
    /// The text that was attacked last.
    pub(crate) attacked: Option<String>,
    /// Answers that the model has drawn of those that were asked for.
    pub(crate) drawing: Option<(usize, usize)>,
    pub(crate) presets: Vec<RewardPreset>,
    /// The preset that is picked.
    pub(crate) picked: usize,
    /// The kind of grader that is picked to be added.
    pub(crate) adding: String,
    pub(crate) versions: Vec<RewardVersion>,
    /// The two versions that are compared, as places in the list.
    pub(crate) compared: (Option<usize>, Option<usize>),
    pub(crate) questions: Vec<Item>,
    pub(crate) model: Option<Model>,
    pub(crate) recipe: Option<Value>,
    pub(crate) owner: bool,
    pub(crate) flow: Flow,
}

/// Where the asking stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// A frame is on its way that will draw.
    pub(crate) scheduled: bool,
    /// The server compiles scripts.
    pub(crate) compiling: bool,
    /// A preview was asked for and has not arrived.
    pub(crate) asked: bool,
    /// The document or the open receipts have changed since it was.
    pub(crate) stale: bool,
    /// The engine has these samples.
    pub(crate) sent: bool,
    /// The form has to be drawn again.
    pub(crate) form: bool,
    /// The rows have to be drawn again.
    pub(crate) rows: bool,
    /// The list of versions has to be drawn again.
    pub(crate) versions: bool,
    /// The text is kept in this browser.
    pub(crate) kept: bool,
    /// Where the focus goes once the form is drawn.
    pub(crate) focus: Option<String>,
    /// Counts sample drawings, so that a late answer to an old one is dropped.
    pub(crate) turn: u64,
    /// The engine has the model.
    pub(crate) loaded: bool,
    /// It was asked to load it for a grader that asks a model.
    pub(crate) judge: bool,
}

impl Lab {
    /// A lab as it is opened: the address' reward, or the first preset, on examples.
    pub(crate) fn new(start: Start) -> Self {
        let first = start.presets.first().map_or_else(RewardConfig::default, |p| p.reward.clone());
        let document = start.linked.map_or_else(|| Document::of(&first), |text| Document::with_text(text::tidy(text)));
        let mut lab = Self {
            graders: document.config().graders.iter().map(|g| g.name.clone()).collect(),
            document,
            refused: None,
            scripts: BTreeMap::new(),
            samples: Vec::new(),
            origin: String::new(),
            order: Vec::new(),
            open: BTreeSet::new(),
            preview: None,
            tables: false,
            notice: start.trouble.map(|words| (true, words)),
            attacked: None,
            drawing: None,
            presets: start.presets,
            picked: 0,
            adding: String::new(),
            versions: start.versions,
            compared: (None, None),
            questions: start.questions,
            model: start.model,
            recipe: start.recipe,
            owner: start.owner,
            flow: Flow::default(),
        };
        lab.take_examples();
        lab
    }

    /// The scripts of the reward: each grader's place and name, and its text.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.document.config().graders.iter().enumerate().filter_map(|(index, graded)| match &graded.grader {
            Grader::Program { source } => Some((index, graded.name.as_str(), source.as_str())),
            _ => None,
        })
    }

    /// What the server says against a script, if it has looked at it and found something.
    pub(crate) fn against(&self, source: &str) -> Option<&str> {
        self.scripts.get(source)?.as_deref()
    }

    /// Whether the document is a reward that can be used, as far as is known.
    pub(crate) fn usable(&self) -> bool {
        let scripts = self.programs().all(|(_, _, source)| self.against(source).is_none());
        self.document.complaint().is_none() && self.refused.is_none() && scripts
    }

    /// Looks at the examples again.
    pub(crate) fn take_examples(&mut self) {
        let some = samples::varied(&self.questions, EXAMPLES);
        self.take(samples::examples(&some), "examples made from the world's questions".into());
    }

    /// Looks at other answers.
    pub(crate) fn take(&mut self, samples: Vec<LabSample>, origin: String) {
        self.origin = origin;
        self.order = (0..samples.len() as u32).collect();
        let open = if samples.len() <= FEW { samples.len() } else { 1 };
        self.open = (0..open as u32).collect();
        self.samples = samples;
        self.preview = None;
        (self.flow.sent, self.flow.stale, self.flow.rows) = (false, true, true);
    }

    /// The slot of the model that graders may ask; and the model, if one does and it has to be loaded first.
    pub(crate) fn judge(&mut self) -> (Option<String>, Option<Model>) {
        let asks = ["\"score_model\"", "\"label_model\""].iter().any(|kind| self.document.text().contains(kind));
        let load = asks && !self.flow.loaded && !std::mem::replace(&mut self.flow.judge, true);
        (self.model.as_ref().map(|model| model.slot.clone()), self.model.clone().filter(|_| load))
    }

    /// A preview of the document as it stands has arrived.
    pub(crate) fn show(&mut self, preview: Preview) {
        self.graders = self.document.config().graders.iter().map(|g| g.name.clone()).collect();
        self.preview = Some(preview);
        self.refused = None;
    }

    /// Shows the answers by what they earn, best first.
    pub(crate) fn sort(&mut self) {
        let total = |index: &u32| self.preview.as_ref().and_then(|p| p.totals.get(*index as usize).copied());
        let mut order = std::mem::take(&mut self.order);
        order.sort_by(|a, b| total(b).unwrap_or(f64::MIN).total_cmp(&total(a).unwrap_or(f64::MIN)).then(a.cmp(b)));
        self.order = order;
    }

    /// Says something.
    pub(crate) fn say(&mut self, words: impl Into<String>) {
        self.notice = Some((false, words.into()));
    }

    /// Says what went wrong.
    pub(crate) fn complain(&mut self, words: impl Into<String>) {
        self.notice = Some((true, words.into()));
    }
}
