//! Explaining with this server's models, and with the folder of a run.

use crate::reviews::with_builtin;
use clicker_service::headless::{self, Compute, ExplainRun, TrainRequest};
use clicker_service::{Asked, Control, Question, ServiceError};
use clicker_wire::{InfluenceOver, Item, Recipe, RunId};
use std::path::PathBuf;
use tempfile::TempDir;

fn builtin() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../public/models/builtin.gguf")
}

#[tokio::test]
async fn a_question_of_the_world_brings_its_truth() {
    let dir = TempDir::new().expect("a folder");
    let service = with_builtin(dir.path()).await;
    let asked = |item: Option<&str>, text: Option<&str>| Question {
        item: item.map(str::to_owned),
        text: text.map(str::to_owned),
    };
    assert_eq!(service.question(&asked(None, None)).await.expect("nothing"), None);
    let free = service.question(&asked(None, Some("Is it so?"))).await.expect("any text").expect("an item");
    assert!(free.accepted.is_empty());
    let known = service.world_items(None, 40).await.expect("items").into_iter().find(|i| i.messages.len() == 1);
    let known = known.expect("a single turn");
    let by_text = service.question(&asked(None, Some(known.question()))).await.expect("the text");
    assert_eq!(by_text.expect("an item").messages, known.messages);
    let by_id = service.question(&asked(Some(known.id.as_str()), Some("Is it so?"))).await.expect("the id");
    assert_eq!(by_id, Some(known.clone()));
    let long = service.question(&asked(None, Some(&"x".repeat(5000)))).await;
    assert!(matches!(long, Err(ServiceError::Invalid { .. })));
    assert!(matches!(service.question(&asked(Some("no/such"), None)).await, Err(ServiceError::NotFound { .. })));

    let view =
        service.explain_tokens("builtin", "builtin", Asked { item: known, answer: None }).await.expect("explains");
    assert_eq!(view.before, view.after, "one model compared with itself");
    assert!(view.parts_at.is_none() && !view.tokens.is_empty() && view.before.verdict.is_some());
    let free = Asked { item: Item::free("?"), answer: Some("x".repeat(9000)) };
    assert!(matches!(service.explain_tokens("builtin", "builtin", free).await, Err(ServiceError::Invalid { .. })));
    let gone = service.explain_timeline(&RunId::from("none"), Item::free("?")).await;
    assert!(matches!(gone, Err(ServiceError::NotFound { .. })));
}

#[test]
fn the_folder_of_a_run_is_explained() {
    let dir = TempDir::new().expect("a folder");
    let mut recipe: Recipe =
        headless::recipe("name = 'short'\nalgorithm = 'grpo'\nsteps = 2\nseed = 3").expect("a recipe");
    recipe.rollout.prompts = 3;
    recipe.rollout.group_size = 4;
    recipe.rollout.sampling.max_new_tokens = 8;
    recipe.eval.items = 4;
    recipe.checkpoint.every = 1;
    recipe.dry_run.start_anyway = "this test looks at the folder, not at the reward".into();
    let out = dir.path().join("run");
    let request = TrainRequest {
        recipe,
        model: builtin(),
        builtin: builtin(),
        out: out.clone(),
        resume: false,
        compute: Compute::cpu(),
    };
    headless::train(&request, &mut |_| (), &|| Control::Continue).expect("trains");

    let request = ExplainRun {
        run: out.clone(),
        model: None,
        builtin: builtin(),
        prompt: "What is the capital of France?".into(),
    };
    let told = headless::explain_timeline(&request).expect("a timeline");
    assert_eq!(told.points.iter().map(|p| p.step).collect::<Vec<_>>(), [0, 1, 2]);
    let found = headless::explain_influence(&request, None, InfluenceOver::Head, Some(1)).expect("influence");
    assert_eq!((found.rollouts, found.left_out, found.model.as_str()), (16, 0, "step 1"));
    let all = headless::explain_influence(&request, Some("Paris."), InfluenceOver::All, None).expect("influence");
    assert_eq!((all.rollouts, all.model.as_str()), (16, "step 0"));
    let missing = headless::explain_influence(&request, None, InfluenceOver::Head, Some(9)).expect_err("no such step");
    assert!(missing.to_string().contains("0, 1, 2"), "{missing}");
    let seen = headless::explain_step(&out, (2, 1, 3)).expect("inspects");
    assert_eq!((seen.step, seen.group, seen.sample), (2, 1, 3));
    assert!(headless::explain_step(&out, (2, 7, 0)).is_err());
    let view = headless::explain_tokens(&builtin(), &out.join("checkpoints/000002.gguf"), &request.prompt, None);
    assert!(!view.expect("explains").tokens.is_empty());
    let nowhere = headless::explain_step(dir.path(), (1, 0, 0)).expect_err("no run");
    assert!(nowhere.to_string().contains("holds no run"), "{nowhere}");
}
