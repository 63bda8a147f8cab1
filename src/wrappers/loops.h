#ifndef FITCORE_LOOPS_H
#define FITCORE_LOOPS_H

#include <stdint.h>
#include <string.h>

/* Loops over many doubles, in vector registers however little the module around them is optimized:
   GCC leaves that out below -O3. */
#if defined(__GNUC__) && !defined(__clang__)
#define FITCORE_LOOP __attribute__((optimize("O3", "unroll-loops"), noinline, unused)) static
#else
#define FITCORE_LOOP static inline
#endif

/* Whether none of them is NaN or infinite: whose exponent is all ones, which carries into the sign
   bit. No early exit, which would keep the loop out of vector registers. */
FITCORE_LOOP int fitcore_finite(const double *a, int64_t n)
{
    uint64_t bits, carry = 0;
    for (int64_t i = 0; i < n; i++) {
        memcpy(&bits, a + i, sizeof bits);
        carry |= (bits & 0x7ff0000000000000u) + 0x0010000000000000u;
    }
    return carry >> 63 == 0;
}

/* y = factor x. */
FITCORE_LOOP void fitcore_multiply(int64_t n, double factor, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = factor * x[i];
}

/* x = factor x; whether none of them was NaN or infinite. */
FITCORE_LOOP int fitcore_scale(int64_t n, double factor, double *x)
{
    uint64_t bits, carry = 0;
    for (int64_t i = 0; i < n; i++) {
        memcpy(&bits, x + i, sizeof bits);
        carry |= (bits & 0x7ff0000000000000u) + 0x0010000000000000u;
        x[i] *= factor;
    }
    return carry >> 63 == 0;
}

#endif
