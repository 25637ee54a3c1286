//! Texts that are computed already: what a batch of answers leaves behind, and a new prompt that begins like one of them. A conversation
//! that goes on computes only what is new in it, with the bits of one that was computed from its beginning.

use super::adapter::Adaptation;
use super::attention::EngineCache;
use super::prompt::PromptPass;
use crate::{Drawn, Prompts};

/// Prompts and answers with their keys and values.
#[derive(Debug)]
pub struct Spoken {
    cache: EngineCache,
    /// Tokens of every prompt, and of every row with its prompt's number.
    prompts: Vec<Vec<u32>>,
    rows: Vec<(usize, Vec<u32>)>,
}

impl Spoken {
    /// What a batch leaves: the prompts that it began with, its cache and its answers. `rows` are their prompts' numbers.
    #[must_use]
    pub fn new(prompts: &Prompts, cache: EngineCache, rows: &[usize], answers: &[Drawn]) -> Self {
        let texts = prompts.plan.segments().iter().map(|s| prompts.ids[s.start..s.start + s.len].to_vec());
        let rows = rows.iter().zip(answers).map(|(&prompt, answer)| (prompt, answer.ids()));
        Self { prompts: texts.collect(), rows: rows.collect(), cache }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// The text that shares the longest beginning with `ids` under an adaptation: (prompt, row, tokens shared).
    fn longest(&self, ids: &[u32], with: Option<&Adaptation>) -> (usize, Option<usize>, usize) {
        let common = |ids: &[u32], text: &[u32]| ids.iter().zip(text).take_while(|(a, b)| a == b).count();
        let mut best = (0, None, 0);
        for (p, text) in self.prompts.iter().enumerate() {
            let shared = common(ids, text);
            if shared > best.2 && Adaptation::same(with, self.cache.prompt_adaptation(p)) {
                best = (p, None, shared);
            }
        }
        for (row, (p, answer)) in self.rows.iter().enumerate() {
            let prompt = &self.prompts[*p];
            // The last token of an answer was never an input: it has no key and no value.
            let Some((there, with_all)) = self.cache.computed(row) else { continue };
            if ids.starts_with(prompt) && Adaptation::same(with, with_all) {
                let shared = prompt.len() + common(&ids[prompt.len()..], &answer[..there.min(answer.len())]);
                if shared > best.2 {
                    best = (*p, Some(row), shared);
                }
            }
        }
        best
    }
}

impl PromptPass<'_> {
    /// Take over what is computed already of these prompts; to be called before the first step. Returns how many tokens need
    /// no computation: never the last of a prompt, which the answer follows from.
    pub fn reuse(&mut self, spoken: &Spoken) -> usize {
        let mut taken = 0;
        for segment in 0..self.prompts() {
            let ids = self.prompt(segment);
            let (prompt, row, shared) = spoken.longest(ids, self.adaptation(segment));
            let shared = shared.min(ids.len() - 1);
            if shared > 0 {
                self.take(segment, &spoken.cache, prompt, row, shared);
                taken += shared;
            }
        }
        taken
    }
}
