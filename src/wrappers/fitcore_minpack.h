/* The least squares core as C sees it; the Fortran side is src/fortran/minpack. */
#ifndef FITCORE_MINPACK_H
#define FITCORE_MINPACK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What fitcore_lm_step wants done before it is called again. */
enum { FITCORE_TASK_START = 0, FITCORE_TASK_RESIDUAL = 1, FITCORE_TASK_JACOBIAN = 2,
       FITCORE_TASK_ITERATION = 3, FITCORE_TASK_DONE = 4 };

/* Where the Jacobian comes from. */
enum { FITCORE_JAC_ANALYTIC = 0, FITCORE_JAC_FORWARD = 1, FITCORE_JAC_CENTRAL = 2,
       FITCORE_JAC_COMPLEX = 3 };

/* Fields as in lm_types.f90. */
typedef struct {
    int64_t m, n, maxfev, nfev, njev, nit;
    double ftol, xtol, gtol, epsfcn, factor;
    double fnorm, gnorm, xnorm, delta, par, pnorm, actred, prered, ratio, nearby, before;
    int task, stage, info, mode, jac, reduced, moved, factored;
} lm_state;

void fitcore_lm_init(lm_state *state, int64_t m, int64_t n, int mode, int jac, double ftol,
                     double xtol, double gtol, int64_t maxfev, double epsfcn, double factor,
                     const double *diag);
int64_t fitcore_lm_work_size(int64_t m, int64_t n);
void fitcore_lm_step(lm_state *state, double *x, double *fvec, double *fjac, double *diag,
                     double *qtf, int64_t *ipvt, double *xt, double *ft, double *wa);
void fitcore_lm_stop(lm_state *state, int info);

/* The kernel of the QR factorization of a tall matrix, see fold_rows.inc. */
typedef void (*fitcore_fold_rows_t)(int64_t rows, int64_t n, int64_t ldblock, double *block,
                                    double *r, double *qtb, double *sums);

/* Rows per block of a tall matrix; 0 when m by n is not tall. */
int64_t fitcore_tall_block_rows(int64_t m, int64_t n);
int64_t fitcore_fold_work_size(int64_t m, int64_t n);
/* Replace the tall m by n Jacobian by its triangle: see tall_qr.f90. */
int fitcore_reduce_tall(int64_t m, int64_t n, double *fjac, const double *fvec, int differences,
                        const double *h, int separate, const double *last, double *qtf,
                        fitcore_fold_rows_t kernel, double *work);

void fitcore_difference_points(int scheme, double epsfcn, double x, double size, double *plus,
                               double *minus, double *h);
void fitcore_difference_column(int64_t m, const double *fplus, const double *fminus, double h,
                               double *column);
void fitcore_finish_column(int64_t m, const double *fminus, double h, double *column);
void fitcore_covariance(int64_t n, const double *r, int64_t ldr, const int64_t *ipvt, double tol,
                        double *cov, int64_t *rank, double *work);
int64_t fitcore_gauss_newton_work_size(int64_t m, int64_t n);
void fitcore_gauss_newton(int64_t m, int64_t n, double *fjac, const double *f, int reduced,
                          double tol, int64_t *ipvt, double *qtf, double *p, int64_t *rank,
                          double *scratch, double *work);
double fitcore_norm(int64_t n, const double *a);

#ifdef __cplusplus
}
#endif
#endif
