/* The L-BFGS-B core as C sees it; the Fortran side is src/fortran/lbfgsb. */
#ifndef FITCORE_LBFGSB_H
#define FITCORE_LBFGSB_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What fitcore_lb_step wants done before it is called again. */
enum { FITCORE_LB_START = 0, FITCORE_LB_EVALUATE = 1, FITCORE_LB_NEW_X = 2, FITCORE_LB_DONE = 3 };

/* How it ended. */
enum { FITCORE_LB_CONVERGED_PGTOL = 1, FITCORE_LB_CONVERGED_FTOL = 2, FITCORE_LB_ABNORMAL = 3,
       FITCORE_LB_NONFINITE = 4, FITCORE_LB_STOPPED = 5 };

/* Fields as in lb_types.f90. */
typedef struct {
    int64_t n, m, nit, nfev, col, head, updates, nfree, nactive, nseg, nseg_total, nskip, nenter,
        nleave, nls, nbreak, nopen;
    double factr, pgtol, f, fold, sbgnrm, theta, stp, dnorm, xstep, gd, gdold, stpmx, slope,
        least_break, yy;
    double ls[16];
    int maxls, task, info, stage, bounded, constrained, boxed, projected, updated, pending;
    int ls_flags[4];
    int iword, restarted;
} lbfgsb_state;

/* Bits of the marks of variables: free at the last Cauchy point; entered or left the free set. */
enum { FITCORE_LB_FREE = 1, FITCORE_LB_ENTERED = 4, FITCORE_LB_LEFT = 8 };

/* The inner loops, for an instruction set: see kernels.inc. */
typedef struct {
    void (*products)(int64_t rows, int64_t ld, int64_t ncol, const int64_t *which,
                     const double *block, int64_t nvec, const double *vecs, double *sums);
    void (*combine)(int64_t rows, int64_t ld, int64_t ncol, const int64_t *which,
                    const double *block, const double *coef, double *part);
    void (*look)(int64_t rows, const double *x, const double *l, const double *u, const double *g,
                 double *v, double *held, double *size, double *breaks, double *meets,
                 double *open, double *at, double *zero);
    void (*land)(int64_t rows, double theta, double length, const double *l, const double *u,
                 const double *g, const double *part, const double *free, double *x, double *t,
                 double *d, double *reach, double *met);
} fitcore_lb_kernels;

/* Doubles of wa: about 2 (m + 1) n; 64-bit integers of iwa. */
int64_t fitcore_lb_work_size(int64_t n, int64_t m);
int64_t fitcore_lb_iwork_size(int64_t m);
void fitcore_lb_init(lbfgsb_state *s, int64_t n, int64_t m, int bounded, double factr, double pgtol,
                     int maxls);
void fitcore_lb_stop(lbfgsb_state *s);
/* l and u: n bounds, infinite where there are none, and marks: n bytes, zero at the start; not
   looked at unless the state is bounded. g is set back when a line search fails. */
void fitcore_lb_step(lbfgsb_state *s, double *x, const double *l, const double *u, double f,
                     double *g, double *wa, int64_t *iwa, signed char *marks,
                     const fitcore_lb_kernels *kernels);
/* A copy of the j-th correction from the oldest, j = 1..col: s (which = 0) or y (1). During a line
   search: the direction and the gradient at the iterate with j = col + 1, the iterate (which = 2). */
void fitcore_lb_fetch(const lbfgsb_state *s, const double *wa, int64_t which, int64_t j, double *a);

#ifdef __cplusplus
}
#endif
#endif
