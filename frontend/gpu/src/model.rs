//! A model's weights on the card, from the same file that the engine reads, a piece at a time.

use crate::Layout;
use crate::processor::Processor;
use crate::session::Session;
use clicker_lm::weights::gguf::{self, Header, Kind, ReadAt};
use clicker_lm::weights::gguf_model;
use clicker_lm::{Architecture, LmError, ModelConfig};
use js_sys::{Function, Reflect, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wgpu::Buffer;

/// Bytes of the file read at a time.
const CHUNK: usize = 1 << 20;

/// Widest head that the kernels have room for.
const WIDEST_HEAD: usize = 512;

/// A matrix [rows, columns].
pub(crate) struct Matrix {
    pub(crate) layout: Layout,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Neighbours that share a scale; 1 where there are none.
    pub(crate) per: usize,
    pub(crate) words: Buffer,
    pub(crate) scales: Option<Buffer>,
}

pub(crate) struct Layer {
    pub(crate) attention_norm: Buffer,
    pub(crate) q: Matrix,
    pub(crate) k: Matrix,
    pub(crate) v: Matrix,
    pub(crate) o: Matrix,
    pub(crate) ffn_norm: Buffer,
    pub(crate) gate: Matrix,
    pub(crate) up: Matrix,
    pub(crate) down: Matrix,
    pub(crate) biases: Option<[Buffer; 3]>,
    pub(crate) head_norms: Option<[Buffer; 2]>,
}

pub(crate) struct Model {
    pub(crate) processor: Processor,
    pub(crate) config: ModelConfig,
    pub(crate) embedding: Matrix,
    pub(crate) layers: Vec<Layer>,
    pub(crate) norm: Buffer,
    pub(crate) head: Option<Matrix>,
    /// Radians per position, [d / 2].
    pub(crate) frequencies: Vec<f64>,
}

/// A file as `openWeights` gives it.
struct File {
    file: JsValue,
    read: Function,
    size: u64,
}

impl ReadAt for File {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> clicker_lm::Result<()> {
        let short = || LmError::File {
            file: "weights".into(),
            problem: format!("{} bytes at {offset} could not be read", into.len()),
        };
        let bytes = self.read.call2(&self.file, &(offset as f64).into(), &(into.len() as f64).into());
        let bytes = bytes.ok().and_then(|bytes| bytes.dyn_into::<Uint8Array>().ok());
        let bytes = bytes.filter(|bytes| bytes.length() as usize == into.len()).ok_or_else(short)?;
        bytes.copy_to(into);
        Ok(())
    }
}

/// A model on its way to the card.
#[wasm_bindgen]
pub struct Loading {
    file: File,
    model: Model,
    left: Vec<Unread>,
    /// Bytes of the next tensor that are there.
    done: usize,
}

/// A tensor that is not on the card yet.
struct Unread {
    kind: Kind,
    start: u64,
    size: usize,
    words: Buffer,
    scales: Option<Buffer>,
}

#[wasm_bindgen]
impl Loading {
    /// Ask for a device, and for room on it for everything that the file describes.
    ///
    /// # Errors
    /// No device, a file that is no model, no room.
    pub async fn begin(file: JsValue) -> Result<Self, JsError> {
        console_error_panic_hook::set_once();
        let processor = Processor::new().await.map_err(|e| JsError::new(&e))?;
        Self::room(processor, file).map_err(|e| JsError::new(&e))
    }

    /// Bring the next piece; says whether it was the last.
    ///
    /// # Errors
    /// The file's own; whatever went wrong on the card.
    pub fn step(&mut self) -> Result<bool, JsError> {
        self.advance().map_err(|e| JsError::new(&e))
    }

    /// All is there.
    #[must_use]
    pub fn finish(self) -> Card {
        Card(Rc::new(self.model))
    }
}

impl Loading {
    fn room(processor: Processor, file: JsValue) -> Result<Self, String> {
        let member = |name: &str| Reflect::get(&file, &name.into()).ok();
        let read = member("read").and_then(|read| read.dyn_into().ok()).ok_or("the file has no `read`")?;
        let size = member("size").and_then(|size| size.as_f64()).ok_or("the file has no `size`")? as u64;
        let file = File { file, read, size };
        let header = gguf::read_header(&file).map_err(|e| e.to_string())?;
        let config = gguf_model::config_of(&file, &header).map_err(|e| e.to_string())?;
        let mut room = Room { processor: &processor, header: &header, left: Vec::new() };
        let parts = parts(&config, &mut room)?;
        let mut left = room.left;
        // In the order of the file, the next one last.
        left.sort_by_key(|unread| std::cmp::Reverse(unread.start));
        let frequencies = clicker_lm::ops::rope_frequencies(&config);
        let Parts { embedding, layers, norm, head } = parts;
        let model = Model { processor, config, embedding, layers, norm, head, frequencies };
        Ok(Self { file, model, left, done: 0 })
    }

    fn advance(&mut self) -> Result<bool, String> {
        self.model.processor.sound()?;
        let Some(unread) = self.left.last() else { return Ok(true) };
        let (weights, bytes) = unread.kind.block();
        // Whole words: eight floats, or a block.
        let unit = if weights == 1 { 8 * bytes } else { 4 * bytes };
        let now = (CHUNK / unit * unit).min(unread.size - self.done);
        let mut stored = vec![0; now];
        self.file.read_at(unread.start + self.done as u64, &mut stored).map_err(|e| e.to_string())?;
        let (mut words, mut scales) = (Vec::new(), Vec::new());
        Layout::pack(unread.kind, &stored, &mut words, &mut scales);
        words.resize(words.len().next_multiple_of(4), 0);
        let before = Layout::bytes(unread.kind, self.done / bytes * weights);
        let queue = &self.model.processor.queue;
        queue.write_buffer(&unread.words, before.0 as u64, &words);
        if let Some(buffer) = &unread.scales {
            queue.write_buffer(buffer, before.1 as u64, &scales);
        }
        self.done += now;
        if self.done == unread.size {
            self.left.pop();
            self.done = 0;
        }
        Ok(self.left.is_empty())
    }
}

/// What `room` makes buffers for.
struct Parts {
    embedding: Matrix,
    layers: Vec<Layer>,
    norm: Buffer,
    head: Option<Matrix>,
}

/// Makes buffers for tensors and notes what has to be read into them.
struct Room<'a> {
    processor: &'a Processor,
    header: &'a Header,
    left: Vec<Unread>,
}

impl Room<'_> {
    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix, String> {
        let place = gguf_model::place(self.header, name, &[rows, columns]).map_err(|e| e.to_string())?;
        if !columns.is_multiple_of(4) {
            return Err(format!("{name} has {columns} columns; the kernels of the graphics card read four at a time"));
        }
        let (kind, start, size) = (place.kind, place.start, place.size as usize);
        let (word_bytes, scale_bytes) = Layout::bytes(kind, rows * columns);
        let words = self.processor.buffer(name, word_bytes)?;
        let scales = if scale_bytes == 0 { None } else { Some(self.processor.buffer(name, scale_bytes)?) };
        self.left.push(Unread { kind, start, size, words: words.clone(), scales: scales.clone() });
        let per = kind.integers().map_or(1, |parts| parts.per);
        Ok(Matrix { layout: Layout::of(kind), rows, columns, per, words, scales })
    }

    /// A vector of floats; files keep them whole.
    fn vector(&mut self, name: &str, len: usize) -> Result<Buffer, String> {
        let place = gguf_model::place(self.header, name, &[len]).map_err(|e| e.to_string())?;
        if place.kind != Kind::F32 {
            return Err(format!("{name} is stored as {:?}; the graphics card takes vectors as F32", place.kind));
        }
        let words = self.processor.buffer(name, 4 * len)?;
        let (start, size) = (place.start, place.size as usize);
        self.left.push(Unread { kind: Kind::F32, start, size, words: words.clone(), scales: None });
        Ok(words)
    }
}

fn parts(config: &ModelConfig, room: &mut Room<'_>) -> Result<Parts, String> {
    let (d, width, ffn) = (config.head_dim, config.width, config.ffn);
    let (q_rows, kv_rows) = (config.heads * d, config.kv_heads * d);
    if d > WIDEST_HEAD {
        return Err(format!("heads of {d}; the kernels of the graphics card have room for {WIDEST_HEAD}"));
    }
    let embedding = room.matrix("model.embed_tokens.weight", config.vocab, width)?;
    let mut layers = Vec::new();
    for i in 0..config.layers {
        let name = |part: &str| format!("model.layers.{i}.{part}");
        layers.push(Layer {
            attention_norm: room.vector(&name("input_layernorm.weight"), width)?,
            q: room.matrix(&name("self_attn.q_proj.weight"), q_rows, width)?,
            k: room.matrix(&name("self_attn.k_proj.weight"), kv_rows, width)?,
            v: room.matrix(&name("self_attn.v_proj.weight"), kv_rows, width)?,
            o: room.matrix(&name("self_attn.o_proj.weight"), width, q_rows)?,
            ffn_norm: room.vector(&name("post_attention_layernorm.weight"), width)?,
            gate: room.matrix(&name("mlp.gate_proj.weight"), ffn, width)?,
            up: room.matrix(&name("mlp.up_proj.weight"), ffn, width)?,
            down: room.matrix(&name("mlp.down_proj.weight"), width, ffn)?,
            biases: match config.architecture {
                Architecture::Qwen2 => Some([
                    room.vector(&name("self_attn.q_proj.bias"), q_rows)?,
                    room.vector(&name("self_attn.k_proj.bias"), kv_rows)?,
                    room.vector(&name("self_attn.v_proj.bias"), kv_rows)?,
                ]),
                Architecture::Llama | Architecture::Qwen3 => None,
            },
            head_norms: match config.architecture {
                Architecture::Qwen3 => Some([
                    room.vector(&name("self_attn.q_norm.weight"), d)?,
                    room.vector(&name("self_attn.k_norm.weight"), d)?,
                ]),
                Architecture::Llama | Architecture::Qwen2 => None,
            },
        });
    }
    let norm = room.vector("model.norm.weight", width)?;
    let head = if config.tied { None } else { Some(room.matrix("lm_head.weight", config.vocab, width)?) };
    Ok(Parts { embedding, layers, norm, head })
}

/// A model on the card.
#[wasm_bindgen]
pub struct Card(Rc<Model>);

#[wasm_bindgen]
impl Card {
    /// Begin with prompts, end to end in `ids`, of these lengths. `rows` says which prompt each row will continue, by up to `capacity`
    /// tokens.
    ///
    /// # Errors
    /// Ids outside the vocabulary, texts longer than the context, no room.
    pub fn begin(&self, ids: Vec<u32>, lens: &[u32], rows: &[u32], capacity: u32) -> Result<Session, JsError> {
        Session::new(Rc::clone(&self.0), ids, lens, rows, capacity as usize).map_err(|e| JsError::new(&e))
    }
}
