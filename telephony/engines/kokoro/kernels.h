/*
 * What all kernels share: threads, bfloat16, functions of a number.
 *
 * The loops run in the threads that torch's own operations use: GOMP_parallel is the entry of the OpenMP library that torch
 * has loaded. It is called by hand, since a compiler would want a library of its own, whose threads would spin against
 * torch's.
 *
 * SIN2_0 to SIN2_4, MOST_STEPS and ZERO_STEP are defined on the command line (see native.py).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);

#define INLINE static inline __attribute__((always_inline))

typedef uint16_t bf16; /* the upper half of a float's bits */

INLINE float widened(bf16 half)
{
    union { uint32_t bits; float value; } wide = {.bits = (uint32_t)half << 16};
    return wide.value;
}

INLINE bf16 halved(float value) /* rounded to the nearest, of two as near to the even one */
{
    union { float value; uint32_t bits; } wide = {.value = value};
    return (bf16)((wide.bits + 0x7FFF + ((wide.bits >> 16) & 1)) >> 16);
}

INLINE float sine_squared(float r) /* sin^2(pi r) */
{
    r -= __builtin_rintf(r);
    const float z = r * r;
    return z * (SIN2_0 + z * (SIN2_1 + z * (SIN2_2 + z * (SIN2_3 + z * SIN2_4))));
}

INLINE float snaked(float y, float u, float inverse)
{
    return y + inverse * sine_squared(y * u);
}

INLINE float leaked(float y, float slope)
{
    return y > 0 ? y : slope * y;
}

INLINE uint8_t stepped(float y, float width)
{
    float whole = __builtin_rintf(y * width);
    whole = whole < -MOST_STEPS ? -MOST_STEPS : whole > MOST_STEPS ? MOST_STEPS : whole;
    return (uint8_t)((int32_t)whole + ZERO_STEP);
}

#define LANES 16
typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4)));

typedef struct { int64_t first, last; } Rows;

INLINE Rows share(int64_t rows) /* of the thread that asks */
{
    int64_t index = omp_get_thread_num(), count = omp_get_num_threads();
    return (Rows){rows * index / count, rows * (index + 1) / count};
}

INLINE void run(void (*body)(void *), void *pass, int threads)
{
    GOMP_parallel(body, pass, (unsigned)threads, 0);
}

INLINE float exponential(float x) /* 2^n (1 + r + r^2/2 + ...), |r| <= ln 2 / 2: relative error 2e-7 */
{
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    const float n = __builtin_rintf(x * 1.44269504f);
    const float r = x - n * 0.693359375f + n * 2.12194440e-4f; /* ln 2 in two parts (Cody and Waite) */
    const float p = 1 + r * (1 + r * (1.0f / 2 + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720))))));
    union { uint32_t bits; float value; } power = {.bits = (uint32_t)((int32_t)n + 127) << 23};
    return p * power.value;
}

INLINE float sigmoid(float x)
{
    return 1 / (1 + exponential(-x));
}

INLINE float hyperbolic_tangent(float x)
{
    return 1 - 2 / (1 + exponential(2 * x));
}
