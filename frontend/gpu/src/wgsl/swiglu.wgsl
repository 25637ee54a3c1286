// gate * sigmoid(gate) * up (arXiv 2002.05202), element by element, into gate.

struct Step { n: u32, picked: u32 }
struct Op { rows: u32, columns: u32, per: u32, flags: u32, kv: u32, share: u32, scale: f32, eps: f32 }
@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<uniform> op: Op;
@group(0) @binding(2) var<storage, read> up: array<f32>;
@group(0) @binding(7) var<storage, read_write> gate: array<f32>;

@compute @workgroup_size(64)
fn swiglu(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= step.n * op.columns) { return; }
  let g = gate[i];
  // What overflows may be anything in WGSL: from here on the result is 0 for a float.
  gate[i] = g / (1.0 + exp(-max(g, -80.0))) * up[i];
}
