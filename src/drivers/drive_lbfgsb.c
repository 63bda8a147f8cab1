/* L-BFGS-B from its present task to the end: what drive() and step() in lbfgsb.pyx do, natively. */
#include "fitcore_drive.h"

#include <math.h>
#include <stddef.h>

static int finite(const double *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(a[i]))
            return 0;
    return 1;
}

static void step(lbfgsb_state *s, fitcore_lb_arrays *a)
{
    int first = s->task == FITCORE_LB_EVALUATE && !a->told;
    double f = a->f;
    a->told = s->task != FITCORE_LB_START;
    if (first && !finite(a->g, s->n))
        f = NAN;                /* the bounds may hide it from the projected gradient */
    fitcore_lb_step(s, a->x, a->l, a->u, f, a->g, a->wa, a->iwa, a->marks, a->kernels);
    if (s->restarted)
        a->restarts++;
    if (first)
        s->f = a->f;
}

int fitcore_drive_lbfgsb(lbfgsb_state *s, fitcore_lb_arrays *a, fitcore_calls *c)
{
    int ended;
    c->code = 0;
    while (s->task != FITCORE_LB_DONE) {
        if (s->task == FITCORE_LB_EVALUATE) {
            ended = fitcore_calls_look(c);
            if (ended != FITCORE_DRIVE_DONE)
                return ended;
            c->code = c->objective(s->n, a->x, &a->f, a->g, c->data);
            if (c->code != 0)
                return FITCORE_DRIVE_CODE;
        } else if (s->task == FITCORE_LB_NEW_X) {
            if (s->nit >= a->maxiter)
                return FITCORE_DRIVE_ITERATIONS;
            if ((a->evaluations != NULL ? *a->evaluations : s->nfev) > a->maxfun)
                return FITCORE_DRIVE_EVALUATIONS;
        }
        step(s, a);
    }
    return FITCORE_DRIVE_DONE;
}
