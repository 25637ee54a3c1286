//! Properties of the whole world.

use super::*;

#[test]
fn lists_have_their_full_length() {
    let world = World::new(1);
    for (split, composition) in [(Split::Sft, shares::SFT), (Split::Rl, shares::RL), (Split::Eval, shares::EVAL)] {
        let mut short = Vec::new();
        for (part, class, count) in composition {
            let domain = format!("{part:?}");
            let _ = (domain, class, count);
        }
        let want: usize = composition.iter().map(|(_, _, n)| n).sum();
        if world.items(split).len() != want {
            short.push((split, world.items(split).len(), want));
        }
        assert!(short.is_empty(), "{short:?}");
    }
}

