// The limit the kernels are held against: the library's algorithm (max pass, sum pass, one focal core on the margin, an
// exact sum) written in C with intrinsics, one thread, gamma = 2, at 128 bits (-msse4.1) or 256 bits (-mavx2 -mfma).
//
// It reads commands from standard input and answers each with one line of JSON:
//   load FILE B C D                 FILE: B*C*D float32 logits, then B*D int32 labels
//   check softmax|sigmoid [FILE]    the mean loss; with FILE the gradient of the mean is written there as float32
//   time softmax|sigmoid 0|1 N      nanoseconds of each of N runs, without or with the gradient
//
// Unlike WebAssembly it needs no copy of the logits into a memory of its own: it works on the caller's array, in which a
// row's label may be overwritten for the time of the call.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INLINE static inline __attribute__((always_inline))

#ifdef __AVX2__
#define W 8
typedef __m256 VF;
typedef __m256i VI;
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define LOADI(p) _mm256_loadu_si256((const __m256i *)(p))
#define SPLAT(x) _mm256_set1_ps(x)
#define SPLATI(x) _mm256_set1_epi32(x)
#define ADD(a, b) _mm256_add_ps(a, b)
#define SUB(a, b) _mm256_sub_ps(a, b)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define DIV(a, b) _mm256_div_ps(a, b)
#define MADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define MAX(a, b) _mm256_max_ps(a, b)
#define AND(a, b) _mm256_and_ps(a, b)
#define ANDNOT(a, b) _mm256_andnot_ps(a, b)
#define OR(a, b) _mm256_or_ps(a, b)
#define XOR(a, b) _mm256_xor_ps(a, b)
#define SELECT(no, yes, sign) _mm256_blendv_ps(no, yes, sign)
#define ADDI(a, b) _mm256_add_epi32(a, b)
#define SUBI(a, b) _mm256_sub_epi32(a, b)
#define SHL(a, n) _mm256_slli_epi32(a, n)
#define SAR(a, n) _mm256_srai_epi32(a, n)
#define EQI(a, b) _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b))
#define CVT(a) _mm256_cvtepi32_ps(a)
#define AS_I(a) _mm256_castps_si256(a)
#define AS_F(a) _mm256_castsi256_ps(a)
#define LANES _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define W 4
typedef __m128 VF;
typedef __m128i VI;
#define LOAD(p) _mm_loadu_ps(p)
#define STORE(p, v) _mm_storeu_ps(p, v)
#define LOADI(p) _mm_loadu_si128((const __m128i *)(p))
#define SPLAT(x) _mm_set1_ps(x)
#define SPLATI(x) _mm_set1_epi32(x)
#define ADD(a, b) _mm_add_ps(a, b)
#define SUB(a, b) _mm_sub_ps(a, b)
#define MUL(a, b) _mm_mul_ps(a, b)
#define DIV(a, b) _mm_div_ps(a, b)
#define MADD(a, b, c) _mm_add_ps(_mm_mul_ps(a, b), c)
#define MAX(a, b) _mm_max_ps(a, b)
#define AND(a, b) _mm_and_ps(a, b)
#define ANDNOT(a, b) _mm_andnot_ps(a, b)
#define OR(a, b) _mm_or_ps(a, b)
#define XOR(a, b) _mm_xor_ps(a, b)
#define SELECT(no, yes, sign) _mm_blendv_ps(no, yes, sign)
#define ADDI(a, b) _mm_add_epi32(a, b)
#define SUBI(a, b) _mm_sub_epi32(a, b)
#define SHL(a, n) _mm_slli_epi32(a, n)
#define SAR(a, n) _mm_srai_epi32(a, n)
#define EQI(a, b) _mm_castsi128_ps(_mm_cmpeq_epi32(a, b))
#define CVT(a) _mm_cvtepi32_ps(a)
#define AS_I(a) _mm_castps_si128(a)
#define AS_F(a) _mm_castsi128_ps(a)
#define LANES _mm_setr_epi32(0, 1, 2, 3)
#endif

#define SMOOTHING 1e-3f
#define ALPHA 0.25f
#define MAGIC 12583039.0f /* 1.5 * 2^23 + 127: adding it rounds to an integer that then sits in the low bits, biased */
#define FEW 24            /* rows with fewer classes are taken W samples at once */

/* ---- Sum: order-independent. One 64-bit counter an exponent, four banks against store-to-load waits. ---- */
static int64_t bins[4][256];

INLINE void sum_add(int bank, uint32_t bits) {
  uint32_t e = bits >> 23;
  bins[bank][e] += (bits & 0x7fffff) + ((uint32_t)(e != 0) << 23);
}
INLINE void sum_lanes(VF loss, int first, int end) {
  union {
    float f[W];
    uint32_t u[W];
  } lane;
  STORE(lane.f, loss);
  for (int j = first; j < end; j++) sum_add(j & 3, lane.u[j]);
}
INLINE void sum_all(VF loss) { sum_lanes(loss, 0, W); }
static double sum_total(void) {
  double total = 0;
  for (int e = 255; e >= 0; e--) {
    int64_t n = bins[0][e] + bins[1][e] + bins[2][e] + bins[3][e];
    total += ldexp((double)n, (e ? e : 1) - 150);
  }
  return total;
}

/* ---- Functions of one vector ---- */

// 2^u for u <= 0, and 0 below -126.5: a subnormal number would be slow to multiply with.
INLINE VF exp2_negative(VF u) {
  u = MAX(SPLAT(-127.0f), u);
  VF r = ADD(u, SPLAT(MAGIC));
  VF f = SUB(u, SUB(r, SPLAT(MAGIC)));
  VF p = MADD(SPLAT(0x1.5ec866p-10f), f, SPLAT(0x1.3cbf6p-7f));
  p = MADD(p, f, SPLAT(0x1.c6afeep-5f));
  p = MADD(p, f, SPLAT(0x1.ebfa4cp-3f));
  p = MADD(p, f, SPLAT(0x1.62e43p-1f));
  p = MADD(p, f, SPLAT(1.0f));
  return MUL(p, AS_F(SHL(AS_I(r), 23)));
}
INLINE VF exp_negative(VF d) { return exp2_negative(MUL(d, SPLAT(0x1.715476p+0f))); }

// log(1 + e) for e in [0, 1], as 2 atanh(e / (2 + e)).
INLINE VF log1p_unit(VF e) {
  VF s = DIV(e, ADD(e, SPLAT(2.0f)));
  VF v = MUL(s, s);
  VF p = MADD(SPLAT(0x1.12f598p-3f), v, SPLAT(0x1.21249ap-3f));
  p = MADD(p, v, SPLAT(0x1.99ad6cp-3f));
  p = MADD(p, v, SPLAT(0x1.55554cp-2f));
  s = ADD(s, s);
  return MADD(MUL(s, v), p, s);
}

// log(S) for a normal S > 0, the mantissa taken from [sqrt(1/2), sqrt(2)).
INLINE VF log_positive(VF S) {
  VI k = SAR(SUBI(AS_I(S), SPLATI(0x3f3504f3)), 23);
  VF m = AS_F(SUBI(AS_I(S), SHL(k, 23)));
  VF s = DIV(SUB(m, SPLAT(1.0f)), ADD(m, SPLAT(1.0f)));
  VF v = MUL(s, s);
  VF p = MADD(SPLAT(0x1.2ee65p-3f), v, SPLAT(0x1.997c2ep-3f));
  p = MADD(p, v, SPLAT(0x1.55555cp-2f));
  s = ADD(s, s);
  return MADD(CVT(k), SPLAT(0x1.62e43p-1f), MADD(MUL(s, v), p, s));
}

// Focal core at margin x, gamma = 2: the loss, and G with d loss / d z_y = -G.
INLINE VF focal(VF x, VF *G, const int grad) {
  VF e = exp2_negative(MUL(ANDNOT(SPLAT(-0.0f), x), SPLAT(-0x1.715476p+0f)));
  VF r = DIV(SPLAT(1.0f), ADD(e, SPLAT(1.0f)));
  VF er = MUL(e, r);
  VF q = SELECT(er, r, x);
  VF ce = ADD(log1p_unit(e), MAX(SUB(SPLAT(0.0f), x), SPLAT(0.0f)));
  VF q2 = MUL(q, q);
  if (grad) {
    VF p = SELECT(r, er, x);
    *G = MUL(q2, MADD(MUL(ADD(p, p), ce), SPLAT(1.0f), q));
  }
  return MUL(q2, ce);
}

// One-vs-rest focal loss of a wrong class with logit z (the true class enters with its sign flipped), gamma = 2,
// before alpha: the loss, and its derivative.
INLINE VF focal_binary(VF z, VF *slope, const int grad) {
  VF e = exp2_negative(MUL(ANDNOT(SPLAT(-0.0f), z), SPLAT(-0x1.715476p+0f)));
  VF r = DIV(SPLAT(1.0f), ADD(e, SPLAT(1.0f)));
  VF er = MUL(e, r);
  VF q = SELECT(r, er, z);
  VF ce = ADD(log1p_unit(e), MAX(z, SPLAT(0.0f)));
  VF w = MADD(q, SPLAT(1.0f - SMOOTHING), SPLAT(SMOOTHING / 2));
  if (grad) {
    VF p = SELECT(er, r, z);
    *slope = MUL(MUL(w, q), MADD(MUL(p, ce), SPLAT(2.0f * (1.0f - SMOOTHING)), w));
  }
  return MUL(MUL(w, w), ce);
}

INLINE float lanes_max(VF v) {
#ifdef __AVX2__
  __m128 a = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
#else
  __m128 a = v;
#endif
  a = _mm_max_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
}
INLINE float lanes_sum(VF v) {
#ifdef __AVX2__
  __m128 a = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
#else
  __m128 a = v;
#endif
  a = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
}

// W rows x 4 classes, `stride` floats apart, to 4 vectors across the rows, and back.
INLINE void transpose_in(const float *z, long stride, VF *c0, VF *c1, VF *c2, VF *c3) {
#ifdef __AVX2__
#define PAIR(i) _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(z + (i) * stride)), _mm_loadu_ps(z + ((i) + 4) * stride), 1)
  __m256 a = PAIR(0), b = PAIR(1), c = PAIR(2), d = PAIR(3);
  __m256 ab = _mm256_unpacklo_ps(a, b), AB = _mm256_unpackhi_ps(a, b);
  __m256 cd = _mm256_unpacklo_ps(c, d), CD = _mm256_unpackhi_ps(c, d);
  *c0 = _mm256_shuffle_ps(ab, cd, 0x44), *c1 = _mm256_shuffle_ps(ab, cd, 0xee);
  *c2 = _mm256_shuffle_ps(AB, CD, 0x44), *c3 = _mm256_shuffle_ps(AB, CD, 0xee);
#else
  __m128 a = LOAD(z), b = LOAD(z + stride), c = LOAD(z + 2 * stride), d = LOAD(z + 3 * stride);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  *c0 = a, *c1 = b, *c2 = c, *c3 = d;
#endif
}
INLINE void transpose_out(float *z, long stride, VF c0, VF c1, VF c2, VF c3) {
#ifdef __AVX2__
  __m256 ab = _mm256_unpacklo_ps(c0, c1), AB = _mm256_unpackhi_ps(c0, c1);
  __m256 cd = _mm256_unpacklo_ps(c2, c3), CD = _mm256_unpackhi_ps(c2, c3);
  __m256 r[4] = {_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee), _mm256_shuffle_ps(AB, CD, 0x44),
                 _mm256_shuffle_ps(AB, CD, 0xee)};
  for (int i = 0; i < 4; i++) _mm_storeu_ps(z + i * stride, _mm256_castps256_ps128(r[i]));
  for (int i = 0; i < 4; i++) _mm_storeu_ps(z + (i + 4) * stride, _mm256_extractf128_ps(r[i], 1));
#else
  _MM_TRANSPOSE4_PS(c0, c1, c2, c3);
  STORE(z, c0), STORE(z + stride, c1), STORE(z + 2 * stride, c2), STORE(z + 3 * stride, c3);
#endif
}

/* ---- Softmax ---- */

// The core of W samples whose class vectors lie in z[0..C): loss, and the gradient left in z.
INLINE VF softmax_lanes(VF *z, long C, VI y, VF scale, const int grad) {
  VF m = SPLAT(-INFINITY), zy = SPLAT(0.0f);
  if (C == 2) {
    // One rival: the margin is a difference, and the rival's share of the gradient is 1.
    VF isOne = EQI(y, SPLATI(1));
    VF d = SUB(z[0], z[1]);
    VF sign = AND(isOne, SPLAT(-0.0f)), G;
    VF loss = focal(XOR(d, sign), &G, grad);
    if (grad) {
      G = XOR(MUL(G, scale), sign);
      z[0] = SUB(SPLAT(0.0f), G), z[1] = G;
    }
    return loss;
  }
  for (long c = 0; c < C; c++) {
    VF hit = EQI(y, SPLATI((int)c));
    zy = SELECT(zy, z[c], hit);
    z[c] = SELECT(z[c], SPLAT(-INFINITY), hit);
    m = MAX(z[c], m);
  }
  VF s0 = SPLAT(0.0f), s1 = SPLAT(0.0f);
  long c = 0;
  for (; c + 2 <= C; c += 2) {
    VF e0 = exp_negative(SUB(z[c], m)), e1 = exp_negative(SUB(z[c + 1], m));
    if (grad) z[c] = e0, z[c + 1] = e1;
    s0 = ADD(s0, e0), s1 = ADD(s1, e1);
  }
  if (c < C) {
    VF e0 = exp_negative(SUB(z[c], m));
    if (grad) z[c] = e0;
    s0 = ADD(s0, e0);
  }
  VF S = ADD(s0, s1), G;
  VF loss = focal(SUB(SUB(zy, m), log_positive(S)), &G, grad);
  if (grad) {
    G = MUL(G, scale);
    VF share = DIV(G, S), minus = XOR(G, SPLAT(-0.0f));
    for (long c = 0; c < C; c++) z[c] = SELECT(MUL(z[c], share), minus, EQI(y, SPLATI((int)c)));
  }
  return loss;
}

INLINE void deinterleave(const float *z, VF *even, VF *odd) {
  VF a = LOAD(z), b = LOAD(z + W);
#ifdef __AVX2__
  VF lo = _mm256_permute2f128_ps(a, b, 0x20), hi = _mm256_permute2f128_ps(a, b, 0x31);
  *even = _mm256_shuffle_ps(lo, hi, 0x88), *odd = _mm256_shuffle_ps(lo, hi, 0xdd);
#else
  *even = _mm_shuffle_ps(a, b, 0x88), *odd = _mm_shuffle_ps(a, b, 0xdd);
#endif
}
INLINE void interleave(float *z, VF even, VF odd) {
#ifdef __AVX2__
  VF lo = _mm256_unpacklo_ps(even, odd), hi = _mm256_unpackhi_ps(even, odd);
  STORE(z, _mm256_permute2f128_ps(lo, hi, 0x20)), STORE(z + W, _mm256_permute2f128_ps(lo, hi, 0x31));
#else
  STORE(z, _mm_unpacklo_ps(even, odd)), STORE(z + W, _mm_unpackhi_ps(even, odd));
#endif
}

// W rows of C classes. With C = 3 the last row's load and store reach one float too far: callers leave room for it.
INLINE VF softmax_few(const float *z, const int *y, float *g, long C, VF scale, const int grad) {
  VF v[FEW + 4];
  if (C == 2) deinterleave(z, &v[0], &v[1]);
  else if (C == 3) transpose_in(z, C, &v[0], &v[1], &v[2], &v[3]);
  else {
    for (long c = 0; c + 4 <= C; c += 4) transpose_in(z + c, C, &v[c], &v[c + 1], &v[c + 2], &v[c + 3]);
    if (C & 3) transpose_in(z + C - 4, C, &v[C - 4], &v[C - 3], &v[C - 2], &v[C - 1]);
  }
  VF loss = softmax_lanes(v, C, LOADI(y), scale, grad);
  if (grad) {
    if (C == 2) interleave(g, v[0], v[1]);
    else if (C == 3) transpose_out(g, C, v[0], v[1], v[2], v[2]);
    else {
      for (long c = 0; c + 4 <= C; c += 4) transpose_out(g + c, C, v[c], v[c + 1], v[c + 2], v[c + 3]);
      if (C & 3) transpose_out(g + C - 4, C, v[C - 4], v[C - 3], v[C - 2], v[C - 1]);
    }
  }
  return loss;
}

INLINE void softmax_rows_few(const float *z, const int *y, float *g, long N, long C, float scale, const int grad) {
  long n = 0, whole = C == 3 ? N - W : N;
  VF vscale = SPLAT(scale);
  for (; n + W <= whole; n += W) sum_all(softmax_few(z + n * C, y + n, g + n * C, C, vscale, grad));
  for (; n < N; n += W) {
    float zs[W * FEW + 4] = {0}, gs[W * FEW + 4];
    int ys[W] = {0}, rest = N - n < W ? (int)(N - n) : W;
    memcpy(zs, z + n * C, rest * C * 4), memcpy(ys, y + n, rest * 4);
    sum_lanes(softmax_few(zs, ys, gs, C, vscale, grad), 0, rest);
    if (grad) memcpy(g + n * C, gs, rest * C * 4);
  }
}

// Max and sum of one row whose label already holds -infinity; with the gradient the exponentials go to e.
INLINE void row_pass(const float *z, long C, float *e, float *max, float *sum, const int grad) {
  VF m0 = SPLAT(-INFINITY), m1 = m0, m2 = m0, m3 = m0;
  long c = 0;
  for (; c + 4 * W <= C; c += 4 * W) {
    m0 = MAX(LOAD(z + c), m0), m1 = MAX(LOAD(z + c + W), m1);
    m2 = MAX(LOAD(z + c + 2 * W), m2), m3 = MAX(LOAD(z + c + 3 * W), m3);
  }
  for (; c + W <= C; c += W) m0 = MAX(LOAD(z + c), m0);
  if (c < C) m1 = MAX(LOAD(z + C - W), m1);
  *max = lanes_max(MAX(MAX(m0, m1), MAX(m2, m3)));
  VF m = SPLAT(*max), s0 = SPLAT(0.0f), s1 = s0, s2 = s0, s3 = s0;
  // The overlapping tail goes first: in the gradient's buffer the whole vectors then write over what it repeats.
  if (C % W) {
    VF fresh = AS_F(SUBI(SPLATI((int)(W - 1 - C % W)), LANES));
    VF t = exp_negative(SUB(LOAD(z + C - W), m));
    if (grad) STORE(e + C - W, t);
    s3 = AND(AS_F(SAR(AS_I(fresh), 31)), t);
  }
  for (c = 0; c + 4 * W <= C; c += 4 * W) {
    VF e0 = exp_negative(SUB(LOAD(z + c), m)), e1 = exp_negative(SUB(LOAD(z + c + W), m));
    VF e2 = exp_negative(SUB(LOAD(z + c + 2 * W), m)), e3 = exp_negative(SUB(LOAD(z + c + 3 * W), m));
    if (grad) STORE(e + c, e0), STORE(e + c + W, e1), STORE(e + c + 2 * W, e2), STORE(e + c + 3 * W, e3);
    s0 = ADD(s0, e0), s1 = ADD(s1, e1), s2 = ADD(s2, e2), s3 = ADD(s3, e3);
  }
  for (; c + W <= C; c += W) {
    VF e0 = exp_negative(SUB(LOAD(z + c), m));
    if (grad) STORE(e + c, e0);
    s0 = ADD(s0, e0);
  }
  *sum = lanes_sum(ADD(ADD(s0, s1), ADD(s2, s3)));
}

#define TILE 64
INLINE void softmax_rows_many(float *z, const int *y, float *g, long N, long C, float scale, const int grad) {
  long tile = 8192 / C < 1 ? 1 : 8192 / C > TILE ? TILE : 8192 / C;
  float zy[TILE + W], m[TILE + W], S[TILE + W], G[TILE + W];
  for (int i = 0; i < TILE + W; i++) zy[i] = m[i] = 0, S[i] = 1;
  for (long n = 0; n < N; n += tile) {
    long rows = N - n < tile ? N - n : tile;
    // All labels of the tile are written well before their rows are read: no load has to wait for its store.
    for (long r = 0; r < rows; r++) {
      float *at = z + (n + r) * C + y[n + r];
      zy[r] = *at, *at = -INFINITY;
    }
    for (long r = 0; r < rows; r++) row_pass(z + (n + r) * C, C, g + (n + r) * C, &m[r], &S[r], grad);
    for (long r = 0; r < rows; r += W) {
      VF Gs, loss = focal(SUB(SUB(LOAD(zy + r), LOAD(m + r)), log_positive(LOAD(S + r))), &Gs, grad);
      if (grad) STORE(G + r, MUL(Gs, SPLAT(scale)));
      sum_lanes(loss, 0, rows - r < W ? (int)(rows - r) : W);
    }
    for (long r = 0; r < rows; r++) {
      z[(n + r) * C + y[n + r]] = zy[r];
      if (grad) {
        float *row = g + (n + r) * C;
        VF share = SPLAT(G[r] / S[r]);
        long c = 0;
        for (; c + 4 * W <= C; c += 4 * W) {
          STORE(row + c, MUL(LOAD(row + c), share)), STORE(row + c + W, MUL(LOAD(row + c + W), share));
          STORE(row + c + 2 * W, MUL(LOAD(row + c + 2 * W), share)), STORE(row + c + 3 * W, MUL(LOAD(row + c + 3 * W), share));
        }
        for (; c + W <= C; c += W) STORE(row + c, MUL(LOAD(row + c), share));
        for (; c < C; c++) row[c] *= G[r] / S[r];
        row[y[n + r]] = -G[r];
      }
    }
  }
}

// K vectors of positions of one image; at[k] is the place of vector k, skip[k] its lanes that an earlier vector did.
INLINE void softmax_positions(const float *z, const int *y, float *g, long C, long D, const long *at, const int *skip,
                              VF *scratch, VF scale, const int K, const int grad) {
  VF zy[4], m[4], S[4], G;
  VI label[4];
  if (C == 2) {
    for (int k = 0; k < K; k++) {
      VF sign = AND(EQI(LOADI(y + at[k]), SPLATI(1)), SPLAT(-0.0f));
      sum_lanes(focal(XOR(SUB(LOAD(z + at[k]), LOAD(z + D + at[k])), sign), &G, grad), skip[k], W);
      if (grad) {
        G = XOR(MUL(G, scale), sign);
        STORE(g + at[k], SUB(SPLAT(0.0f), G)), STORE(g + D + at[k], G);
      }
    }
    return;
  }
  for (int k = 0; k < K; k++) label[k] = LOADI(y + at[k]), zy[k] = SPLAT(0.0f), m[k] = SPLAT(-INFINITY), S[k] = SPLAT(0.0f);
  for (long c = 0; c < C; c++) {
    VI index = SPLATI((int)c);
    for (int k = 0; k < K; k++) {
      VF v = LOAD(z + c * D + at[k]), hit = EQI(label[k], index);
      zy[k] = SELECT(zy[k], v, hit);
      v = SELECT(v, SPLAT(-INFINITY), hit);
      m[k] = MAX(v, m[k]);
      scratch[c * K + k] = v;
    }
  }
  for (long c = 0; c < C; c++) {
    for (int k = 0; k < K; k++) {
      VF e = exp_negative(SUB(scratch[c * K + k], m[k]));
      if (grad) scratch[c * K + k] = e;
      S[k] = ADD(S[k], e);
    }
  }
  for (int k = 0; k < K; k++) {
    VF loss = focal(SUB(SUB(zy[k], m[k]), log_positive(S[k])), &G, grad);
    sum_lanes(loss, skip[k], W);
    if (grad) G = MUL(G, scale), S[k] = DIV(G, S[k]), m[k] = XOR(G, SPLAT(-0.0f));
  }
  if (grad) {
    for (long c = 0; c < C; c++) {
      VI index = SPLATI((int)c);
      for (int k = 0; k < K; k++)
        STORE(g + c * D + at[k], SELECT(MUL(scratch[c * K + k], S[k]), m[k], EQI(label[k], index)));
    }
  }
}

INLINE void sigmoid_positions(const float *z, const int *y, float *g, long C, long D, const long *at, const int *skip,
                              VF scale, const int K, const int grad) {
  VF S[4];
  VI label[4];
  for (int k = 0; k < K; k++) label[k] = LOADI(y + at[k]), S[k] = SPLAT(0.0f);
  for (long c = 0; c < C; c++) {
    VI index = SPLATI((int)c);
    for (int k = 0; k < K; k++) {
      VF hit = EQI(label[k], index), sign = AND(hit, SPLAT(-0.0f)), slope;
      VF weight = SELECT(SPLAT(1.0f - ALPHA), SPLAT(ALPHA), hit);
      S[k] = MADD(weight, focal_binary(XOR(LOAD(z + c * D + at[k]), sign), &slope, grad), S[k]);
      if (grad) STORE(g + c * D + at[k], MUL(XOR(slope, sign), MUL(weight, scale)));
    }
  }
  for (int k = 0; k < K; k++) sum_lanes(S[k], skip[k], W);
}

INLINE void planes(const float *z, const int *y, float *g, long B, long C, long D, float scale, const int softmax,
                   const int grad) {
  VF *scratch = aligned_alloc(64, (C * 4 + 2) * sizeof(VF));
  float *zs = NULL, *gs = NULL;
  int ys[W] = {0};
  VF vscale = SPLAT(scale);
  if (D < W) zs = calloc(C * W, 4), gs = calloc(C * W, 4);
  for (long b = 0; b < B; b++, z += C * D, y += D, g += C * D) {
    if (D < W) {
      // Fewer positions than lanes: a padded copy. The copies stand at the vector's end, so that `skip` drops the padding.
      long at = 0;
      int skip = (int)(W - D);
      for (long c = 0; c < C; c++)
        for (long d = 0; d < D; d++) zs[c * W + skip + d] = z[c * D + d];
      for (long d = 0; d < D; d++) ys[skip + d] = y[d];
      if (softmax) softmax_positions(zs, ys, gs, C, W, &at, &skip, scratch, vscale, 1, grad);
      else sigmoid_positions(zs, ys, gs, C, W, &at, &skip, vscale, 1, grad);
      if (grad)
        for (long c = 0; c < C; c++)
          for (long d = 0; d < D; d++) g[c * D + d] = gs[c * W + skip + d];
      continue;
    }
    for (long d = 0; d < D;) {
      long at[4];
      int skip[4], K = 0;
      for (; K < 4 && d < D; K++, d += W) {
        at[K] = d + W <= D ? d : D - W;
        skip[K] = (int)(d - at[K]);
      }
#define RUN(k)                                                                              \
  (softmax ? softmax_positions(z, y, g, C, D, at, skip, scratch, vscale, k, grad)           \
           : sigmoid_positions(z, y, g, C, D, at, skip, vscale, k, grad))
      if (K == 4) RUN(4);
      else if (K == 3) RUN(3);
      else if (K == 2) RUN(2);
      else RUN(1);
    }
  }
  free(scratch), free(zs), free(gs);
}

/* ---- Sigmoid rows: the labels' signs are flipped in the tile, everything then is elementwise ---- */

INLINE void flip(float *z, const int *y, long rows, long C) {
  for (long r = 0; r < rows; r++) ((uint32_t *)z)[r * C + y[r]] ^= 0x80000000u;
}
INLINE void sigmoid_rows(float *z, const int *y, float *g, long N, long C, float scale, const int grad) {
  enum { SIZE = 4096 };
  static float f[SIZE + 4 * W];
  long tile = SIZE / C < 1 ? 1 : SIZE / C;
  if (tile > 256) tile = 256;
  VF rest = SPLAT((1.0f - ALPHA) * scale);
  for (long n = 0; n < N; n += tile, z += tile * C, y += tile, g += tile * C) {
    long rows = N - n < tile ? N - n : tile;
    flip(z, y, rows, C);
    // Long rows need only their sum and the label's own loss; short ones are summed from the tile's losses.
    if (C >= 64) {
      for (long r = 0; r < rows; r++) {
        float *row = z + r * C, *out = g + r * C, one[W], slopes[W];
        VF s0 = SPLAT(0.0f), s1 = s0, slope;
        long c = 0;
        for (; c + 2 * W <= C; c += 2 * W) {
          s0 = ADD(s0, focal_binary(LOAD(row + c), &slope, grad));
          if (grad) STORE(out + c, MUL(slope, rest));
          s1 = ADD(s1, focal_binary(LOAD(row + c + W), &slope, grad));
          if (grad) STORE(out + c + W, MUL(slope, rest));
        }
        for (; c + W <= C; c += W) {
          s0 = ADD(s0, focal_binary(LOAD(row + c), &slope, grad));
          if (grad) STORE(out + c, MUL(slope, rest));
        }
        // The last vector carries what is left of the row and, in lane 0, the label once more.
        long left = C - c;
        for (int j = 0; j < W; j++) one[j] = -INFINITY;
        one[0] = row[y[r]];
        VF own = focal_binary(LOAD(one), &slope, grad);
        STORE(slopes, slope), STORE(one, own);
        float label = one[0], labelSlope = slopes[0], sum = lanes_sum(ADD(s0, s1));
        if (left) {
          VF tail = focal_binary(LOAD(row + C - W), &slope, grad);
          STORE(one, tail), STORE(slopes, MUL(slope, rest));
          for (long j = W - left; j < W; j++) {
            sum += one[j];
            if (grad) out[C - W + j] = slopes[j];
          }
        }
        if (grad) out[y[r]] = labelSlope * (-ALPHA * scale);
        union {
          float f;
          uint32_t u;
        } loss = {(1.0f - ALPHA) * sum + (2.0f * ALPHA - 1.0f) * label};
        sum_add(r & 3, loss.u);
      }
    } else {
      long size = rows * C, i = 0;
      VF slope;
      for (; i + W <= size; i += W) {
        STORE(f + i, focal_binary(LOAD(z + i), &slope, grad));
        if (grad) STORE(g + i, MUL(slope, rest));
      }
      if (i < size) {
        float last[W] = {0};
        memcpy(last, z + i, (size - i) * 4);
        STORE(f + i, focal_binary(LOAD(last), &slope, grad));
        STORE(last, MUL(slope, rest));
        if (grad) memcpy(g + i, last, (size - i) * 4);
      }
      for (long r = 0; r < rows; r++) {
        const float *row = f + r * C;
        float sum = 0;
        if (C >= W) {
          VF s = LOAD(row);
          long c = W;
          for (; c + W <= C; c += W) s = ADD(s, LOAD(row + c));
          sum = lanes_sum(s);
          for (; c < C; c++) sum += row[c];
        } else
          for (long c = 0; c < C; c++) sum += row[c];
        union {
          float f;
          uint32_t u;
        } loss = {(1.0f - ALPHA) * sum + (2.0f * ALPHA - 1.0f) * row[y[r]]};
        sum_add(r & 3, loss.u);
        if (grad) g[r * C + y[r]] *= -ALPHA / (1.0f - ALPHA);
      }
    }
    flip(z, y, rows, C);
  }
}

/* ---- One call ---- */
static long B, C, D;
static float *logits, *gradient;
static int *labels;

__attribute__((noinline)) static double softmax_value(void) {
  float *z = logits;
  if (D > 1) planes(z, labels, gradient, B, C, D, 0, 1, 0);
  else if (C == 2) softmax_rows_few(z, labels, gradient, B, 2, 0, 0);
  else if (C == 3) softmax_rows_few(z, labels, gradient, B, 3, 0, 0);
  else if (C == 4) softmax_rows_few(z, labels, gradient, B, 4, 0, 0);
  else if (C == 5) softmax_rows_few(z, labels, gradient, B, 5, 0, 0);
  else if (C == 10) softmax_rows_few(z, labels, gradient, B, 10, 0, 0);
  else if (C < FEW) softmax_rows_few(z, labels, gradient, B, C, 0, 0);
  else softmax_rows_many(z, labels, gradient, B, C, 0, 0);
  return sum_total() / ((double)B * D);
}
__attribute__((noinline)) static double softmax_grad(void) {
  float scale = (float)(1.0 / ((double)B * D)), *z = logits;
  if (D > 1) planes(z, labels, gradient, B, C, D, scale, 1, 1);
  else if (C == 2) softmax_rows_few(z, labels, gradient, B, 2, scale, 1);
  else if (C == 3) softmax_rows_few(z, labels, gradient, B, 3, scale, 1);
  else if (C == 4) softmax_rows_few(z, labels, gradient, B, 4, scale, 1);
  else if (C == 5) softmax_rows_few(z, labels, gradient, B, 5, scale, 1);
  else if (C == 10) softmax_rows_few(z, labels, gradient, B, 10, scale, 1);
  else if (C < FEW) softmax_rows_few(z, labels, gradient, B, C, scale, 1);
  else softmax_rows_many(z, labels, gradient, B, C, scale, 1);
  return sum_total() / ((double)B * D);
}
__attribute__((noinline)) static double sigmoid_value(void) {
  if (D > 1) planes(logits, labels, gradient, B, C, D, 0, 0, 0);
  else sigmoid_rows(logits, labels, gradient, B, C, 0, 0);
  return sum_total() / ((double)B * C * D);
}
__attribute__((noinline)) static double sigmoid_grad(void) {
  float scale = (float)(1.0 / ((double)B * C * D));
  if (D > 1) planes(logits, labels, gradient, B, C, D, scale, 0, 1);
  else sigmoid_rows(logits, labels, gradient, B, C, scale, 1);
  return sum_total() / ((double)B * C * D);
}
static double call(const char *loss, int grad) {
  memset(bins, 0, sizeof bins);
  if (!strcmp(loss, "softmax")) return grad ? softmax_grad() : softmax_value();
  return grad ? sigmoid_grad() : sigmoid_value();
}

int main(void) {
  static char line[4400], name[4096], loss[16];
  int grad, runs;
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "load %4095s %ld %ld %ld", name, &B, &C, &D) == 4) {
      size_t size = (size_t)B * C * D, count = (size_t)B * D;
      free(logits), free(labels), free(gradient);
      logits = malloc((size + 16) * 4), labels = malloc((count + 16) * 4), gradient = calloc(size + 16, 4);
      FILE *file = fopen(name, "rb");
      if (!file || fread(logits, 4, size, file) != size || fread(labels, 4, count, file) != count) return 1;
      fclose(file);
      printf("{}\n");
    } else if (sscanf(line, "time %15s %d %d", loss, &grad, &runs) == 3) {
      printf("{\"ns\":[");
      for (int i = 0; i < runs; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        volatile double value = call(loss, grad);
        clock_gettime(CLOCK_MONOTONIC, &b);
        (void)value;
        printf("%s%.0f", i ? "," : "", (b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec));
      }
      printf("]}\n");
    } else {
      int fields = sscanf(line, "check %15s %4095s", loss, name);
      if (fields < 1) return 1;
      printf("{\"value\":%.17g}\n", call(loss, fields == 2));
      if (fields == 2) {
        FILE *file = fopen(name, "wb");
        if (!file || fwrite(gradient, 4, (size_t)B * C * D, file) != (size_t)B * C * D) return 1;
        fclose(file);
      }
    }
    fflush(stdout);
  }
  return 0;
}
