/*
 * The harmonic source of harmonic_source.py, for processors: the excitation, and its transform of 20 samples every 5.
 */
#include "kernels.h"

#define HARMONICS 9
#define FRAME 300           /* samples */
#define HALF (FRAME / 2)
#define HALF_AND_MORE 160   /* whole vectors */
#define PI 3.14159265358979

typedef struct {
    int64_t batch, frames;
    const float *phase;  /* [batch, frames, 9]: of the harmonics in the middle of each frame */
    const float *voiced; /* [batch, frames]: 1 or 0 */
    const float *weight; /* [9]: amplitudes of the harmonics */
    const float *bias;   /* [1] */
    const float *noise;  /* [batch, frames, 300] */
    float *y;            /* [batch, frames, 300] */
} Excitation;

/*
 * The harmonics of half a frame, from `sample` of the row on, between the phases in the middles of two frames, of which
 * `from` is the frame `first`. Each phase is rounded as torch's interpolation does it, which is heard once they are large:
 * therefore nothing is reassociated.
 */
INLINE void half_frame(
    const float *from, const float *to, const float *restrict weight, int64_t sample, int64_t first, float *restrict y)
{
#pragma clang fp reassociate(off)
    for (int i = 0; i < HALF_AND_MORE; i++) {
        const float at = ((float)(int32_t)(sample + i) + 0.5f) * (1.0f / FRAME) - 0.5f - (float)first;
        const float share = at < 0 ? 0 : at, rest = 1 - share;
        float sum = 0;
#pragma clang loop unroll(full)
        for (int h = 0; h < HARMONICS; h++) {
            const double cycles = (double)(from[h] * rest + to[h] * share) * (1 / (2 * PI));
            /* sin(2 pi r) = 1 - 2 sin^2(pi (r - 1/4)) */
            sum += weight[h] * (1 - 2 * sine_squared((float)(cycles - __builtin_rint(cycles)) - 0.25f));
        }
        y[i] = sum;
    }
}

static void excitation_frames(void *excitation)
{
    const Excitation *p = excitation;
    const Rows mine = share(p->batch * p->frames);
    const float bias = *p->bias;
    float harmonics[HALF + HALF_AND_MORE];
    for (int64_t row = mine.first; row < mine.last; row++) {
        const int64_t frame = row % p->frames;
        const float *phase = p->phase + row * HARMONICS;
        const float *before = frame ? phase - HARMONICS : phase;
        const float *after = frame < p->frames - 1 ? phase + HARMONICS : phase;
        const float *restrict noise = p->noise + row * FRAME;
        float *restrict y = p->y + row * FRAME;
        if (p->voiced[row] > 0) {
            half_frame(before, phase, p->weight, frame * FRAME, frame ? frame - 1 : 0, harmonics);
            half_frame(phase, after, p->weight, frame * FRAME + HALF, frame, harmonics + HALF);
            for (int i = 0; i < FRAME; i++)
                y[i] = hyperbolic_tangent(harmonics[i] + noise[i] + bias);
        } else {
            for (int i = 0; i < FRAME; i++)
                y[i] = hyperbolic_tangent(noise[i] + bias);
        }
    }
}

void excitation(const Excitation *of, int threads)
{
    run(excitation_frames, (void *)of, threads);
}

#define SAMPLES 20
#define HOP 5
#define BINS 11
#define AT_ONCE 4 /* steps whose sums fit the registers */

typedef struct {
    int64_t batch, steps;
    const float *wave;      /* [batch, 5 steps + 15] */
    const float *transform; /* [20, 2, 16]: a row for each sample, real and imaginary parts of 11 bins, and zeros */
    float *y;               /* [batch, steps, 22]: magnitudes and angles */
} Spectrum;

INLINE float angle(float real, float imaginary) /* error 5e-7; of what is real exactly 0 or pi */
{
    const float x = __builtin_fabsf(real), y = __builtin_fabsf(imaginary);
    const float small = x < y ? x : y, large = x < y ? y : x;
    const float a = small / (large + 1e-30f), z = a * a; /* atan(a) by a polynomial for 0 <= a <= 1 */
    float found = a * (0.99999611f + z * (-0.33317366f + z * (0.19807798f + z * (-0.1323328f
        + z * (0.07962261f + z * (-0.033603353f + z * 0.0068115214f))))));
    found = x < y ? (float)(PI / 2) - found : found;
    found = real < 0 ? (float)PI - found : found;
    return imaginary < 0 ? -found : found;
}

static void spectrum_steps(void *spectrum)
{
    const Spectrum *p = spectrum;
    const Rows mine = share(p->batch * p->steps);
    for (int64_t row = mine.first; row < mine.last; row += AT_ONCE) {
        const int64_t count = mine.last - row < AT_ONCE ? mine.last - row : AT_ONCE;
        const float *x[AT_ONCE];
        Vector sums[2][AT_ONCE];
#pragma clang loop unroll(full)
        for (int i = 0; i < AT_ONCE; i++) {
            const int64_t at = i < count ? row + i : row;
            x[i] = p->wave + at / p->steps * (HOP * p->steps + SAMPLES - HOP) + at % p->steps * HOP;
            sums[0][i] = sums[1][i] = (Vector){0};
        }
        for (int sample = 0; sample < SAMPLES; sample++) {
            const float *transform = p->transform + sample * 2 * LANES;
            const Vector real = *(const Vector *)transform, imaginary = *(const Vector *)(transform + LANES);
#pragma clang loop unroll(full)
            for (int i = 0; i < AT_ONCE; i++) {
                sums[0][i] += x[i][sample] * real;
                sums[1][i] += x[i][sample] * imaginary;
            }
        }
        float parts[2][AT_ONCE * LANES], polar[2][AT_ONCE * LANES];
        __builtin_memcpy(parts, sums, sizeof parts);
        for (int i = 0; i < AT_ONCE * LANES; i++) {
            const float real = parts[0][i], imaginary = parts[1][i];
            polar[0][i] = __builtin_sqrtf(real * real + imaginary * imaginary);
            polar[1][i] = angle(real, imaginary);
        }
        for (int i = 0; i < count; i++)
            for (int part = 0; part < 2; part++)
                __builtin_memcpy(p->y + ((row + i) * 2 + part) * BINS, polar[part] + i * LANES, BINS * sizeof(float));
    }
}

void spectrum(const Spectrum *of, int threads)
{
    run(spectrum_steps, (void *)of, threads);
}
