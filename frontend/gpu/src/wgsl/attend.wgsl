// Attention of one head of one row over two stretches of the cache: the prompt's, which rows share, and the row's own. Scores come
// 64 at a time, with the running maximum and sum of an online softmax (arXiv 1805.02867).

struct Op { rows: u32, columns: u32, per: u32, flags: u32, kv: u32, share: u32, scale: f32, eps: f32 }
@group(0) @binding(1) var<uniform> op: Op;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> keys: array<f32>;
@group(0) @binding(4) var<storage, read> values: array<f32>;
// Of each row: first slot and length of the shared stretch, then of its own.
@group(0) @binding(5) var<storage, read> spans: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

const LEAST = -3.0e38;
var<workgroup> query: array<f32, 512>;
var<workgroup> scores: array<f32, 64>;
var<workgroup> part_sums: array<f32, 64>;

@compute @workgroup_size(64)
fn attend(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let d = op.columns;
  let start = (group.y * op.rows + group.x) * d;
  for (var i = lane; i < d; i += 64u) { query[i] = q[start + i]; }
  let span = spans[group.y];
  let total = span.y + span.w;
  let head = group.x / op.share * d;
  var most = LEAST;
  var all = 0.0;
  var sums = array<f32, 8>();
  workgroupBarrier();
  for (var base = 0u; base < total; base += 64u) {
    let j = base + lane;
    var score = LEAST;
    if (j < total) {
      let at = select(span.z + j - span.y, span.x + j, j < span.y) * op.kv + head;
      score = 0.0;
      for (var i = 0u; i < d; i++) { score += query[i] * keys[at + i]; }
      score *= op.scale;
    }
    part_sums[lane] = score;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half >>= 1u) {
      if (lane < half) { part_sums[lane] = max(part_sums[lane], part_sums[lane + half]); }
      workgroupBarrier();
    }
    let highest = max(most, part_sums[0]);
    workgroupBarrier();
    var share = 0.0;
    if (j < total) { share = exp(score - highest); }
    scores[lane] = share;
    part_sums[lane] = share;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half >>= 1u) {
      if (lane < half) { part_sums[lane] += part_sums[lane + half]; }
      workgroupBarrier();
    }
    let before = exp(most - highest);
    most = highest;
    all = all * before + part_sums[0];
    let here = min(64u, total - base);
    for (var e = 0u; e < 8u; e++) {
      let i = lane + 64u * e;
      if (i >= d) { break; }
      var sum = sums[e] * before;
      for (var t = 0u; t < here; t++) {
        let k = base + t;
        let at = select(span.z + k - span.y, span.x + k, k < span.y) * op.kv + head;
        sum += scores[t] * values[at + i];
      }
      sums[e] = sum;
    }
    workgroupBarrier();
  }
  for (var e = 0u; e < 8u; e++) {
    let i = lane + 64u * e;
    if (i < d) { y[start + i] = sums[e] / all; }
  }
}
