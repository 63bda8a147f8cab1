/* Least squares inside a box as C sees it; the Fortran side is src/fortran/minpack/bounded_*.f90. */
#ifndef FITCORE_BOUNDED_H
#define FITCORE_BOUNDED_H

#include "fitcore_minpack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a variable stands: the elements of place. */
enum { FITCORE_IS_FREE = 0, FITCORE_AT_LOWER = 1, FITCORE_AT_UPPER = 2 };

int64_t fitcore_bounded_work_size(int64_t m, int64_t n);
void fitcore_bounded_step(lm_state *state, double *x, double *fvec, double *fjac, double *diag,
                          double *qtf, int64_t *ipvt, double *xt, double *ft, const double *lower,
                          const double *upper, int64_t *place, int64_t cost, double *wa);
void fitcore_bounded_newton(lm_state *state, const double *x, const double *fvec, double *fjac,
                            const double *diag, double *qtf, int64_t *ipvt, double *xt, double *ft,
                            const double *lower, const double *upper, int64_t *place, double *wa);
void fitcore_bounded_points(int scheme, double epsfcn, double x, double size, double lower,
                            double upper, double *plus, double *minus, double *h, int *made);
void fitcore_bounded_column(int64_t m, int made, const double *fplus, const double *fminus,
                            const double *f, double h, double *column);

#ifdef __cplusplus
}
#endif
#endif
