/*
 * Residual blocks in eight bits, for processors that multiply four pairs of such numbers and sum them up in one instruction
 * a lane. Norm, style, Snake and the rounding to steps of a convolution are done in the epilogue of the one before, while
 * its sums are still in registers, so nothing but steps and the residual goes through memory.
 *
 * Steps are [time, channels] without a sign, ZERO_STEP is zero; weights are packed by `stretches.py`.
 */
#include "kernels.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>
#define WIDTH 16
#define ROWS 12   /* of a tile: rows times vectors are the sums that the registers hold */
#define VECTORS 2 /* of a group of output channels */
#define MULTIPLY_ADD(sums, steps, weight) \
    (Sums)_mm512_dpbusd_epi32((__m512i)(sums), _mm512_set1_epi32(steps), (__m512i)(weight))
#elif defined(__AVXVNNI__)
#include <immintrin.h>
#define WIDTH 8
#define ROWS 6
#define VECTORS 2
#define MULTIPLY_ADD(sums, steps, weight) \
    (Sums)_mm256_dpbusd_avx_epi32((__m256i)(sums), _mm256_set1_epi32(steps), (__m256i)(weight))
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#define WIDTH 4
#define ROWS 6
#define VECTORS 4
#define STEPS_WITH_A_SIGN /* the instruction takes no others: what zero steps sum up to is left out */
#define MULTIPLY_ADD(sums, steps, weight) \
    (Sums)vdotq_s32((int32x4_t)(sums), vreinterpretq_s8_s32(vdupq_n_s32((steps) ^ (int32_t)0x80808080)), (int8x16_t)(weight))
#endif

#ifdef WIDTH

#define UNROLLED _Pragma("clang loop unroll(full)")
#define GROUP (WIDTH * VECTORS) /* channels */
#define CHUNK (8 * ROWS)        /* time steps of a piece of work */

typedef int32_t Sums __attribute__((vector_size(4 * WIDTH), aligned(4)));
typedef uint32_t Bits __attribute__((vector_size(4 * WIDTH), aligned(4)));
typedef float Floats __attribute__((vector_size(4 * WIDTH), aligned(4)));
typedef bf16 Halves __attribute__((vector_size(2 * WIDTH), aligned(2)));
typedef uint8_t Bytes __attribute__((vector_size(WIDTH), aligned(1)));

const int group_channels = GROUP;

typedef struct {
    int64_t dilation;
    const int8_t *weight;               /* [channels / GROUP, taps, channels / 4, GROUP, 4] */
    const int32_t *zero;                /* [channels]: minus what zero steps sum up to */
    const float *width, *bias;          /* [channels]: of a step of the sums */
    const float *u, *inverse, *steps;   /* [channels]: Snake's, before it, and how many steps are one */
} Layer;

typedef struct {
    const float *scale, *shift, *u, *inverse, *steps; /* [channels] */
} Snake;

typedef struct {
    int64_t channels, taps, rows; /* rows are time steps */
    const Layer *layer;
    const uint8_t *x;             /* [rows + 2 pad + what a tile reads beyond, channels] */
    const void *add;              /* [rows, channels]; none: nothing is added */
    void *y;                      /* the same; none: only steps are wanted */
    uint8_t *next;                /* the same in steps; none: no convolution follows */
    Snake snake;                  /* before the one that follows */
    bool is_half;                 /* whether `add` and `y` are bfloat16, and not float32 */
} Convolution;

INLINE Floats loaded(const void *x, int64_t at, bool is_half)
{
    if (!is_half)
        return *(const Floats *)((const float *)x + at);
    return (Floats)(__builtin_convertvector(*(const Halves *)((const bf16 *)x + at), Bits) << 16);
}

INLINE void stored(void *y, int64_t at, Floats value, bool is_half)
{
    if (!is_half) {
        *(Floats *)((float *)y + at) = value;
        return;
    }
    const Bits bits = (Bits)value;
    *(Halves *)((bf16 *)y + at) = __builtin_convertvector((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16, Halves);
}

INLINE Bytes stepped_snake(const Snake *s, int64_t channel, Floats x)
{
#define OF(what) (*(const Floats *)(s->what + channel))
    const Floats y = x * OF(scale) + OF(shift);
    Floats r = y * OF(u);
    r -= __builtin_elementwise_rint(r);
    const Floats z = r * r;
    const Floats sin2 = z * (SIN2_0 + z * (SIN2_1 + z * (SIN2_2 + z * (SIN2_3 + z * SIN2_4))));
    Floats whole = __builtin_elementwise_rint((y + OF(inverse) * sin2) * OF(steps));
    whole = __builtin_elementwise_max(whole, (Floats){} - MOST_STEPS);
    whole = __builtin_elementwise_min(whole, (Floats){} + MOST_STEPS);
#undef OF
    return __builtin_convertvector(__builtin_convertvector(whole, Sums) + ZERO_STEP, Bytes);
}

/* `rows` rows from `row` on, at most ROWS, of a group of channels. */
INLINE void convolve_tile(const Convolution *c, int64_t group, int64_t row, int64_t rows, bool is_half)
{
    const Layer *layer = c->layer;
    const int64_t channels = c->channels;
    const int8_t *weight = layer->weight + group * c->taps * channels * GROUP;
    Sums sums[ROWS][VECTORS];
    UNROLLED for (int j = 0; j < VECTORS; j++) {
#ifdef STEPS_WITH_A_SIGN
        const Sums zero = {};
#else
        const Sums zero = *(const Sums *)(layer->zero + group * GROUP + j * WIDTH);
#endif
        UNROLLED for (int i = 0; i < ROWS; i++)
            sums[i][j] = zero;
    }
    for (int64_t tap = 0; tap < c->taps; tap++) {
        const uint8_t *x = c->x + (row + tap * layer->dilation) * channels;
        for (int64_t k = 0; k < channels; k += 4, weight += 4 * GROUP) {
            Sums some[VECTORS];
            UNROLLED for (int j = 0; j < VECTORS; j++)
                some[j] = *(const Sums *)(weight + 4 * WIDTH * j);
            UNROLLED for (int i = 0; i < ROWS; i++) {
                const int32_t four = *(const int32_t *)(x + i * channels + k);
                UNROLLED for (int j = 0; j < VECTORS; j++)
                    sums[i][j] = MULTIPLY_ADD(sums[i][j], four, some[j]);
            }
        }
    }
    UNROLLED for (int i = 0; i < ROWS; i++) {
        if (i >= rows)
            break;
        UNROLLED for (int j = 0; j < VECTORS; j++) {
            const int64_t channel = group * GROUP + j * WIDTH, at = (row + i) * channels + channel;
            Floats y = __builtin_convertvector(sums[i][j], Floats) * *(const Floats *)(layer->width + channel)
                + *(const Floats *)(layer->bias + channel);
            if (c->add)
                y += loaded(c->add, at, is_half);
            if (c->y)
                stored(c->y, at, y, is_half);
            if (c->next)
                *(Bytes *)(c->next + at) = stepped_snake(&c->snake, channel, y);
        }
    }
}

INLINE void convolve_share(const Convolution *c, bool is_half)
{
    const int64_t chunks = (c->rows + CHUNK - 1) / CHUNK;
    const Rows mine = share(c->channels / GROUP * chunks);
    for (int64_t work = mine.first; work < mine.last; work++) {
        const int64_t chunk = work % chunks * CHUNK, end = chunk + CHUNK < c->rows ? chunk + CHUNK : c->rows;
        for (int64_t row = chunk; row < end; row += ROWS)
            convolve_tile(c, work / chunks, row, end - row < ROWS ? end - row : ROWS, is_half);
    }
}

static void convolve_half(void *c) { convolve_share(c, true); }
static void convolve_float(void *c) { convolve_share(c, false); }

static void convolve(const Convolution *c, int threads)
{
    run(c->is_half ? convolve_half : convolve_float, (void *)c, threads);
}

typedef struct {
    int64_t channels, rows;
    Snake snake;
    const void *x;
    uint8_t *y;
    bool is_half;
} Rounding;

static void round_rows(void *rounding)
{
    const Rounding *r = rounding;
    const Rows mine = share(r->rows);
    for (int64_t at = mine.first * r->channels; at < mine.last * r->channels; at += WIDTH)
        *(Bytes *)(r->y + at) = stepped_snake(&r->snake, at % r->channels, loaded(r->x, at, r->is_half));
}

INLINE void silence(uint8_t *steps, int64_t values)
{
    for (int64_t i = 0; i < values; i++)
        steps[i] = ZERO_STEP;
}

INLINE Snake snake_of(const Layer *layer, const float *scale, const float *shift)
{
    return (Snake){scale, shift, layer->u, layer->inverse, layer->steps};
}

typedef struct {
    int64_t channels, taps, rows;
    const Layer *layer;
    const float *scale, *shift; /* [channels] */
    const void *x, *add;        /* [rows, channels]; nothing is added where `add` is none */
    void *y;                    /* [rows, channels] */
    uint8_t *steps;             /* room for [rows + 2 pad + ROWS, channels] */
    bool is_half;
} Single;

/* Norm, style, Snake and convolution of a whole utterance. */
void snake_convolution(const Single *s, int threads)
{
    const int64_t pad = (s->taps - 1) * s->layer->dilation / 2 * s->channels;
    const Snake snake = snake_of(s->layer, s->scale, s->shift);
    Rounding rounding = {s->channels, s->rows, snake, s->x, s->steps + pad, s->is_half};
    silence(s->steps, pad);
    silence(s->steps + pad + s->rows * s->channels, pad);
    run(round_rows, &rounding, threads);
    Convolution c = {s->channels, s->taps, s->rows, s->layer, s->steps, s->add, s->y, .is_half = s->is_half};
    convolve(&c, threads);
}

#define LAYERS 6

typedef struct {
    int64_t channels, taps, first, last, total, begin;
    const Layer *layers;        /* [LAYERS] */
    const float *scale, *shift; /* [LAYERS, channels] */
    const void *x;
    void *y;                    /* [last - first, channels] */
    void *residual;             /* room for [last - first + 2 reach, channels] */
    uint8_t *steps[2];          /* room for ROWS more each */
    bool is_half;
} Block;

INLINE int64_t clipped(int64_t row, const Block *b)
{
    return row < 0 ? 0 : row > b->total ? b->total : row;
}

/*
 * A residual block over the time steps [first, last) of an utterance of `total`. x is [.., channels] from the time step
 * `begin` on, and goes beyond them on both sides by the reach of all convolutions, as far as there are time steps. Outside
 * of the utterance there is silence, for every convolution.
 */
void residual_block(const Block *b, int threads)
{
    const int64_t channels = b->channels, row_size = channels * (b->is_half ? sizeof(bf16) : sizeof(float));
    int64_t reach[LAYERS + 1] = {};
    for (int i = LAYERS - 1; i >= 0; i--)
        reach[i] = reach[i + 1] + (b->taps - 1) * b->layers[i].dilation / 2;
    const int64_t base = b->first - reach[0], end = b->last + reach[0];
    const int64_t from = clipped(base, b), to = clipped(end, b);
    for (int i = 0; i < 2; i++) {
        silence(b->steps[i], (from - base) * channels);
        silence(b->steps[i] + (to - base) * channels, (end - to) * channels);
    }
    const char *x = (const char *)b->x - b->begin * row_size;
    char *residual = (char *)b->residual - base * row_size;
    Rounding rounding = {channels, to - from, snake_of(b->layers, b->scale, b->shift), x + from * row_size,
        b->steps[0] + (from - base) * channels, b->is_half};
    run(round_rows, &rounding, threads);
    for (int i = 0; i < LAYERS; i++) {
        const int64_t low = clipped(b->first - reach[i + 1], b), high = clipped(b->last + reach[i + 1], b);
        const int64_t pad = reach[i] - reach[i + 1];
        const bool second = i % 2, last = i == LAYERS - 1;
        Convolution c = {channels, b->taps, high - low, b->layers + i, b->steps[second] + (low - pad - base) * channels};
        c.is_half = b->is_half;
        if (second) {
            c.add = (i == 1 ? x : residual) + low * row_size;
            c.y = last ? b->y : residual + low * row_size;
        }
        if (!last) {
            c.next = b->steps[!second] + (low - base) * channels;
            c.snake = snake_of(b->layers + i + 1, b->scale + (i + 1) * channels, b->shift + (i + 1) * channels);
        }
        convolve(&c, threads);
    }
}
#endif
