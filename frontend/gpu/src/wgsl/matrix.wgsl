// A matrix [rows, columns] times rows of activations x [n, columns], into y [n, rows]; and its rows by number. How four neighbouring
// weights are read comes in front of this text, one way for each layout (weights.rs).

struct Step { n: u32, picked: u32 }
struct Op { rows: u32, columns: u32, per: u32, flags: u32, kv: u32, share: u32, scale: f32, eps: f32 }
@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<uniform> op: Op;
@group(0) @binding(2) var<storage, read> words: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> rows_out: array<vec4<f32>>;

const ADD = 1u;
const PICKED = 2u;

fn count() -> u32 {
  return select(step.n, step.picked, (op.flags & PICKED) != 0u);
}

fn put(n: u32, row: u32, value: f32) {
  let at = n * op.rows + row;
  if ((op.flags & ADD) != 0u) {
    y[at] = y[at] + value;
  } else {
    y[at] = value;
  }
}

var<workgroup> part_sums: array<vec4<f32>, 64>;

// Few rows of activations: one output and four of them for each group of 64, which share the columns and add up what they have.
@compute @workgroup_size(64)
fn few(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  let first = group.z * 4u;
  let n = count();
  let quads = op.columns / 4u;
  var sum = vec4<f32>();
  if (row < op.rows) {
    for (var c = lane; c < quads; c += 64u) {
      let w = weights(row, c * 4u);
      let at = first * quads + c;
      sum.x += dot(w, x[at]);
      if (first + 1u < n) { sum.y += dot(w, x[at + quads]); }
      if (first + 2u < n) { sum.z += dot(w, x[at + 2u * quads]); }
      if (first + 3u < n) { sum.w += dot(w, x[at + 3u * quads]); }
    }
  }
  part_sums[lane] = sum;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lane < half) { part_sums[lane] += part_sums[lane + half]; }
    workgroupBarrier();
  }
  if (lane < 4u && first + lane < n && row < op.rows) {
    put(first + lane, row, part_sums[0][lane]);
  }
}

// Many: tiles of 32 outputs and 32 rows, 16 columns at a time; every one of 64 computes four by four of them.
const TILE = 32u;
const DEPTH = 16u;
var<workgroup> tile_w: array<f32, 512>;
var<workgroup> tile_x: array<f32, 512>;

@compute @workgroup_size(64)
fn many(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row0 = (group.x + group.y * groups.x) * TILE;
  let n0 = group.z * TILE;
  let n = count();
  let quads = op.columns / 4u;
  let across = (lane % 8u) * 4u;
  let down = (lane / 8u) * 4u;
  var a = vec4<f32>();
  var b = vec4<f32>();
  var c = vec4<f32>();
  var d = vec4<f32>();
  for (var k = 0u; k < op.columns; k += DEPTH) {
    for (var i = lane; i < 128u; i += 64u) {
      let r = i / 4u;
      let q = i % 4u;
      var w = vec4<f32>();
      var v = vec4<f32>();
      if (k + q * 4u < op.columns) {
        if (row0 + r < op.rows) { w = weights(row0 + r, k + q * 4u); }
        if (n0 + r < n) { v = x[(n0 + r) * quads + k / 4u + q]; }
      }
      for (var e = 0u; e < 4u; e++) {
        tile_w[(q * 4u + e) * TILE + r] = w[e];
        tile_x[(q * 4u + e) * TILE + r] = v[e];
      }
    }
    workgroupBarrier();
    for (var e = 0u; e < DEPTH; e++) {
      let at = e * TILE + across;
      let w = vec4<f32>(tile_w[at], tile_w[at + 1u], tile_w[at + 2u], tile_w[at + 3u]);
      let start = e * TILE + down;
      a += w * tile_x[start];
      b += w * tile_x[start + 1u];
      c += w * tile_x[start + 2u];
      d += w * tile_x[start + 3u];
    }
    workgroupBarrier();
  }
  let sums = array<vec4<f32>, 4>(a, b, c, d);
  for (var i = 0u; i < 4u; i++) {
    for (var e = 0u; e < 4u; e++) {
      if (n0 + down + i < n && row0 + across + e < op.rows) {
        put(n0 + down + i, row0 + across + e, sums[i][e]);
      }
    }
  }
}

// The rows whose numbers are given: tokens' vectors.
@compute @workgroup_size(64)
fn gather(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let quads = op.columns / 4u;
  for (var c = lane; c < quads; c += 64u) {
    rows_out[group.x * quads + c] = weights(ids[group.x], c * 4u);
  }
}
