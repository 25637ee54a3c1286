// x / sqrt(mean(x^2) + eps) * weight (arXiv 1910.07467), one row for each group of 64; row i of the result is row i of x, or row pick[i].

struct Op { rows: u32, columns: u32, per: u32, flags: u32, kv: u32, share: u32, scale: f32, eps: f32 }
@group(0) @binding(1) var<uniform> op: Op;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> pick: array<u32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

const PICKED = 2u;
var<workgroup> part_sums: array<f32, 64>;

@compute @workgroup_size(64)
fn norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  var row = group.x;
  if ((op.flags & PICKED) != 0u) { row = pick[group.x]; }
  let start = row * op.columns;
  var sum = 0.0;
  for (var c = lane; c < op.columns; c += 64u) { sum += x[start + c] * x[start + c]; }
  part_sums[lane] = sum;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lane < half) { part_sums[lane] += part_sums[lane + half]; }
    workgroupBarrier();
  }
  let by = 1.0 / sqrt(part_sums[0] / f32(op.columns) + op.eps);
  for (var c = lane; c < op.columns; c += 64u) {
    y[group.x * op.columns + c] = x[start + c] * by * weight[c];
  }
}
