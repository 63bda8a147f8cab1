/* The hybrid method as C sees it; the Fortran side is src/fortran/minpack/hybrid_*.f90. */
#ifndef FITCORE_HYBRID_H
#define FITCORE_HYBRID_H

#include "fitcore_minpack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fields as in hybrid_types.f90; tasks and jac as for Levenberg-Marquardt. */
typedef struct {
    int64_t n, maxfev, ml, mu, nfev, njev, nit, successes, failures, slow_iterations,
        slow_jacobians;
    double xtol, epsfcn, factor;
    double fnorm, xnorm, delta, pnorm, actred, prered, ratio;
    int task, stage, info, mode, jac, jeval, moved, factored;
} hybrid_state;

void fitcore_hybrid_init(hybrid_state *state, int64_t n, int mode, int jac, double xtol,
                         int64_t maxfev, int64_t ml, int64_t mu, double epsfcn, double factor,
                         const double *diag);
int64_t fitcore_hybrid_work_size(int64_t n);
/* r is the triangle R packed by rows, n (n + 1) / 2 doubles; q is n by n. */
void fitcore_hybrid_step(hybrid_state *state, double *x, const double *fvec, double *q, double *r,
                         double *diag, double *qtf, double *p, double *xt, const double *ft,
                         double *wa);
void fitcore_hybrid_stop(hybrid_state *state, int info);

/* Columns of a banded Jacobian from few evaluations, groups counted from 1: banded_differences.f90. */
int64_t fitcore_column_groups(int64_t n, int64_t ml, int64_t mu);
void fitcore_group_point(int64_t n, int64_t groups, int64_t k, double epsfcn, const double *x,
                         double *point);
void fitcore_group_columns(int64_t n, int64_t groups, int64_t k, int64_t ml, int64_t mu,
                           double epsfcn, const double *x, const double *f, const double *fvec,
                           double *fjac);

#ifdef __cplusplus
}
#endif
#endif
