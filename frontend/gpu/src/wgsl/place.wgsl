// What happens to a head of fresh queries, keys or values before attention: its bias, its norm, its rotation (arXiv 2104.09864, both
// pairings), and where it goes: to its row, or to the row's slot of the cache. One head of one row for each group of 64.

struct Op { rows: u32, columns: u32, per: u32, flags: u32, kv: u32, share: u32, scale: f32, eps: f32 }
@group(0) @binding(1) var<uniform> op: Op;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
// Cosine and sine, [n, d / 2].
@group(0) @binding(5) var<storage, read> angles: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read> slots: array<u32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

const BIAS = 4u;
const NORM = 8u;
const HALVES = 16u;
const NEIGHBOURS = 32u;
const CACHE = 64u;
var<workgroup> head: array<f32, 512>;
var<workgroup> part_sums: array<f32, 64>;

@compute @workgroup_size(64)
fn place(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let d = op.columns;
  let width = op.rows * d;
  let start = group.y * width + group.x * d;
  var sum = 0.0;
  for (var i = lane; i < d; i += 64u) {
    var value = x[start + i];
    if ((op.flags & BIAS) != 0u) { value += bias[group.x * d + i]; }
    head[i] = value;
    sum += value * value;
  }
  part_sums[lane] = sum;
  workgroupBarrier();
  if ((op.flags & NORM) != 0u) {
    for (var half = 32u; half > 0u; half >>= 1u) {
      if (lane < half) { part_sums[lane] += part_sums[lane + half]; }
      workgroupBarrier();
    }
    let by = 1.0 / sqrt(part_sums[0] / f32(d) + op.eps);
    for (var i = lane; i < d; i += 64u) { head[i] = head[i] * by * weight[i]; }
    workgroupBarrier();
  }
  var to = group.y;
  if ((op.flags & CACHE) != 0u) { to = slots[group.y]; }
  let at = to * width + group.x * d;
  if ((op.flags & (HALVES | NEIGHBOURS)) == 0u) {
    for (var i = lane; i < d; i += 64u) { y[at + i] = head[i]; }
    return;
  }
  let half = d / 2u;
  for (var i = lane; i < half; i += 64u) {
    var first = i;
    var second = i + half;
    if ((op.flags & NEIGHBOURS) != 0u) {
      first = 2u * i;
      second = 2u * i + 1u;
    }
    let turn = angles[group.y * half + i];
    y[at + first] = head[first] * turn.x - head[second] * turn.y;
    y[at + second] = head[second] * turn.x + head[first] * turn.y;
  }
}
