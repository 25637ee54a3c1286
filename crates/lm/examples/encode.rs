//! How fast a text is encoded, by this crate and by the `tokenizers` crate: `encode TOKENIZER.JSON TEXT`.

use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut args = std::env::args().skip(1);
    let (Some(tokenizer), Some(text)) = (args.next(), args.next()) else {
        return Err("usage: encode TOKENIZER.JSON TEXT".into());
    };
    let (json, text) = (std::fs::read(tokenizer)?, std::fs::read_to_string(text)?);
    let start = Instant::now();
    let ours = clicker_lm::Tokenizer::from_json(&json)?;
    println!("load: ours {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    let mut theirs = tokenizers::Tokenizer::from_bytes(&json)?;
    theirs.set_encode_special_tokens(true);
    println!("load: crate {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    for round in 1..=3 {
        let start = Instant::now();
        let ids = ours.encode(&text)?;
        let own = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let reference = theirs.encode_fast(text.as_str(), false)?.get_ids().to_vec();
        let other = start.elapsed().as_secs_f64();
        let rate = |seconds: f64| text.len() as f64 / seconds / 1e6;
        println!(
            "round {round}: {} tokens, same: {}, ours {:.1} MB/s, crate {:.1} MB/s",
            ids.len(),
            ids == reference,
            rate(own),
            rate(other)
        );
    }
    Ok(())
}
