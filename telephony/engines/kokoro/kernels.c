/*
 * The elementwise passes of kernels.py, for processors. Activations are [batch, steps, channels], contiguous, in bfloat16
 * or float32. `scale` and `shift` are float32 [batch, channels], `stride` floats from one row to the next; what else there
 * is of a channel is float32 [channels].
 */
#include "kernels.h"

INLINE float load(const void *x, int64_t index, bool is_half)
{
    return is_half ? widened(((const bf16 *)x)[index]) : ((const float *)x)[index];
}

INLINE void store(void *y, int64_t index, float value, bool is_half)
{
    if (is_half)
        ((bf16 *)y)[index] = halved(value);
    else
        ((float *)y)[index] = value;
}

typedef struct {
    int64_t batch, steps, channels, stride, pad;
    const void *x;
    const float *scale, *shift, *u, *inverse, *width;
    void *y;
} Pass;

typedef enum { SNAKE, LEAKY } Activation;

INLINE void activated_rows(const Pass *p, Activation activation, bool is_half)
{
    const int64_t channels = p->channels;
    const float *restrict u = p->u, *restrict inverse = p->inverse; /* Snake's */
    const void *restrict x = p->x;
    void *restrict y = p->y;
    const Rows rows = share(p->batch * p->steps);
    for (int64_t row = rows.first; row < rows.last; row++) {
        const float *restrict a = p->scale + row / p->steps * p->stride;
        const float *restrict b = p->shift + row / p->steps * p->stride;
        for (int64_t c = 0; c < channels; c++) {
            const int64_t at = row * channels + c;
            const float normed = load(x, at, is_half) * a[c] + b[c];
            store(y, at, activation == SNAKE ? snaked(normed, u[c], inverse[c]) : leaked(normed, 0.2f), is_half);
        }
    }
}

INLINE void snake_steps_rows(const Pass *p, bool is_half)
{
    const int64_t channels = p->channels, pad = p->pad;
    const float *restrict u = p->u, *restrict inverse = p->inverse, *restrict width = p->width;
    const void *restrict x = p->x;
    const Rows rows = share(p->batch * p->steps);
    for (int64_t row = rows.first; row < rows.last; row++) {
        const int64_t of = row / p->steps, step = row % p->steps;
        const float *restrict a = p->scale + of * p->stride, *restrict b = p->shift + of * p->stride;
        uint8_t *restrict padded = (uint8_t *)p->y + of * (p->steps + 2 * pad) * channels;
        uint8_t *restrict y = padded + (step + pad) * channels;
        for (int64_t c = 0; c < channels; c++)
            y[c] = stepped(snaked(load(x, row * channels + c, is_half) * a[c] + b[c], u[c], inverse[c]), width[c]);
        if (step == 0)
            for (int64_t i = 0; i < pad * channels; i++)
                padded[i] = ZERO_STEP;
        if (step == p->steps - 1)
            for (int64_t i = 0; i < pad * channels; i++)
                y[channels + i] = ZERO_STEP;
    }
}

static void snake_half(void *pass) { activated_rows(pass, SNAKE, true); }
static void snake_float(void *pass) { activated_rows(pass, SNAKE, false); }
static void snake_steps_half(void *pass) { snake_steps_rows(pass, true); }
static void snake_steps_float(void *pass) { snake_steps_rows(pass, false); }
static void leaky_half(void *pass) { activated_rows(pass, LEAKY, true); }
static void leaky_float(void *pass) { activated_rows(pass, LEAKY, false); }

void snake(const Pass *pass, bool is_half, int threads)
{
    run(is_half ? snake_half : snake_float, (void *)pass, threads);
}

void snake_steps(const Pass *pass, bool is_half, int threads)
{
    run(is_half ? snake_steps_half : snake_steps_float, (void *)pass, threads);
}

void leaky(const Pass *pass, bool is_half, int threads)
{
    run(is_half ? leaky_half : leaky_float, (void *)pass, threads);
}

typedef struct {
    int64_t values;
    float slope;
    const void *p, *q, *r;
    void *y;
} Merge;

INLINE void merge3_values(const Merge *m, bool is_half)
{
    const void *restrict p = m->p, *restrict q = m->q, *restrict r = m->r;
    void *restrict y = m->y;
    const Rows some = share(m->values);
    for (int64_t i = some.first; i < some.last; i++) {
        const float sum = load(p, i, is_half) + load(q, i, is_half) + load(r, i, is_half);
        store(y, i, leaked(sum * (1.0f / 3.0f), m->slope), is_half);
    }
}

static void merge3_half(void *merge) { merge3_values(merge, true); }
static void merge3_float(void *merge) { merge3_values(merge, false); }

void merge3(const Merge *merge, bool is_half, int threads)
{
    run(is_half ? merge3_half : merge3_float, (void *)merge, threads);
}

typedef struct {
    int64_t steps, channels;
    const void *x;
    float *some;   /* [threads, 2, channels]: sums and sums of squares of a block of steps */
    double *total; /* [threads, 2, channels]: of all of a thread's steps; zero to begin with */
} Moments;

#define BLOCK_STEPS 256 /* that are summed in float before they are added up in double */

INLINE void moments_steps(const Moments *m, bool is_half)
{
    const int64_t channels = m->channels;
    const void *restrict x = m->x;
    float *restrict some = m->some + omp_get_thread_num() * 2 * channels, *restrict squares = some + channels;
    double *restrict total = m->total + omp_get_thread_num() * 2 * channels;
    const Rows mine = share(m->steps);
    for (int64_t start = mine.first; start < mine.last; start += BLOCK_STEPS) {
        const int64_t end = start + BLOCK_STEPS < mine.last ? start + BLOCK_STEPS : mine.last;
        for (int64_t c = 0; c < 2 * channels; c++)
            some[c] = 0;
        for (int64_t step = start; step < end; step++)
            for (int64_t c = 0; c < channels; c++) {
                const float value = load(x, step * channels + c, is_half);
                some[c] += value;
                squares[c] += value * value;
            }
        for (int64_t c = 0; c < 2 * channels; c++)
            total[c] += some[c];
    }
}

static void moments_half(void *moments) { moments_steps(moments, true); }
static void moments_float(void *moments) { moments_steps(moments, false); }

void moments(const Moments *of, bool is_half, int threads)
{
    run(is_half ? moments_half : moments_float, (void *)of, threads);
}

/* A bidirectional LSTM of one layer, in float32: a thread for each direction. */

#define BLOCK 8 /* vectors of sums that fit the registers */

typedef struct {
    int64_t steps, hidden;
    const float *inputs; /* [steps, 2, 4 hidden]: what the input gives to the gates i, f, g, o, with the biases */
    const float *weight; /* [2, 4 hidden / 128, hidden, 128]: of the hidden state, in blocks of gates */
    float *state;        /* [2, 5 hidden]: room for the cell and the gates */
    float *y;            /* [steps, 2 hidden] */
} Lstm;

static void lstm_direction(const Lstm *l, int64_t backward)
{
    const int64_t hidden = l->hidden;
    float *restrict cell = l->state + backward * 5 * hidden, *restrict gates = cell + hidden;
    for (int64_t i = 0; i < hidden; i++)
        cell[i] = 0;
    for (int64_t done = 0; done < l->steps; done++) {
        const int64_t step = backward ? l->steps - 1 - done : done;
        const float *restrict input = l->inputs + (2 * step + backward) * 4 * hidden;
        const float *restrict weight = l->weight + backward * 4 * hidden * hidden;
        float *restrict y = l->y + (2 * step + backward) * hidden;
        const float *before = y + (backward ? 2 : -2) * hidden;
        for (int64_t at = 0; at < 4 * hidden; at += BLOCK * LANES, weight += hidden * BLOCK * LANES) {
            Vector sums[BLOCK];
#pragma clang loop unroll(full)
            for (int i = 0; i < BLOCK; i++)
                sums[i] = *(const Vector *)(input + at + i * LANES);
            for (int64_t k = 0; done && k < hidden; k++) {
#pragma clang loop unroll(full)
                for (int i = 0; i < BLOCK; i++)
                    sums[i] += before[k] * *(const Vector *)(weight + (k * BLOCK + i) * LANES);
            }
#pragma clang loop unroll(full)
            for (int i = 0; i < BLOCK; i++)
                *(Vector *)(gates + at + i * LANES) = sums[i];
        }
        for (int64_t i = 0; i < hidden; i++) {
            const float in = sigmoid(gates[i]), forget = sigmoid(gates[hidden + i]);
            cell[i] = forget * cell[i] + in * hyperbolic_tangent(gates[2 * hidden + i]);
            y[i] = sigmoid(gates[3 * hidden + i]) * hyperbolic_tangent(cell[i]);
        }
    }
}

static void lstm_directions(void *lstm)
{
    for (int64_t direction = omp_get_thread_num(); direction < 2; direction += omp_get_num_threads())
        lstm_direction(lstm, direction);
}

void lstm(const Lstm *of, int threads)
{
    run(lstm_directions, (void *)of, threads);
}

/*
 * A product of float32 matrices on the tiles of bfloat16 (AMX). Each number is the sum of two: its upper half and what is
 * left, rounded; of the four products the smallest is left out. The error is near float32's own, at several times its speed.
 */
#ifdef __AMX_BF16__
#include <immintrin.h>

#define TILE 16             /* rows of a tile, and float32 numbers of a row */
#define DEPTH 32            /* bfloat16 numbers of a row */
#define HALF (TILE * DEPTH) /* bfloat16 numbers of a tile */

typedef struct {
    int64_t rows, inputs, outputs; /* inputs a multiple of 32, outputs of 32 */
    const float *x;                /* [rows, inputs] */
    const bf16 *weight;            /* [outputs / 16, inputs / 32, 2, 16, 16, 2]: upper and lower halves, pairs of inputs */
    const float *bias;             /* [outputs] */
    bf16 *split;                   /* [rows / 16, rounded up, inputs / 32, 2, 16, 32]: room for x's halves */
    float *y;                      /* [rows, outputs] */
    bool gelu;                     /* whether GELU follows, in the form of tanh */
} Product;

static void split_rows(void *product)
{
    const Product *p = product;
    const int64_t blocks = p->inputs / DEPTH, tiles = (p->rows + TILE - 1) / TILE;
    const Rows mine = share(tiles * TILE);
    for (int64_t row = mine.first; row < mine.last; row++) {
        bf16 *restrict tile = p->split + (row / TILE * blocks * 2 * TILE + row % TILE) * DEPTH;
        const float *restrict x = p->x + row * p->inputs;
        for (int64_t block = 0; block < blocks; block++, tile += 2 * HALF, x += DEPTH)
            for (int64_t i = 0; i < DEPTH; i++) {
                const float value = row < p->rows ? x[i] : 0;
                tile[i] = halved(value);
                tile[HALF + i] = halved(value - widened(tile[i]));
            }
    }
}

/* One or two tiles of rows with two of outputs; tiles 0 to 3 sum up, 4 and 5 are of x, 6 and 7 of the weight. */
INLINE void multiply_tiles(const bf16 *x, const bf16 *weight, int64_t blocks, bool both)
{
    const bf16 *others = x + blocks * 2 * HALF, *second = weight + blocks * 2 * HALF;
#define MULTIPLY() \
    _tile_dpbf16ps(0, 4, 6); \
    _tile_dpbf16ps(1, 4, 7); \
    if (both) { \
        _tile_dpbf16ps(2, 5, 6); \
        _tile_dpbf16ps(3, 5, 7); \
    }
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t at = 0; at < blocks * 2 * HALF; at += 2 * HALF) {
        _tile_loadd(4, x + at, 2 * DEPTH);
        if (both)
            _tile_loadd(5, others + at, 2 * DEPTH);
        _tile_loadd(6, weight + at + HALF, 2 * DEPTH);
        _tile_loadd(7, second + at + HALF, 2 * DEPTH);
        MULTIPLY()
        _tile_loadd(6, weight + at, 2 * DEPTH);
        _tile_loadd(7, second + at, 2 * DEPTH);
        MULTIPLY()
        _tile_loadd(4, x + at + HALF, 2 * DEPTH);
        if (both)
            _tile_loadd(5, others + at + HALF, 2 * DEPTH);
        MULTIPLY()
    }
#undef MULTIPLY
}

INLINE float gelu(float x)
{
    return 0.5f * x * (1 + hyperbolic_tangent(0.797884561f * (x + 0.044715f * x * x * x)));
}

INLINE void store_tile(const Product *p, const float *restrict tile, int64_t row, int64_t output, bool with_gelu)
{
    const int64_t count = p->rows - row < TILE ? p->rows - row : TILE;
    const float *restrict bias = p->bias + output;
    for (int64_t i = 0; i < count; i++) {
        float *restrict y = p->y + (row + i) * p->outputs + output;
        for (int64_t j = 0; j < TILE; j++) {
            const float sum = tile[i * TILE + j] + bias[j];
            y[j] = with_gelu ? gelu(sum) : sum;
        }
    }
}

static void multiply_rows(void *product)
{
    const Product *p = product;
    const struct { uint8_t palette, start, rest[14]; uint16_t bytes[16]; uint8_t rows[16]; } shape = {
        .palette = 1, .bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    const int64_t blocks = p->inputs / DEPTH, tiles = (p->rows + TILE - 1) / TILE;
    const Rows mine = share(p->outputs / (2 * TILE));
    float sums[4][TILE * TILE] __attribute__((aligned(64)));
    _tile_loadconfig(&shape);
    for (int64_t pair = mine.first; pair < mine.last; pair++)
        for (int64_t tile = 0; tile < tiles; tile += 2) {
            const bf16 *x = p->split + tile * blocks * 2 * HALF;
            const bf16 *weight = p->weight + pair * 2 * blocks * 2 * HALF;
            const bool both = tile + 1 < tiles;
            if (both)
                multiply_tiles(x, weight, blocks, true);
            else
                multiply_tiles(x, weight, blocks, false);
            _tile_stored(0, sums[0], 4 * TILE);
            _tile_stored(1, sums[1], 4 * TILE);
            _tile_stored(2, sums[2], 4 * TILE);
            _tile_stored(3, sums[3], 4 * TILE);
            for (int64_t i = 0; i < (both ? 4 : 2); i++) {
                const int64_t row = (tile + i / 2) * TILE, output = (2 * pair + i % 2) * TILE;
                if (p->gelu)
                    store_tile(p, sums[i], row, output, true);
                else
                    store_tile(p, sums[i], row, output, false);
            }
        }
    _tile_release();
}

void split_product(const Product *product, int threads)
{
    run(split_rows, (void *)product, threads);
    run(multiply_rows, (void *)product, threads);
}
#endif
