/* Least squares by rows, and MINPACK-1's auxiliary programs, as C sees them; the Fortran side is
   lm_rows.f90, check_derivatives.f90 and lm_covariance.f90 in src/fortran/minpack. */
#ifndef FITCORE_ROWS_H
#define FITCORE_ROWS_H

#include "fitcore_minpack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fields as in lm_rows.f90. */
typedef struct {
    lm_state lm;
    int64_t told, waiting;
    double middle, lost, large, small;
} lmstr_state;

/* m: rows of each pass, 0 for as many as the first one tells. */
void fitcore_lmstr_init(lmstr_state *state, int64_t m, int64_t n, int mode, double ftol,
                        double xtol, double gtol, int64_t maxfev, double factor,
                        const double *diag);
/* Rows of the block, whose shape is (n + 1, rows) in C order; doubles of scratch. */
int64_t fitcore_lmstr_block_rows(int64_t n);
int64_t fitcore_lmstr_work_size(int64_t n);
/* Begin the present pass anew. */
void fitcore_lmstr_restart(lmstr_state *state, double *r, double *qtf);
/* The next k rows of the pass: element (i, j) of jac, from 0, at jac[i * row + j * column]. */
void fitcore_lmstr_tell(lmstr_state *state, int64_t k, const double *f, const double *jac,
                        int64_t row, int64_t column, double *r, double *qtf, double *block,
                        double *wa, fitcore_fold_rows_t kernel);
/* The pass is over. */
void fitcore_lmstr_step(lmstr_state *state, double *x, double *r, double *diag, double *qtf,
                        int64_t *ipvt, double *xt, double *block, double *wa,
                        fitcore_fold_rows_t kernel);

void fitcore_check_point(int64_t n, const double *x, double *xp);
void fitcore_check_errors(int64_t m, int64_t n, const double *x, const double *fvec,
                          const double *fjac, const double *fvecp, double *err);
void fitcore_covar(int64_t n, const double *r, int64_t ldr, const int64_t *ipvt, double tol,
                   double *cov, int64_t *rank, double *work);

#ifdef __cplusplus
}
#endif
#endif
