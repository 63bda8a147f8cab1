/* Whole runs of the solvers with native functions: the loops of the drivers in src/drivers, which
   call no Python and need no GIL. State and arrays are the caller's, as for the steps. */
#ifndef FITCORE_DRIVE_H
#define FITCORE_DRIVE_H

#include "fitcore.h"
#include "fitcore_bounded.h"
#include "fitcore_hybrid.h"
#include "fitcore_lbfgsb.h"
#include "fitcore_minpack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The function as a driver calls it, at the variables of the solver. Zero all of it first. */
typedef struct {
    fitcore_residual residual;  /* one of these two */
    fitcore_objective objective;
    void *data;                 /* their user_data */
    /* What a difference step of variable j at x is relative to; NULL: |x|. */
    double (*size)(int64_t j, double x, void *data);
    /* Called every now and then: the drive ends if it does not return 0. NULL: never. */
    int (*look)(void);
    int code;                   /* what the function has returned, if not 0 */
    int64_t stride, left;       /* evaluations between two readings of the clock, and left to it */
    double read, looked;        /* when it was read, and when look() was called */
} fitcore_calls;

/* How a drive has ended: the solver is at its end, the function has returned other than 0, look()
   has, or there are limits on iterations or evaluations. After all but the first it can go on. */
enum { FITCORE_DRIVE_DONE = 0, FITCORE_DRIVE_CODE = 1, FITCORE_DRIVE_LOOKED = 2,
       FITCORE_DRIVE_ITERATIONS = 3, FITCORE_DRIVE_EVALUATIONS = 4 };

/* Count an evaluation; FITCORE_DRIVE_LOOKED if it is time to end. */
int fitcore_calls_look(fitcore_calls *calls);

/* Arrays as for fitcore_lm_step. fvec and ft change places: the residuals are at fvec in the end.
   With bounds, lower not NULL, place and cost as for fitcore_bounded_step. */
typedef struct {
    double *x, *fvec, *fjac, *diag, *qtf, *xt, *ft, *wa;
    int64_t *ipvt;
    double *h;                  /* n, scratch */
    fitcore_fold_rows_t fold;   /* the kernel for tall matrices */
    const double *lower, *upper;
    double *work;
    int64_t *place;
    int64_t cost;
    int count;                  /* whether evaluations for differences within bounds count */
} fitcore_lm_arrays;

int fitcore_drive_lm(lm_state *s, fitcore_lm_arrays *a, fitcore_calls *calls);

/* Arrays as for fitcore_hybrid_step. */
typedef struct {
    double *x, *fvec, *q, *r, *diag, *qtf, *p, *xt, *ft, *wa;
} fitcore_hybrid_arrays;

int fitcore_drive_hybrid(hybrid_state *s, fitcore_hybrid_arrays *a, fitcore_calls *calls);

/* Arrays as for fitcore_lb_step; f is the value told last, told whether there was one. */
typedef struct {
    double *x, *g, *wa;
    const double *l, *u;
    int64_t *iwa;
    signed char *marks;
    const fitcore_lb_kernels *kernels;
    double f;
    int told;
    int64_t restarts;           /* of the limited memory, counted on */
    int64_t maxiter, maxfun;
    const int64_t *evaluations; /* what maxfun is for; NULL: those that the solver counts */
} fitcore_lb_arrays;

int fitcore_drive_lbfgsb(lbfgsb_state *s, fitcore_lb_arrays *a, fitcore_calls *calls);

/* A model and its data as residuals, weights * (model - y), or with data_first (y - model) *
   weights: a fitcore_residual. */
typedef struct {
    fitcore_model model;
    void *data;
    int64_t nx;
    const double *x, *y;
    const double *weights;      /* NULL: 1 */
    int data_first;
} fitcore_curve;

int fitcore_curve_residual(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                           void *curve);

/* A function whose gradient is formed by forward differences within bounds: a fitcore_objective. */
typedef struct {
    fitcore_objective function;
    void *data;
    const double *step;         /* n absolute steps; NULL: relative to max(1, |x|) by `relative` */
    const double *relative;
    double usual;               /* relative step where that one vanishes beside x */
    const double *lower, *upper; /* NULL: none */
    double *point;              /* n, scratch */
    int64_t evaluations, gradients;
} fitcore_differences;

int fitcore_forward_objective(int64_t n, const double *p, double *f, double *g, void *differences);

#ifdef __cplusplus
}
#endif
#endif
