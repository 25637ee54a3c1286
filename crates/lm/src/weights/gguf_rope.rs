//! How rotary frequencies are stretched, as a GGUF file says it. A linear stretch has keys of its own. That of Llama 3 is a
//! tensor of divisors, one for each frequency, which says what is divided but not by which rule: our files add the rule
//! under `clicker.rope.llama3`, and from others it is found again where it is that of the published models.

use super::gguf::{Header, Kind, Value};
use crate::ops::rope_frequencies;
use crate::{LmError, ModelConfig, Result, RopeScaling};

/// Divisors of the frequencies, [d/2].
pub(super) const TENSOR: &str = "rope_freqs.weight";

const RULE: &str = "clicker.rope.llama3";

/// Context and passage of every published Llama 3 that stretches; only the factor differs among them.
const PUBLISHED: [f32; 3] = [1.0, 4.0, 8192.0];

/// The stretch of a file whose own keys name none; `divisors` are those of its tensor, where it has one.
pub(super) fn read(header: &Header, divisors: Option<&[f32]>, unstretched: &ModelConfig) -> Result<RopeScaling> {
    let key = |name: &str| match header.metadata.get(&format!("{RULE}.{name}")) {
        Some(Value::Float(x)) => Some(*x as f32),
        _ => None,
    };
    if let (Some(factor), Some(low), Some(high), Some(original)) =
        (key("factor"), key("low_freq_factor"), key("high_freq_factor"), key("original_context"))
    {
        return Ok(RopeScaling::Llama3 { factor, low, high, original });
    }
    let Some(divisors) = divisors else { return Ok(RopeScaling::None) };
    let factor = divisors.iter().copied().fold(1.0, f32::max);
    let [low, high, original] = PUBLISHED;
    let guess = RopeScaling::Llama3 { factor, low, high, original };
    let expected = self::divisors(&ModelConfig { rope_scaling: guess, ..unstretched.clone() });
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-3 * b.abs();
    if factor == 1.0 && divisors.iter().all(|x| *x == 1.0) {
        return Ok(RopeScaling::None);
    }
    match expected.len() == divisors.len() && divisors.iter().zip(&expected).all(near) {
        true => Ok(guess),
        false => Err(LmError::Config(format!(
            "GGUF tensor `{TENSOR}` divides the rotary frequencies by up to {factor}, by no rule of a published Llama 3; use \
             the model's Hugging Face folder, whose config.json names the rule"
        ))),
    }
}

/// By what every frequency of a model is divided, [d/2].
fn divisors(config: &ModelConfig) -> Vec<f32> {
    let plain = rope_frequencies(&ModelConfig { rope_scaling: RopeScaling::None, ..config.clone() });
    plain.iter().zip(rope_frequencies(config)).map(|(plain, stretched)| (plain / stretched) as f32).collect()
}

/// Keys and tensors that say it: for other programs, and for [`read`].
pub(super) type Written = (Vec<(String, Value)>, Vec<(String, Kind, Vec<usize>, Vec<u8>)>);

/// What a file is to hold beside the keys of a linear stretch.
pub(super) fn write(config: &ModelConfig) -> Written {
    let RopeScaling::Llama3 { factor, low, high, original } = config.rope_scaling else { return Written::default() };
    let values =
        [("factor", factor), ("low_freq_factor", low), ("high_freq_factor", high), ("original_context", original)];
    let keys = values.map(|(name, x)| (format!("{RULE}.{name}"), Value::Float(x.into()))).to_vec();
    let divisors = divisors(config);
    let data = divisors.iter().flat_map(|x| x.to_le_bytes()).collect();
    (keys, vec![(TENSOR.to_owned(), Kind::F32, vec![divisors.len()], data)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;

    fn model(rope_scaling: RopeScaling) -> ModelConfig {
        ModelConfig {
            architecture: Architecture::Llama,
            vocab: 8,
            width: 128,
            layers: 1,
            heads: 2,
            kv_heads: 2,
            head_dim: 64,
            ffn: 8,
            context: 131_072,
            rms_eps: 1e-5,
            rope_theta: 500_000.0,
            rope_scaling,
            tied: true,
            bos: None,
            eos: vec![],
        }
    }

    fn header(keys: Vec<(String, Value)>) -> Header {
        Header { metadata: keys.into_iter().collect(), places: std::collections::BTreeMap::new() }
    }

    #[test]
    fn a_rule_comes_back_with_our_keys_and_a_published_one_without() {
        let odd = RopeScaling::Llama3 { factor: 5.0, low: 2.0, high: 3.0, original: 100.0 };
        let [low, high, original] = PUBLISHED;
        let published = RopeScaling::Llama3 { factor: 32.0, low, high, original };
        for scaling in [odd, published, RopeScaling::None] {
            let config = model(scaling);
            let (keys, tensors) = write(&config);
            assert_eq!(tensors.len(), usize::from(scaling != RopeScaling::None));
            assert_eq!(read(&header(keys), Some(&divisors(&config)), &model(RopeScaling::None)).unwrap(), scaling);
        }
        let divisors = |scaling| divisors(&model(scaling));
        let plain = model(RopeScaling::None);
        assert_eq!(read(&header(vec![]), Some(&divisors(published)), &plain).unwrap(), published);
        let error = read(&header(vec![]), Some(&divisors(odd)), &plain).unwrap_err().to_string();
        assert!(error.contains("rope_freqs") && error.contains("Hugging Face"), "{error}");
        // Llama 3.2's first and last frequencies: kept, and divided by the factor.
        let d = divisors(published);
        assert_eq!((d[0], d[31], d.len()), (1.0, 32.0, 32));
    }
}
