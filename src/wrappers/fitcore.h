/* Functions that fitcore calls natively: write one of these in C, C++, Fortran (bind(c)), Cython,
   numba (@cfunc) or anything else with a C pointer, and wrap it by fitcore.NativeFunction.

   They are called without Python's GIL, so they must not touch Python, and must be safe to be
   called from several threads at once if several fits run at once. user_data is what was given to
   NativeFunction; fitcore does not look at it. n variables are at p; they are the bounded (external)
   values where there are bounds. Arrays do not overlap. Matrices are column-major: element (i, j)
   of an m by n one is at [i + j*m].

   A return value of 0 goes on; any other stops the fit, which reports that value. NaN and infinity
   are no reason to stop: the solvers retreat from such points. */
#ifndef FITCORE_H
#define FITCORE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Residuals f(m) at p(n), and their Jacobian fjac, m by n. Either is NULL when it is not wanted. */
typedef int (*fitcore_residual)(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                                void *user_data);

/* The value f(1) of a function at p(n), and its gradient g(n), NULL when it is not wanted. */
typedef int (*fitcore_objective)(int64_t n, const double *p, double *f, double *g,
                                 void *user_data);

/* A model y(m) at p(n), and its derivatives dy by p, m by n. Either is NULL when it is not wanted.
   The points are the nx rows of m numbers at x: coordinate k of point i is at [i + k*m]. */
typedef int (*fitcore_model)(int64_t m, int64_t nx, const double *x, int64_t n, const double *p,
                             double *y, double *dy, void *user_data);

#ifdef __cplusplus
}
#endif
#endif
