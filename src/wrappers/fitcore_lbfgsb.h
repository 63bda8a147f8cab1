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
        nleave, nls;
    double factr, pgtol, unused, f, fold, sbgnrm, theta, stp, dnorm, xstep, gd, gdold, stpmx;
    double ls[16];
    int maxls, task, info, stage, constrained, boxed, projected, updated;
    int ls_flags[4];
    int iword, restarted;
} lbfgsb_state;

/* Doubles of wa: S and Y, n by m each, come first, as rings of columns. Integers of iwa. */
int64_t fitcore_lb_work_size(int64_t n, int64_t m);
int64_t fitcore_lb_iwork_size(int64_t n);
void fitcore_lb_init(lbfgsb_state *s, int64_t n, int64_t m, double factr, double pgtol, int maxls);
void fitcore_lb_stop(lbfgsb_state *s);
/* nbd: 0 no bound, 1 lower, 2 both, 3 upper. g is set back when a line search fails. */
void fitcore_lb_step(lbfgsb_state *s, double *x, const double *l, const double *u,
                     const signed char *nbd, double f, double *g, double *wa, int64_t *iwa);

#ifdef __cplusplus
}
#endif
#endif
