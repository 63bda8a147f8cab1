/* The solver for batches of small problems, see src/fortran/batch. */
#ifndef FITCORE_NORMAL_H
#define FITCORE_NORMAL_H

#include <stdint.h>

enum { FITCORE_NORMAL_START = 0, FITCORE_NORMAL_SUMS = 1, FITCORE_NORMAL_DONE = 2,
       FITCORE_NORMAL_UNSAFE = 3 };

typedef struct {
    int64_t n, maxfev, nfev, rejected;
    double ftol, xtol, factor;
    double chisq, delta, par, xnorm, pnorm, prered, slope;
    int task, full, factored, info;
} fitcore_normal_state;

typedef void (*fitcore_normal_sums_t)(int64_t m, int64_t n, const int64_t *which, double *c,
                                      const double *data, int64_t weighted,
                                      const double *weights, double *a, double *g, double *rr);

typedef void (*fitcore_normal_gradient_t)(int64_t m, int64_t n, const int64_t *which,
                                          const double *f, const double *jac, const double *data,
                                          int64_t weighted, const double *weights, double *r,
                                          double *g, double *rr);

void fitcore_normal_step(fitcore_normal_state *state, int64_t n, double *x, double *xt, double *a,
                         double *g, const double *at, const double *gt, double chisqt,
                         double *diag, double *p, double *l);
void fitcore_normal_covariance(int64_t n, const double *a, int factored, double *cov, int *safe,
                               double *l);
void fitcore_normal_to_internal(int64_t n, const double *lower, const double *upper,
                                const double *v, double *u);
void fitcore_normal_to_external(int64_t n, const double *lower, const double *upper,
                                const double *u, double *v, double *slope);
int fitcore_normal_near_bound(int64_t n, const double *lower, const double *upper,
                              const double *v);

#endif
