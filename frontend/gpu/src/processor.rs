//! The browser's graphics processor: a device with the widest limits that it has, the kernels, buffers, and the way back for results.
//! Never knows what is computed.

use crate::Layout;
use js_sys::Promise;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wgpu::{BindGroupLayout, Buffer, BufferUsages, ComputePipeline, Device, PipelineLayout, Queue};

/// Buffers that a kernel reads, besides two of uniforms and the one that it writes.
pub(crate) const READS: usize = 5;

/// Longest wait for the reason of a failure, in milliseconds.
const LATE_MS: f64 = 1000.0;

#[wasm_bindgen]
extern "C" {
    /// Resolves after the messages that are already waiting have been handled: `boot.js` of the engine.
    #[wasm_bindgen(js_name = clickerYield)]
    fn moment() -> Promise;
}

/// Kernels that are made from one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kernel {
    Norm,
    Place,
    Attend,
    Swiglu,
    /// Products with few rows, with many, and rows by number.
    Few(Layout),
    Many(Layout),
    Gather(Layout),
}

pub(crate) struct Processor {
    pub(crate) device: Device,
    pub(crate) queue: Queue,
    pub(crate) bindings: BindGroupLayout,
    layout: PipelineLayout,
    kernels: RefCell<BTreeMap<Kernel, ComputePipeline>>,
    /// What went wrong since the device was made; nothing it computes is to be trusted after that.
    trouble: Arc<Mutex<Option<String>>>,
    /// Given where a kernel has nothing to read.
    pub(crate) nothing: Buffer,
}

impl Processor {
    pub(crate) async fn new() -> Result<Self, String> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
        let instance = wgpu::Instance::new(descriptor);
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await.map_err(|e| format!("no graphics adapter: {e}"))?;
        // Room for large tensors where the card has it; everything else stays at what every card has.
        let has = adapter.limits();
        let required_limits = wgpu::Limits {
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
            max_buffer_size: has.max_buffer_size,
            ..wgpu::Limits::default()
        };
        let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|e| format!("the graphics adapter gives no device: {e}"))?;
        let trouble = Arc::new(Mutex::new(None));
        let note = || {
            let trouble = Arc::clone(&trouble);
            move |said: String| {
                if let Ok(mut first) = trouble.lock() {
                    first.get_or_insert(said);
                }
            }
        };
        let wrong = note();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| match error {
            wgpu::Error::OutOfMemory { .. } => wrong("the graphics card has no memory left".into()),
            error => wrong(format!("the graphics card reports an error: {error}")),
        }));
        let lost = note();
        device.set_device_lost_callback(move |_, why| {
            lost(format!("the graphics card was lost ({})", why.trim_end_matches('.')));
        });
        let bindings = bindings(&device);
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bindings)],
            immediate_size: 0,
        });
        let nothing = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 256,
            usage: BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        Ok(Self { device, queue, bindings, layout, kernels: RefCell::default(), trouble, nothing })
    }

    /// An error once anything went wrong.
    pub(crate) fn sound(&self) -> Result<(), String> {
        match self.trouble.lock().ok().and_then(|trouble| trouble.clone()) {
            Some(trouble) => Err(trouble),
            None => Ok(()),
        }
    }

    pub(crate) fn kernel(&self, kernel: Kernel) -> ComputePipeline {
        if let Some(made) = self.kernels.borrow().get(&kernel) {
            return made.clone();
        }
        let made = self.make(kernel);
        self.kernels.borrow_mut().insert(kernel, made.clone());
        made
    }

    fn make(&self, kernel: Kernel) -> ComputePipeline {
        let matrix = |layout: Layout| format!("{}\n{}", layout.code(), include_str!("wgsl/matrix.wgsl"));
        let (text, entry) = match kernel {
            Kernel::Norm => (include_str!("wgsl/norm.wgsl").to_owned(), "norm"),
            Kernel::Place => (include_str!("wgsl/place.wgsl").to_owned(), "place"),
            Kernel::Attend => (include_str!("wgsl/attend.wgsl").to_owned(), "attend"),
            Kernel::Swiglu => (include_str!("wgsl/swiglu.wgsl").to_owned(), "swiglu"),
            Kernel::Few(layout) => (matrix(layout), "few"),
            Kernel::Many(layout) => (matrix(layout), "many"),
            Kernel::Gather(layout) => (matrix(layout), "gather"),
        };
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(entry),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: Some(&self.layout),
            module: &module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    }

    /// A buffer for kernels.
    ///
    /// # Errors
    /// More than the card gives at a time.
    pub(crate) fn buffer(&self, what: &str, bytes: usize) -> Result<Buffer, String> {
        let limits = self.device.limits();
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let size = (bytes.max(16) as u64).next_multiple_of(16);
        if size > most {
            return Err(format!(
                "{what} takes {:.1} MB and this graphics card gives {:.1} MB at a time; use a smaller model, a shorter text or fewer samples, or stay on the processor",
                size as f64 / 1e6,
                most as f64 / 1e6
            ));
        }
        Ok(self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        }))
    }

    /// A buffer that is small and of a use of its own.
    pub(crate) fn plain(&self, bytes: usize, usage: BufferUsages) -> Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: (bytes as u64).next_multiple_of(16).max(16),
            usage,
            mapped_at_creation: false,
        })
    }

    /// Waits for what was submitted and reads floats from the beginning of a buffer that was copied to.
    ///
    /// # Errors
    /// Whatever went wrong on the card.
    pub(crate) async fn read(&self, buffer: &Rc<Buffer>, floats: usize) -> Result<Vec<f32>, String> {
        let bytes = ..4 * floats as u64;
        let mapped = Promise::new(&mut |resolve, reject| {
            buffer.slice(bytes).map_async(wgpu::MapMode::Read, move |result| {
                // Whoever waits for the promise is there as long as this is.
                let _ = match result {
                    Ok(()) => resolve.call0(&JsValue::NULL),
                    Err(error) => reject.call1(&JsValue::NULL, &error.to_string().into()),
                };
            });
        });
        let mapped = JsFuture::from(mapped).await;
        // Why nothing came back is said in a message of its own, a little later.
        let since = js_sys::Date::now();
        while mapped.is_err() && self.sound().is_ok() && js_sys::Date::now() - since < LATE_MS {
            // The promise never rejects.
            let _ = JsFuture::from(moment()).await;
        }
        self.sound()?;
        mapped.map_err(|e| format!("the graphics card returned nothing: {}", e.as_string().unwrap_or_default()))?;
        let view =
            buffer.slice(bytes).get_mapped_range().map_err(|e| format!("the graphics card returned nothing: {e}"))?;
        let out = view.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        drop(view);
        buffer.unmap();
        Ok(out)
    }
}

/// What is let go of is given back now, and not when the browser finds out.
impl Drop for Processor {
    fn drop(&mut self) {
        self.device.destroy();
    }
}

/// The one layout of all kernels: two uniforms, what is read, what is written. Those that need less are given nothing to read.
fn bindings(device: &Device) -> BindGroupLayout {
    let entry = |binding: usize, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let read = wgpu::BufferBindingType::Storage { read_only: true };
    let mut entries: Vec<_> = (0..2).map(|i| entry(i, wgpu::BufferBindingType::Uniform)).collect();
    entries.extend((2..2 + READS).map(|i| entry(i, read)));
    entries.push(entry(2 + READS, wgpu::BufferBindingType::Storage { read_only: false }));
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
}
