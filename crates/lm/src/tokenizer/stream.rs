//! Text from ids one at a time. Knows no model.

use super::Tokenizer;

/// Turns ids into text one at a time, holding back the bytes of a character until it is whole.
#[derive(Clone, Debug, Default)]
pub struct TextStream {
    held: Vec<u8>,
}

impl TextStream {
    /// The text that `id` completes; may be empty.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        self.held.extend_from_slice(tokenizer.token_bytes(id));
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.held) {
                Ok(all) => {
                    text.push_str(all);
                    self.held.clear();
                    return text;
                }
                Err(error) => {
                    let rest = self.held.split_off(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(&self.held));
                    self.held = rest;
                    match error.error_len() {
                        None => return text,
                        Some(broken) => {
                            text.push('\u{fffd}');
                            self.held.drain(..broken);
                        }
                    }
                }
            }
        }
    }
}
